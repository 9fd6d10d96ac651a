"""Stamps of single galaxies and of pairs, with noise."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.special import gammaincinv

from astro_wgan import StampSet

SIZE = 48


def galaxies(n, rng, *, offset=0.5):
    """Sersic profiles with random flux, half-light radius, index, axis ratio and angle."""
    y, x = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2

    def draw(low, high):
        return rng.uniform(low, high, size=(n, 1, 1))

    radius, index, ratio = 10 ** draw(0.4, 0.9), draw(0.8, 4), draw(0.3, 1)
    angle, flux = draw(0, np.pi), 10 ** draw(2.7, 4)
    dx, dy = x - offset * draw(-1, 1), y - offset * draw(-1, 1)
    along = dx * np.cos(angle) + dy * np.sin(angle)
    across = (-dx * np.sin(angle) + dy * np.cos(angle)) / ratio
    # Softened by half a pixel, to avoid the cusp.
    r = np.sqrt(along**2 + across**2 + 0.25)
    profile = np.exp(-gammaincinv(2 * index, 0.5) * (r / radius) ** (1 / index))
    return flux * profile / profile.sum(axis=(1, 2), keepdims=True)


def galaxy_pairs(n, rng):
    """Two galaxies 6 to 14 pixels apart, with the total flux of a single one."""
    ratio = rng.uniform(0.2, 1, size=(n, 1, 1))
    distance, angle = rng.uniform(6, 14, size=n), rng.uniform(0, 2 * np.pi, size=n)
    shifts = np.rint(distance * np.array([np.sin(angle), np.cos(angle)])).astype(int).T
    second = galaxies(n, rng)
    for k, shift in enumerate(shifts):
        second[k] = np.roll(second[k], shift, (0, 1))
    return (galaxies(n, rng) + ratio * second) / (1 + ratio)


def observed(images, rng):
    return StampSet(gaussian_filter(images, (0, 1, 1)) + rng.normal(size=images.shape))


@pytest.fixture(scope='session')
def normal():
    rng = np.random.default_rng(1)
    return observed(galaxies(1200, rng), rng)


@pytest.fixture(scope='session')
def held_out():
    rng = np.random.default_rng(2)
    return observed(galaxies(400, rng), rng)


@pytest.fixture(scope='session')
def pairs():
    rng = np.random.default_rng(3)
    return observed(galaxy_pairs(400, rng), rng)
