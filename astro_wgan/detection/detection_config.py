"""`DetectionConfig`: threshold, deblending and background of source detection."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

__all__ = ['DetectionConfig']


@dataclass(frozen=True)
class DetectionConfig:
    """
    Settings of source detection, background measurement and deblending.

    Parameters
    ----------
    threshold : float
        Detection threshold above the background, in units of the noise rms (DETECT_THRESH).
    min_area : int
        Minimum number of pixels of a source (DETECT_MINAREA).
    smooth : bool
        Smooth with SExtractor's 3 x 3 pyramid before the threshold is applied (FILTER).
    deblend_levels : int
        Number of deblending levels (DEBLEND_NTHRESH).
    deblend_contrast : float
        Minimum fraction of the flux for a component to become a source of its own
        (DEBLEND_MINCONT); 1 disables deblending.
    clean : float or None
        Efficiency of cleaning, which removes detections in the wings of brighter sources
        (CLEAN_PARAM); None disables cleaning.
    background_box : int
        Edge, in pixels, of the boxes in which background and noise are measured (BACK_SIZE).
    background_filter : int
        Size of the median filter, in boxes (BACK_FILTERSIZE).
    background : float or None
        Background level in the unit of the pixels, if known: 0 for background-subtracted images.
        Then only the noise is measured. None measures both.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    Names in parentheses are parameters of SExtractor (Bertin & Arnouts 1996, A&AS 117, 393), whose
    defaults are used.

    Examples
    --------
    >>> from astro_wgan.detection import DetectionConfig
    >>> DetectionConfig(threshold=3).min_area
    5
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
                raise ValueError(f'`{name}` must be an integer of at least 1; got {count!r}.')
        if not 0 <= self.deblend_contrast <= 1:
            raise ValueError(
                f'`deblend_contrast` must lie between 0 and 1; got {self.deblend_contrast}.'
            )
        if self.clean is not None and not self.clean > 0:
            raise ValueError(f'`clean` must be above 0, or None; got {self.clean}.')
        if self.background is not None:
            object.__setattr__(self, 'background', _as_level(self.background))


def _as_level(background):
    """The background as a finite float."""
    level = np.asarray(background)
    is_number = level.ndim == 0 and level.dtype.kind in 'iuf' and np.isfinite(background)
    if hasattr(background, 'unit') or not is_number:
        raise ValueError(
            '`background` of a DetectionConfig must be one finite number in the unit of the '
            f'pixels, or None; got {background}. Pass a Quantity or an image as `background` of '
            'the function that detects sources.'
        )
    return float(background)
