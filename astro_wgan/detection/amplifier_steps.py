"""`find_steps`: steps of the background between amplifiers, along rows or columns."""

from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import norm

__all__ = ['find_steps']

#: Number of columns on either side of a position that are compared: a fraction (one in so many) of
#: the edge, and its limits.
_SHARE, _NARROWEST, _WIDEST = 10, 4, 32

#: Bands of rows that are examined separately, since a step may be upward in one half of an image
#: and downward in the other; and the significance, in sigma, that a step must have in two of them.
_BANDS = 4
_SIGMA = 5.0

#: Minimum number of rows of a band.
_SHORTEST = 8

#: Or its significance in all bands combined, each of which counts for at most `_SIGMA`.
_TOGETHER = 6.0

#: First quartile of the absolute values of a normal distribution, in sigma.
_QUARTER = norm.ppf(0.625)


def find_steps(pixels, use, *, axis, noise=None, sources=False):
    """
    Find steps of the background level along an axis.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
        The image.
    use : `~numpy.ndarray` of bool, shape (ny, nx)
        True for pixels to use.
    axis : {0, 1}
        0 for steps between rows, 1 for steps between columns.
    noise : `~numpy.ndarray`, shape (ny, nx), optional
        Relative standard deviation of each pixel; uniform by default.
    sources : bool, optional
        Whether the pixels include sources: then medians are used instead of means.

    Returns
    -------
    list of int
        First row, or column, after each step.

    Notes
    -----
    Lines are fitted to the means of the columns on either side of a position, and compared there,
    so that gradients do not count as steps. The noise, correlated or not, is measured from the
    differences elsewhere.
    """
    if axis == 0:
        pixels, use, noise = pixels.T, use.T, None if noise is None else noise.T
    ny, nx = pixels.shape
    width = int(np.clip(nx // _SHARE, _NARROWEST, _WIDEST))
    if nx < 4 * width:
        return []
    edges = np.linspace(0, ny, min(_BANDS, max(1, ny // _SHORTEST)) + 1).astype(int)
    profiles = [_profile(pixels[a:b], use[a:b], sources) for a, b in pairwise(edges)]
    jumps = np.array([_jumps(*profile, width) for profile in profiles])
    if noise is not None:
        jumps /= [_noise_around(noise[a:b], use[a:b], width) for a, b in pairwise(edges)]
    sigma = _in_sigma(jumps)
    significance = _significance(sigma)
    found = []
    while significance.max() > 1:
        place = int(significance.argmax())
        near = slice(max(0, place - width), place + width + 1)
        close = slice(max(0, place - width // 4), place + width // 4 + 1)
        # The position where the bands combined have the step.
        found.append(close.start + int((sigma[:, close] ** 2).sum(axis=0).argmax()) + width)
        significance[near] = 0
    return sorted(found)


def _profile(pixels, use, sources):
    """Mean or median of each column, and its number of pixels."""
    count = np.count_nonzero(use, axis=0)
    if not sources:
        total = np.sum(pixels, axis=0, where=use, dtype=float)
        return total / np.maximum(count, 1), count.astype(float)
    if use.all():
        return np.median(pixels, axis=0).astype(float), count.astype(float)
    values = np.where(use, pixels, np.nan)
    median = np.zeros(len(count))
    there = count > 0
    median[there] = np.nanmedian(values[:, there], axis=0)
    return median, count.astype(float)


def _noise_around(noise, use, width):
    """RMS noise of the pixels in the columns on either side of each position."""
    square = np.sum(noise * noise, axis=0, where=use, dtype=float)
    count = np.count_nonzero(use, axis=0)
    square, count = (sliding_window_view(each, 2 * width).sum(axis=1) for each in (square, count))
    return np.sqrt(np.divide(square, count, out=np.ones(len(square)), where=count > 0))


def _jumps(profile, weight, width):
    """Step between the lines on either side of each position; NaN with too few columns."""
    # Lines as functions of the distance from the position, evaluated at zero.
    distance = np.arange(width) + 0.5
    left, enough_left = _at_zero(profile[:-width], weight[:-width], -distance[::-1])
    right, enough_right = _at_zero(profile[width:], weight[width:], distance)
    return np.where(enough_left & enough_right, right - left, np.nan)


def _at_zero(profile, weight, distance):
    """Value at zero of the lines fitted to all windows of a profile."""
    width = len(distance)
    weight = sliding_window_view(weight, width)
    value = sliding_window_view(profile, width)
    one, first, second = (weight @ distance**power for power in range(3))
    product = weight * value
    zeroth, slope = product.sum(axis=1), product @ distance
    determinant = one * second - first**2
    enough = np.count_nonzero(weight, axis=1) >= width // 2
    determinant = np.where(enough, determinant, 1)
    return (second * zeroth - first * slope) / determinant, enough


def _in_sigma(jumps):
    """Steps of each band in units of the noise, which follows from the smallest quarter of them."""
    noise = np.full((len(jumps), 1), np.inf)
    for one, band in zip(noise, jumps, strict=True):
        known = np.isfinite(band)
        if known.any():
            one[0] = np.quantile(np.abs(band[known]), 0.25) / _QUARTER or np.inf
    return np.nan_to_num(jumps) / noise


def _significance(sigma):
    """Significance of a step, above 1 if it is one."""
    bands = len(sigma)
    second = np.sort(np.abs(sigma), axis=0)[-min(2, bands)]
    together = np.abs(np.clip(sigma, -_SIGMA, _SIGMA).sum(axis=0)) / np.sqrt(bands)
    return np.maximum(second / _SIGMA, together / _TOGETHER)
