"""Windows of clean pixels at random positions, and mosaics of small ones."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import minimum_filter1d

__all__ = ['CleanWindows', 'assemble_mosaics', 'largest_patch']

#: Smallest edge of the patches of a mosaic, and the number of positions they should have.
_SMALLEST = 8
_ENOUGH = 1000

#: Pixels of mosaics that are processed at a time.
_PIXELS = 2**22


class CleanWindows:
    """
    All positions at which a window contains clean pixels only.

    Parameters
    ----------
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        True for clean pixels of the image.
    shape : tuple of int
        ``(ny, nx)`` of the window.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.noise.windows import CleanWindows
    >>> clean = np.ones((10, 10), dtype=bool)
    >>> clean[4] = False
    >>> len(CleanWindows(clean, (5, 9)))
    2
    """

    def __init__(self, clean, shape):
        self.shape = shape
        positions = [max(0, n - edge + 1) for n, edge in zip(clean.shape, shape, strict=True)]
        self._map = clean.view(np.uint8)
        for axis in (0, 1):
            edge, count = shape[axis], positions[axis]
            # Pixels outside of the image are not clean.
            lowest = minimum_filter1d(self._map, edge, axis=axis, mode='constant', cval=0)
            first = edge // 2
            self._map = lowest.take(range(first, first + count), axis=axis)
        self._cumulative = np.cumsum(np.count_nonzero(self._map, axis=1))

    def __len__(self):
        return int(self._cumulative[-1]) if len(self._cumulative) else 0

    def draw(self, n, rng):
        """
        Draw random positions from a uniform distribution.

        Parameters
        ----------
        n : int
            Number of positions.
        rng : `~numpy.random.Generator`

        Returns
        -------
        `~numpy.ndarray` of int, shape (n, 2)
            ``(x, y)`` of the first pixels.
        """
        number = rng.integers(len(self), size=n)
        y = np.searchsorted(self._cumulative, number, side='right')
        x = np.empty(n, dtype=np.int64)
        for row in np.unique(y):
            here = y == row
            columns = np.flatnonzero(self._map[row])
            x[here] = columns[number[here] - (self._cumulative[row] - len(columns))]
        return np.stack([x, y], axis=1)

    def cut(self, image, corner):
        """Pixels of an image in windows whose first pixels are ``corner``, shape (n, ny, nx)."""
        x, y = corner.T
        return sliding_window_view(image, self.shape)[y, x]


def largest_patch(clean, shape):
    """
    Edge of the square patches from which mosaics are assembled.

    Parameters
    ----------
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        True for clean pixels of the image.
    shape : tuple of int
        ``(ny, nx)`` of the mosaics.

    Returns
    -------
    int or None
        The largest edge with many possible positions; None if even the smallest patch has none.
    """
    edges = range(_SMALLEST, max(_SMALLEST, *shape) + 1)
    for enough in (_ENOUGH, 1):
        # The number of positions decreases with the edge, so that bisection finds the largest one.
        low, high = 0, len(edges)
        while low < high:
            middle = (low + high) // 2
            found = len(CleanWindows(clean, (edges[middle],) * 2)) >= enough
            low, high = (middle + 1, high) if found else (low, middle)
        if low:
            return edges[low - 1]
    return None


def assemble_mosaics(image, mean, windows, n, shape, rng):
    """
    Assemble stamps from overlapping patches of sky.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (ny, nx)
        The image.
    mean : float
        Mean of the sky; only deviations from it are weighted.
    windows : `CleanWindows`
        Positions of the patches.
    n : int
        Number of mosaics.
    shape : tuple of int
        ``(ny, nx)`` of a mosaic.
    rng : `~numpy.random.Generator`

    Returns
    -------
    `~numpy.ndarray`, shape (n, ny, nx)
        In the dtype of the image.
    """
    ny, nx = shape
    edge = windows.shape[0]
    overlap = edge // 4
    step = edge - overlap
    # One patch more than needed, so that the seams are at random positions.
    rows, columns = (1 + -(-(size - 1 - overlap) // step) for size in shape)
    taper = _taper(edge, overlap)
    mosaics = np.zeros((n, rows * step + overlap, columns * step + overlap), dtype=image.dtype)
    at_once = max(1, _PIXELS // mosaics[:1].size) if n else 1
    for first in range(0, n, at_once):
        part = mosaics[first : first + at_once]
        for row, column in np.ndindex(rows, columns):
            patches = windows.cut(image, windows.draw(len(part), rng)) - image.dtype.type(mean)
            y, x = row * step, column * step
            # Patches are not tapered at the edges of the mosaic.
            weight = np.outer(
                _at_edge(taper, row, rows, overlap), _at_edge(taper, column, columns, overlap)
            )
            part[:, y : y + edge, x : x + edge] += patches * weight.astype(image.dtype)
    y = rng.integers(mosaics.shape[1] - ny + 1, size=n)
    x = rng.integers(mosaics.shape[2] - nx + 1, size=n)
    stamps = sliding_window_view(mosaics, shape, axis=(1, 2))[np.arange(n), y, x]
    return stamps + image.dtype.type(mean)


def _taper(edge, overlap):
    """Weights along a patch; the squares of those of two overlapping patches add up to 1."""
    angle = np.pi / 2 * (np.arange(overlap) + 0.5) / max(1, overlap)
    weight = np.ones(edge)
    weight[:overlap] = np.sin(angle)
    weight[edge - overlap :] = np.cos(angle)
    return weight


def _at_edge(taper, number, count, overlap):
    weight = taper.copy()
    if number == 0:
        weight[:overlap] = 1
    if number == count - 1:
        weight[len(weight) - overlap :] = 1
    return weight
