"""`DetectionConfig`: threshold, deblending and background of source detection."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

__all__ = ['DetectionConfig']


@dataclass(frozen=True)
class DetectionConfig:
    """
    How sources are told from the sky.

    Parameters
    ----------
    threshold : float
        Pixels this many sigma above the background belong to a source.
    min_area : int
        Pixels that a source has at least.
    smooth : bool
        Smooth with SExtractor's 3 x 3 pyramid before the threshold is applied.
    deblend_levels : int
        Levels at which a source is looked through for parts.
    deblend_contrast : float
        Share of the flux that a part must hold to become a source of its own; 1 deblends nothing.
    clean : float or None
        Efficiency with which sources that are only the wings of a brighter one are removed, as
        SExtractor's CLEAN_PARAM; None keeps them.
    background_box : int
        Edge in pixels of the boxes in which the sky and its noise are measured.
    background_filter : int
        Boxes over which their medians are smoothed.
    background : float or None
        The sky's level in the unit of the pixels, where it is known: 0 for images whose sky has
        been subtracted. Only its noise is measured then. None measures both.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    The defaults are SExtractor's (Bertin & Arnouts 1996, A&AS 117, 393).
    """

    threshold: float = 1.5
    min_area: int = 5
    smooth: bool = True
    deblend_levels: int = 32
    deblend_contrast: float = 0.005
    clean: float | None = 1.0
    background_box: int = 64
    background_filter: int = 3
    background: float | None = None

    def __post_init__(self):
        if not self.threshold > 0:
            raise ValueError(f'`threshold` must be above 0 sigma; got {self.threshold}.')
        counts = ('min_area', 'deblend_levels', 'background_box', 'background_filter')
        for name in counts:
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
                raise ValueError(f'`{name}` must be a whole number of at least 1; got {count!r}.')
        if not 0 <= self.deblend_contrast <= 1:
            raise ValueError(
                f'`deblend_contrast` must lie between 0 and 1; got {self.deblend_contrast}.'
            )
        if self.clean is not None and not self.clean > 0:
            raise ValueError(f'`clean` must be above 0, or None; got {self.clean}.')
        if self.background is not None:
            object.__setattr__(self, 'background', _as_level(self.background))


def _as_level(background):
    """A plain, finite number."""
    level = np.asarray(background)
    is_number = level.ndim == 0 and level.dtype.kind in 'iuf' and np.isfinite(background)
    if hasattr(background, 'unit') or not is_number:
        raise ValueError(
            '`background` of a DetectionConfig must be one finite number in the unit of the '
            f'pixels, or None; got {background}. Pass a Quantity or an image as `background` of '
            'the function that detects sources.'
        )
    return float(background)
