"""`CutConfig`: size of stamps, detection of their sources, and what happens to all else in them."""

from dataclasses import dataclass
from numbers import Integral

from astropy import units as u

from astro_wgan.cutouts.resampled.source_scale import as_source_scale
from astro_wgan.detection import DetectionConfig
from astro_wgan.hunting.stamp_making import SKY, WORTH_A_STAMP
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.neighbors.neighbor_config import as_neighbor_config
from astro_wgan.stamps import SourceScale

__all__ = ['CutConfig', 'check_choices', 'check_integers']

_CHOICES = {'partial': ('drop', 'fill'), 'sky': SKY}


@dataclass(frozen=True)
class CutConfig:
    """
    How stamps are cut from the image of a field.

    Parameters
    ----------
    size : int or `~astropy.units.Quantity`
        Edge of the stamps in pixels, or an angle, which is rounded to whole pixels of the image.
    detection, scale, detect_in, partial, sky, neighbors, stars
        As of `~astro_wgan.HuntConfig`.

    Raises
    ------
    ValueError
        If a value is out of range.

    Examples
    --------
    >>> from astro_wgan.hunting import CutConfig
    >>> CutConfig(size=100, neighbors='mask').partial
    'drop'
    """

    size: int | u.Quantity = 64
    detection: DetectionConfig = WORTH_A_STAMP
    scale: str | SourceScale | None = None
    detect_in: str | None = None
    partial: str = 'drop'
    sky: str = 'keep'
    neighbors: str | NeighborConfig = 'keep'
    stars: str = 'keep'

    def __post_init__(self):
        has_unit = hasattr(self.size, 'unit')
        check_integers(self, [] if has_unit else ['size'])
        check_choices(self, _CHOICES)
        if has_unit:
            is_angle = self.size.unit.is_equivalent(u.arcsec)
            if not (is_angle and self.size.isscalar and 0 < self.size.value < float('inf')):
                raise ValueError(f'`size` must be one angle above 0, or pixels; got {self.size}.')
        else:
            self._check_pixels()
        if not isinstance(self.detection, DetectionConfig):
            raise ValueError(f'`detection` must be a DetectionConfig; got {self.detection!r}.')
        as_neighbor_config(self.neighbors, self.stars)
        if as_source_scale(self.scale) is not None and has_unit:
            raise ValueError(f'`size` must be in pixels if there is a `scale`; got {self.size}.')

    def _check_pixels(self):
        """Refuse a number of pixels that no stamp can have."""
        if self.size < 1:
            raise ValueError(f'`size` must be at least 1 pixel; got {self.size}.')


def check_integers(config, names):
    """Raise a ValueError unless the settings of these names are integers or None."""
    for name in names:
        value = getattr(config, name)
        if value is not None and not (isinstance(value, Integral) and not isinstance(value, bool)):
            raise ValueError(f'`{name}` must be an integer; got {value!r}.')


def check_choices(config, choices):
    """Raise a ValueError unless each setting is among the values allowed for its name."""
    for name, allowed in choices.items():
        if getattr(config, name) not in allowed:
            raise ValueError(
                f'`{name}` must be {" or ".join(map(repr, allowed))}; '
                f'got {getattr(config, name)!r}.'
            )
