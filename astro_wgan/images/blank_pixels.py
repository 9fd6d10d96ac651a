"""`find_blank_pixels`: zeros without data, as outside of the footprint of a mosaic."""

import math

import numpy as np
from scipy.ndimage import binary_dilation

__all__ = ['MARGIN', 'ZEROS', 'check_zeros', 'may_hold_blank', 'find_blank_pixels']

#: Allowed treatments of zeros.
ZEROS = ('auto', 'keep', 'mask')

#: Zeros that fill a square with this edge, or a line of this length along the border, may be blank.
_EDGE = 4
_LINE = 32

#: Distance up to which surrounding pixels are examined, and narrower areas of zeros are included.
_REACH = 4
_NARROW_REACH = 16

#: Distance of pixels that determine whether a zero may be blank.
MARGIN = _EDGE + _NARROW_REACH

#: Rows and columns of a block, and its margin on each side.
_ROWS = _COLUMNS = 512
_MARGIN_OF_BLOCK = 3 * _EDGE + _REACH + _NARROW_REACH

#: In smaller images, comparing all pixels with 0 is faster than comparing a grid of them.
_FEW = 2**16

#: Pixels of a large image from which its level is measured.
_SAMPLES = 2**20

#: Maximum fraction of surrounding pixels that are zero themselves, as integers may be.
_ZEROS_AROUND = 0.25

#: Minimum fraction of pixels next to the zeros in areas of data.
_SOLID = 0.5

#: Minimum fraction of pixels of either sign around the zeros, or else the sky level in units of the
#: noise (with the same fraction of negative pixels).
_EITHER_SIGN = 0.02
_LEVEL = 1.7

#: If pixels below a threshold were set to zero, none are close to zero and many just above it:
#: maximum fraction of pixels up to twice the smallest values (or within half of the noise, at other
#: levels), and the number of distinct values above which they are not due to rounding.
_JUST_ABOVE = 0.1
_DIFFERENT = 8

#: Maximum difference of the median of all data from that level, in units of the noise: a truncated
#: model is surrounded by its faintest pixels, a footprint by sky.
_OFF_LEVEL = 5.0

#: Minimum brightness of the pixels next to the zeros, in units of all around (1 in noise), and
#: their maximum difference from the level in units of the noise. Models and denoised images end
#: gradually.
_ABRUPT = 0.5
_SLOPE = 0.5

#: Minimum difference of neighboring pixels in units of the scatter: 1.4 for white noise, 0.3 for
#: noise correlated over some pixels, less than 0.1 in the wings of a galaxy without noise.
_ROUGHNESS = 0.12

#: Rounding errors, in units of the brightest pixel, such as those of convolutions by FFT.
_ROUNDING = {4: 1e-7, 8: 1e-12}

_NORMAL = 1.482602218505602

_FEWEST = 16


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
    around = _Around()
    for k, image in enumerate(images):
        _find(image, None if masks is None else masks[k], found[k], around)
    if not found.any() or not around.is_sky_with_noise():
        return None
    return found.reshape(pixels.shape)


def may_hold_blank(pixels, borders):
    """
    Whether zeros in a section of an image may be blank, which depends on the whole image.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
        The section, with a margin of `MARGIN` pixels within the image.
    borders : list of (bool, bool)
        Whether the image ends before and after it, along y and along x.

    Returns
    -------
    bool
    """
    reach = _EDGE - 1
    zero = pixels == 0
    wide = np.zeros(tuple(edge + 2 * reach for edge in zero.shape), dtype=bool)
    (below, above), (left, right) = borders
    wide[:reach], wide[-reach:] = below, above
    wide[:, :reach], wide[:, -reach:] = left, right
    wide[reach:-reach, reach:-reach] = zero
    return bool((_opened(wide) & zero).any())


def _rows_with_blank(image):
    """True for strips of rows that may contain a square of zeros, or a line at the border."""
    ny = len(image)
    strips = np.zeros(-(-ny // _ROWS), dtype=bool)
    if image.size <= _FEW and image.all():
        return strips
    first = _EDGE // 2
    # A grid that no square misses. In a square, a pixel has neighbors along both axes.
    zero = image[first::_EDGE, first::_EDGE] == 0
    lines = np.flatnonzero(zero.any(axis=1))
    y, x = np.nonzero(zero[lines])
    y, x = first + _EDGE * lines[y], first + _EDGE * x
    for dy, dx in ((0, 1), (1, 0)):
        beside = [
            image[(y + sign * dy).clip(0, ny - 1), (x + sign * dx).clip(0, image.shape[1] - 1)]
            for sign in (-1, 1)
        ]
        kept = (beside[0] == 0) | (beside[1] == 0)
        y, x = y[kept], x[kept]
    strips[np.unique(y // _ROWS)] = True
    for row in (0, -1):
        strips[row] |= _has_line(image[row] == 0)
    for column in (0, -1):
        # A line may begin in the previous strip.
        if _has_line(image[:, column] == 0):
            strips[np.unique(np.flatnonzero(image[:, column] == 0) // _ROWS)] = True
    # Include adjacent strips.
    wide = np.pad(strips, 1)
    return wide[:-2] | strips | wide[2:]


def _find(image, mask, found, around):
    """Mark areas of zeros, and collect the pixels around them, block by block."""
    ny, nx = image.shape
    rows = _rows_with_blank(image)
    for strip in np.flatnonzero(rows):
        for start in range(0, nx, _COLUMNS):
            own = [_part(strip * _ROWS, _ROWS, ny), _part(start, _COLUMNS, nx)]
            _find_in_block(image, mask, own, found, around)
    if rows.any():
        step = max(_EDGE, math.isqrt(ny * nx // _SAMPLES))
        for start in range(0, ny, _ROWS):
            part = slice(start, start + _ROWS)
            around.sample(image[part], None if mask is None else mask[part], step)


def _part(start, length, end):
    return slice(start, min(start + length, end))


def _find_in_block(image, mask, own, found, around):
    wide, inner = [], []
    for part, edge in zip(own, image.shape, strict=True):
        first = max(0, part.start - _MARGIN_OF_BLOCK)
        wide.append(slice(first, min(edge, part.stop + _MARGIN_OF_BLOCK)))
        inner.append(slice(part.start - first, part.stop - first))
    own, wide, inner = tuple(own), tuple(wide), tuple(inner)
    part = image[wide]
    zero = part == 0
    if not zero.any():
        return
    if zero.all() and min(zero.shape) >= _EDGE:
        found[own] = True
        return
    core = _opened(_beyond_border(zero)) & zero
    if not core.any():
        return
    usable = np.isfinite(part)
    if mask is not None:
        usable &= ~mask[wide]
    found[own] = _grown(core, _NARROW_REACH, within=zero)[inner]
    near = _grown(core, _REACH) & ~core
    solid = near & _opened(np.pad(~core, _EDGE - 1, constant_values=True)) & usable
    beside = solid & _grown(core, 1)
    near &= usable
    around.add(*(each[inner] for each in (part, near, solid, beside)))


class _Around:
    """The pixels around areas of zeros, and some of all."""

    def __init__(self):
        self.near, self.brightest, self.rounding = 0, 0.0, 0.0
        self.values, self.beside, self.steps, self.samples = [], [], [], []

    def sample(self, part, mask, step):
        """Keep one pixel in each square of edge ``step``, and the brightest one."""
        net = (slice(_EDGE // 2, None, step),) * 2
        usable = np.isfinite(part)
        if mask is not None:
            usable &= ~mask
        values = part[net][usable[net]].astype(np.float64)
        self.samples.append(values[values != 0])
        self.brightest = max(self.brightest, float(np.abs(part[usable]).max(initial=0)))
        self.rounding = _ROUNDING.get(part.dtype.itemsize, 0.0)

    def add(self, part, near, solid, beside):
        """Keep the pixels around the zeros of a section."""
        self.near += int(np.count_nonzero(near))
        self.values.append(part[solid].astype(np.float64))
        self.beside.append(part[beside].astype(np.float64))
        both = solid[:, 1:] & solid[:, :-1]
        self.steps.append(part[:, 1:][both].astype(np.float64) - part[:, :-1][both])

    def is_sky_with_noise(self):
        """Whether all of them are noise around the sky level."""
        if not self.near:
            return False
        values, beside, steps, samples = (
            np.concatenate(parts) for parts in (self.values, self.beside, self.steps, self.samples)
        )
        if len(values) < max(_FEWEST, _SOLID * self.near) or not len(beside) or not len(steps):
            return False
        if np.mean(values == 0) > _ZEROS_AROUND:
            return False
        level = np.median(values)
        scatter = _NORMAL * np.median(np.abs(values - level))
        if scatter <= self.rounding * self.brightest:
            return False
        if np.median(np.abs(steps)) < _ROUGHNESS * scatter / _NORMAL:
            return False
        if len(samples) and abs(np.median(samples) - level) > _OFF_LEVEL * scatter:
            return False
        if np.median(np.abs(beside)) < _ABRUPT * np.median(np.abs(values)):
            return False
        if abs(np.median(beside) - level) > _SLOPE * scatter:
            return False
        is_high = abs(level) >= _LEVEL * scatter
        if not is_high and min(np.mean(values < 0), np.mean(values > 0)) < _EITHER_SIGN:
            return False
        if is_high:
            return not _has_threshold(values * np.sign(level), 0.5 * scatter)
        return not _has_threshold(np.abs(values))


def _has_threshold(values, reach=None):
    """Whether the distribution starts abruptly at its smallest values."""
    values = values[values != 0]
    first = np.quantile(values, 0.01)
    above = values[(values > 1.001 * first) & (values < first + (reach or 0.999 * first))]
    is_dense = len(above) > _JUST_ABOVE * len(values)
    return bool(is_dense and len(np.unique(above)) >= _DIFFERENT)


def _beyond_border(zero):
    """Zeros with a margin, into which lines of zeros along the border are extended."""
    reach = _EDGE - 1
    wide = np.pad(zero, reach)
    for axis in (0, 1):
        for side in (0, -1):
            line = _opened_line(zero.take(side, axis=axis))
            margin = [slice(None), slice(None)]
            margin[axis] = slice(None, reach) if side == 0 else slice(-reach, None)
            margin[1 - axis] = slice(reach, -reach)
            wide[tuple(margin)] |= np.expand_dims(line, axis)
    return wide


def _has_line(line):
    return bool(line[:: min(_LINE, len(line)) // 2 or 1].any()) and bool(_opened_line(line).any())


def _opened_line(line):
    """Morphological opening of a line: pixels in long runs."""
    length = min(_LINE, len(line))
    sums = np.concatenate([[0], np.cumsum(line)])
    opened = np.zeros(len(line), dtype=bool)
    for start in np.flatnonzero(sums[length:] - sums[:-length] == length):
        opened[start : start + length] = True
    return opened


def _opened(wide):
    """Morphological opening with a square, without the margin of the input."""
    for combine in (np.logical_and, np.logical_or):
        for axis in (0, 1):
            lines = np.moveaxis(wide, axis, 0)
            last = len(lines) - _EDGE + 1
            joined = lines[:last].copy()
            for k in range(1, _EDGE):
                combine(joined, lines[k : last + k], out=joined)
            wide = np.moveaxis(joined, 0, axis)
    return wide


def _grown(area, reach, within=None):
    structure = np.ones((3, 3), dtype=bool)
    return binary_dilation(area, structure, iterations=reach, mask=within)
