"""`cut_from_strips`: stamps of a large FITS image, of which some rows are read at a time."""

from types import SimpleNamespace

import numpy as np

from astro_wgan.cutouts.gathering import GatheredParts
from astro_wgan.images.blank_areas.zero_areas import row_blocks, rows_may_hold_blank, with_margin
from astro_wgan.images.blank_pixels import BlankSearch
from astro_wgan.images.fits_sections import new_array
from astro_wgan.images.planes import JUDGED

__all__ = ['cut_from_strips']

#: Larger images are read in strips.
_LARGE = 2**25

#: Rows of a strip, without those that its stamps and the search for zeros need beyond.
_ROWS = 128

#: Images whose tiles are compressed with more rows than these are read as a whole.
_MOST_ROWS = 512

#: Pixels that are read at a time, a megabyte: they fit into the cache of a processor core.
_PIXELS_READ = 2**18


def cut_from_strips(image, corner, shape, *, fill_value=np.nan, zeros='auto', new=new_array):
    """
    Cut stamps from strips of an image.

    Parameters
    ----------
    image : `~astro_wgan.images.fits_image.FitsImage`
        The image, in a file.
    corner : `~numpy.ndarray` of int, shape (n, 2)
        First pixels ``(x, y)`` of the stamps, which may extend beyond the image.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.
    fill_value, zeros, new : optional
        As in `~astro_wgan.images.fits_sections.read_sections`.

    Returns
    -------
    `~astro_wgan.images.fits_sections.ImageSections` or None
        None if the whole image should be read instead: because it is not large, its tiles are, or
        no pixel is usable.

    Notes
    -----
    Only rows with stamps are read, and each of them once, unless areas of zeros are met. Whether
    these are blank depends on the pixels around all of them: all rows are then read from the first
    to the last, and stamps are cut as if zeros were blank. In the end it turns out whether they
    are. If not, which happens in models and images of counts, stamps are cut once more.
    """
    if not len(corner) or np.prod(image.shape) < _LARGE:
        return None
    if image.rows_of_tile > _MOST_ROWS:
        return None
    strips = _Strips(image, corner, shape)
    parts = strips.cut(zeros, fill_value, new)
    if parts is None:
        search = BlankSearch(image.shape)
        parts = strips.cut(zeros, fill_value, new, search)
        if not search.are_blank():
            parts = strips.cut('keep', fill_value, new)
    parts = parts.sections()
    if parts.mask is not None and parts.mask.all():
        return None
    image.warn_of_bits()
    return parts


class _Strips:
    """Stamps by the strip of the image in which they end."""

    def __init__(self, image, corner, shape):
        self._image, self._corner, self._shape = image, corner, shape
        ny, nx = image.shape
        tile = image.rows_of_tile
        self._rows_read = tile * max(1, _PIXELS_READ // (nx * tile))
        height = tile * -(-_ROWS // tile)
        self._strips = [slice(k, min(k + height, ny)) for k in range(0, ny, height)]
        self._last = np.clip(corner[:, 1] + shape[0], 1, ny) - 1

    def cut(self, zeros, fill_value, new, search=None):
        """`GatheredParts`; None if zeros are 'auto', and areas of them are met."""
        parts = GatheredParts(len(self._corner), self._shape, fill_value, new)
        has_blank = search is not None or zeros == 'mask'
        if search is None:
            own = [strip for strip in self._strips if self._ending_in(strip).size]
        else:
            own = row_blocks(self._image.shape[0])
        rows = [self._rows(strip, has_margin=zeros == 'auto') for strip in own]
        height = max(stop - first for first, stop in rows)
        in_memory = _RowsInMemory(self._image, height, self._rows_read)
        for strip, (first, stop) in zip(own, rows, strict=True):
            in_memory.read(first, stop)
            if search is not None:
                in_memory.search(search, strip)
            elif zeros == 'auto' and in_memory.may_hold_blank():
                return None
            elif zeros == 'mask':
                in_memory.mask_zeros()
            stamps = self._ending_in(strip)
            if stamps.size:
                image = in_memory.image(has_blank=has_blank)
                parts.fill(stamps, image, self._corner[stamps] - [0, first])
        return parts

    def _ending_in(self, strip):
        """Rows of the stamps whose last row is in a strip."""
        return np.flatnonzero((self._last >= strip.start) & (self._last < strip.stop))

    def _rows(self, strip, *, has_margin):
        """First and last row that are needed for the stamps that end in a strip."""
        wide = with_margin(strip, self._image.shape[0]) if has_margin else strip
        return max(0, min(wide.start, strip.start - self._shape[0] + 1)), wide.stop


class _RowsInMemory:
    """Rows of an image, of which those that are needed again are kept."""

    def __init__(self, image, height, rows_read):
        self._image, self._height, self._rows_read = image, height, rows_read
        self._first = self._stop = 0
        self._pixels = self._bad = self._deviation = None
        self._has_zero = np.zeros(height, dtype=bool)

    def read(self, first, stop):
        """Read the rows from ``first`` to before ``stop`` that are not in memory."""
        kept = max(0, self._stop - first)
        if kept:
            before = slice(first - self._first, self._stop - self._first)
            for array in (self._pixels, self._bad, self._deviation, self._has_zero):
                if array is not None:
                    array[:kept] = array[before]
        self._first, self._stop = first, stop
        start = first + kept
        while start < stop:
            # Whole tiles of compressed images.
            end = min(stop, (start // self._rows_read + 1) * self._rows_read)
            self._read(start, end)
            start = end

    def image(self, *, has_blank):
        """They, as an image that is cut."""
        bad = self._part(self._bad)
        deviation = self._part(self._deviation)
        return SimpleNamespace(
            data=self._part(self._pixels),
            mask=bad if bad.any() else None,
            uncertainty=None if deviation is None else SimpleNamespace(array=deviation),
            shape=bad.shape,
            # As for `fill_value` of blank pixels.
            meta={JUDGED: int(has_blank)},
        )

    def may_hold_blank(self):
        """Whether zeros among them may be blank."""
        if not self._part(self._has_zero).any():
            return False
        borders = self._first == 0, self._stop == self._image.shape[0]
        return rows_may_hold_blank(self._part(self._pixels), borders)

    def search(self, search, own):
        """Mask blank zeros in some of them."""
        pixels, bad = self._part(self._pixels), self._part(self._bad)
        found = search.rows(own, pixels, bad, self._first)
        bad[own.start - self._first : own.stop - self._first] |= found

    def mask_zeros(self):
        """Mask all zeros."""
        for row in np.flatnonzero(self._part(self._has_zero)):
            self._bad[row] |= self._pixels[row] == 0

    def _part(self, array):
        return None if array is None else array[: self._stop - self._first]

    def _read(self, start, end):
        pixels, mask, deviation = self._image.read_arrays(
            slice(start, end), slice(0, self._image.shape[1])
        )
        if self._pixels is None:
            shape = self._height, self._image.shape[1]
            self._pixels, self._bad = np.empty(shape, pixels.dtype), np.empty(shape, bool)
            self._deviation = None if deviation is None else np.empty(shape, deviation.dtype)
        rows = slice(start - self._first, end - self._first)
        self._pixels[rows] = pixels
        bad = self._bad[rows]
        np.isfinite(pixels, out=bad)
        np.logical_not(bad, out=bad)
        if mask is not None:
            bad |= mask
        if deviation is not None:
            self._deviation[rows] = deviation
        self._has_zero[rows] = (pixels == 0).any()
