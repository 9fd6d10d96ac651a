"""Faults of the instrument and of the reduction, put into images."""

from functools import partial

import numpy as np

__all__ = ['ARTEFACTS', 'draw_artefact']


def draw_artefact(rng, recipe):
    """
    An artefact of any kind.

    Parameters
    ----------
    rng : `numpy.random.Generator`
    recipe : `~astro_wgan.simulate.Recipe`

    Returns
    -------
    name : str
        One of `ARTEFACTS`.
    spoil : callable
        From an image to the image with the artefact.
    """
    name = str(rng.choice(ARTEFACTS))
    return name, partial(_SPOIL[name], rng=rng, recipe=recipe)


def _trail(image, *, rng, recipe):
    """The track of a satellite: a straight line through the stamp."""
    angle = rng.uniform(0, np.pi)
    offset = rng.uniform(-0.35, 0.35) * recipe.size
    y, x = np.indices(image.shape) - (recipe.size - 1) / 2
    distance = x * np.sin(angle) - y * np.cos(angle) - offset
    profile = np.exp(-0.5 * (distance / rng.uniform(1.0, 2.5)) ** 2)
    return image + recipe.noise.rms * rng.uniform(*recipe.artefacts.brightness) * profile


def _hot_pixels(image, *, rng, recipe):
    """Single pixels, or neighbours, that no rejection has removed."""
    image = image.copy()
    for _ in range(rng.integers(2, 9)):
        y, x = rng.integers(0, recipe.size - 1, 2)
        height, width = rng.integers(1, 3, 2)
        low, high = np.log(recipe.artefacts.hot)
        image[y : y + height, x : x + width] += recipe.noise.rms * np.exp(rng.uniform(low, high))
    return image


def _bleeding(image, *, rng, recipe):
    """The charge of a saturated star outside of the stamp runs along a column."""
    columns = np.arange(recipe.size)
    centre, width = rng.uniform(4, recipe.size - 4), rng.uniform(0.7, 2.0)
    across = np.exp(-0.5 * ((columns - centre) / width) ** 2)
    scale = recipe.size * rng.uniform(0.4, 2.0)
    along = np.exp(-columns / scale)
    if rng.random() < 0.5:
        along = along[::-1]
    height = recipe.noise.rms * 2 * rng.uniform(*recipe.artefacts.brightness)
    return image + height * along[:, np.newaxis] * across


def _bad_edge(image, *, rng, recipe):
    """Beyond the edge of a detector there is nothing, and beside it the noise is high."""
    width, rim = rng.integers(4, recipe.size // 3), rng.integers(1, 5)
    image = image.copy()
    noise = rng.standard_normal((rim, recipe.size)) * recipe.noise.rms * rng.uniform(2, 6)
    image[width : width + rim] += noise
    image[:width] = 0
    return np.rot90(image, rng.integers(0, 4))


_SPOIL = {
    'trail': _trail,
    'hot pixels': _hot_pixels,
    'bleeding': _bleeding,
    'bad edge': _bad_edge,
}

#: Names of the artefacts.
ARTEFACTS = tuple(_SPOIL)
