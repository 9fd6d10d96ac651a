"""Pixels, uncertainty and mask of many stamps, copied from an image in memory."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from astro_wgan.images.fits_sections import ImageSections
from astro_wgan.images.planes import JUDGED

__all__ = ['gathered_mask', 'parts_of_image']

#: Number of pixels, half a megabyte, that fit into the cache of a processor core.
_CACHED_PIXELS = 2**17

#: Threads pay off for more pixels than these. Indexing in NumPy releases the GIL.
_PIXELS_FOR_THREADS = 2**23


def parts_of_image(image, corner, shape, fill_value):
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

    Returns
    -------
    `~astro_wgan.images.fits_sections.ImageSections`
    """
    deviation = image.uncertainty
    if deviation is not None:
        deviation = _gather(deviation.array, corner, shape, np.nan)
    pixels = _gather(image.data, corner, shape, fill_value)
    mask = gathered_mask(image.mask, image.shape, corner, shape)
    if mask is not None and image.meta.get(JUDGED):
        # Outside the footprint of the exposures, as outside the image, there are no data.
        pixels[mask & (pixels == 0)] = fill_value
    return ImageSections(pixels, mask, deviation)


def gathered_mask(mask, image_shape, corner, shape):
    """Mask of stamps, True outside of the image; None if nothing is masked."""
    leaves = (corner < 0).any() or (corner + shape[::-1] > image_shape[::-1]).any()
    if mask is None and not leaves:
        return None
    if mask is None:
        mask = np.broadcast_to(np.False_, image_shape)
    return _gather(mask, corner, shape, True)


def _gather(image, corner, shape, fill_value):
    """Sections of an image as one array (n, ny, nx)."""
    ny, nx = shape
    stamps = np.empty((len(corner), ny, nx), dtype=image.dtype)
    first = np.maximum(corner, 0)
    last = np.minimum(corner + (nx, ny), image.shape[::-1])
    whole = (last - first == (nx, ny)).all(axis=1)
    if whole.any():
        _copy_whole(stamps, image, corner, np.flatnonzero(whole))
    stamps[~whole] = fill_value
    for k in np.flatnonzero(~whole & (last > first).all(axis=1)):
        (x0, y0), (x1, y1), (x, y) = first[k], last[k], corner[k]
        stamps[k, y0 - y : y1 - y, x0 - x : x1 - x] = image[y0:y1, x0:x1]
    return stamps


def _copy_whole(stamps, image, corner, rows):
    """Copy stamps that are entirely inside the image."""
    shape = stamps.shape[1:]
    x, y = corner[rows].T
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

    if stamps.size <= _PIXELS_FOR_THREADS:
        copy(0, len(rows))
        return
    threads = os.cpu_count()
    bounds = np.linspace(0, len(rows), threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(copy, bounds[:-1], bounds[1:]))
