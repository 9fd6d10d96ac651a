"""Stars of a disk and a bulge, on circular orbits in a Plummer potential."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from astro_wgan.mocks.encounter.encounter_orbit import GRAVITY

__all__ = ['Stars', 'draw_stars']

#: Standard deviation of the inclination of the orbits in the disk, in radians.
_TILT = 0.05

#: E-folding time of the declining star formation of the disk, its end and its beginning, in Gyr
#: ago.
_DECLINE, _YOUNGEST, _OLDEST = 5.0, 0.05, 10.0

#: Range of ages of the bulge, in Gyr.
_BULGE_AGES = 8.0, 11.0

#: log10 of the central metallicity in solar units, its gradient in the disk per scale length, and
#: its scatter.
_METALLICITY, _SLOPE, _SCATTER = 0.15, -0.12, 0.1


@dataclass(frozen=True, eq=False)
class Stars:
    """
    Stars of a galaxy, as massless test particles.

    Attributes
    ----------
    positions, velocities : `~numpy.ndarray`, shape (n, 3)
        In kpc and kpc / Gyr, relative to the center of the galaxy.
    ages, metallicities : `~numpy.ndarray`, shape (n,)
        In Gyr and in solar units.
    """

    positions: np.ndarray
    velocities: np.ndarray
    ages: np.ndarray
    metallicities: np.ndarray


def draw_stars(galaxy, n, rng):
    """
    Draw the stars of a galaxy.

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
    Any circle around the center is an orbit in a spherical potential. Disk and bulge are therefore
    in equilibrium: the orbits of the disk have small inclinations, those of the bulge random ones.
    """
    in_bulge = np.arange(n) < round(galaxy.bulge_fraction * n)
    scale = galaxy.scale_length.value
    radius = _exponential_radii(n, rng, galaxy.radius.value / scale) * scale
    # The density of the bulge is proportional to exp(-r / scale) / r.
    radius[in_bulge] = galaxy.bulge_scale.value * rng.gamma(2.0, size=np.count_nonzero(in_bulge))
    cosine = np.cos(_TILT * rng.standard_normal(n))
    cosine[in_bulge] = rng.uniform(-1, 1, np.count_nonzero(in_bulge))
    node, phase = rng.uniform(0, 2 * np.pi, (2, n))
    radial = _unit_vectors(node, cosine, phase)
    tangential = _unit_vectors(node, cosine, phase + np.pi / 2)
    mass, softening = galaxy.mass.value, galaxy.softening.value
    speed = np.sqrt(GRAVITY * mass) * radius / (radius**2 + softening**2) ** 0.75
    rotation = _rotation(*(a.to_value('rad') for a in (galaxy.inclination, galaxy.azimuth)))
    ages, metallicities = _populations(radius / scale, in_bulge, rng)
    return Stars(
        (radius[:, np.newaxis] * radial) @ rotation.T,
        (speed[:, np.newaxis] * tangential) @ rotation.T,
        ages,
        metallicities,
    )


def _exponential_radii(n, rng, last):
    """Radii of an exponential disk in scale lengths, truncated at ``last``."""
    radius = np.linspace(0, last, 2001)
    within = gammainc(2, radius)
    return np.interp(rng.uniform(0, within[-1], n), within, radius)


def _unit_vectors(node, cosine, phase):
    """Unit vectors at a phase on circles with a node and the cosine of an inclination."""
    sine = np.sqrt(1 - cosine**2)
    return np.stack(
        [
            np.cos(node) * np.cos(phase) - np.sin(node) * np.sin(phase) * cosine,
            np.sin(node) * np.cos(phase) + np.cos(node) * np.sin(phase) * cosine,
            np.sin(phase) * sine,
        ],
        axis=-1,
    )


def _rotation(inclination, azimuth):
    """Rotation of a disk with spin along z to an inclination about a node in the orbital plane."""
    (c, s), (k, w) = ((np.cos(a), np.sin(a)) for a in (inclination, azimuth))
    inclined = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return np.array([[k, -w, 0], [w, k, 0], [0, 0, 1]]) @ inclined


def _populations(radius, in_bulge, rng):
    span = (_OLDEST - _YOUNGEST) / _DECLINE
    # The number of stars increases exponentially with age.
    quantile = rng.random(len(radius))
    ages = _YOUNGEST + _DECLINE * np.log1p(quantile * np.expm1(span))
    ages = np.where(in_bulge, rng.uniform(*_BULGE_AGES, len(radius)), ages)
    metallicity = _METALLICITY + np.where(in_bulge, 0, _SLOPE * radius)
    return ages, 10 ** (metallicity + _SCATTER * rng.standard_normal(len(radius)))
