"""Instrumental artifacts: satellite trails, hot pixels, bleeding, and detector edges."""

from functools import partial

import numpy as np

__all__ = ['ARTIFACTS', 'draw_artifact']


def draw_artifact(rng, config):
    """
    Draw a random artifact.

    Parameters
    ----------
    rng : `numpy.random.Generator`
    config : `~astro_wgan.simulate.SimulationConfig`

    Returns
    -------
    name : str
        One of `ARTIFACTS`.
    apply_artifact : callable
        Function from an image to the image with the artifact.
    """
    name = str(rng.choice(ARTIFACTS))
    return name, partial(_ARTIFACTS[name], rng=rng, config=config)


def _trail(image, *, rng, config):
    """A satellite trail: a straight line across the stamp."""
    angle = rng.uniform(0, np.pi)
    offset = rng.uniform(-0.35, 0.35) * config.size
    y, x = np.indices(image.shape) - (config.size - 1) / 2
    distance = x * np.sin(angle) - y * np.cos(angle) - offset
    profile = np.exp(-0.5 * (distance / rng.uniform(1.0, 2.5)) ** 2)
    return image + config.noise.rms * rng.uniform(*config.artifacts.brightness) * profile


def _hot_pixels(image, *, rng, config):
    """Hot pixels, single or adjacent, that were not rejected."""
    image = image.copy()
    for _ in range(rng.integers(2, 9)):
        y, x = rng.integers(0, config.size - 1, 2)
        height, width = rng.integers(1, 3, 2)
        low, high = np.log(config.artifacts.hot_pixel_brightness)
        image[y : y + height, x : x + width] += config.noise.rms * np.exp(rng.uniform(low, high))
    return image


def _bleeding(image, *, rng, config):
    """Bleeding of a saturated star outside of the stamp along a column."""
    columns = np.arange(config.size)
    center, width = rng.uniform(4, config.size - 4), rng.uniform(0.7, 2.0)
    across = np.exp(-0.5 * ((columns - center) / width) ** 2)
    scale = config.size * rng.uniform(0.4, 2.0)
    along = np.exp(-columns / scale)
    if rng.random() < 0.5:
        along = along[::-1]
    height = config.noise.rms * 2 * rng.uniform(*config.artifacts.brightness)
    return image + height * along[:, np.newaxis] * across


def _bad_edge(image, *, rng, config):
    """The edge of a detector: zeros beyond it, and high noise in the adjacent rows."""
    width, rim = rng.integers(4, config.size // 3), rng.integers(1, 5)
    image = image.copy()
    noise = rng.standard_normal((rim, config.size)) * config.noise.rms * rng.uniform(2, 6)
    image[width : width + rim] += noise
    image[:width] = 0
    return np.rot90(image, rng.integers(0, 4))


_ARTIFACTS = {
    'trail': _trail,
    'hot pixels': _hot_pixels,
    'bleeding': _bleeding,
    'bad edge': _bad_edge,
}

#: Names of the artifacts.
ARTIFACTS = tuple(_ARTIFACTS)
