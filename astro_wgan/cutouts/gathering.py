"""Pixels, uncertainty and mask of many stamps, copied from an image in memory."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from astro_wgan.images.fits_sections import ImageSections, new_array
from astro_wgan.images.planes import JUDGED

__all__ = ['GatheredParts', 'parts_of_image']

#: Number of pixels, half a megabyte, that fit into the cache of a processor core.
_CACHED_PIXELS = 2**17

#: Threads pay off for more pixels than these. Indexing in NumPy releases the GIL.
_PIXELS_FOR_THREADS = 2**23


def parts_of_image(image, corner, shape, fill_value, new=new_array):
    """
    Stamps of an image in memory.

    Parameters
    ----------
    image : `~astropy.nddata.CCDData`
    corner : `~numpy.ndarray` of int, shape (n, 2)
        First pixel (x, y) of each stamp.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.
    fill_value : float
        Value of pixels outside of the image.
    new : callable, optional
        Makes the arrays, as `~astro_wgan.images.fits_sections.new_array`.

    Returns
    -------
    `~astro_wgan.images.fits_sections.ImageSections`
    """
    parts = GatheredParts(len(corner), shape, fill_value, new)
    parts.fill(np.arange(len(corner)), image, corner)
    return parts.sections()


class GatheredParts:
    """
    Stamps that are copied from parts of an image, some from each.

    Parameters
    ----------
    n : int
        Number of stamps.
    shape, fill_value, new
        As in `parts_of_image`.
    """

    def __init__(self, n, shape, fill_value, new=new_array):
        self._shape, self._fill_value, self._new = (n, *shape), fill_value, new
        self._pixels = self._mask = self._deviation = None

    def fill(self, rows, image, corner):
        """
        Copy some of the stamps.

        Parameters
        ----------
        rows : `~numpy.ndarray` of int, shape (m,)
            Which they are.
        image : `~astropy.nddata.CCDData`
            Or another object with its ``data``, ``mask``, ``uncertainty``, ``shape`` and ``meta``.
        corner : `~numpy.ndarray` of int, shape (m, 2)
            First pixel (x, y) of each.
        """
        if self._pixels is None:
            self._pixels = self._new('pixels', self._shape, image.data.dtype)
            if image.uncertainty is not None:
                dtype = image.uncertainty.array.dtype
                self._deviation = self._new('uncertainty', self._shape, dtype)
        _gather(self._pixels, rows, image.data, corner, self._fill_value)
        if self._deviation is not None:
            _gather(self._deviation, rows, image.uncertainty.array, corner, np.nan)
        leaves = _leaves(corner, self._shape[1:], image.shape)
        if image.mask is not None or leaves.any():
            self._fill_mask(rows, image, corner, leaves)

    def sections(self):
        """All stamps, as `~astro_wgan.images.fits_sections.ImageSections`."""
        return ImageSections(self._pixels, self._mask, self._deviation)

    def _fill_mask(self, rows, image, corner, leaves):
        mask = image.mask
        if mask is None:
            rows, corner = rows[leaves], corner[leaves]
            mask = np.broadcast_to(np.False_, image.shape)
        ny, nx = self._shape[1:]
        step = max(1, _CACHED_PIXELS // (ny * nx))
        masked = np.empty((min(step, len(rows)), ny, nx), dtype=bool)
        for start in range(0, len(rows), step):
            own = rows[start : start + step]
            part = masked[: len(own)]
            _gather(part, np.arange(len(own)), mask, corner[start : start + step], True)
            # Most stamps of most images have no masked pixel, and the set then needs no mask.
            if not part.any():
                continue
            if self._mask is None:
                self._mask = self._new('mask', self._shape, np.dtype(bool))
            self._mask[own] = part
            if image.meta.get(JUDGED):
                # Outside the footprint of the exposures, as outside the image, there are no data.
                pixels = self._pixels[own]
                pixels[part & (pixels == 0)] = self._fill_value
                self._pixels[own] = pixels


def _leaves(corner, shape, image_shape):
    """True for stamps that extend beyond the image."""
    return ((corner < 0) | (corner + shape[::-1] > image_shape[::-1])).any(axis=1)


def _gather(stamps, rows, image, corner, fill_value):
    """Copy sections of an image into rows of an array (n, ny, nx)."""
    ny, nx = stamps.shape[1:]
    first = np.maximum(corner, 0)
    last = np.minimum(corner + (nx, ny), image.shape[::-1])
    whole = (last - first == (nx, ny)).all(axis=1)
    if whole.any():
        _copy_whole(stamps, rows[whole], image, corner[whole])
    if whole.all():
        return
    stamps[rows[~whole]] = fill_value
    for k in np.flatnonzero(~whole & (last > first).all(axis=1)):
        (x0, y0), (x1, y1), (x, y) = first[k], last[k], corner[k]
        stamps[rows[k], y0 - y : y1 - y, x0 - x : x1 - x] = image[y0:y1, x0:x1]


def _copy_whole(stamps, rows, image, corner):
    """Copy stamps that are entirely inside the image."""
    shape = stamps.shape[1:]
    x, y = corner.T
    # In strips of the image, so that pixels that stamps share are still in the processor's cache,
    # and a few at a time, so that the temporary copy made by NumPy fits in it, too.
    order = np.lexsort((x, y // shape[0]))
    rows, x, y = rows[order], x[order], y[order]
    windows = sliding_window_view(image, shape)
    step = max(1, _CACHED_PIXELS // (shape[0] * shape[1]))

    def copy(begin, end):
        for start in range(begin, end, step):
            part = slice(start, min(start + step, end))
            stamps[rows[part]] = windows[y[part], x[part]]

    if len(rows) * shape[0] * shape[1] <= _PIXELS_FOR_THREADS:
        copy(0, len(rows))
        return
    threads = os.cpu_count()
    bounds = np.linspace(0, len(rows), threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(copy, bounds[:-1], bounds[1:]))
