"""Stars of a disc and a bulge, each on a circle around the center of a Plummer sphere."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from astro_wgan.mocks.encounter.encounter_orbit import GRAVITY

__all__ = ['Stars', 'draw_stars']

#: Standard deviation of the tilt of a disc's circles, in radian: its thickness over its radius.
_TILT = 0.05

#: The disc's star formation faded with this time scale, in Gyr, and began and ended so long ago.
_FADING, _YOUNGEST, _OLDEST = 5.0, 0.05, 10.0

#: A bulge is as old as that, in Gyr.
_BULGE_AGES = 8.0, 11.0

#: log10 of the metallicity in the middle, in units of the sun's; its slope in the disc, per scale
#: length; and its scatter.
_METALLICITY, _SLOPE, _SCATTER = 0.15, -0.12, 0.1


@dataclass(frozen=True, eq=False)
class Stars:
    """
    Stars without mass, which move in the potentials of others.

    Attributes
    ----------
    positions, velocities : `~numpy.ndarray`, shape (n, 3)
        In kpc and kpc / Gyr, around the galaxy's center.
    ages, metallicities : `~numpy.ndarray`, shape (n,)
        In Gyr and in units of the sun's.
    """

    positions: np.ndarray
    velocities: np.ndarray
    ages: np.ndarray
    metallicities: np.ndarray


def draw_stars(galaxy, n, rng):
    """
    Draw stars of a `DiskGalaxy`.

    Parameters
    ----------
    galaxy : `~astro_wgan.mocks.DiskGalaxy`
    n : int
    rng : `~numpy.random.Generator`

    Returns
    -------
    `Stars`

    Notes
    -----
    A circle around the center is an orbit in a spherical potential, whatever its plane. So discs
    and bulges are in equilibrium at once: circles of a disc are tilted a little, those of a bulge
    at random.
    """
    of_bulge = np.arange(n) < round(galaxy.bulge_fraction * n)
    scale = galaxy.scale_length.value
    radius = _exponential_radii(n, rng, galaxy.radius.value / scale) * scale
    # A third of the light of such a sphere lies within its scale.
    radius[of_bulge] = galaxy.bulge_scale.value * rng.gamma(2.0, size=np.count_nonzero(of_bulge))
    cosine = np.cos(_TILT * rng.standard_normal(n))
    cosine[of_bulge] = rng.uniform(-1, 1, np.count_nonzero(of_bulge))
    node, phase = rng.uniform(0, 2 * np.pi, (2, n))
    along = _turned(node, cosine, phase)
    across = _turned(node, cosine, phase + np.pi / 2)
    mass, softening = galaxy.mass.value, galaxy.softening.value
    speed = np.sqrt(GRAVITY * mass) * radius / (radius**2 + softening**2) ** 0.75
    turn = _orientation(*(a.to_value('rad') for a in (galaxy.inclination, galaxy.azimuth)))
    ages, metallicities = _populations(radius / scale, of_bulge, rng)
    return Stars(
        (radius[:, np.newaxis] * along) @ turn.T,
        (speed[:, np.newaxis] * across) @ turn.T,
        ages,
        metallicities,
    )


def _exponential_radii(n, rng, last):
    """Radii of a disc whose density falls exponentially, in scale lengths, up to the last."""
    radius = np.linspace(0, last, 2001)
    within = gammainc(2, radius)
    return np.interp(rng.uniform(0, within[-1], n), within, radius)


def _turned(node, cosine, phase):
    """Unit vectors at a phase along circles whose planes have a node and an inclination."""
    sine = np.sqrt(1 - cosine**2)
    return np.stack(
        [
            np.cos(node) * np.cos(phase) - np.sin(node) * np.sin(phase) * cosine,
            np.sin(node) * np.cos(phase) + np.cos(node) * np.sin(phase) * cosine,
            np.sin(phase) * sine,
        ],
        axis=-1,
    )


def _orientation(inclination, azimuth):
    """From a disc that turns about z to one that is inclined about a node in the orbit's plane."""
    (c, s), (k, w) = ((np.cos(a), np.sin(a)) for a in (inclination, azimuth))
    inclined = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return np.array([[k, -w, 0], [w, k, 0], [0, 0, 1]]) @ inclined


def _populations(radius, of_bulge, rng):
    span = (_OLDEST - _YOUNGEST) / _FADING
    # Of a distribution that grows with age: more stars formed long ago.
    share = rng.random(len(radius))
    ages = _YOUNGEST + _FADING * np.log1p(share * np.expm1(span))
    ages = np.where(of_bulge, rng.uniform(*_BULGE_AGES, len(radius)), ages)
    metallicity = _METALLICITY + np.where(of_bulge, 0, _SLOPE * radius)
    return ages, 10 ** (metallicity + _SCATTER * rng.standard_normal(len(radius)))
