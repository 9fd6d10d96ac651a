"""Scenes: the light in a stamp of each class, before the telescope, with its true parameters."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from astro_wgan.simulate.artifacts import draw_artifact
from astro_wgan.simulate.debris import add_debris
from astro_wgan.simulate.fine_grid import Plane, add_sersic, harmonics
from astro_wgan.simulate.galaxies import add_galaxy, add_neighbors, draw_galaxy
from astro_wgan.simulate.telescope import fine_grid_of

__all__ = ['CLASSES', 'Scene', 'draw_scene']

#: Maximum offset of a galaxy from the center of its stamp along either axis, in pixels.
_MAX_OFFSET = 0.5


class Scene(NamedTuple):
    """
    Light on the fine grid, with its true parameters.

    Attributes
    ----------
    light : `~numpy.ndarray`, shape (fine, fine)
        Flux per fine pixel, in nJy.
    truth : dict
        True parameters, as plain numbers; see `~astro_wgan.simulate.simulate`.
    apply_artifact : callable or None
        Function from the noisy image to the image with an artifact.
    """

    light: np.ndarray
    truth: dict
    apply_artifact: object = None


def draw_scene(class_name, rng, config):
    """
    Draw a random scene of a class.

    Parameters
    ----------
    class_name : str
        One of `CLASSES`.
    rng : `numpy.random.Generator`
    config : `~astro_wgan.simulate.SimulationConfig`

    Returns
    -------
    `Scene`
    """
    grid = fine_grid_of(config)
    image = grid.empty()
    offset = _MAX_OFFSET * config.pixel_scale
    x, y = rng.uniform(-offset, offset, 2)
    galaxy = draw_galaxy(rng, config)
    truth = {
        'stage': 'isolated',
        'artifact': '',
        'stellar_mass': 10**galaxy.log_mass,
        'redshift': galaxy.redshift,
        'magnitude': galaxy.magnitude,
        'flux': galaxy.flux,
        'half_light_radius': galaxy.half_light_radius,
        'axis_ratio': galaxy.axis_ratio,
        'bulge_fraction': galaxy.bulge_fraction,
        'flux_ratio': np.nan,
        'separation': np.nan,
        'companion_direction': np.nan,
        'merger_time': np.nan,
        'x': x / config.pixel_scale + (config.size - 1) / 2,
        'y': y / config.pixel_scale + (config.size - 1) / 2,
    }
    changes = _DRAW[class_name](image, grid, galaxy, rng, config, x, y)
    apply_artifact = changes.pop('apply_artifact', None)
    truth.update(changes)
    truth['n_neighbors'] = add_neighbors(image, grid, galaxy.magnitude, rng, config.neighbors)
    return Scene(image, truth, apply_artifact)


# A function for each class adds the light to the image and returns the parameters that differ.


def _normal(image, grid, galaxy, rng, config, x, y):
    add_galaxy(image, grid, galaxy, rng, config, x=x, y=y)
    return {}


def _pair(image, grid, galaxy, rng, config, x, y):
    pairs = config.pairs
    if rng.random() < pairs.major_fraction:
        ratio = 2 ** rng.random()
    else:
        ratio = 2 * (pairs.max_flux_ratio / 2) ** (rng.random() ** pairs.flux_ratio_exponent)
    separation = np.sqrt(rng.uniform(*np.square(pairs.separation)))
    angle = rng.uniform(0, 2 * np.pi)
    companion = replace(
        draw_galaxy(rng, config),
        log_mass=galaxy.log_mass - np.log10(ratio),
        redshift=galaxy.redshift,
        magnitude=galaxy.magnitude + 2.5 * np.log10(ratio),
        half_light_radius=galaxy.half_light_radius * ratio**-0.3 * 10 ** rng.normal(0, 0.1),
    )
    # The distance in space is larger than the projected separation.
    distance = separation / np.sqrt(1 - rng.uniform(0, 0.95) ** 2)
    time = -min(1.0, distance / (4 * galaxy.half_light_radius))
    strength = pairs.tidal_amplitude * (1 + time)
    debris = add_debris(image, grid, galaxy, rng, config.disturbance, strength, x, y)
    add_galaxy(image, grid, _dimmed(galaxy, debris), rng, config, x=x, y=y)
    position = {'x': x + separation * np.cos(angle), 'y': y + separation * np.sin(angle)}
    add_galaxy(image, grid, companion, rng, config, **position)
    return {
        'stage': 'pre-merger',
        'flux_ratio': ratio,
        'separation': separation,
        'companion_direction': np.degrees(angle),
        'merger_time': time,
    }


def _disturbed(image, grid, galaxy, rng, config, x, y):
    disturbance = config.disturbance
    before = rng.random() < disturbance.pre_merger_fraction
    time = rng.uniform(-1, 0) if before else rng.uniform(0, 1)
    strength = 1 - disturbance.fading * abs(time)
    debris = add_debris(image, grid, galaxy, rng, disturbance, strength, x, y)
    if not before and rng.random() < disturbance.second_nucleus_fraction * (1 - time):
        debris += _add_nucleus(image, grid, galaxy, rng, x, y)
    add_galaxy(image, grid, _dimmed(galaxy, debris), rng, config, x=x, y=y)
    return {'stage': 'pre-merger' if before else 'post-merger', 'merger_time': time}


def _dimmed(galaxy, flux):
    """The galaxy, fainter by a flux."""
    return replace(galaxy, magnitude=galaxy.magnitude - 2.5 * np.log10(1 - flux / galaxy.flux))


def _add_nucleus(image, grid, galaxy, rng, x, y):
    """Add a second nucleus, and return its flux."""
    distance, angle = rng.uniform(0.12, 0.3), rng.uniform(0, 2 * np.pi)
    flux = galaxy.flux * rng.uniform(0.03, 0.1)
    add_sersic(
        image,
        grid,
        flux=flux,
        half_light_radius=rng.uniform(0.03, 0.08),
        index=1.5,
        x=x + distance * np.cos(angle),
        y=y + distance * np.sin(angle),
    )
    return flux


def _ring(image, grid, galaxy, rng, config, x, y):
    rings = config.rings
    fraction = rng.uniform(*rings.flux_fraction)
    add_galaxy(image, grid, _dimmed(galaxy, fraction * galaxy.flux), rng, config, x=x, y=y)
    # Less inclined than random disks, since an edge-on ring is not recognizable.
    ratio = max(galaxy.axis_ratio, rng.uniform(0.4, 1.0))
    radius = max(galaxy.half_light_radius * rng.uniform(*rings.radius), 5 * grid.pixel_scale)
    radius = min(radius, 0.75 * grid.half_width)
    whole = grid.whole
    plane = whole.plane(x, y, axis_ratio=ratio, angle=galaxy.angle)
    offset = (plane.radius * np.float32(1 / radius) - 1) / np.float32(rng.uniform(*rings.width))
    # Brightness varies along the ring.
    amplitudes = np.zeros(8, dtype=complex)
    amplitudes[[1, 2, 3, 5, 7]] = 0.4 * (rng.standard_normal((5, 2)) @ [1, 1j]) / np.sqrt(2)
    ring = np.exp(harmonics(plane.direction, amplitudes) - np.float32(0.5) * offset**2)
    ring = whole.upsample(ring)
    image += ring * np.float32(fraction * galaxy.flux / ring.sum())
    return {'stage': 'ring', 'axis_ratio': ratio}


def _lens(image, grid, galaxy, rng, config, x, y):
    lenses = config.lenses
    # Lenses are massive early-type galaxies.
    galaxy = replace(
        galaxy,
        bulge_fraction=rng.uniform(0.7, 1.0),
        bulge_index=rng.uniform(3.0, 4.5),
        axis_ratio=max(galaxy.axis_ratio, 0.6),
    )
    add_galaxy(image, grid, galaxy, rng, config, x=x, y=y)
    einstein = rng.uniform(*lenses.einstein_radius)
    images = _lensed(grid, einstein, galaxy, rng, x, y)
    contrast = rng.uniform(*lenses.contrast)
    image += images * np.float32(galaxy.flux * 10 ** (-0.4 * contrast) / images.sum())
    return {
        'stage': 'lens',
        'axis_ratio': galaxy.axis_ratio,
        'bulge_fraction': galaxy.bulge_fraction,
    }


def _lensed(grid, einstein, galaxy, rng, x, y):
    """A source lensed by a singular isothermal ellipsoid (Kormann et al. 1994, A&A 284, 285)."""
    q = min(0.97, max(0.6, galaxy.axis_ratio))
    plane = Plane.from_offsets(grid.axis - x, grid.axis[:, np.newaxis] - y, 1.0, galaxy.angle)
    r = np.sqrt(q**2 * plane.u**2 + plane.v**2 + np.float32(1e-8))
    root = np.sqrt(1 - q**2)
    scale = np.float32(einstein * np.sqrt(q) / root)
    deflected_u = plane.u - scale * np.arctan(root * plane.u / r)
    deflected_v = plane.v - scale * np.arctanh(root * plane.v / r)
    # The source is close to the lens axis, so that there are multiple images or an arc.
    offset, angle = einstein * 0.45 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
    du = deflected_u - np.float32(offset * np.cos(angle))
    dv = deflected_v - np.float32(offset * np.sin(angle))
    ratio, orientation = rng.uniform(0.5, 1.0), rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(orientation)), np.float32(np.sin(orientation))
    along, across = du * cos + dv * sin, (dv * cos - du * sin) / np.float32(ratio)
    size = np.float32(rng.uniform(0.06, 0.14) / 1.68)
    return np.exp(-np.hypot(along, across) / size)


def _artifact(image, grid, galaxy, rng, config, x, y):
    add_galaxy(image, grid, galaxy, rng, config, x=x, y=y)
    name, apply_artifact = draw_artifact(rng, config)
    return {'artifact': name, 'apply_artifact': apply_artifact}


_DRAW = {
    'normal': _normal,
    'pair': _pair,
    'disturbed': _disturbed,
    'ring': _ring,
    'lens': _lens,
    'artifact': _artifact,
}

#: Names of the classes.
CLASSES = tuple(_DRAW)
