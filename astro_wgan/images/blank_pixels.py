"""`find_blank_pixels`: zeros without data, as outside of the footprint of a mosaic."""

import math

import numpy as np

from astro_wgan.images.blank_areas.zero_areas import (
    ZERO_EDGE,
    find_in_rows,
    row_blocks,
    rows_with_areas,
)
from astro_wgan.images.blank_areas.zero_surroundings import ZeroSurroundings

__all__ = ['ZEROS', 'BlankSearch', 'check_zeros', 'find_blank_pixels']

#: Allowed treatments of zeros.
ZEROS = ('auto', 'keep', 'mask')

#: Pixels of a large image from which its level is measured.
_SAMPLES = 2**20


def check_zeros(zeros):
    """
    Validate the treatment of zeros.

    Raises
    ------
    ValueError
        If it is invalid.
    """
    if zeros not in ZEROS:
        raise ValueError(f'`zeros` must be {", ".join(map(repr, ZEROS))}; got {zeros!r}.')


def find_blank_pixels(pixels, *, mask=None, zeros='auto'):
    """
    Find zeros that are blank, not dark sky.

    Parameters
    ----------
    pixels : array_like, shape (ny, nx) or (n, ny, nx)
        An image, or stamps of the same origin.
    mask : `~numpy.ndarray` of bool, same shape, optional
        True for pixels to exclude.
    zeros : {'auto', 'keep', 'mask'}, optional
        As in `~astro_wgan.images.read_image`.

    Returns
    -------
    `~numpy.ndarray` of bool, same shape, or None
        True for blank pixels; None if there are none.

    Raises
    ------
    ValueError
        If the arrays have a wrong shape, or ``zeros`` is invalid.

    Notes
    -----
    Mosaics have exact zeros without exposures; models and photon counts have zeros without light.
    The former fill areas surrounded by noise. Zeros are thus blank if they fill squares of 4 x 4
    pixels, or lines of 32 along the border, and the pixels within a distance of 4

    * are areas of data, few of which are zero;
    * vary from pixel to pixel like noise, by more than rounding errors;
    * have at least 2 percent of either sign, or a median above 1.7 times their scatter;
    * are at the sky level, the median of all data, within 5 times their scatter;
    * do not end at a threshold, below which pixels were set to zero;
    * are not fainter next to the zeros than further away.

    All such areas of an image, or of a set of stamps, are judged together. Thinner lines of zeros
    are kept. Photon counts within a sharp edge are taken for a footprint.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.images import find_blank_pixels
    >>> sky = np.random.default_rng(1).normal(size=(60, 60))
    >>> sky[:, :20] = 0
    >>> int(find_blank_pixels(sky).sum())
    1200
    >>> find_blank_pixels(np.maximum(sky, 0)) is None
    True
    """
    check_zeros(zeros)
    pixels = np.asarray(pixels)
    if pixels.ndim not in (2, 3):
        raise ValueError(
            f'`pixels` must have the shape (ny, nx) or (n, ny, nx); got {pixels.shape}.'
        )
    if mask is not None and np.shape(mask) != pixels.shape:
        raise ValueError(
            f'`mask` must have the shape of the pixels, {pixels.shape}; got {np.shape(mask)}.'
        )
    if zeros == 'keep' or not pixels.size:
        return None
    if zeros == 'mask':
        blank = pixels == 0
        return blank if blank.any() else None
    images = pixels if pixels.ndim == 3 else pixels[np.newaxis]
    masks = mask if mask is None or mask.ndim == 3 else mask[np.newaxis]
    found = np.zeros(images.shape, dtype=bool)
    around = ZeroSurroundings()
    for k, image in enumerate(images):
        _find(image, None if masks is None else masks[k], found[k], around)
    if not found.any() or not around.is_sky_with_noise():
        return None
    return found.reshape(pixels.shape)


class BlankSearch:
    """
    Search for blank zeros in an image of which some rows are in memory, from the first to the last.

    Parameters
    ----------
    shape : tuple of int
        ``(ny, nx)`` of the image.

    Attributes
    ----------
    has_found : bool
        Whether there are areas of zeros in the rows that were searched.

    Notes
    -----
    When all rows have been searched, the result is that of `find_blank_pixels` for the image.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.images.blank_pixels import BlankSearch, find_blank_pixels
    >>> from astro_wgan.images.blank_areas.zero_areas import row_blocks, with_margin
    >>> sky = np.random.default_rng(1).normal(size=(600, 60))
    >>> sky[:, :20] = 0
    >>> search, found = BlankSearch(sky.shape), np.zeros(sky.shape, dtype=bool)
    >>> for own in row_blocks(600):
    ...     wide = with_margin(own, 600)
    ...     found[own] = search.rows(own, sky[wide], None, wide.start)
    >>> search.are_blank(), np.array_equal(found, find_blank_pixels(sky))
    (True, True)
    """

    def __init__(self, shape):
        self._shape, self._around = shape, ZeroSurroundings()
        self.has_found = False

    def rows(self, own, pixels, mask, first):
        """
        Search some rows.

        Parameters
        ----------
        own : slice
            One of `~astro_wgan.images.blank_areas.zero_areas.row_blocks`.
        pixels : `~numpy.ndarray`
            These rows `~astro_wgan.images.blank_areas.zero_areas.with_margin`, or more.
        mask : `~numpy.ndarray` of bool, same shape, or None
            True for pixels to exclude.
        first : int
            Number of their first row in the image.

        Returns
        -------
        `~numpy.ndarray` of bool
            True for zeros that are blank if `are_blank` says so in the end.
        """
        inner = slice(own.start - first, own.stop - first)
        found = np.zeros(pixels.shape, dtype=bool)
        find_in_rows(pixels, mask, inner, found, self._around)
        step = _sampling_step(self._shape)
        self._around.sample(pixels[inner], None if mask is None else mask[inner], step)
        self.has_found = self.has_found or bool(found.any())
        return found[inner]

    def are_blank(self):
        """Whether the areas of zeros, after all rows have been searched, have no data."""
        return self.has_found and self._around.is_sky_with_noise()


def _find(image, mask, found, around):
    """Mark areas of zeros, and collect the pixels around them."""
    blocks, searched = row_blocks(len(image)), rows_with_areas(image)
    for number in np.flatnonzero(searched):
        find_in_rows(image, mask, blocks[number], found, around)
    if searched.any():
        step = _sampling_step(image.shape)
        for own in blocks:
            around.sample(image[own], None if mask is None else mask[own], step)


def _sampling_step(shape):
    return max(ZERO_EDGE, math.isqrt(shape[0] * shape[1] // _SAMPLES))
