"""`SimulationConfig`: all parameters of a simulated population of galaxies, except the seed."""

from dataclasses import asdict, dataclass, field

from astro_wgan.simulate.telescope_config import MoffatOptics, Noise, TelescopeOptics

__all__ = [
    'SIMULATION_CONFIGS',
    'Artifacts',
    'Clumps',
    'Disks',
    'Disturbance',
    'Lenses',
    'MoffatOptics',
    'Neighbors',
    'Noise',
    'Pairs',
    'Population',
    'Rings',
    'SimulationConfig',
    'TelescopeOptics',
    'get_simulation_config',
]


@dataclass(frozen=True)
class Population:
    """
    Distribution of stellar mass, redshift and magnitude of the central galaxies.

    Attributes
    ----------
    min_log_mass, log_mass_scale, max_log_mass : float
        log10 of the stellar mass in solar masses: minimum, scale of the exponential decline above
        it, and maximum.
    min_redshift, typical_redshift, max_redshift : float
        Bounds of the redshift, and its most frequent value.
    faintest_magnitude, brightest_magnitude : float
        Limits of the AB magnitude.
    """

    min_log_mass: float = 10.0
    log_mass_scale: float = 0.32
    max_log_mass: float = 11.6
    min_redshift: float = 0.5
    typical_redshift: float = 1.2
    max_redshift: float = 3.0
    faintest_magnitude: float = 22.8
    brightest_magnitude: float = 19.0


@dataclass(frozen=True)
class Disks:
    """
    Structure of disks.

    Attributes
    ----------
    sersic_index : (float, float)
        Range of the Sersic index; (1, 1) is an exponential disk.
    truncation_radius : float or None
        Radius, in half-light radii, beyond which the disk falls off steeply.
    thickness : float
        Axis ratio of an edge-on disk.
    spiral_fraction, bar_fraction : float
        Fractions of the disks with grand-design spiral arms, and with a bar.
    arm_amplitude, flocculent_amplitude : float
        Typical amplitudes, in natural logarithm of the intensity, of the grand-design arms and of
        the flocculent pattern that all disks have.
    lopsidedness : float
        Typical amplitude of the first harmonic at two half-light radii.
    """

    sersic_index: tuple = (1.0, 1.0)
    truncation_radius: float | None = None
    thickness: float = 0.2
    spiral_fraction: float = 0.45
    bar_fraction: float = 0.25
    arm_amplitude: float = 0.7
    flocculent_amplitude: float = 0.25
    lopsidedness: float = 0.18


@dataclass(frozen=True)
class Clumps:
    """
    Star-forming clumps in disks.

    Attributes
    ----------
    mean_number : float
        Mean number at redshift 1; it is proportional to 1 + z.
    min_flux_fraction, max_flux_fraction, slope : float
        Bounds of the fraction of the disk's flux in a clump, and the slope of its power-law
        distribution.
    sigma : (float, float)
        Range of the standard deviation of the Gaussian, in arcsec.
    halo_fraction : float
        Fraction of a clump's flux in a halo of 2.5 times its size.
    """

    mean_number: float = 5.0
    min_flux_fraction: float = 0.003
    max_flux_fraction: float = 0.03
    slope: float = -1.8
    sigma: tuple = (0.03, 0.08)
    halo_fraction: float = 0.0


@dataclass(frozen=True)
class Neighbors:
    """
    Unrelated galaxies that lie in the stamp by chance.

    Attributes
    ----------
    mean_number : float
        Mean number in a stamp.
    min_magnitude_difference : float
        Minimum difference to the magnitude of the central galaxy; neighbors are fainter.
    faintest_magnitude : float
        Limit of the AB magnitude.
    count_slope : float
        Slope of log10 of the number counts per magnitude.
    min_distance : float
        Minimum distance from the center in arcsec.
    """

    mean_number: float = 0.8
    min_magnitude_difference: float = 2.5
    faintest_magnitude: float = 27.0
    count_slope: float = 0.25
    min_distance: float = 0.6


@dataclass(frozen=True)
class Pairs:
    """
    Two galaxies before their merger, both in the stamp.

    Attributes
    ----------
    max_flux_ratio : float
        Flux ratios, brighter by fainter, lie between 1 and this value, which is above 2.
    major_fraction : float
        Fraction of the pairs with a flux ratio below 2; the logarithm of these is uniform.
    flux_ratio_exponent : float
        For ratios above 2, log(ratio / 2) / log(max_flux_ratio / 2) is a uniform random number to
        this power: 1 is uniform, larger values prefer small ratios.
    separation : (float, float)
        Range in arcsec, with companions distributed uniformly in area.
    tidal_amplitude : float
        Flux of the tidal debris, relative to that of the class ``'disturbed'``.
    """

    max_flux_ratio: float = 10.0
    major_fraction: float = 0.67
    flux_ratio_exponent: float = 1.6
    separation: tuple = (0.4, 2.0)
    tidal_amplitude: float = 0.3

    def __post_init__(self):
        if self.max_flux_ratio <= 2:
            raise ValueError(f'`max_flux_ratio` must be above 2; got {self.max_flux_ratio}.')


@dataclass(frozen=True)
class Disturbance:
    """
    Tidal debris of galaxies without a neighbor, before or after a merger.

    Attributes
    ----------
    pre_merger_fraction : float
        Fraction of galaxies before the merger, with the companion outside of the stamp.
    fading : float
        Relative decrease of the debris from the merger to either end of the merger sequence.
    tail_fraction, shell_fraction, envelope_fraction : float
        Typical fractions of the galaxy's flux in tails, in shells, and in an off-center envelope,
        at the merger.
    scatter_dex : float
        Scatter of these fractions from galaxy to galaxy, as standard deviation of log10.
    min_debris_flux, max_debris_fraction : float
        Minimum flux of the debris at the merger, in nJy, and maximum fraction of the galaxy's flux
        in it, which takes precedence. Mergers with debris too faint to detect are left out.
    tail_model : {'arc', 'plume'}
        Curved tails that fade outward, or straight and broad ones with a knot at the end.
    second_nucleus_fraction : float
        Fraction of post-mergers with a second nucleus, at the merger.
    """

    pre_merger_fraction: float = 0.25
    fading: float = 0.3
    tail_fraction: float = 0.115
    shell_fraction: float = 0.095
    envelope_fraction: float = 0.01
    scatter_dex: float = 0.15
    min_debris_flux: float = 820.0
    max_debris_fraction: float = 0.4
    tail_model: str = 'arc'
    second_nucleus_fraction: float = 0.3

    def __post_init__(self):
        if self.tail_model not in ('arc', 'plume'):
            raise ValueError(f"`tail_model` must be 'arc' or 'plume'; got {self.tail_model!r}.")


@dataclass(frozen=True)
class Rings:
    """
    Ring galaxies.

    Attributes
    ----------
    flux_fraction : (float, float)
        Range of the fraction of the flux in the ring.
    radius : (float, float)
        Range of the ring's radius, in half-light radii of the galaxy.
    width : (float, float)
        Range of the ring's standard deviation, in units of its radius.
    """

    flux_fraction: tuple = (0.3, 0.6)
    radius: tuple = (1.3, 2.2)
    width: tuple = (0.08, 0.16)


@dataclass(frozen=True)
class Lenses:
    """
    Strong gravitational lenses.

    Attributes
    ----------
    einstein_radius : (float, float)
        Range in arcsec.
    contrast : (float, float)
        Range of the magnitude of all lensed images together minus that of the lens.
    """

    einstein_radius: tuple = (0.5, 1.2)
    contrast: tuple = (0.8, 2.5)


@dataclass(frozen=True)
class Artifacts:
    """
    Instrumental artifacts.

    Attributes
    ----------
    brightness : (float, float)
        Range of the brightness of satellite trails and bleeding, in units of the noise rms.
    hot_pixel_brightness : (float, float)
        The same for hot pixels.
    """

    brightness: tuple = (4.0, 60.0)
    hot_pixel_brightness: tuple = (15.0, 300.0)


@dataclass(frozen=True)
class SimulationConfig:
    """
    All parameters of a simulated population, except the seed.

    Attributes
    ----------
    name : str
        Identifies the population; part of the ids of its stamps.
    size : int
        Pixels along the edge of a stamp.
    pixel_scale : float
        In arcsec.
    oversampling : int
        Number of fine pixels along a pixel; light is drawn on fine pixels.
    margin : int
        Width, in pixels, of a border around the stamp that is drawn too, from which the PSF
        scatters light into the stamp.
    population : `Population`
    disks : `Disks`
    clumps : `Clumps`
    neighbors : `Neighbors`
    pairs : `Pairs`
    disturbance : `Disturbance`
    rings : `Rings`
    lenses : `Lenses`
    artifacts : `Artifacts`
    optics : `TelescopeOptics` or `MoffatOptics`
    noise : `Noise`

    Examples
    --------
    >>> from dataclasses import replace
    >>> from astro_wgan.simulate import SIMULATION_CONFIGS
    >>> config = SIMULATION_CONFIGS['benchmark-1']
    >>> deeper = replace(config, name='deeper', noise=replace(config.noise, rms=0.6))
    >>> deeper.noise.rms
    0.6
    """

    name: str
    size: int = 64
    pixel_scale: float = 0.06
    oversampling: int = 2
    margin: int = 8
    population: Population = field(default_factory=Population)
    disks: Disks = field(default_factory=Disks)
    clumps: Clumps = field(default_factory=Clumps)
    neighbors: Neighbors = field(default_factory=Neighbors)
    pairs: Pairs = field(default_factory=Pairs)
    disturbance: Disturbance = field(default_factory=Disturbance)
    rings: Rings = field(default_factory=Rings)
    lenses: Lenses = field(default_factory=Lenses)
    artifacts: Artifacts = field(default_factory=Artifacts)
    optics: TelescopeOptics | MoffatOptics = field(default_factory=TelescopeOptics)
    noise: Noise = field(default_factory=Noise)

    def to_dict(self):
        """Plain values, for the provenance."""
        return {**asdict(self), 'optics': {type(self.optics).__name__: asdict(self.optics)}}


#: The populations of the frozen benchmarks, by name.
SIMULATION_CONFIGS = {
    config.name: config
    for config in (
        SimulationConfig('benchmark-1'),
        SimulationConfig(
            'benchmark-2',
            disks=Disks(
                sersic_index=(0.8, 1.3),
                truncation_radius=2.2,
                spiral_fraction=0.35,
                lopsidedness=0.2,
            ),
            clumps=Clumps(
                mean_number=6.0,
                slope=-1.5,
                max_flux_fraction=0.02,
                sigma=(0.04, 0.1),
                halo_fraction=0.4,
            ),
            disturbance=Disturbance(tail_model='plume'),
            optics=MoffatOptics(),
            noise=Noise(rms=0.7, kernel=(0.2, 0.6, 1.0, 0.6, 0.2)),
        ),
    )
}


def get_simulation_config(config):
    """
    The configuration of a name; a configuration is returned as it is.

    Parameters
    ----------
    config : str or `SimulationConfig`
        A name in `SIMULATION_CONFIGS`, or a configuration.

    Returns
    -------
    `SimulationConfig`

    Raises
    ------
    ValueError
        If there is no configuration of that name.
    TypeError
        If ``config`` is neither a name nor a configuration.
    """
    if isinstance(config, SimulationConfig):
        return config
    if not isinstance(config, str):
        raise TypeError(
            f'`config` must be a SimulationConfig or the name of one; got {type(config).__name__}.'
        )
    if config not in SIMULATION_CONFIGS:
        raise ValueError(f'`config` must be one of {sorted(SIMULATION_CONFIGS)}; got {config!r}.')
    return SIMULATION_CONFIGS[config]
