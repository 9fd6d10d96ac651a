"""`SkyMesh`: background and noise of a large image in boxes, interpolated on demand as by SEP."""

import numpy as np
import sep
from numpy.lib.stride_tricks import sliding_window_view
from scipy.spatial import cKDTree

__all__ = ['SkyMesh']

#: Minimum fraction of usable pixels of a box, as in SEP.
_USABLE = 0.5

#: Rows of a map that are evaluated together.
_LINES = 64


class SkyMesh:
    """
    Background level and noise in boxes, with spline interpolation between them.

    Unlike SEP's maps, it does not need the memory of the whole image.

    Parameters
    ----------
    level, noise : `~numpy.ndarray` of float, shape (rows, columns)
        In each box; NaN if less than half of its pixels are usable.
    box : int
        Edge of a box in pixels.
    smooth : int
        Size of the median filter in boxes.

    Notes
    -----
    As in SEP and SExtractor (Bertin & Arnouts 1996, A&AS 117, 393): unusable boxes are filled with
    the mean of the nearest usable ones; then a median filter is applied, which is narrower at the
    edges so that it stays centered; a natural bicubic spline interpolates between the boxes.
    """

    def __init__(self, level, noise, *, box, smooth):
        good = np.isfinite(level)
        if not good.any():
            raise ValueError('No box of the background is usable.')
        level, noise = (_filled(values, good) for values in (level, noise))
        self.level, self.noise = (_medians(values, smooth // 2) for values in (level, noise))
        self._box = box

    @classmethod
    def measure(cls, read, shape, *, box, smooth):
        """
        Measure an image that is read one row of boxes at a time.

        Parameters
        ----------
        read : callable
            Takes two slices, of rows and columns, and returns float32 pixels and a mask that is
            True for unusable ones, or None.
        shape : tuple of int
            Shape of the image.
        box, smooth : int
            As above.
        """
        ny, nx = shape
        rows, columns = (range(0, edge, box) for edge in shape)
        level, noise = (np.full((len(rows), len(columns)), np.nan) for _ in range(2))
        for j, y in enumerate(rows):
            strip, bad = read(slice(y, min(y + box, ny)), slice(0, nx))
            for i, x in enumerate(columns):
                part = np.s_[:, x : x + box]
                level[j, i], noise[j, i] = _of_box(strip[part], None if bad is None else bad[part])
        return cls(level, noise, box=box, smooth=smooth)

    def at(self, rows, columns):
        """
        Background level and noise in a section of the image.

        Parameters
        ----------
        rows, columns : slice
            The section.

        Returns
        -------
        level, noise : `~numpy.ndarray` of float32
        """
        # In SEP, the centers of boxes are offset by half a pixel in y relative to x.
        y = np.arange(rows.start, rows.stop) / self._box - 0.5
        x = (np.arange(columns.start, columns.stop) + 0.5) / self._box - 0.5
        return tuple(_surface(values, y, x) for values in (self.level, self.noise))


def _of_box(pixels, bad):
    usable = pixels.size if bad is None else pixels.size - np.count_nonzero(bad)
    if usable < _USABLE * pixels.size or usable == 0:
        return np.nan, np.nan
    pixels = np.ascontiguousarray(pixels)
    bad = None if bad is None or usable == pixels.size else np.ascontiguousarray(bad)
    if bad is not None:
        pixels = np.where(bad, np.float32(0), pixels)
    sky = sep.Background(pixels, mask=bad, bw=pixels.shape[1], bh=pixels.shape[0])
    # SEP reports 1 if there is no noise; its noise map is then 0.
    return sky.globalback, sky.globalrms if sky.globalrms != 1 else sky.rms()[0, 0]


def _filled(values, good):
    """Fill unusable boxes with the mean of the nearest usable ones."""
    if good.all():
        return values
    places, holes = np.argwhere(good), np.argwhere(~good)
    tree = cKDTree(places)
    nearest = tree.query(holes)[0]
    values = values.copy()
    known = values[good]
    near = tree.query_ball_point(holes, nearest * (1 + 1e-9))
    values[~good] = [known[rows].mean() for rows in near]
    return values


def _medians(values, reach):
    """Median filter with a window that stays centered at the edges."""
    result = np.empty_like(values)
    ny, nx = values.shape
    reach_at = [np.minimum(np.minimum(np.arange(n), n - 1 - np.arange(n)), reach) for n in (ny, nx)]
    for up in np.unique(reach_at[0]):
        rows = np.flatnonzero(reach_at[0] == up)
        for side in np.unique(reach_at[1]):
            columns = np.flatnonzero(reach_at[1] == side)
            windows = sliding_window_view(values, (2 * up + 1, 2 * side + 1))
            chosen = windows[np.ix_(rows - up, columns - side)]
            result[np.ix_(rows, columns)] = np.median(chosen, axis=(2, 3))
    return result


def _surface(values, y, x):
    nodes = _spline(values, y)
    # With a single row of boxes, SEP interpolates linearly.
    bent = len(values) > 1
    surface = np.empty((len(y), len(x)), dtype=np.float32)
    # In blocks of rows, to save memory in float64.
    for start in range(0, len(y), _LINES):
        lines = slice(start, start + _LINES)
        surface[lines] = _spline(nodes[lines].T, x, bent=bent).T
    return surface


def _spline(values, at, *, bent=True):
    """Interpolate between the rows of an array with SEP's natural cubic spline."""
    n = len(values)
    if n == 1:
        return np.repeat(values, len(at), axis=0)
    bends = _bends(values) if bent else np.zeros_like(values)
    first = np.clip(np.floor(at).astype(int), 0, n - 2)
    after = (at - first)[:, np.newaxis]
    before = 1 - after
    return (
        before * values[first]
        + after * values[first + 1]
        + (before**3 - before) * bends[first]
        + (after**3 - after) * bends[first + 1]
    )


def _bends(values):
    """
    A sixth of the second derivatives along the first axis.

    SExtractor and SEP divide by 6 in each step of the recursion, instead of once. This is kept in
    order to reproduce their maps.
    """
    n = len(values)
    factor, rest, bends = np.zeros(n), np.zeros_like(values), np.zeros_like(values)
    for i in range(1, n - 1):
        factor[i] = -1 / (factor[i - 1] + 4)
        curvature = values[i + 1] + values[i - 1] - 2 * values[i]
        rest[i] = factor[i] * (rest[i - 1] - 6 * curvature)
    for i in range(n - 2, 0, -1):
        bends[i] = (factor[i] * bends[i + 1] + rest[i]) / 6
    return bends
