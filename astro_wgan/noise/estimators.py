"""Statistics of images with missing pixels: lag products, azimuthal averages, jackknife errors."""

from itertools import pairwise

import numpy as np
from scipy import fft

__all__ = ['PixelGroup', 'jackknife_error', 'pair_sums', 'radial_profile', 'split_into_groups']

#: Jackknife groups: enough for the error itself to be accurate to 15 percent.
_GROUPS = 25

#: Pixels whose Fourier transforms are held in memory at a time.
_PIXELS = 2**21


class PixelGroup:
    """
    Pixels whose pairs are summed together, one group of the jackknife.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (n, ny, nx)
        Deviations from the mean.
    valid : `~numpy.ndarray` of bool, shape (n, ny, nx)
        True for pixels that are used.
    inner : tuple of slice, optional
        Region that contains the first pixel of each pair; everything by default.
    """

    def __init__(self, pixels, valid, inner=()):
        self.pixels, self.valid, self.inner = pixels, valid, inner


def split_into_groups(pixels, valid, max_lag):
    """
    Split a stack of images into nearly independent groups.

    If there are at least 25 images, each group consists of consecutive images. Otherwise the images
    are cut into blocks, each with a border that may only contain the second pixel of a pair. Each
    pair is thus in exactly one group.

    Parameters
    ----------
    pixels, valid : `~numpy.ndarray`, shape (n, ny, nx)
        As in `PixelGroup`.
    max_lag : int
        Width of the border.

    Returns
    -------
    list of `PixelGroup`
    """
    n, ny, nx = pixels.shape
    if n >= _GROUPS:
        edges = np.linspace(0, n, _GROUPS + 1).astype(int)
        rows = [slice(*pair) for pair in pairwise(edges)]
        return [PixelGroup(pixels[part], valid[part]) for part in rows]
    # Blocks narrower than twice the lag would not be independent.
    most = round(np.sqrt(_GROUPS))
    y, x = (_edges(size, min(most, max(1, size // max(1, 2 * max_lag)))) for size in (ny, nx))
    groups = []
    for y0, y1 in pairwise(y):
        for x0, x1 in pairwise(x):
            top, left = max(0, y0 - max_lag), max(0, x0 - max_lag)
            part = (slice(None), slice(top, y1 + max_lag), slice(left, x1 + max_lag))
            inner = (slice(None), slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
            if valid[part][inner].any():
                groups.append(PixelGroup(pixels[part], valid[part], inner))
    return groups


def pair_sums(group, max_lag):
    """
    Sum of products, and number, of the pairs of valid pixels at each lag.

    Parameters
    ----------
    group : `PixelGroup`
    max_lag : int
        Largest lag along each axis.

    Returns
    -------
    products, pairs : `~numpy.ndarray`, shape (2 max_lag + 1, 2 max_lag + 1)
        Lag zero is in the middle.

    Notes
    -----
    Computed with zero-padded Fourier transforms of the pixels and of the mask, so that nothing
    wraps around. The ratio of the two is the mean product over the existing pairs, unbiased by
    gaps; the transform of an image whose gaps are filled with zeros is not.
    """
    n, ny, nx = group.pixels.shape
    shape = tuple(fft.next_fast_len(size + max_lag, real=True) for size in (ny, nx))
    at_once = max(1, _PIXELS // (shape[0] * shape[1]))
    products = pairs = 0
    for first in range(0, n, at_once):
        part = slice(first, first + at_once)
        valid = group.valid[part].astype(float)
        pixels = group.pixels[part] * valid
        products = products + _cross_power(pixels, group.inner, shape)
        pairs = pairs + _cross_power(valid, group.inner, shape)
    products, pairs = (fft.irfft2(power, s=shape) for power in (products, pairs))
    lags = np.arange(-max_lag, max_lag + 1)
    at_lags = np.ix_(lags % shape[0], lags % shape[1])
    return products[at_lags], np.rint(pairs[at_lags])


def _edges(size, parts):
    return np.linspace(0, size, parts + 1).astype(int)


def _cross_power(images, inner, shape):
    second = fft.rfft2(images, s=shape)
    first = second
    if inner:
        only = np.zeros_like(images)
        only[inner] = images[inner]
        first = fft.rfft2(only, s=shape)
    return (first.conj() * second).sum(axis=0)


def radial_profile(values, ring):
    """
    Mean over the pixels of each ring.

    Parameters
    ----------
    values : `~numpy.ndarray`, shape (..., ny, nx)
    ring : `~numpy.ndarray` of int, shape (ny, nx)
        Index of the ring of each pixel, negative for pixels outside all rings. Each ring from 0 on
        has at least one pixel.

    Returns
    -------
    `~numpy.ndarray`, shape (..., rings)

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.noise.estimators import radial_profile
    >>> radial_profile(np.array([[1.0, 2.0, 6.0]]), np.array([[1, 0, 1]]))
    array([2. , 3.5])
    """
    order = np.argsort(ring, axis=None, kind='stable')
    order = order[np.count_nonzero(ring < 0) :]
    pixels = np.bincount(ring.ravel()[order])
    first = np.cumsum(pixels) - pixels
    sums = np.add.reduceat(
        values.reshape(*values.shape[:-2], ring.size)[..., order], first, axis=-1
    )
    return sums / pixels


def jackknife_error(samples):
    """
    Standard error of an estimate from its jackknife samples.

    Parameters
    ----------
    samples : array_like, shape (g, ...)
        The estimate with each of g groups of the data left out.

    Returns
    -------
    `~numpy.ndarray`, shape (...)
        NaN for fewer than two groups.

    Notes
    -----
    Tukey's estimate, sqrt((g - 1) / g * sum (x_g - mean)^2). Groups may differ slightly in size.

    Examples
    --------
    The error of a mean is the sample standard deviation divided by the square root of the number:

    >>> import numpy as np
    >>> from astro_wgan.noise.estimators import jackknife_error
    >>> x = np.array([1.0, 2.0, 4.0, 9.0])
    >>> float(jackknife_error((x.sum() - x) / 3)), float(x.std(ddof=1) / 2)
    (1.77951, 1.77951)
    """
    samples = np.asarray(samples, dtype=float)
    groups = len(samples)
    if groups < 2:
        return np.full(samples.shape[1:], np.nan)
    return np.sqrt((groups - 1) * samples.var(axis=0))
