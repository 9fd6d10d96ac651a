"""`central_labels`: the central source of stamps in their segmentation images."""

import numpy as np

__all__ = ['CENTRAL_REACH', 'central_label', 'central_labels']

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


def central_label(labels, center, reach):
    """
    Label of the source closest to a position.

    Parameters
    ----------
    labels : `~numpy.ndarray` of int, shape (ny, nx)
        0 for the background.
    center : array_like, shape (2,)
        Position (x, y).
    reach : float
        Maximum distance of the source.

    Returns
    -------
    int
        0 if there is none within ``reach``.
    """
    first = np.maximum(np.ceil(np.subtract(center, reach)), 0).astype(int)
    last = np.maximum(np.floor(np.add(center, reach)).astype(int) + 1, first)
    box = labels[first[1] : last[1], first[0] : last[0]]
    y, x = np.ogrid[: box.shape[0], : box.shape[1]]
    distance = (y + first[1] - center[1]) ** 2 + (x + first[0] - center[0]) ** 2
    near = (box > 0) & (distance <= reach**2)
    if not near.any():
        return 0
    return int(box.flat[np.argmin(np.where(near, distance, np.inf))])
