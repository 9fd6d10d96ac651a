"""Light of star particles in the pixels of a map."""

import numpy as np
from scipy.ndimage import convolve1d
from scipy.special import ndtr

__all__ = ['image_axes', 'deposit']

#: Classes of widths for each factor of two: particles of a class are smoothed alike.
_CLASSES = 4

#: Narrower Gaussians, in pixels, are none; wider ones than this share of the map do not grow.
_NARROWEST, _WIDEST = 0.2, 0.25

#: Image axes for directions of sight; (x, y) of the image.
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
        If it is no direction.
    """
    if isinstance(along, str):
        if along not in _AXES:
            raise ValueError(f'`along` must be one of {list(_AXES)} or a direction; got {along!r}.')
        return np.eye(3)[list(_AXES[along])]
    sight = np.asarray(along, dtype=float)
    length = np.linalg.norm(sight) if sight.shape == (3,) else np.nan
    if not 0 < length < np.inf:
        raise ValueError(f'`along` must be a direction, three numbers not all 0; got {along!r}.')
    sight = sight / length
    # The image's x axis lies in the plane of x and y.
    first = np.array([-sight[1], sight[0], 0]) if abs(sight[2]) < 1 else np.array([1.0, 0, 0])
    first /= np.linalg.norm(first)
    return np.array([first, np.cross(sight, first)])


def deposit(row, column, bands, sigma, shape):
    """
    Sum particles in pixels, each spread by a Gaussian of its own width.

    Parameters
    ----------
    row, column : `~numpy.ndarray` of int, shape (n,)
        The pixel that each is in.
    bands : `~numpy.ndarray`, shape (n, bands)
        Light of each.
    sigma : `~numpy.ndarray`, shape (n,)
        Widths, in pixels; rounded to a quarter of a factor of two.
    shape : tuple of int
        ``(ny, nx)`` of the map.

    Returns
    -------
    `~numpy.ndarray`, shape (ny, nx, bands)
    """
    light = np.zeros((*shape, bands.shape[1]))
    sigma = np.minimum(sigma, _WIDEST * min(shape))
    level = np.rint(_CLASSES * np.log2(np.maximum(sigma, 1e-9) / _NARROWEST)).astype(int)
    for one in np.unique(level.clip(0)):
        width = _NARROWEST * 2 ** (one / _CLASSES) if one else 0
        members = level.clip(0) == one
        place = np.ravel_multi_index((row[members], column[members]), shape)
        for band in range(bands.shape[1]):
            summed = np.bincount(place, bands[members, band], minlength=np.prod(shape))
            light[..., band] += _smoothed(summed.reshape(shape), width)
    return light


def _smoothed(image, sigma):
    """Spread by a Gaussian around the middle of each pixel; what leaves the image is lost."""
    if not sigma:
        return image
    reach = int(np.ceil(5 * sigma))
    edges = np.arange(-reach, reach + 2) - 0.5
    kernel = np.diff(ndtr(edges / sigma))
    kernel /= kernel.sum()
    for axis in (0, 1):
        image = convolve1d(image, kernel, axis=axis, mode='constant')
    return image
