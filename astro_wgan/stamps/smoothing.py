"""Gaussian smoothing of many small images at once."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

__all__ = ['convolved', 'gaussian_matrix', 'smoothed']


def convolved(images, sigma):
    """
    Convolve images with a Gaussian along both axes, with reflection at the edges.

    Parameters
    ----------
    images : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        Images.
    sigma : float
        Standard deviation of the Gaussian in pixels; 0 returns the images unchanged.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)

    Notes
    -----
    Computed as two matrix products, which is several times faster than a filter for small images.
    """
    if not sigma:
        return images
    down, across = (gaussian_matrix(n, sigma) for n in images.shape[1:3])
    planes = np.matmul(np.matmul(down, np.moveaxis(images, -1, 1)), across.T)
    return np.moveaxis(planes, 1, -1)


def gaussian_matrix(n, sigma):
    """Matrix (n, n) of float32 that convolves n pixels with a Gaussian, with reflection."""
    return gaussian_filter1d(np.eye(n, dtype=np.float32), sigma, axis=0)


def smoothed(images, valid, sigma):
    """
    Images smoothed with a Gaussian kernel over their valid pixels.

    Parameters
    ----------
    images : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        Values of invalid pixels are ignored.
    valid : `~numpy.ndarray` of bool, shape (n, ny, nx, bands)
        Pixels to use.
    sigma : float
        Standard deviation of the kernel in pixels; 0 for no smoothing.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        0 where no pixel within the kernel is usable.
    """
    if not sigma:
        return images
    used = np.where(valid, images, np.float32(0))
    count = convolved(valid.astype(np.float32), sigma)
    return convolved(used, sigma) / np.maximum(count, np.float32(1e-6))
