"""Normal galaxies: distributions of mass, size, redshift and shape, and how galaxies are drawn."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from astropy.cosmology import FlatLambdaCDM

from astro_wgan.simulate.fine_grid import (
    add_gaussians,
    add_sersic,
    combined_half_light_radius,
    harmonics,
    sersic_light,
)

__all__ = ['Galaxy', 'add_galaxy', 'add_neighbors', 'draw_galaxy', 'flux_of']

#: AB magnitude of 1 nJy.
_ZERO_POINT = 31.4

#: Number of arms of the finest pattern in a disk.
_MAX_ARMS = 6


@dataclass(frozen=True)
class Galaxy:
    """
    Intrinsic and projected parameters of a galaxy.

    Attributes
    ----------
    log_mass, redshift : float
        log10 of the stellar mass in solar masses, and the redshift.
    magnitude : float
        Total AB magnitude.
    half_light_radius : float
        Semimajor axis of the ellipse that holds half the light, in arcsec.
    axis_ratio, angle : float
        Axis ratio of the brighter component, and angle of its major axis in radian,
        counterclockwise from +x.
    bulge_fraction : float
        Fraction of the light in the bulge.
    bulge_index, disk_index : float
        Sersic indices.
    """

    log_mass: float
    redshift: float
    magnitude: float
    half_light_radius: float
    axis_ratio: float
    angle: float
    bulge_fraction: float
    bulge_index: float
    disk_index: float

    @property
    def flux(self):
        """Total flux, in nJy."""
        return flux_of(self.magnitude)

    @property
    def is_early(self):
        """Whether the bulge has most of the light."""
        return self.bulge_fraction > 0.5


def flux_of(magnitude):
    """Flux in nJy of an AB magnitude."""
    return 10 ** (0.4 * (_ZERO_POINT - magnitude))


def kiloparsec_per_arcsec(redshift):
    """Proper length per arcsec, in kpc, for a flat universe with H0 = 70 and Omega_m = 0.3."""
    return np.interp(redshift, *_angular_scale())


def draw_galaxy(rng, config):
    """
    Draw a galaxy from the population.

    Parameters
    ----------
    rng : `numpy.random.Generator`
    config : `~astro_wgan.simulate.SimulationConfig`

    Returns
    -------
    `Galaxy`

    Notes
    -----
    Semimajor half-light radii as a function of mass and redshift follow van der Wel et al. 2014
    (ApJ 788, 28), for early and late types. Magnitudes depend on mass and redshift, with scatter.
    Galaxies outside of the limits of the population are drawn again.
    """
    limits = config.population
    while True:
        log_mass = limits.min_log_mass + limits.log_mass_scale * rng.exponential()
        typical = limits.typical_redshift - limits.min_redshift
        redshift = limits.min_redshift + typical * rng.gamma(2.0) / 1.2
        early = rng.random() < 0.75 / (1 + np.exp((10.85 - log_mass) / 0.25)) / redshift**0.3
        magnitude = _magnitude(rng, log_mass, redshift, early)
        if (
            log_mass < limits.max_log_mass
            and redshift < limits.max_redshift
            and limits.brightest_magnitude < magnitude < limits.faintest_magnitude
        ):
            break
    if early:
        bulge, thickness = rng.uniform(0.55, 1.0), 0.55
    else:
        bulge, thickness = 0.6 * rng.beta(1.0, 3.0), config.disks.thickness
    cosine = rng.random()
    return Galaxy(
        log_mass=log_mass,
        redshift=redshift,
        magnitude=magnitude,
        half_light_radius=_size(rng, log_mass, redshift, early) / kiloparsec_per_arcsec(redshift),
        axis_ratio=np.sqrt(thickness**2 + (1 - thickness**2) * cosine**2),
        angle=rng.uniform(0, np.pi),
        bulge_fraction=bulge,
        bulge_index=rng.uniform(2.5, 4.5) if early else rng.uniform(1.2, 3.0),
        disk_index=rng.uniform(*config.disks.sersic_index),
    )


def add_galaxy(image, grid, galaxy, rng, config, *, x=0.0, y=0.0):
    """
    Add a galaxy with bulge, structured disk and clumps to an image.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the fine grid; flux per fine pixel, in nJy.
    grid : `~astro_wgan.simulate.fine_grid.FineGrid`
    galaxy : `Galaxy`
    rng : `numpy.random.Generator`
        For the structure of the disk.
    config : `~astro_wgan.simulate.SimulationConfig`
    x, y : float
        Center, in arcsec from the center of the stamp.
    """
    bulge_radius, disk_radius = _component_radii(galaxy)
    round_ratio = max(galaxy.axis_ratio, 0.6)
    bulge = {
        'flux': galaxy.flux * galaxy.bulge_fraction,
        'half_light_radius': bulge_radius,
        'index': galaxy.bulge_index,
        'axis_ratio': galaxy.axis_ratio if galaxy.is_early else round_ratio,
        'angle': galaxy.angle,
    }
    add_sersic(image, grid, **bulge, x=x, y=y)
    disk = replace(
        galaxy,
        half_light_radius=disk_radius,
        magnitude=galaxy.magnitude - 2.5 * np.log10(max(1e-6, 1 - galaxy.bulge_fraction)),
        axis_ratio=round_ratio if galaxy.is_early else galaxy.axis_ratio,
    )
    if galaxy.is_early:
        add_sersic(
            image,
            grid,
            flux=disk.flux,
            half_light_radius=disk.half_light_radius,
            index=disk.disk_index,
            axis_ratio=disk.axis_ratio,
            angle=disk.angle,
            x=x,
            y=y,
        )
        return
    clumps = _draw_clumps(rng, disk, config)
    smooth_fraction = 1 - clumps['fraction'].sum()
    _add_disk(image, grid, disk, smooth_fraction, rng, config.disks, x, y)
    _add_clumps(image, grid, disk, clumps, config.clumps.halo_fraction, x, y)


def add_neighbors(image, grid, magnitude, rng, neighbors):
    """
    Add unrelated galaxies, fainter than the central one.

    Parameters
    ----------
    image : `~numpy.ndarray`
        On the fine grid; flux per fine pixel, in nJy.
    grid : `~astro_wgan.simulate.fine_grid.FineGrid`
    magnitude : float
        AB magnitude of the central galaxy.
    rng : `numpy.random.Generator`
    neighbors : `~astro_wgan.simulate.Neighbors`

    Returns
    -------
    int
        Number of neighbors.
    """
    brightest = magnitude + neighbors.min_magnitude_difference
    count = rng.poisson(neighbors.mean_number)
    if neighbors.faintest_magnitude <= brightest:
        return 0
    for _ in range(count):
        # Inverse of the cumulative counts, proportional to 10 ** (slope * magnitude).
        limits = np.array([brightest, neighbors.faintest_magnitude])
        low, high = 10 ** (neighbors.count_slope * limits)
        faint = np.log10(rng.uniform(low, high)) / neighbors.count_slope
        x, y = _neighbor_position(rng, grid.half_width, neighbors.min_distance)
        add_sersic(
            image,
            grid,
            flux=flux_of(faint),
            half_light_radius=0.22 * 10 ** (-0.06 * (faint - 24) + rng.normal(0, 0.2)),
            index=rng.uniform(0.8, 2.0),
            axis_ratio=rng.uniform(0.3, 1.0),
            angle=rng.uniform(0, np.pi),
            x=x,
            y=y,
        )
    return count


# Parameters of galaxies


@cache
def _angular_scale():
    redshift = np.linspace(0.01, 8, 800)
    arcsec_per_kpc = FlatLambdaCDM(H0=70, Om0=0.3).arcsec_per_kpc_proper(redshift).value
    return redshift, 1 / arcsec_per_kpc


def _magnitude(rng, log_mass, redshift, early):
    """AB magnitude in F160W."""
    dimming = 5.6 * np.log10(redshift / 1.2) + 0.3 * early * (redshift - 1)
    return 22.0 - 2.2 * (log_mass - 10.5) + dimming + rng.normal(0, 0.35)


def _size(rng, log_mass, redshift, early):
    """Semimajor half-light radius, in kpc."""
    ratio = 10**log_mass / 5e10
    if early:
        return 5.6 * ratio**0.75 * (1 + redshift) ** -1.48 * 10 ** rng.normal(0, 0.12) + 0.4
    return 8.9 * ratio**0.22 * (1 + redshift) ** -0.75 * 10 ** rng.normal(0, 0.16)


def _component_radii(galaxy):
    """Half-light radii of bulge and disk, for which their sum has that of the galaxy."""
    # The bulge of a late type is smaller than its disk; in an early type they are similar.
    relative = (0.9, 1.6) if galaxy.is_early else (0.25, 1.0)
    total = combined_half_light_radius(
        (galaxy.bulge_fraction, 1 - galaxy.bulge_fraction),
        relative,
        (galaxy.bulge_index, galaxy.disk_index),
    )
    return [galaxy.half_light_radius * part / total for part in relative]


# Structure of disks


def _add_disk(image, grid, disk, fraction, rng, disks, x, y):
    """Add a disk with arms, bar, flocculence and lopsidedness, with the flux of a smooth disk."""
    shape = {'axis_ratio': disk.axis_ratio, 'angle': disk.angle, 'x': x, 'y': y}
    patch, light = sersic_light(
        grid,
        flux=fraction * disk.flux,
        half_light_radius=disk.half_light_radius,
        index=disk.disk_index,
        **shape,
    )
    smooth = light.sum()
    structure = _structure(patch.plane(**shape), disk.half_light_radius, rng, disks)
    light *= patch.upsample(structure)
    light *= smooth / light.sum()
    image[patch.index] += light


def _structure(plane, half_light_radius, rng, disks):
    """Factor by which the intensity of a smooth disk is multiplied."""
    scaled = plane.radius * np.float32(1 / half_light_radius)
    direction = plane.direction
    # All patterns of a galaxy wind the same way.
    handedness = rng.choice([-1, 1])
    flocculent = np.zeros(_MAX_ARMS + 1, dtype=complex)
    phases = rng.standard_normal((2, _MAX_ARMS - 1)).T @ [0.5, 0.5j]
    flocculent[2:] = disks.flocculent_amplitude * phases
    patterns = [(rng.uniform(20, 45), flocculent)]
    if rng.random() < disks.spiral_fraction:
        grand = np.zeros(_MAX_ARMS + 1, dtype=complex)
        strength = disks.arm_amplitude * rng.uniform(0.5, 1.5)
        grand[rng.choice([2, 2, 2, 3, 4])] = strength * np.exp(1j * rng.uniform(0, 2 * np.pi))
        patterns.append((rng.uniform(10, 30), grand))
    log_radius = np.log(scaled + np.float32(1e-3))
    pattern = sum(
        _winding(direction, log_radius, handedness * pitch, amplitudes)
        for pitch, amplitudes in patterns
    )
    # The patterns are suppressed in the center.
    square = scaled**2
    pattern *= square / (square + np.float32(0.16))
    if rng.random() < disks.bar_fraction:
        length, rotation = rng.uniform(0.3, 0.8), np.exp(-1j * rng.uniform(0, np.pi))
        along = direction * np.complex64(rotation)
        bar = np.exp(np.float32(-0.5 / length**2) * square * (along.real**2 + 9 * along.imag**2))
        pattern += np.float32(rng.uniform(0.3, 0.9)) * bar
    lopsided = min(0.8, disks.lopsidedness * rng.rayleigh() / 1.25)
    first = (direction * np.complex64(lopsided * np.exp(1j * rng.uniform(0, 2 * np.pi)))).real
    result = np.exp(pattern) * (1 + first * np.minimum(scaled / 2, 1))
    if disks.truncation_radius is not None:
        result /= 1 + np.exp(np.clip(8 * (scaled - np.float32(disks.truncation_radius)), -30, 30))
    return result


def _winding(direction, log_radius, pitch, amplitudes):
    """Logarithmic spirals with 0, 1, 2 ... arms of these complex amplitudes; pitch in degrees."""
    phase = log_radius * np.float32(1 / np.tan(np.radians(pitch)))
    wound = np.empty_like(direction)
    wound.real, wound.imag = np.cos(phase), -np.sin(phase)
    wound *= direction
    return harmonics(wound, amplitudes)


def _draw_clumps(rng, disk, config):
    """Fractions of the disk's light in clumps, and their positions in its plane, in its radii."""
    clumps = config.clumps
    count = rng.poisson(clumps.mean_number * (1 + disk.redshift) / 2)
    power = clumps.slope + 1
    low, high = clumps.min_flux_fraction**power, clumps.max_flux_fraction**power
    fraction = (low + (high - low) * rng.random(count)) ** (1 / power)
    # An exponential disk: gamma distributed radii, with 1.68 scale lengths per half-light radius.
    radius = np.minimum(rng.gamma(2.0, 1 / 1.68, count), 3.5)
    azimuth = rng.uniform(0, 2 * np.pi, count)
    sigma = rng.uniform(*clumps.sigma, count)
    return {'fraction': fraction, 'radius': radius, 'azimuth': azimuth, 'sigma': sigma}


def _add_clumps(image, grid, disk, clumps, halo_fraction, x, y):
    u = disk.half_light_radius * clumps['radius'] * np.cos(clumps['azimuth'])
    v = disk.half_light_radius * clumps['radius'] * np.sin(clumps['azimuth']) * disk.axis_ratio
    cos, sin = np.cos(disk.angle), np.sin(disk.angle)
    position = {'x': x + u * cos - v * sin, 'y': y + u * sin + v * cos}
    flux = disk.flux * clumps['fraction']
    add_gaussians(image, grid, flux=flux * (1 - halo_fraction), sigma=clumps['sigma'], **position)
    if halo_fraction:
        add_gaussians(
            image, grid, flux=flux * halo_fraction, sigma=2.5 * clumps['sigma'], **position
        )


def _neighbor_position(rng, half_width, min_distance):
    """A random position in the stamp that is not on the central galaxy."""
    while True:
        x, y = rng.uniform(-half_width, half_width, 2)
        if np.hypot(x, y) > min_distance:
            return x, y
