"""`central_labels`: the central source of each stamp in a segmentation image."""

import numpy as np

__all__ = ['CENTRAL_REACH', 'central_labels']

#: Maximum distance of the central source from the center of the stamp, as a fraction of its edge.
CENTRAL_REACH = 1 / 8


def central_labels(labels):
    """
    Label of the source closest to the center of each stamp.

    Parameters
    ----------
    labels : `~numpy.ndarray` of int, shape (n, ny, nx)
        0 for the background.

    Returns
    -------
    `~numpy.ndarray` of int32, shape (n,)
        0 if there is none within an eighth of the edge.
    """
    n, ny, nx = labels.shape
    y, x = np.mgrid[:ny, :nx]
    distance = ((y - (ny - 1) / 2) ** 2 + (x - (nx - 1) / 2) ** 2).ravel()
    # The pixels of a disk, sorted by distance from the center.
    order = np.argsort(distance, kind='stable')
    order = order[distance[order] <= (CENTRAL_REACH * min(ny, nx)) ** 2]
    disk = labels.reshape(n, ny * nx)[:, order]
    nearest = np.argmax(disk > 0, axis=1)
    return disk[np.arange(n), nearest].astype(np.int32)
