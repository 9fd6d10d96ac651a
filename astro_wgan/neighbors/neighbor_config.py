"""`NeighborConfig`: what happens to neighbors and stars, and how they are found."""

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.engines import check_engine
from astro_wgan.validation.seeds import check_seed

__all__ = ['NeighborConfig', 'as_neighbor_config']

_NEIGHBORS = ('keep', 'mask', 'replace')
_STARS = ('keep', 'mask')

#: Arguments that are numbers, and their units.
_NUMBERS = {
    'margin': ' of pixels',
    'wings': '',
    'psf_fwhm': ' of pixels: divide an angle by the pixel scale',
    'star_tolerance': '',
    'star_significance': '',
    'saturation': ' in the unit of the image',
}
_OPTIONAL = ('psf_fwhm', 'star_tolerance', 'saturation')

#: Widths of PSFs in pixels.
_NARROWEST, _WIDEST = 0.5, 100.0


@dataclass(frozen=True)
class NeighborConfig:
    """
    What happens to the neighbors of the central source and to stars, and how they are found.

    Parameters
    ----------
    neighbors : {'mask', 'replace', 'keep'}
        What happens to sources that are not connected with the central one: they are masked,
        replaced by pixels of the sky around, or kept.
    stars : {'keep', 'mask'}
        Whether point sources beside or on the galaxy are masked.
    deblend : bool
        Whether sources that touch the central one are neighbors if the deblending of the detection
        separates them. Without it they belong to the central source: nothing above the threshold
        that is connected with it is removed.
    engine : {'sep', 'photutils'}
        Library that detects and deblends.
    detection : `~astro_wgan.detection.DetectionConfig`, optional
        Threshold, deblending and background of the sources that are removed; by default that of
        the function that takes this configuration, such as that of the stamps' sources.
    margin, wings : float
        A source extends beyond its pixels above the threshold by ``margin`` pixels and the
        fraction ``wings`` of its radius. The central source does, too: what lies between it
        and a neighbor belongs to the nearer one.
    psf_fwhm : float, optional
        Full width at half maximum of point sources in pixels. By default it is that of the ``psf``
        of the image or stamps or, without one, that of the compact round sources.
    star_tolerance : float, optional
        Relative deviation of a star's width from ``psf_fwhm``. By default it is 0.2, or the scatter
        of the compact round sources if the width is measured from them, between 0.15 and 0.5.
    star_significance : float
        Minimum height of a star above the light below it, in units of the noise rms.
    saturation : float, optional
        Level from which stars are saturated, in the unit of the image or stamps in which sources
        are detected. By default it is that of the peaks with flat tops.
    seed : int
        Seed of the choice of sky pixels.

    Raises
    ------
    ValueError
        If a value is out of range.

    Examples
    --------
    >>> from astro_wgan import StampSet, datasets
    >>> from astro_wgan.neighbors import NeighborConfig
    >>> neighbors = NeighborConfig('replace', deblend=True, seed=1)
    >>> image = datasets.load_image('mock_f814w')
    >>> stamps = StampSet.from_image(image, positions=[(143, 181)], neighbors=neighbors)
    >>> int(stamps.table['n_neighbors'][0])
    4
    """

    neighbors: str = 'mask'
    stars: str = 'keep'
    deblend: bool = False
    engine: str = 'sep'
    detection: DetectionConfig | None = None
    margin: float = 1.5
    wings: float = 0.25
    psf_fwhm: float | None = None
    star_tolerance: float | None = None
    star_significance: float = 10.0
    saturation: float | None = None
    seed: int = 0

    def __post_init__(self):
        for name, allowed in (('neighbors', _NEIGHBORS), ('stars', _STARS)):
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(
                    f'`{name}` must be {", ".join(map(repr, allowed[:-1]))} or {allowed[-1]!r}; '
                    f'got {value!r}.'
                )
        check_engine(self.engine)
        if not isinstance(self.detection, DetectionConfig | None):
            raise ValueError(
                f'`detection` must be a DetectionConfig, or None; got {self.detection!r}.'
            )
        if not isinstance(self.deblend, bool | np.bool_):
            raise ValueError(f'`deblend` must be True or False; got {self.deblend!r}.')
        for name, unit in _NUMBERS.items():
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            if not isinstance(value, Real):
                raise ValueError(f'`{name}` must be a number{unit}; got {value!r}.')
        for name in ('margin', 'wings'):
            if not 0 <= getattr(self, name) < float('inf'):
                raise ValueError(f'`{name}` must be 0 or more; got {getattr(self, name)}.')
        for name in ('star_significance', 'saturation'):
            value = getattr(self, name)
            if value is not None and not 0 < value < float('inf'):
                raise ValueError(f'`{name}` must be above 0; got {value}.')
        if self.psf_fwhm is not None and not _NARROWEST <= self.psf_fwhm <= _WIDEST:
            raise ValueError(
                f'`psf_fwhm` must lie between {_NARROWEST} and {_WIDEST:g} pixels; got '
                f'{self.psf_fwhm}.'
            )
        if self.star_tolerance is not None and not 0 < self.star_tolerance < 1:
            raise ValueError(
                f'`star_tolerance` must lie between 0 and 1; got {self.star_tolerance}.'
            )
        check_seed(self.seed)

    def detection_or(self, detection):
        """
        Settings by which neighbors are detected.

        Parameters
        ----------
        detection : `~astro_wgan.detection.DetectionConfig` or None
            What holds if this configuration has none.

        Returns
        -------
        `~astro_wgan.detection.DetectionConfig`
            Without deblending, unless it is wanted.
        """
        detection = self.detection or detection or DetectionConfig()
        return detection if self.deblend else replace(detection, deblend_contrast=1.0)

    @property
    def is_needed(self):
        """Whether anything is to be done."""
        return (self.neighbors, self.stars) != ('keep', 'keep')


def as_neighbor_config(neighbors, stars='keep'):
    """
    The configuration from the arguments ``neighbors`` and ``stars`` of a function.

    Parameters
    ----------
    neighbors : str or `NeighborConfig`
    stars : {'keep', 'mask'}
        ``'mask'`` masks stars, whatever the configuration says.

    Returns
    -------
    `NeighborConfig`

    Raises
    ------
    ValueError
        If a value is none of those allowed.
    """
    if not isinstance(neighbors, NeighborConfig):
        return NeighborConfig(neighbors, stars)
    return neighbors if stars == 'keep' else replace(neighbors, stars=stars)
