"""The eight orientations of square images."""

import numpy as np

__all__ = ['oriented']


def oriented(images, orientation):
    """
    Square images in one of their eight orientations.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (..., size, size, bands)
    orientation : int
        0 to 3: rotated by so many right angles; 4 to 7: then mirrored, too.

    Returns
    -------
    `~numpy.ndarray`, same shape
        A view.
    """
    images = np.rot90(images, orientation % 4, axes=(-3, -2))
    return images[..., ::-1, :] if orientation > 3 else images
