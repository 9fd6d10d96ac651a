"""`read_sections`: a few sections of a large FITS image, without reading all of it."""

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from astro_wgan.images.blank_pixels import MARGIN, may_hold_blank
from astro_wgan.images.file_checks import as_path
from astro_wgan.images.fits_image import open_fits_image

__all__ = ['ImageSections', 'open_sections', 'read_sections']

#: First bytes of uncompressed FITS files, of which sections can be read.
_PLAIN_FITS = b'SIMPLE'

#: Sections are read if that is this many times less work than reading the whole image.
_GAIN = 4


@contextmanager
def open_sections(source, options):
    """
    Open the image of a FITS file to read sections of it.

    Parameters
    ----------
    source : path-like or other
        As in `~astro_wgan.images.read_image`.
    options : `~astro_wgan.images.read_options.ReadOptions`
        What to read.

    Yields
    ------
    `~astro_wgan.images.fits_image.FitsImage` or None
        None if the whole image has to be read: compressed files, and formats other than FITS.
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
        image = opened.enter_context(open_fits_image(file, path, options))
        try:
            yield image
        finally:
            # Without the exception, since errors here need not be caused by the file.
            opened.close()


@dataclass(frozen=True, eq=False)
class ImageSections:
    """
    Sections of an image, all of the same shape.

    Attributes
    ----------
    pixels : `~numpy.ndarray`, shape (n, ny, nx)
    mask : `~numpy.ndarray` of bool, same shape, or None
        True for pixels to exclude; None if there are none.
    deviation : `~numpy.ndarray`, same shape, or None
        Standard deviation.
    """

    pixels: np.ndarray
    mask: np.ndarray | None
    deviation: np.ndarray | None


def read_sections(image, corner, shape, *, fill_value=np.nan, zeros='auto'):
    """
    Read sections of an image, if they are few.

    Parameters
    ----------
    image : `~astro_wgan.images.fits_image.FitsImage`
        The image.
    corner : array_like of int, shape (n, 2)
        First pixels ``(x, y)`` of the sections.
    shape : tuple of int
        ``(ny, nx)`` of the sections, which may extend beyond the image.
    fill_value : float, optional
        Value of pixels beyond the image, and of masked zeros.
    zeros : {'auto', 'keep', 'mask'}, optional
        As in `~astro_wgan.images.read_image`.

    Returns
    -------
    `ImageSections` or None
        None if the whole image should be read instead, because that is less work, there are zeros
        that may be blank depending on the rest of the image, or no pixel is usable.
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
    """Sections before anything is read."""
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
