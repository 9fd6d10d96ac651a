"""Windows in which every pixel is clean: how many, where at random, and mosaics of small ones."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import minimum_filter1d

__all__ = ['CleanWindows', 'assemble_mosaics', 'patch_edge']

#: Smallest pieces of a mosaic, and how many places there must be for them, where possible.
_SMALLEST = 8
_ENOUGH = 1000

#: Mosaics of which the pieces are in memory at a time, in pixels.
_PIXELS = 2**22


class CleanWindows:
    """
    All places of a window of one shape.

    Parameters
    ----------
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        Where the image is clean.
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
        places = [max(0, n - edge + 1) for n, edge in zip(clean.shape, shape, strict=True)]
        self._map = clean.view(np.uint8)
        for axis in (0, 1):
            edge, count = shape[axis], places[axis]
            # Outside of the image nothing is clean.
            lowest = minimum_filter1d(self._map, edge, axis=axis, mode='constant', cval=0)
            first = edge // 2
            self._map = lowest.take(range(first, first + count), axis=axis)
        self._until = np.cumsum(np.count_nonzero(self._map, axis=1))

    def __len__(self):
        return int(self._until[-1]) if len(self._until) else 0

    def draw(self, n, rng):
        """
        Random places, each as likely as any other.

        Returns
        -------
        `~numpy.ndarray` of int, shape (n, 2)
            ``(x, y)`` of the first pixels.
        """
        number = rng.integers(len(self), size=n)
        y = np.searchsorted(self._until, number, side='right')
        x = np.empty(n, dtype=np.int64)
        for row in np.unique(y):
            here = y == row
            columns = np.flatnonzero(self._map[row])
            x[here] = columns[number[here] - (self._until[row] - len(columns))]
        return np.stack([x, y], axis=1)

    def cut(self, image, corner):
        """The pixels of an image in windows that begin at ``corner``, shape (n, ny, nx)."""
        x, y = corner.T
        return sliding_window_view(image, self.shape)[y, x]


def patch_edge(clean, shape):
    """
    Edge of the square pieces that mosaics are best made of.

    Parameters
    ----------
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        Where the image is clean.
    shape : tuple of int
        ``(ny, nx)`` of the mosaics.

    Returns
    -------
    int or None
        The largest for which there are many places; None where there is none for the smallest.
    """
    edges = range(_SMALLEST, max(_SMALLEST, *shape) + 1)
    for enough in (_ENOUGH, 1):
        # Larger windows have fewer places, so halving the range finds the last one.
        low, high = 0, len(edges)
        while low < high:
            middle = (low + high) // 2
            there = len(CleanWindows(clean, (edges[middle],) * 2)) >= enough
            low, high = (middle + 1, high) if there else (low, middle)
        if low:
            return edges[low - 1]
    return None


def assemble_mosaics(image, mean, windows, n, shape, rng):
    """
    Stamps made of overlapping pieces of sky.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (ny, nx)
        The image.
    mean : float
        Level of its sky: deviations from it are faded, not the level.
    windows : `CleanWindows`
        Places of the pieces.
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
    # One piece more than needed, so that the seams can lie anywhere.
    rows, columns = (1 + -(-(size - 1 - overlap) // step) for size in shape)
    fade = _fade(edge, overlap)
    mosaics = np.zeros((n, rows * step + overlap, columns * step + overlap), dtype=image.dtype)
    at_once = max(1, _PIXELS // mosaics[:1].size) if n else 1
    for first in range(0, n, at_once):
        part = mosaics[first : first + at_once]
        for row, column in np.ndindex(rows, columns):
            pieces = windows.cut(image, windows.draw(len(part), rng)) - image.dtype.type(mean)
            y, x = row * step, column * step
            # The mosaic's own edges do not fade: the seam begins where the next piece does.
            weight = np.outer(
                _at_edge(fade, row, rows, overlap), _at_edge(fade, column, columns, overlap)
            )
            part[:, y : y + edge, x : x + edge] += pieces * weight.astype(image.dtype)
    y = rng.integers(mosaics.shape[1] - ny + 1, size=n)
    x = rng.integers(mosaics.shape[2] - nx + 1, size=n)
    whole = sliding_window_view(mosaics, shape, axis=(1, 2))[np.arange(n), y, x]
    return whole + image.dtype.type(mean)


def _fade(edge, overlap):
    """Weights along a piece; the squares of two that overlap add up to one."""
    angle = np.pi / 2 * (np.arange(overlap) + 0.5) / max(1, overlap)
    weight = np.ones(edge)
    weight[:overlap] = np.sin(angle)
    weight[edge - overlap :] = np.cos(angle)
    return weight


def _at_edge(fade, number, count, overlap):
    weight = fade.copy()
    if number == 0:
        weight[:overlap] = 1
    if number == count - 1:
        weight[len(weight) - overlap :] = 1
    return weight
