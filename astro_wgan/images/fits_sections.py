"""`read_sections`: a few sections of a large FITS image, without reading all of it."""

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from astro_wgan.images.blank_areas.zero_areas import MARGIN, may_hold_blank, with_margin
from astro_wgan.images.file_checks import as_path
from astro_wgan.images.fits_image import FitsImage, open_fits_image
from astro_wgan.remote.remote_path import RemotePath

__all__ = ['ImageSections', 'new_array', 'open_sections', 'read_sections']

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
        As in `~astro_wgan.images.read_image`, or a FitsImage that is open already.
    options : `~astro_wgan.images.read_options.ReadOptions`
        What to read.

    Yields
    ------
    `~astro_wgan.images.fits_image.FitsImage` or None
        None if the whole image has to be read: compressed files, formats other than FITS, and
        files at URIs of which the caller wants all.
    """
    if not isinstance(source, (str, bytes, os.PathLike, RemotePath)):
        yield source if isinstance(source, FitsImage) else None
        return
    path = as_path(source, options.remote)
    if isinstance(path, RemotePath) and options.remote.read == 'whole':
        yield None
        return
    with path.open('rb') as file:
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


def new_array(_, shape, dtype):
    """
    An array for ``'pixels'``, ``'uncertainty'`` or ``'mask'`` of sections.

    Parameters
    ----------
    _ : str
        Which of them.
    shape : tuple of int
    dtype : `~numpy.dtype`

    Returns
    -------
    `~numpy.ndarray`
        A mask is False everywhere, other arrays hold anything.
    """
    is_mask = np.dtype(dtype).kind == 'b'
    return np.zeros(shape, dtype) if is_mask else np.empty(shape, dtype)


def read_sections(image, corner, shape, *, fill_value=np.nan, zeros='auto', new=new_array):
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
    new : callable, optional
        Makes the arrays, as `new_array`.

    Returns
    -------
    `ImageSections` or None
        None if the whole image should be read instead, because that is less work, there are zeros
        that may be blank depending on the rest of the image, or no pixel is usable.
    """
    n, (ny, nx) = len(corner), shape
    if not n or _GAIN * n * image.work_of_part(shape) > 1:
        return None
    parts = _Sections((n, ny, nx), fill_value, new)
    for k, (x, y) in enumerate(np.asarray(corner).tolist()):
        rows = slice(max(0, y), min(y + ny, image.shape[0]))
        columns = slice(max(0, x), min(x + nx, image.shape[1]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            parts.outside.append(k)
            continue
        pixels, mask, deviation = image.read_arrays(rows, columns)
        if zeros == 'auto' and not pixels.all() and _may_hold_void(image, rows, columns):
            return None
        bad = ~np.isfinite(pixels)
        if mask is not None:
            bad |= mask
        if zeros == 'mask':
            zero = pixels == 0
            bad |= zero
            pixels = np.where(zero, pixels.dtype.type(fill_value), pixels)
        inside = np.s_[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
        parts.put(k, inside, pixels, bad, deviation)
    if not parts.has_usable:
        return None
    parts.fill_outside()
    image.warn_of_bits()
    return ImageSections(parts.pixels, parts.mask, parts.deviation)


def _may_hold_void(image, rows, columns):
    wide, borders = [], []
    for part, edge in zip((rows, columns), image.shape, strict=True):
        wide.append(with_margin(part, edge, MARGIN))
        borders.append((wide[-1].start == 0, wide[-1].stop == edge))
    return may_hold_blank(image.read_arrays(*wide)[0], borders)


class _Sections:
    """Arrays of sections, made when the first is put there; the mask, once a pixel is masked."""

    def __init__(self, shape, fill_value, new):
        self._shape, self._fill_value, self._new = shape, fill_value, new
        self.pixels = self.mask = self.deviation = None
        self.outside, self.has_usable = [], False

    def put(self, k, inside, pixels, bad, deviation):
        if self.pixels is None:
            self.pixels = self._new('pixels', self._shape, pixels.dtype)
            if deviation is not None:
                self.deviation = self._new('uncertainty', self._shape, deviation.dtype)
        is_whole = pixels.shape == self._shape[1:]
        if not is_whole:
            self._fill(k)
        self.pixels[k][inside] = pixels
        if deviation is not None:
            self.deviation[k][inside] = deviation
        if not is_whole or bad.any():
            self._masked()[k][inside] = bad
        self.has_usable = self.has_usable or not bad.all()

    def fill_outside(self):
        """Sections that lie entirely outside of the image."""
        for k in self.outside:
            self._fill(k)

    def _fill(self, k):
        self.pixels[k] = self._fill_value
        self._masked()[k] = True
        if self.deviation is not None:
            self.deviation[k] = np.nan

    def _masked(self):
        if self.mask is None:
            self.mask = self._new('mask', self._shape, np.dtype(bool))
        return self.mask
