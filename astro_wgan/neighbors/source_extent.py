"""`extended_labels`: a segmentation image in which sources include their faint wings."""

import numpy as np
from scipy.ndimage import distance_transform_edt

__all__ = ['extended_labels']

#: Rows of which the distances are in memory.
_ROWS = 128


def extended_labels(labels, *, margin, wings):
    """
    Extend the sources of a segmentation image by their wings.

    Parameters
    ----------
    labels : `~numpy.ndarray` of int, shape (ny, nx)
        0 for the background.
    margin : float
        Pixels by which each source extends.
    wings : float
        Fraction of the radius of a source by which it extends further; the radius is that of
        the circle with its area.

    Returns
    -------
    `~numpy.ndarray` of int, shape (ny, nx)
        A pixel in the wings of several sources belongs to the one whose border it is nearest to,
        relative to how far that source extends.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.neighbors.source_extent import extended_labels
    >>> extended_labels(np.array([[0, 0, 0, 7, 0, 0, 0]]), margin=1, wings=0)
    array([[0, 0, 7, 7, 7, 0, 0]])
    """
    area = np.bincount(labels.ravel())
    area[0] = 0
    reach = margin + wings * np.sqrt(area / np.pi)
    extended, nearest = labels.copy(), np.full(labels.shape, np.inf)
    # One distance transform for all sources with about the same reach, since the nearest source
    # may end before a pixel that a larger one still covers.
    octave = np.full(len(area), -1)
    present = area > 0
    octave[present] = np.floor(np.log2(1 + reach[present]))
    for each in np.unique(octave[present]):
        others = ~(octave == each)[labels]
        y, x = distance_transform_edt(others, return_distances=False, return_indices=True)
        for first in range(0, len(labels), _ROWS):
            rows = slice(first, first + _ROWS)
            free = np.nonzero(labels[rows] == 0)
            from_y, from_x = y[rows][free], x[rows][free]
            distance = np.hypot(from_y - free[0] - first, from_x - free[1])
            label = labels[from_y, from_x]
            # Never 0 outside of the source, with which pixels above the threshold stay.
            relative = distance / np.maximum(reach[label], 1e-9)
            closer = (relative <= 1) & (relative < nearest[rows][free])
            place = free[0][closer] + first, free[1][closer]
            extended[place], nearest[place] = label[closer], relative[closer]
    return extended
