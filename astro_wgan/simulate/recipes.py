"""`Recipe`: everything that a simulated population depends on but the seed, in one place."""

from dataclasses import asdict, dataclass, field

from astro_wgan.simulate.telescope_config import MoffatOptics, Noise, TelescopeOptics

__all__ = [
    'RECIPES',
    'Artefacts',
    'Clumps',
    'Crowding',
    'Discs',
    'Disturbance',
    'Lenses',
    'MoffatOptics',
    'Noise',
    'Pairs',
    'Population',
    'Recipe',
    'Rings',
    'TelescopeOptics',
    'find_recipe',
]


@dataclass(frozen=True)
class Population:
    """
    Which galaxies there are.

    Attributes
    ----------
    lowest_mass, mass_scale, highest_mass : float
        log10 of the stellar mass in solar masses: the least, the scale of the exponential decline
        above it, and the most.
    nearest, typical, farthest : float
        Redshifts: bounds, and where most galaxies are.
    faintest, brightest : float
        AB magnitudes between which galaxies are taken.
    """

    lowest_mass: float = 10.0
    mass_scale: float = 0.32
    highest_mass: float = 11.6
    nearest: float = 0.5
    typical: float = 1.2
    farthest: float = 3.0
    faintest: float = 22.8
    brightest: float = 19.0


@dataclass(frozen=True)
class Discs:
    """
    What discs look like.

    Attributes
    ----------
    index : (float, float)
        Range of the Sersic index; (1, 1) is an exponential disc.
    truncation : float or None
        Effective radii beyond which the disc falls off steeply.
    thickness : float
        Axis ratio of a disc seen from its edge.
    spirals, bars : float
        Shares of the discs with arms that stand out, and with a bar.
    arm_strength, texture : float
        Typical amplitudes, in natural logarithm of the intensity, of these arms and of the
        flocculent pattern that all discs have.
    lopsidedness : float
        Typical amplitude of the first harmonic at two effective radii.
    """

    index: tuple = (1.0, 1.0)
    truncation: float | None = None
    thickness: float = 0.2
    spirals: float = 0.45
    bars: float = 0.25
    arm_strength: float = 0.7
    texture: float = 0.25
    lopsidedness: float = 0.18


@dataclass(frozen=True)
class Clumps:
    """
    Clumps of star formation in discs.

    Attributes
    ----------
    number : float
        Mean number at redshift 1; it grows with 1 + z.
    faintest, brightest, slope : float
        Shares of the galaxy's flux that a clump may have, distributed as a power of this slope.
    radii : (float, float)
        Range of the standard deviation of the Gaussian, in arcsec.
    wings : float
        Share of a clump's flux in a halo of 2.5 times its size.
    """

    number: float = 5.0
    faintest: float = 0.003
    brightest: float = 0.03
    slope: float = -1.8
    radii: tuple = (0.03, 0.08)
    wings: float = 0.0


@dataclass(frozen=True)
class Crowding:
    """
    Unrelated neighbours, as they happen to lie in every stamp.

    Attributes
    ----------
    number : float
        Mean number in a stamp.
    contrast : float
        Magnitudes by which they are fainter than the galaxy, at least.
    faintest : float
        The faintest, in AB magnitudes.
    slope : float
        Growth of their number per magnitude, as log10.
    nearest : float
        Least distance from the centre in arcsec.
    """

    number: float = 0.8
    contrast: float = 2.5
    faintest: float = 27.0
    slope: float = 0.25
    nearest: float = 0.6


@dataclass(frozen=True)
class Pairs:
    """
    Two galaxies before they merge, both in the stamp.

    Attributes
    ----------
    highest_ratio : float
        Flux ratios lie between 1 and this, above 2.
    major : float
        Share of the pairs with a flux ratio below 2, of which the logarithm is uniform.
    decline : float
        The logarithm of those above 2 lies between that of 2 and of the highest as a uniform number
        to this power lies between 0 and 1: 1 is uniform, the larger the fewer are high.
    separations : (float, float)
        Range in arcsec, filled as if companions lay anywhere around the galaxy.
    tide : float
        Amplitude of the tidal debris, as a share of that of the disturbed.
    """

    highest_ratio: float = 10.0
    major: float = 0.67
    decline: float = 1.6
    separations: tuple = (0.4, 2.0)
    tide: float = 0.3

    def __post_init__(self):
        if self.highest_ratio <= 2:
            raise ValueError(f'`highest_ratio` must be above 2; got {self.highest_ratio}.')


@dataclass(frozen=True)
class Disturbance:
    """
    What a merger does to a galaxy that has no neighbour.

    Attributes
    ----------
    before : float
        Share of galaxies before the merger, whose companion is outside of the stamp.
    fading : float
        What the strength falls by, from the merger to the end of the sequence; 0.3 leaves 0.7.
    tails, shells, envelope : float
        Shares of the galaxy's flux in tails, in shells, and in an off-centre envelope, at the
        merger: typical ones.
    spread : float
        Their standard deviation from galaxy to galaxy, as log10.
    faintest, most : float
        The flux in nJy that debris has at the merger, at least, unless this is more than the share
        that it has at most: mergers of faint galaxies that nobody could see are left out.
    tail_model : {'arc', 'plume'}
        Curved tails that grow fainter outwards, or straight broad ones with a knot at the end.
    nuclei : float
        Share of post-mergers with a second nucleus.
    """

    before: float = 0.25
    fading: float = 0.3
    tails: float = 0.115
    shells: float = 0.095
    envelope: float = 0.01
    spread: float = 0.15
    faintest: float = 820.0
    most: float = 0.4
    tail_model: str = 'arc'
    nuclei: float = 0.3

    def __post_init__(self):
        if self.tail_model not in ('arc', 'plume'):
            raise ValueError(f"`tail_model` must be 'arc' or 'plume'; got {self.tail_model!r}.")


@dataclass(frozen=True)
class Rings:
    """
    Ring galaxies.

    Attributes
    ----------
    share : (float, float)
        Range of the share of the flux in the ring.
    radii : (float, float)
        Range of the ring's radius, in effective radii of the galaxy.
    width : (float, float)
        Range of its standard deviation, in units of its radius.
    """

    share: tuple = (0.3, 0.6)
    radii: tuple = (1.3, 2.2)
    width: tuple = (0.08, 0.16)


@dataclass(frozen=True)
class Lenses:
    """
    Galaxies that lens another one behind them.

    Attributes
    ----------
    einstein_radii : (float, float)
        Range in arcsec.
    contrast : (float, float)
        Magnitudes by which the lensed images together are fainter than the lens.
    """

    einstein_radii: tuple = (0.5, 1.2)
    contrast: tuple = (0.8, 2.5)


@dataclass(frozen=True)
class Artefacts:
    """
    Faults of the instrument and of the reduction.

    Attributes
    ----------
    brightness : (float, float)
        Range, in units of the noise, of trails and of the light that bleeds.
    hot : (float, float)
        Range of hot pixels.
    """

    brightness: tuple = (4.0, 60.0)
    hot: tuple = (15.0, 300.0)


@dataclass(frozen=True)
class Recipe:
    """
    All that a simulated population depends on, but for the seed.

    Attributes
    ----------
    name : str
        By which it is known.
    size : int
        Pixels along the edge of a stamp.
    pixel_scale : float
        In arcsec.
    oversampling : int
        Light is drawn on pixels that are smaller by this factor.
    margin : int
        Pixels around the stamp that are drawn too, from which light is scattered into it.
    population, discs, clumps, crowding, pairs, disturbance, rings, lenses, artefacts, optics, noise
        What the classes of like names describe.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from astro_wgan.simulate import RECIPES
    >>> recipe = RECIPES['benchmark-1']
    >>> deeper = replace(recipe, name='deeper', noise=replace(recipe.noise, rms=0.6))
    >>> deeper.noise.rms
    0.6
    """

    name: str
    size: int = 64
    pixel_scale: float = 0.06
    oversampling: int = 2
    margin: int = 8
    population: Population = field(default_factory=Population)
    discs: Discs = field(default_factory=Discs)
    clumps: Clumps = field(default_factory=Clumps)
    crowding: Crowding = field(default_factory=Crowding)
    pairs: Pairs = field(default_factory=Pairs)
    disturbance: Disturbance = field(default_factory=Disturbance)
    rings: Rings = field(default_factory=Rings)
    lenses: Lenses = field(default_factory=Lenses)
    artefacts: Artefacts = field(default_factory=Artefacts)
    optics: TelescopeOptics | MoffatOptics = field(default_factory=TelescopeOptics)
    noise: Noise = field(default_factory=Noise)

    def to_dict(self):
        """Plain values, for the provenance."""
        return {**asdict(self), 'optics': {type(self.optics).__name__: asdict(self.optics)}}


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe('benchmark-1'),
        Recipe(
            'benchmark-2',
            discs=Discs(index=(0.8, 1.3), truncation=2.2, spirals=0.35, lopsidedness=0.2),
            clumps=Clumps(number=6.0, slope=-1.5, brightest=0.02, radii=(0.04, 0.1), wings=0.4),
            disturbance=Disturbance(tail_model='plume'),
            optics=MoffatOptics(),
            noise=Noise(rms=0.7, taps=(0.2, 0.6, 1.0, 0.6, 0.2)),
        ),
    )
}


def find_recipe(recipe):
    """
    A recipe by its name, or the recipe itself.

    Raises
    ------
    ValueError
        If there is none of that name.
    TypeError
        If it is neither a name nor a recipe.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if not isinstance(recipe, str):
        raise TypeError(
            f'`recipe` must be a Recipe or the name of one; got {type(recipe).__name__}.'
        )
    if recipe not in RECIPES:
        raise ValueError(f'`recipe` must be one of {sorted(RECIPES)}; got {recipe!r}.')
    return RECIPES[recipe]
