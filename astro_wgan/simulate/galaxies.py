"""Normal galaxies: what they are, by mass, size and redshift, and what they look like."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from astro_wgan.simulate.fine_grid import (
    add_gaussians,
    add_sersic,
    half_light_radius,
    harmonics,
    sersic_light,
)

__all__ = ['Galaxy', 'add_galaxy', 'add_neighbours', 'draw_galaxy', 'flux_of']

#: AB magnitude of 1 nJy.
_ZERO_POINT = 31.4

#: Arms of the finest pattern in a disc.
_MOST_ARMS = 6


@dataclass(frozen=True)
class Galaxy:
    """
    A galaxy as it is seen on the sky.

    Attributes
    ----------
    log_mass, redshift : float
        log10 of the stellar mass in solar masses, and the redshift.
    magnitude : float
        AB, total.
    radius : float
        Semi-major axis of half the light, in arcsec.
    axis_ratio, angle : float
        Of the component with more light; the angle, in radian, is that from x to y.
    bulge : float
        Share of the light in the bulge.
    bulge_index, disc_index : float
        Sersic indices.
    """

    log_mass: float
    redshift: float
    magnitude: float
    radius: float
    axis_ratio: float
    angle: float
    bulge: float
    bulge_index: float
    disc_index: float

    @property
    def flux(self):
        """Total, in nJy."""
        return flux_of(self.magnitude)

    @property
    def is_early(self):
        """Whether most of the light is that of a spheroid."""
        return self.bulge > 0.5


def flux_of(magnitude):
    """Flux in nJy of an AB magnitude."""
    return 10 ** (0.4 * (_ZERO_POINT - magnitude))


def kiloparsec_per_arcsec(redshift):
    """Proper length that an arcsec spans, for a flat universe with H0 = 70 and Omega_m = 0.3."""
    return np.interp(redshift, *_angular_scale())


def draw_galaxy(rng, recipe):
    """
    A galaxy from the population.

    Parameters
    ----------
    rng : `numpy.random.Generator`
    recipe : `~astro_wgan.simulate.Recipe`

    Returns
    -------
    `Galaxy`

    Notes
    -----
    Sizes, semi-major, by mass and redshift: van der Wel et al. 2014 (ApJ 788, 28), for early and
    late types. Magnitudes follow the mass at a colour that reddens with redshift; those outside of
    the population's limits are drawn anew.
    """
    limits = recipe.population
    while True:
        log_mass = limits.lowest_mass + limits.mass_scale * rng.exponential()
        redshift = limits.nearest + (limits.typical - limits.nearest) * rng.gamma(2.0) / 1.2
        early = rng.random() < 0.75 / (1 + np.exp((10.85 - log_mass) / 0.25)) / redshift**0.3
        magnitude = _magnitude(rng, log_mass, redshift, early)
        if (
            log_mass < limits.highest_mass
            and redshift < limits.farthest
            and limits.brightest < magnitude < limits.faintest
        ):
            break
    if early:
        bulge, thickness = rng.uniform(0.55, 1.0), 0.55
    else:
        bulge, thickness = 0.6 * rng.beta(1.0, 3.0), recipe.discs.thickness
    cosine = rng.random()
    return Galaxy(
        log_mass=log_mass,
        redshift=redshift,
        magnitude=magnitude,
        radius=_size(rng, log_mass, redshift, early) / kiloparsec_per_arcsec(redshift),
        axis_ratio=np.sqrt(thickness**2 + (1 - thickness**2) * cosine**2),
        angle=rng.uniform(0, np.pi),
        bulge=bulge,
        bulge_index=rng.uniform(2.5, 4.5) if early else rng.uniform(1.2, 3.0),
        disc_index=rng.uniform(*recipe.discs.index),
    )


def add_galaxy(image, sky, galaxy, rng, recipe, *, x=0.0, y=0.0):
    """
    Add a galaxy with bulge, structured disc and clumps to an image.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the grid of the sky; flux per fine pixel, in nJy.
    sky : `~astro_wgan.simulate.fine_grid.Sky`
    galaxy : `Galaxy`
    rng : `numpy.random.Generator`
        For the structure.
    recipe : `~astro_wgan.simulate.Recipe`
    x, y : float
        Centre, in arcsec from the middle of the stamp.
    """
    bulge_radius, disc_radius = _component_radii(galaxy)
    round_ratio = max(galaxy.axis_ratio, 0.6)
    bulge = {
        'flux': galaxy.flux * galaxy.bulge,
        'radius': bulge_radius,
        'index': galaxy.bulge_index,
        'axis_ratio': galaxy.axis_ratio if galaxy.is_early else round_ratio,
        'angle': galaxy.angle,
    }
    add_sersic(image, sky, **bulge, x=x, y=y)
    disc = replace(
        galaxy,
        radius=disc_radius,
        magnitude=galaxy.magnitude - 2.5 * np.log10(max(1e-6, 1 - galaxy.bulge)),
        axis_ratio=round_ratio if galaxy.is_early else galaxy.axis_ratio,
    )
    if galaxy.is_early:
        add_sersic(
            image,
            sky,
            flux=disc.flux,
            radius=disc.radius,
            index=disc.disc_index,
            axis_ratio=disc.axis_ratio,
            angle=disc.angle,
            x=x,
            y=y,
        )
        return
    clumps = _draw_clumps(rng, disc, recipe)
    _add_disc(image, sky, disc, 1 - clumps['share'].sum(), rng, recipe.discs, x, y)
    _add_clumps(image, sky, disc, clumps, recipe.clumps.wings, x, y)


def add_neighbours(image, sky, magnitude, rng, crowding):
    """
    Add unrelated galaxies, fainter than the one in the middle.

    Returns
    -------
    int
        How many.
    """
    brightest = magnitude + crowding.contrast
    count = rng.poisson(crowding.number)
    if crowding.faintest <= brightest:
        return 0
    for _ in range(count):
        # Counts grow as 10 ** (slope * magnitude): the inverse of their cumulative distribution.
        low, high = 10 ** (crowding.slope * np.array([brightest, crowding.faintest]))
        neighbour = np.log10(rng.uniform(low, high)) / crowding.slope
        x, y = _place_of_neighbour(rng, sky.edge, crowding.nearest)
        add_sersic(
            image,
            sky,
            flux=flux_of(neighbour),
            radius=0.22 * 10 ** (-0.06 * (neighbour - 24) + rng.normal(0, 0.2)),
            index=rng.uniform(0.8, 2.0),
            axis_ratio=rng.uniform(0.3, 1.0),
            angle=rng.uniform(0, np.pi),
            x=x,
            y=y,
        )
    return count


# What a galaxy is


@cache
def _angular_scale():
    from astropy.cosmology import FlatLambdaCDM

    redshift = np.linspace(0.01, 8, 800)
    arcsec_per_kpc = FlatLambdaCDM(H0=70, Om0=0.3).arcsec_per_kpc_proper(redshift).value
    return redshift, 1 / arcsec_per_kpc


def _magnitude(rng, log_mass, redshift, early):
    """In F160W, AB."""
    faded = 5.6 * np.log10(redshift / 1.2) + 0.3 * early * (redshift - 1)
    return 22.0 - 2.2 * (log_mass - 10.5) + faded + rng.normal(0, 0.35)


def _size(rng, log_mass, redshift, early):
    """Semi-major axis of half the light, in kpc."""
    ratio = 10**log_mass / 5e10
    if early:
        return 5.6 * ratio**0.75 * (1 + redshift) ** -1.48 * 10 ** rng.normal(0, 0.12) + 0.4
    return 8.9 * ratio**0.22 * (1 + redshift) ** -0.75 * 10 ** rng.normal(0, 0.16)


def _component_radii(galaxy):
    """Radii of bulge and disc, of which the sum has the radius of the galaxy."""
    # A bulge is smaller than its disc; a spheroid is what there is.
    relative = (0.9, 1.6) if galaxy.is_early else (0.25, 1.0)
    total = half_light_radius(
        (galaxy.bulge, 1 - galaxy.bulge), relative, (galaxy.bulge_index, galaxy.disc_index)
    )
    return [galaxy.radius * part / total for part in relative]


# What a disc looks like


def _add_disc(image, sky, disc, share, rng, discs, x, y):
    """A disc with arms, bar, texture and lopsidedness, and the light of a smooth one."""
    shape = {'axis_ratio': disc.axis_ratio, 'angle': disc.angle, 'x': x, 'y': y}
    flux = share * disc.flux
    patch, light = sersic_light(sky, flux=flux, radius=disc.radius, index=disc.disc_index, **shape)
    smooth = light.sum()
    light *= patch.refined(_structure(patch.plane(**shape), disc.radius, rng, discs))
    light *= smooth / light.sum()
    image[patch.where] += light


def _structure(plane, radius, rng, discs):
    """By what a smooth disc is multiplied."""
    scaled = plane.radius * np.float32(1 / radius)
    direction = plane.direction
    # The patterns of a galaxy wind one way.
    handedness = rng.choice([-1, 1])
    flocculent = np.zeros(_MOST_ARMS + 1, dtype=complex)
    flocculent[2:] = discs.texture * (rng.standard_normal((2, _MOST_ARMS - 1)).T @ [0.5, 0.5j])
    patterns = [(rng.uniform(20, 45), flocculent)]
    if rng.random() < discs.spirals:
        grand = np.zeros(_MOST_ARMS + 1, dtype=complex)
        strength = discs.arm_strength * rng.uniform(0.5, 1.5)
        grand[rng.choice([2, 2, 2, 3, 4])] = strength * np.exp(1j * rng.uniform(0, 2 * np.pi))
        patterns.append((rng.uniform(10, 30), grand))
    log_radius = np.log(scaled + np.float32(1e-3))
    pattern = sum(
        _winding(direction, log_radius, handedness * pitch, amplitudes)
        for pitch, amplitudes in patterns
    )
    # Patterns begin outside of the bulge.
    square = scaled**2
    pattern *= square / (square + np.float32(0.16))
    if rng.random() < discs.bars:
        length, turn = rng.uniform(0.3, 0.8), np.exp(-1j * rng.uniform(0, np.pi))
        along = direction * np.complex64(turn)
        bar = np.exp(np.float32(-0.5 / length**2) * square * (along.real**2 + 9 * along.imag**2))
        pattern += np.float32(rng.uniform(0.3, 0.9)) * bar
    lopsided = min(0.8, discs.lopsidedness * rng.rayleigh() / 1.25)
    first = (direction * np.complex64(lopsided * np.exp(1j * rng.uniform(0, 2 * np.pi)))).real
    result = np.exp(pattern) * (1 + first * np.minimum(scaled / 2, 1))
    if discs.truncation is not None:
        result /= 1 + np.exp(np.clip(8 * (scaled - np.float32(discs.truncation)), -30, 30))
    return result


def _winding(direction, log_radius, pitch, amplitudes):
    """Logarithmic spirals of 0, 1, 2 ... arms, of these complex amplitudes; pitch in degrees."""
    turn = log_radius * np.float32(1 / np.tan(np.radians(pitch)))
    wound = np.empty_like(direction)
    wound.real, wound.imag = np.cos(turn), -np.sin(turn)
    wound *= direction
    return harmonics(wound, amplitudes)


def _draw_clumps(rng, disc, recipe):
    """Shares of the disc's light in clumps, and where these lie in its plane, in its radii."""
    clumps = recipe.clumps
    count = rng.poisson(clumps.number * (1 + disc.redshift) / 2)
    power = clumps.slope + 1
    low, high = clumps.faintest**power, clumps.brightest**power
    share = (low + (high - low) * rng.random(count)) ** (1 / power)
    # Exponential in area: the sum of two exponential variables, 1.68 scale lengths to the radius.
    radius = np.minimum(rng.gamma(2.0, 1 / 1.68, count), 3.5)
    azimuth = rng.uniform(0, 2 * np.pi, count)
    sigma = rng.uniform(*clumps.radii, count)
    return {'share': share, 'radius': radius, 'azimuth': azimuth, 'sigma': sigma}


def _add_clumps(image, sky, disc, clumps, wings, x, y):
    u = disc.radius * clumps['radius'] * np.cos(clumps['azimuth'])
    v = disc.radius * clumps['radius'] * np.sin(clumps['azimuth']) * disc.axis_ratio
    cos, sin = np.cos(disc.angle), np.sin(disc.angle)
    place = {'x': x + u * cos - v * sin, 'y': y + u * sin + v * cos}
    flux = disc.flux * clumps['share']
    add_gaussians(image, sky, flux=flux * (1 - wings), sigma=clumps['sigma'], **place)
    if wings:
        add_gaussians(image, sky, flux=flux * wings, sigma=2.5 * clumps['sigma'], **place)


def _place_of_neighbour(rng, edge, nearest):
    """Anywhere in the stamp but on the galaxy in its middle."""
    while True:
        x, y = rng.uniform(-edge, edge, 2)
        if np.hypot(x, y) > nearest:
            return x, y
