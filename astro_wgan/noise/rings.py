"""Means over all directions: over rings of equal distance from the middle."""

import numpy as np

__all__ = ['ring_means']


def ring_means(values, ring):
    """
    Mean over the pixels of each ring.

    Parameters
    ----------
    values : `~numpy.ndarray`, shape (..., ny, nx)
    ring : `~numpy.ndarray` of int, shape (ny, nx)
        Number of the ring that a pixel belongs to; below 0 for those that belong to none. There is
        at least one pixel in each ring from 0 on.

    Returns
    -------
    `~numpy.ndarray`, shape (..., rings)

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.noise.rings import ring_means
    >>> ring_means(np.array([[1.0, 2.0, 6.0]]), np.array([[1, 0, 1]]))
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
