"""Scenes: the light of a stamp of each class, and the truth about it."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from astro_wgan.simulate.artifacts import draw_artefact
from astro_wgan.simulate.debris import add_debris
from astro_wgan.simulate.fine_grid import Plane, add_sersic, harmonics
from astro_wgan.simulate.galaxies import add_galaxy, add_neighbours, draw_galaxy
from astro_wgan.simulate.telescope import sky_of

__all__ = ['KINDS', 'Scene', 'draw_scene']

#: Of the middle of a stamp, where its galaxy is, up to half a pixel away.
_HALF_PIXEL = 0.5


class Scene(NamedTuple):
    """
    What the telescope looks at.

    Attributes
    ----------
    light : `~numpy.ndarray`, shape (fine, fine)
        Flux per fine pixel, in nJy.
    truth : dict
        What is known of it, in plain numbers; see `simulate`.
    spoil : callable or None
        From the image, with noise, to that with an artefact.
    """

    light: np.ndarray
    truth: dict
    spoil: object = None


def draw_scene(kind, rng, recipe):
    """
    A scene of a class.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    rng : `numpy.random.Generator`
    recipe : `~astro_wgan.simulate.Recipe`

    Returns
    -------
    `Scene`
    """
    sky = sky_of(recipe)
    image = sky.empty()
    half = _HALF_PIXEL * recipe.pixel_scale
    x, y = rng.uniform(-half, half, 2)
    galaxy = draw_galaxy(rng, recipe)
    truth = {
        'stage': 'isolated',
        'artefact': '',
        'mass': 10**galaxy.log_mass,
        'redshift': galaxy.redshift,
        'magnitude': galaxy.magnitude,
        'flux': galaxy.flux,
        'effective_radius': galaxy.radius,
        'axis_ratio': galaxy.axis_ratio,
        'bulge_fraction': galaxy.bulge,
        'flux_ratio': np.nan,
        'separation': np.nan,
        'separation_angle': np.nan,
        'merger_time': np.nan,
        'x': x / recipe.pixel_scale + (recipe.size - 1) / 2,
        'y': y / recipe.pixel_scale + (recipe.size - 1) / 2,
    }
    more = _DRAW[kind](image, sky, galaxy, rng, recipe, x, y)
    spoil = more.pop('spoil', None)
    truth.update(more)
    truth['neighbours'] = add_neighbours(image, sky, galaxy.magnitude, rng, recipe.crowding)
    return Scene(image, truth, spoil)


# A function for each class: it adds the light to the image, and says what differs in the truth.


def _normal(image, sky, galaxy, rng, recipe, x, y):
    add_galaxy(image, sky, galaxy, rng, recipe, x=x, y=y)
    return {}


def _pair(image, sky, galaxy, rng, recipe, x, y):
    pairs = recipe.pairs
    if rng.random() < pairs.major:
        ratio = 2 ** rng.random()
    else:
        ratio = 2 * (pairs.highest_ratio / 2) ** (rng.random() ** pairs.decline)
    separation = np.sqrt(rng.uniform(*np.square(pairs.separations)))
    angle = rng.uniform(0, 2 * np.pi)
    companion = replace(
        draw_galaxy(rng, recipe),
        log_mass=galaxy.log_mass - np.log10(ratio),
        redshift=galaxy.redshift,
        magnitude=galaxy.magnitude + 2.5 * np.log10(ratio),
        radius=galaxy.radius * ratio**-0.3 * 10 ** rng.normal(0, 0.1),
    )
    # The distance along the line of sight is not seen: that in space is larger.
    distance = separation / np.sqrt(1 - rng.uniform(0, 0.95) ** 2)
    time = -min(1.0, distance / (4 * galaxy.radius))
    debris = add_debris(image, sky, galaxy, rng, recipe.disturbance, pairs.tide * (1 + time), x, y)
    add_galaxy(image, sky, _dimmed(galaxy, debris), rng, recipe, x=x, y=y)
    there = {'x': x + separation * np.cos(angle), 'y': y + separation * np.sin(angle)}
    add_galaxy(image, sky, companion, rng, recipe, **there)
    return {
        'stage': 'pre-merger',
        'flux_ratio': ratio,
        'separation': separation,
        'separation_angle': np.degrees(angle),
        'merger_time': time,
    }


def _disturbed(image, sky, galaxy, rng, recipe, x, y):
    disturbance = recipe.disturbance
    before = rng.random() < disturbance.before
    time = rng.uniform(-1, 0) if before else rng.uniform(0, 1)
    strength = 1 - disturbance.fading * abs(time)
    moved = add_debris(image, sky, galaxy, rng, disturbance, strength, x, y)
    if not before and rng.random() < disturbance.nuclei * (1 - time):
        moved += _add_nucleus(image, sky, galaxy, rng, x, y)
    add_galaxy(image, sky, _dimmed(galaxy, moved), rng, recipe, x=x, y=y)
    return {'stage': 'pre-merger' if before else 'post-merger', 'merger_time': time}


def _dimmed(galaxy, flux):
    """The galaxy without some of its light."""
    return replace(galaxy, magnitude=galaxy.magnitude - 2.5 * np.log10(1 - flux / galaxy.flux))


def _add_nucleus(image, sky, galaxy, rng, x, y):
    """Add a second nucleus; returns its flux."""
    distance, angle = rng.uniform(0.12, 0.3), rng.uniform(0, 2 * np.pi)
    flux = galaxy.flux * rng.uniform(0.03, 0.1)
    add_sersic(
        image,
        sky,
        flux=flux,
        radius=rng.uniform(0.03, 0.08),
        index=1.5,
        x=x + distance * np.cos(angle),
        y=y + distance * np.sin(angle),
    )
    return flux


def _ring(image, sky, galaxy, rng, recipe, x, y):
    rings = recipe.rings
    share = rng.uniform(*rings.share)
    add_galaxy(image, sky, _dimmed(galaxy, share * galaxy.flux), rng, recipe, x=x, y=y)
    # Seen less inclined than a disc at random: a ring from its edge is none.
    ratio = max(galaxy.axis_ratio, rng.uniform(0.4, 1.0))
    radius = max(galaxy.radius * rng.uniform(*rings.radii), 5 * sky.scale)
    radius = min(radius, 0.75 * sky.edge)
    whole = sky.whole
    plane = whole.plane(x, y, axis_ratio=ratio, angle=galaxy.angle)
    offset = (plane.radius * np.float32(1 / radius) - 1) / np.float32(rng.uniform(*rings.width))
    # Star formation is uneven along a ring.
    uneven = np.zeros(8, dtype=complex)
    uneven[[1, 2, 3, 5, 7]] = 0.4 * (rng.standard_normal((5, 2)) @ [1, 1j]) / np.sqrt(2)
    ring = np.exp(harmonics(plane.direction, uneven) - np.float32(0.5) * offset**2)
    ring = whole.refined(ring)
    image += ring * np.float32(share * galaxy.flux / ring.sum())
    return {'stage': 'ring', 'axis_ratio': ratio}


def _lens(image, sky, galaxy, rng, recipe, x, y):
    lenses = recipe.lenses
    # Lenses are massive and of early type.
    galaxy = replace(
        galaxy,
        bulge=rng.uniform(0.7, 1.0),
        bulge_index=rng.uniform(3.0, 4.5),
        axis_ratio=max(galaxy.axis_ratio, 0.6),
    )
    add_galaxy(image, sky, galaxy, rng, recipe, x=x, y=y)
    einstein = rng.uniform(*lenses.einstein_radii)
    images = _lensed(sky, einstein, galaxy, rng, x, y)
    contrast = rng.uniform(*lenses.contrast)
    image += images * np.float32(galaxy.flux * 10 ** (-0.4 * contrast) / images.sum())
    return {'stage': 'lens', 'axis_ratio': galaxy.axis_ratio, 'bulge_fraction': galaxy.bulge}


def _lensed(sky, einstein, galaxy, rng, x, y):
    """A source behind a singular isothermal ellipsoid (Kormann et al. 1994, A&A 284, 285)."""
    q = min(0.97, max(0.6, galaxy.axis_ratio))
    plane = Plane.of(sky.axis - x, sky.axis[:, np.newaxis] - y, 1.0, galaxy.angle)
    r = np.sqrt(q**2 * plane.u**2 + plane.v**2 + np.float32(1e-8))
    root = np.sqrt(1 - q**2)
    scale = np.float32(einstein * np.sqrt(q) / root)
    deflected_u = plane.u - scale * np.arctan(root * plane.u / r)
    deflected_v = plane.v - scale * np.arctanh(root * plane.v / r)
    # Near the axis of the lens, so that there are several images or an arc.
    offset, angle = einstein * 0.45 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
    du = deflected_u - np.float32(offset * np.cos(angle))
    dv = deflected_v - np.float32(offset * np.sin(angle))
    ratio, turn = rng.uniform(0.5, 1.0), rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    along, across = du * cos + dv * sin, (dv * cos - du * sin) / np.float32(ratio)
    size = np.float32(rng.uniform(0.06, 0.14) / 1.68)
    return np.exp(-np.hypot(along, across) / size)


def _artefact(image, sky, galaxy, rng, recipe, x, y):
    add_galaxy(image, sky, galaxy, rng, recipe, x=x, y=y)
    name, spoil = draw_artefact(rng, recipe)
    return {'artefact': name, 'spoil': spoil}


_DRAW = {
    'normal': _normal,
    'pair': _pair,
    'disturbed': _disturbed,
    'ring': _ring,
    'lens': _lens,
    'artefact': _artefact,
}

#: The classes.
KINDS = tuple(_DRAW)
