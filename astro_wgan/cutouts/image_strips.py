"""`cut_from_strips`: stamps of a large FITS image, of which some rows are read at a time."""

from types import SimpleNamespace

import numpy as np

from astro_wgan.cutouts.gathering import parts_of_image
from astro_wgan.images.blank_pixels import MARGIN, may_hold_blank
from astro_wgan.images.fits_sections import ImageSections
from astro_wgan.images.planes import JUDGED
from astro_wgan.validation.masked import joint_mask

__all__ = ['cut_from_strips']

#: Larger images are read in strips of this many rows, and as many more as stamps have.
_LARGE = 2**25
_ROWS = 1024

#: Fewer zeros are no area without data.
_FEWEST_BLANK = 16


def cut_from_strips(image, corner, shape, *, fill_value=np.nan, zeros='auto'):
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
    fill_value, zeros : optional
        As in `~astro_wgan.images.fits_sections.read_sections`.

    Returns
    -------
    `~astro_wgan.images.fits_sections.ImageSections` or None
        None if the whole image should be read instead: because it is not large, there are zeros
        that may be blank depending on the rest of the image, or no pixel is usable.
    """
    ny = shape[0]
    if not len(corner) or np.prod(image.shape) < _LARGE:
        return None
    strip = np.clip(corner[:, 1], 0, image.shape[0] - 1) // _ROWS
    parts = None
    for number in np.unique(strip):
        rows = np.flatnonzero(strip == number)
        low = max(0, corner[rows, 1].min())
        high = min(image.shape[0], max(corner[rows, 1].max() + ny, low + 1))
        read = _read_strip(image, slice(low, high), zeros)
        if read is None:
            return None
        cut = parts_of_image(read, corner[rows] - [0, low], shape, fill_value)
        if parts is None:
            parts = _empty_parts(len(corner), shape, cut)
        parts.pixels[rows] = cut.pixels
        parts.mask[rows] = False if cut.mask is None else cut.mask
        if parts.deviation is not None:
            parts.deviation[rows] = cut.deviation
    if parts.mask.all():
        return None
    image.warn_of_bits()
    return ImageSections(parts.pixels, parts.mask if parts.mask.any() else None, parts.deviation)


def _read_strip(image, rows, zeros):
    """Rows of an image as it is cut, or None if some of its zeros may be blank."""
    wide = slice(max(0, rows.start - MARGIN), min(rows.stop + MARGIN, image.shape[0]))
    columns = slice(0, image.shape[1])
    if zeros != 'auto':
        wide = rows
    pixels, mask, deviation = image.read_arrays(wide, columns)
    if zeros == 'auto' and np.count_nonzero(pixels == 0) >= _FEWEST_BLANK:
        borders = [(wide.start == 0, wide.stop == image.shape[0]), (True, True)]
        if may_hold_blank(pixels, borders):
            return None
    part = slice(rows.start - wide.start, rows.stop - wide.start)
    pixels, mask, deviation = (
        None if array is None else array[part] for array in (pixels, mask, deviation)
    )
    bad = ~np.isfinite(pixels)
    if zeros == 'mask':
        bad |= pixels == 0
    mask = joint_mask(mask, bad) if bad.any() else mask
    return SimpleNamespace(
        data=pixels,
        mask=mask,
        uncertainty=None if deviation is None else SimpleNamespace(array=deviation),
        shape=pixels.shape,
        # As for `fill_value` of blank pixels.
        meta={JUDGED: int(zeros == 'mask')},
    )


def _empty_parts(n, shape, cut):
    deviation = None
    if cut.deviation is not None:
        deviation = np.empty((n, *shape), dtype=cut.deviation.dtype)
    pixels = np.empty((n, *shape), dtype=cut.pixels.dtype)
    return ImageSections(pixels, np.zeros((n, *shape), dtype=bool), deviation)
