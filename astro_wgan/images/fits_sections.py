"""Few stamps of a large FITS file, without reading the rest of it."""

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from astro_wgan.images.blank_pixels import MARGIN, may_hold_blank
from astro_wgan.images.file_checks import as_path
from astro_wgan.images.fits_image import open_fits_image

__all__ = ['ImageSections', 'open_sections', 'read_sections']

#: First bytes of FITS files that are not compressed as a whole, of which parts can be read.
_PLAIN_FITS = b'SIMPLE'

#: Parts are read where that is so many times less work than reading all.
_GAIN = 4


@contextmanager
def open_sections(source, *, hdu=None, plane=None, max_size=None):
    """
    The image of a FITS file, of which parts can be read.

    Parameters
    ----------
    source : path-like or other
        Whatever `~astro_wgan.images.read_image` reads.
    hdu, plane, max_size : optional
        As there.

    Yields
    ------
    `~astro_wgan.images.fits_image.FitsImage` or None
        None where all has to be read: of compressed files, and of all that is no FITS file.
    """
    if not isinstance(source, (str, bytes, os.PathLike)):
        yield None
        return
    path = as_path(source)
    with open(path, 'rb') as file:
        is_plain = file.read(len(_PLAIN_FITS)) == _PLAIN_FITS
        file.seek(0)
        if not is_plain:
            yield None
            return
        opened = ExitStack()
        whole = open_fits_image(file, path, hdu=hdu, plane=plane, max_size=max_size)
        image = opened.enter_context(whole)
        try:
            yield image
        finally:
            # Not told of an error, since what fails here need not be the file's fault.
            opened.close()


@dataclass(frozen=True, eq=False)
class ImageSections:
    """
    Parts of one shape of an image.

    Attributes
    ----------
    pixels : `~numpy.ndarray`, shape (n, ny, nx)
    mask : `~numpy.ndarray` of bool, same shape, or None
        True where a pixel must not be used; None where all may be.
    deviation : `~numpy.ndarray`, same shape, or None
        Standard deviation.
    """

    pixels: np.ndarray
    mask: np.ndarray | None
    deviation: np.ndarray | None


def read_sections(image, corner, shape, *, fill_value=np.nan, zeros='auto'):
    """
    Parts of an image, if they are few.

    Parameters
    ----------
    image : `~astro_wgan.images.fits_image.FitsImage`
        The image.
    corner : array_like of int, shape (n, 2)
        First pixels ``(x, y)``.
    shape : tuple of int
        ``(ny, nx)`` of the parts, which may reach beyond the image.
    fill_value : float, optional
        Of pixels beyond, and of zeros that are masked.
    zeros : {'auto', 'keep', 'mask'}, optional
        As in `~astro_wgan.images.read_image`.

    Returns
    -------
    `ImageSections` or None
        None where all of the image should be read instead, since that is less work, there are zeros
        that have to be judged by what is around, or no pixel could be used.
    """
    n, (ny, nx) = len(corner), shape
    if not n or _GAIN * n * image.work_of_part(shape) > 1:
        return None
    parts = None
    for k, (x, y) in enumerate(np.asarray(corner).tolist()):
        rows = slice(max(0, y), min(y + ny, image.shape[0]))
        columns = slice(max(0, x), min(x + nx, image.shape[1]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        read = image.read_arrays(rows, columns)
        if zeros == 'auto' and not read[0].all() and _may_hold_void(image, rows, columns):
            return None
        if parts is None:
            parts = _filled((n, ny, nx), *read, fill_value)
        inside = np.s_[k, rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
        _put(parts, inside, *read)
    if parts is None or parts.mask.all():
        return None
    if zeros == 'mask':
        zero = parts.pixels == 0
        parts.mask[zero], parts.pixels[zero] = True, fill_value
    image.warn_of_bits()
    return ImageSections(parts.pixels, parts.mask if parts.mask.any() else None, parts.deviation)


def _may_hold_void(image, rows, columns):
    wide, borders = [], []
    for part, edge in zip((rows, columns), image.shape, strict=True):
        wide.append(slice(max(0, part.start - MARGIN), min(part.stop + MARGIN, edge)))
        borders.append((wide[-1].start == 0, wide[-1].stop == edge))
    return may_hold_blank(image.read_arrays(*wide)[0], borders)


def _filled(shape, pixels, _, deviation, fill_value):
    """Parts of which nothing has been read."""
    return ImageSections(
        np.full(shape, fill_value, dtype=pixels.dtype),
        np.ones(shape, dtype=bool),
        None if deviation is None else np.full(shape, np.nan, dtype=deviation.dtype),
    )


def _put(parts, inside, pixels, mask, deviation):
    parts.pixels[inside] = pixels
    parts.mask[inside] = ~np.isfinite(pixels)
    if mask is not None:
        parts.mask[inside] |= mask
    if deviation is not None:
        parts.deviation[inside] = deviation
