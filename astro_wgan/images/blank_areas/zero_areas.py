"""Areas of zeros in images: squares, lines along the border, and narrower parts beside them."""

import numpy as np
from scipy.ndimage import binary_dilation

__all__ = [
    'MARGIN',
    'ZERO_EDGE',
    'find_in_rows',
    'may_hold_blank',
    'row_blocks',
    'rows_may_hold_blank',
    'rows_with_areas',
    'with_margin',
]

#: Zeros that fill a square with this edge, or a line of this length along the border, may be blank.
ZERO_EDGE = 4
_LINE = 32

#: Distance up to which surrounding pixels are examined, and narrower areas of zeros are included.
_REACH = 4
_NARROW_REACH = 16

#: Distance of pixels that determine whether a zero may be blank.
MARGIN = ZERO_EDGE + _NARROW_REACH

#: Rows and columns of a block, and its margin on each side. Whole rows are in memory while a
#: large image is read.
_ROWS, _COLUMNS = 256, 512
_MARGIN_OF_BLOCK = 3 * ZERO_EDGE + _REACH + _NARROW_REACH

#: In smaller images, comparing all pixels with 0 is faster than comparing a grid of them.
_FEW = 2**16


def row_blocks(ny):
    """Rows of an image that are searched together, as slices."""
    return _blocks(ny, _ROWS)


def with_margin(own, edge, margin=_MARGIN_OF_BLOCK):
    """Rows, or columns, with a margin within the image; by default, that of a search."""
    return slice(max(0, own.start - margin), min(own.stop + margin, edge))


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
    reach = ZERO_EDGE - 1
    zero = pixels == 0
    wide = np.zeros(tuple(edge + 2 * reach for edge in zero.shape), dtype=bool)
    (below, above), (left, right) = borders
    wide[:reach], wide[-reach:] = below, above
    wide[:, :reach], wide[:, -reach:] = left, right
    wide[reach:-reach, reach:-reach] = zero
    return bool((_opened(wide) & zero).any())


def rows_may_hold_blank(pixels, borders):
    """
    Whether zeros in rows of an image may be blank, which depends on the whole image.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (m, nx)
        The rows, with a margin of `MARGIN` pixels within the image.
    borders : (bool, bool)
        Whether the image ends before and after them.

    Returns
    -------
    bool
    """
    nx = pixels.shape[1]
    for own in _blocks(nx, _COLUMNS):
        columns = with_margin(own, nx, MARGIN)
        block = pixels[:, columns]
        # Not of the whole strip at once, since the comparison takes memory, too.
        is_empty = np.count_nonzero(block == 0) < ZERO_EDGE**2
        if is_empty:
            continue
        if may_hold_blank(block, [borders, (columns.start == 0, columns.stop == nx)]):
            return True
    return False


def rows_with_areas(image):
    """Which `row_blocks` may contain a square of zeros, or a line at the border, as booleans."""
    ny = len(image)
    strips = np.zeros(-(-ny // _ROWS), dtype=bool)
    if image.size <= _FEW and image.all():
        return strips
    first = ZERO_EDGE // 2
    # A grid that no square misses. In a square, a pixel has neighbors along both axes.
    zero = image[first::ZERO_EDGE, first::ZERO_EDGE] == 0
    lines = np.flatnonzero(zero.any(axis=1))
    y, x = np.nonzero(zero[lines])
    y, x = first + ZERO_EDGE * lines[y], first + ZERO_EDGE * x
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


def find_in_rows(image, mask, own, found, surroundings):
    """
    Mark areas of zeros in some rows, and collect the pixels around them.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (ny, nx)
    mask : `~numpy.ndarray` of bool, same shape, or None
        True for pixels to exclude.
    own : slice
        The rows. Those `with_margin` are needed, too.
    found : `~numpy.ndarray` of bool, same shape
        Becomes True where there are areas of zeros.
    surroundings : `~astro_wgan.images.blank_areas.zero_surroundings.ZeroSurroundings`
    """
    for columns in _blocks(image.shape[1], _COLUMNS):
        _find_in_block(image, mask, (own, columns), found, surroundings)


def _blocks(edge, length):
    return [slice(start, min(start + length, edge)) for start in range(0, edge, length)]


def _find_in_block(image, mask, own, found, surroundings):
    wide = tuple(map(with_margin, own, image.shape))
    inner = tuple(
        slice(part.start - around.start, part.stop - around.start)
        for part, around in zip(own, wide, strict=True)
    )
    part = image[wide]
    zero = part == 0
    if not zero.any():
        return
    if zero.all() and min(zero.shape) >= ZERO_EDGE:
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
    solid = near & _opened(np.pad(~core, ZERO_EDGE - 1, constant_values=True)) & usable
    beside = solid & _grown(core, 1)
    near &= usable
    surroundings.add(*(each[inner] for each in (part, near, solid, beside)))


def _beyond_border(zero):
    """Zeros with a margin, into which lines of zeros along the border are extended."""
    reach = ZERO_EDGE - 1
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
            last = len(lines) - ZERO_EDGE + 1
            joined = lines[:last].copy()
            for k in range(1, ZERO_EDGE):
                combine(joined, lines[k : last + k], out=joined)
            wide = np.moveaxis(joined, 0, axis)
    return wide


def _grown(area, reach, within=None):
    structure = np.ones((3, 3), dtype=bool)
    return binary_dilation(area, structure, iterations=reach, mask=within)
