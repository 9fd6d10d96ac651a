"""`separate`: iterative separation of sources, sky level and noise in uneven images."""

from itertools import pairwise

import numpy as np
from scipy.ndimage import median_filter

from astro_wgan.detection.amplifier_steps import find_steps
from astro_wgan.detection.background import measure_sky
from astro_wgan.detection.sky_level import sky_level
from astro_wgan.detection.source_mask import cover_sources
from astro_wgan.exceptions import DetectionError, NoSkyError

__all__ = ['separate']

#: Maximum number of iterations.
_ITERATIONS = 6

#: Minimum fraction of clean pixels in a box of the noise map.
_FULL = 0.25

#: Minimum number of sky pixels.
_FEWEST = 16

#: Pixels further from the sky, in units of its standard deviation, are excluded.
_BRIGHTEST = 1e9

#: Convergence: maximum fraction of pixels that change between sky and source.
_SETTLED = 1e-3


def separate(pixels, bad, noise, detection, *, engine, margin, scale):
    """
    Separate sky from sources in an image with uneven background and correlated noise.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
        The image.
    bad : `~numpy.ndarray` of bool, shape (ny, nx)
        True for pixels to exclude.
    noise : `~numpy.ndarray`, shape (ny, nx), or None
        Relative standard deviation of each pixel.
    detection : `~astro_wgan.detection.DetectionConfig`
    engine, margin
        As in `~astro_wgan.noise.find_sky`.
    scale : float
        Smallest scale of variations of the sky level in pixels.

    Returns
    -------
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        True for sky.
    level : `~numpy.ndarray`, shape (ny, nx), or None
        The sky level; None if it is constant.

    Raises
    ------
    NoSkyError
        If no sky is left.
    DetectionError
        If the image has no noise.
    """
    # In units of its own standard deviation, to be independent of the unit.
    middle, spread = _middle_and_spread(pixels[~bad].astype(float))
    with np.errstate(over='ignore', invalid='ignore'):
        image = ((pixels.astype(float) - middle) / spread).astype(np.float32)
    bad = bad | ~(np.abs(image) <= _BRIGHTEST)
    image[bad] = 0
    weight = None if noise is None else _relative(noise, bad)
    clean = ~bad
    stated = None
    if detection.background is not None:
        stated = np.float32((detection.background - middle) / spread)
    level, sigma = _first_guess(image, bad, detection, stated)
    sigma = sigma if weight is None else weight
    for iteration in range(_ITERATIONS):
        residual = ((image - level) / sigma).astype(np.float32)
        residual[bad] = 0
        covered, sources = cover_sources(
            residual,
            bad,
            clean if iteration else None,
            detection,
            engine=engine,
            margin=margin,
            stated=stated is not None,
        )
        former, clean = clean, ~(bad | covered)
        if np.count_nonzero(clean) < _FEWEST:
            raise NoSkyError(sources)
        terms = 1
        if stated is None:
            rows, columns = (find_steps(image, clean, axis=axis, noise=sigma) for axis in (0, 1))
            level, terms = sky_level(
                image, clean, scale=scale, noise=sigma, rows=rows, columns=columns
            )
        if weight is None:
            sigma = _noise_map(image - level, clean, detection)
        if iteration > 1 and np.count_nonzero(former != clean) <= _SETTLED * clean.size:
            break
    return clean, None if terms == 1 else middle + spread * level.astype(float)


def _middle_and_spread(values):
    """Median and standard deviation of an image, from its faint pixels."""
    low, middle = np.quantile(values, [0.1587, 0.5])
    spread = middle - low
    if not spread > 0:
        largest = np.abs(values).max() or 1
        spread = np.std(values / largest) * largest
    if not spread > 0:
        raise DetectionError('The image has no noise: its background is constant everywhere.')
    return middle, spread


def _relative(noise, bad):
    typical = np.median(noise[~bad].astype(float))
    return np.where(bad, 1, noise.astype(float) / typical).astype(np.float32)


def _first_guess(image, bad, detection, stated):
    """Level and noise by SEP, separately between the steps seen in medians of rows and columns."""
    edges = [[0, n] for n in image.shape]
    if stated is None:
        steps = [find_steps(image, ~bad, axis=axis, sources=True) for axis in (0, 1)]
        edges = [[0, *some, n] for some, n in zip(steps, image.shape, strict=True)]
    level, sigma = np.zeros_like(image), np.ones_like(image)
    for y in pairwise(edges[0]):
        for x in pairwise(edges[1]):
            part = (slice(*y), slice(*x))
            if not bad[part].all():
                cell = np.ascontiguousarray(image[part])
                mask = np.ascontiguousarray(bad[part]) if bad[part].any() else None
                level[part], sigma[part] = measure_sky(cell, mask, detection, stated)
    typical = np.median(sigma[~bad])
    if not typical > 0:
        raise DetectionError('The image has no noise: its background is constant everywhere.')
    return level, np.where(sigma > 0, sigma, typical)


def _noise_map(residual, clean, detection):
    """Standard deviation of the clean pixels in boxes, median-filtered and interpolated."""
    box = detection.background_box
    whole = residual[clean].std(dtype=float)
    if not whole > 0:
        raise DetectionError('The image has no noise: its background is constant everywhere.')
    starts = [np.arange(max(1, n // box)) * n // max(1, n // box) for n in residual.shape]
    count, first, second = (
        np.add.reduceat(np.add.reduceat(each, starts[0], 0, float), starts[1], axis=1)
        for each in (clean, *(np.where(clean, residual**k, 0) for k in (1, 2)))
    )
    full = count >= max(2, _FULL * box**2)
    count = np.where(full, count, 1)
    sigma = np.sqrt(np.maximum(second / count - (first / count) ** 2, 0))
    sigma = np.where(full & (sigma > 0), sigma, whole)
    sigma = median_filter(sigma, detection.background_filter, mode='nearest')
    y, x = (_between(n, len(start)) for n, start in zip(residual.shape, starts, strict=True))
    return (y @ sigma).astype(np.float32) @ x.T.astype(np.float32)


def _between(n, boxes):
    """Weights of the boxes along an edge for linear interpolation between their centers."""
    place = np.clip((np.arange(n) + 0.5) * boxes / n - 0.5, 0, boxes - 1)
    return np.clip(1 - np.abs(place[:, np.newaxis] - np.arange(boxes)), 0, 1)
