"""Gaussian smoothing of many small images at once."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

__all__ = ['convolved']


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
    down, across = (
        gaussian_filter1d(np.eye(n, dtype=np.float32), sigma, axis=0) for n in images.shape[1:3]
    )
    planes = np.matmul(np.matmul(down, np.moveaxis(images, -1, 1)), across.T)
    return np.moveaxis(planes, 1, -1)
