"""Deposition of particles on a grid: projection, and smoothing with Gaussian kernels."""

import numpy as np
from scipy.ndimage import convolve1d
from scipy.special import ndtr

__all__ = ['image_axes', 'deposit']

#: Kernel widths per factor of two; particles with the same width are smoothed together.
_WIDTHS = 4

#: Smallest sigma of a kernel, in pixels, and largest one, as a fraction of the edge of the map.
_NARROWEST, _WIDEST = 0.2, 0.25

#: Indices of the coordinates along x and y of the image, for each line of sight.
_AXES = {'x': (1, 2), 'y': (2, 0), 'z': (0, 1)}


def image_axes(along):
    """
    Unit vectors along x and y of the image.

    Parameters
    ----------
    along : {'x', 'y', 'z'} or array_like of 3 numbers
        Line of sight.

    Returns
    -------
    `~numpy.ndarray`, shape (2, 3)

    Raises
    ------
    ValueError
        If it is not a direction.
    """
    if isinstance(along, str):
        if along not in _AXES:
            raise ValueError(f'`along` must be one of {list(_AXES)} or a direction; got {along!r}.')
        return np.eye(3)[list(_AXES[along])]
    sight = np.asarray(along, dtype=float)
    length = np.linalg.norm(sight) if sight.shape == (3,) else np.nan
    if not 0 < length < np.inf:
        raise ValueError(
            f'`along` must be a direction, three numbers that are not all 0; got {along!r}.'
        )
    sight = sight / length
    # The x axis of the image is in the plane of x and y.
    first = np.array([-sight[1], sight[0], 0]) if abs(sight[2]) < 1 else np.array([1.0, 0, 0])
    first /= np.linalg.norm(first)
    return np.array([first, np.cross(sight, first)])


def deposit(row, column, bands, sigma, shape):
    """
    Deposit particles on a grid, each smoothed by a Gaussian.

    Parameters
    ----------
    row, column : `~numpy.ndarray` of int, shape (n,)
        Pixel of each particle.
    bands : `~numpy.ndarray`, shape (n, bands)
        Luminosity of each particle.
    sigma : `~numpy.ndarray`, shape (n,)
        Standard deviation of each Gaussian, in pixels; rounded to a power of 2^(1/4).
    shape : tuple of int
        ``(ny, nx)`` of the map.

    Returns
    -------
    `~numpy.ndarray`, shape (ny, nx, bands)
    """
    light = np.zeros((*shape, bands.shape[1]))
    sigma = np.minimum(sigma, _WIDEST * min(shape))
    index = np.rint(_WIDTHS * np.log2(np.maximum(sigma, 1e-9) / _NARROWEST)).astype(int)
    for one in np.unique(index.clip(0)):
        width = _NARROWEST * 2 ** (one / _WIDTHS) if one else 0
        members = index.clip(0) == one
        pixel = np.ravel_multi_index((row[members], column[members]), shape)
        for band in range(bands.shape[1]):
            summed = np.bincount(pixel, bands[members, band], minlength=np.prod(shape))
            light[..., band] += _smoothed(summed.reshape(shape), width)
    return light


def _smoothed(image, sigma):
    """The image convolved with a Gaussian; flux beyond the edges is lost."""
    if not sigma:
        return image
    reach = int(np.ceil(5 * sigma))
    edges = np.arange(-reach, reach + 2) - 0.5
    kernel = np.diff(ndtr(edges / sigma))
    kernel /= kernel.sum()
    for axis in (0, 1):
        image = convolve1d(image, kernel, axis=axis, mode='constant')
    return image
