"""InjectionConfig: which anomalies are injected into images of normal galaxies, and how bright."""

from dataclasses import dataclass

from astro_wgan.validation.config_numbers import check_finite_numbers, check_whole_numbers

__all__ = ['KINDS', 'InjectionConfig']

#: What can be injected, in the order of the documentation.
KINDS = (
    'companion',
    'close_companion',
    'arc',
    'ring',
    'clumps',
    'distortion',
    'trail',
    'glare',
    'truncation',
)


@dataclass(frozen=True)
class InjectionConfig:
    """
    Configuration of injected anomalies.

    Parameters
    ----------
    kinds : tuple of str
        Which are injected, each as often:

        * ``'companion'``: another normal galaxy or a point source anywhere beside the galaxy;
        * ``'close_companion'``: the same within a seventh of the stamp;
        * ``'arc'``: a tidal tail or stream, part of a spiral;
        * ``'ring'``: around the center, inclined;
        * ``'clumps'``: several knots on the galaxy, as of star formation;
        * ``'distortion'``: the galaxy warped at random;
        * ``'trail'``: of a satellite, straight across the stamp;
        * ``'glare'``: the halo of a bright star close by, in part with spikes;
        * ``'truncation'``: the light of the galaxy missing on one side.
    max_count : int
        Largest number of anomalies in a stamp; their number is drawn between 1 and this.
    faintest, brightest : float
        Range of the peak of what is added, drawn evenly in the logarithm: in units of the noise
        of the stamp, and of the peak of its galaxy.
    companion_flux_ratio : tuple of float
        Range of the flux of a companion in units of its own as a galaxy of the set, drawn evenly
        in the logarithm.
    point_sources : float
        Fraction of companions that are point sources.
    point_width : tuple of float
        Range of the standard deviation of a point source in pixels.

    Raises
    ------
    ValueError
        If a kind is unknown or a value is out of range.

    Examples
    --------
    >>> from astro_wgan.injection import InjectionConfig
    >>> InjectionConfig(kinds=('ring', 'arc')).max_count
    2
    """

    kinds: tuple[str, ...] = KINDS
    max_count: int = 2
    faintest: float = 3.0
    brightest: float = 0.5
    companion_flux_ratio: tuple[float, float] = (0.15, 1.3)
    point_sources: float = 0.35
    point_width: tuple[float, float] = (1.2, 2.2)

    def __post_init__(self):
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds:
            raise ValueError(f'`kinds` must be some of {KINDS}; got {self.kinds!r}.')
        check_whole_numbers(self, {'max_count': 1})
        check_finite_numbers(self, ('faintest', 'brightest', 'point_sources'))
        for name in ('faintest', 'brightest'):
            if not getattr(self, name) > 0:
                raise ValueError(f'`{name}` must be above 0; got {getattr(self, name)}.')
        for name in ('companion_flux_ratio', 'point_width'):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(
                    f'`{name}` must be two numbers above 0, the lower first; got {(low, high)}.'
                )
        if not 0 <= self.point_sources <= 1:
            raise ValueError(f'`point_sources` must lie between 0 and 1; got {self.point_sources}.')
