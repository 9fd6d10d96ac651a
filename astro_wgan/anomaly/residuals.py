"""What an image and its closest image differ by, as one number: structure, peak, turned."""

from itertools import product

import numpy as np
from scipy.ndimage import gaussian_filter1d

__all__ = ['measure_residuals', 'smoothed', 'structure_map']


def measure_residuals(images, closest, weights, *, smoothing, turned_smoothing, reach):
    """
    How each image differs from its closest image.

    Parameters
    ----------
    images, closest : `~numpy.ndarray`, shape (n, ny, nx, bands)
        In stretched intensity; of three pixels or more along each edge.
    weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
        1 for a pixel to use, less for one that is noisier, 0 for a masked one: neither it nor its
        value counts.
    smoothing : float
        Standard deviation in pixels of the Gaussian that differences are smoothed with; 0 for none.
    turned_smoothing : float
        The same for ``turned`` alone.
    reach : float or None
        Of the Gaussian around the centre by which pixels count in ``structure``, as a share of
        the edges. None: all alike.

    Returns
    -------
    dict of `~numpy.ndarray`, shape (n,)
        NaN where no pixel can be used.

        * ``structure``: mean absolute residual after smoothing.
        * ``peak``: largest absolute difference of a pixel from the smoothed residual, times the
          square root of its weight.
        * ``turned``: root mean square difference, after smoothing, to the closest image turned by
          180 degrees, and shifted by a pixel at most along each axis, so that it is least.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.residuals import measure_residuals
    >>> closest = np.zeros((1, 16, 16, 1))
    >>> closest[:, 3, 8] = 1
    >>> alike = measure_residuals(
    ...     closest, closest, np.ones_like(closest), smoothing=1, turned_smoothing=2, reach=None
    ... )
    >>> alike['structure'].tolist(), bool(alike['turned'][0] > 0.01)
    ([0.0], True)
    """
    residual = images - closest
    smooth = smoothed(residual, weights, smoothing)
    return {
        'structure': _shares(smooth, weights, reach).sum(axis=(1, 2, 3)),
        'peak': _largest(residual - smooth if smoothing else residual, weights),
        'turned': _least_when_turned(images, closest, weights, turned_smoothing),
    }


def structure_map(residual, weights, *, smoothing, reach=None):
    """
    What each pixel contributes to the structure of its image, which is their sum.

    Parameters
    ----------
    residual : `~numpy.ndarray`, shape (n, ny, nx, bands)
        Images less their closest images, in stretched intensity.
    weights, smoothing, reach
        As for `measure_residuals`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        NaN in an image of which no pixel can be used.
    """
    return _shares(smoothed(residual, weights, smoothing), weights, reach)


def smoothed(values, weights, sigma):
    """
    Weighted mean around each pixel, by a Gaussian.

    Parameters
    ----------
    values : array_like, shape (n, ny, nx, bands)
        Images.
    weights : array_like, shape (n, ny, nx, bands)
        1 for a pixel to use, less for one that is noisier, 0 or False for a masked one.
    sigma : float
        Standard deviation of the Gaussian in pixels; 0 for the values as they are.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        0 where no pixel within reach can be used.
    """
    values, weights = (np.asarray(a, dtype=np.float32) for a in (values, weights))
    if not sigma:
        return values
    if (weights == 1).all():
        return _convolved(values, sigma)
    # What is masked may be anything but a number.
    used = np.where(weights > 0, weights * values, np.float32(0))
    return _convolved(used, sigma) / np.maximum(_convolved(weights, sigma), np.float32(1e-6))


def _convolved(values, sigma):
    """With a Gaussian along both axes; mirrored at the border."""
    if not sigma:
        return values
    # As two matrix products, which are several times faster than a filter on images this small.
    down, across = (
        gaussian_filter1d(np.eye(n, dtype=np.float32), sigma, axis=0) for n in values.shape[1:3]
    )
    planes = np.matmul(np.matmul(down, np.moveaxis(values, -1, 1)), across.T)
    return np.moveaxis(planes, 1, -1)


def _shares(smooth, weights, reach):
    weights = np.asarray(weights, dtype=np.float32)
    if reach is not None:
        weights = weights * _around_centre(smooth.shape[1:3], reach)
    used = weights.sum(axis=(1, 2, 3), keepdims=True)
    with np.errstate(invalid='ignore'):
        return weights * np.abs(smooth) / used


def _around_centre(shape, reach):
    y, x = ((np.arange(n) - (n - 1) / 2) / (reach * n) for n in shape)
    falling = np.exp(-(y[:, np.newaxis] ** 2 + x**2) / 2)
    return falling[..., np.newaxis].astype(np.float32)


def _largest(difference, weights):
    seen = np.where(weights > 0, np.sqrt(weights) * np.abs(difference), -np.inf)
    largest = seen.max(axis=(1, 2, 3), initial=-np.inf)
    return np.where(np.isneginf(largest), np.nan, largest)


def _least_when_turned(images, closest, weights, sigma):
    closest, weights = (np.asarray(a, dtype=np.float32) for a in (closest, weights))
    # A masked pixel spreads no more than the closest image has there.
    seen = np.where(weights > 0, images, closest).astype(np.float32)
    turned = _convolved(closest, sigma)[:, ::-1, ::-1]
    seen, weights = (_shifted(a, 0, 0) for a in (_convolved(seen, sigma), weights))
    used = weights.sum(axis=(1, 2, 3))
    least = np.full(len(seen), np.inf)
    for dy, dx in product((-1, 0, 1), repeat=2):
        squares = np.square(seen - _shifted(turned, dy, dx))
        squares *= weights
        with np.errstate(invalid='ignore'):
            least = np.minimum(least, squares.sum(axis=(1, 2, 3)) / used)
    return np.sqrt(least)


def _shifted(images, dy, dx):
    """What lies a pixel and more from the border, of images shifted by a pixel at most."""
    ny, nx = images.shape[1:3]
    return images[:, 1 + dy : ny - 1 + dy, 1 + dx : nx - 1 + dx]
