"""The eight orientations of square images, around the place where their sources are."""

import numpy as np

__all__ = ['HALF_TURN', 'in_all_orientations', 'middle_of', 'oriented', 'source_center']

#: The orientation that is rotated by 180 degrees.
HALF_TURN = 2
#: Largest distance of the sources from the middle of the images along each axis, in half pixels.
_MAX_OFFSET = 2
#: The middle is kept unless another center leaves less than this part of the asymmetry.
_CLEARLY_LESS = 0.6
#: A pixel counts if at least this part of the images has it, and a center if at least this part of
#: the pixels that count has a counterpart.
_MIN_SEEN, _MIN_PAIRED = 0.25, 0.5
#: Pixels of the median image are compared if they, or their counterparts, are so many standard
#: deviations above the others: in a large stamp of a small source noise would hide the difference.
_SIGMA = 5.0


def source_center(images):
    """
    Where the sources of centered images are: in their middle, or up to a pixel beside it.

    Cut from pixel ``x - 32`` up to ``x + 32``, as surveys often do, a stamp of 64 pixels has its
    source at (32, 32), half a pixel from its middle, and rotated stamps have theirs elsewhere.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx, bands)
        NaN where pixels are masked: filled ones would make the images less symmetric.

    Returns
    -------
    tuple of float
        y and x, in half pixels: where the median image is most like itself, rotated by 180
        degrees. Both are whole pixels from the middle, or both are not, so that pixels fall on
        pixels in each orientation. If no center makes it clearly more symmetric, or too few pixels
        tell, the middle.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.stamps.orientations import source_center
    >>> y, x = np.mgrid[:16, :16] - 8
    >>> source_center(np.exp(-np.hypot(y, x))[np.newaxis, ..., np.newaxis])
    (8.0, 8.0)
    """
    median = _median_where_seen(images)
    offsets = range(-_MAX_OFFSET, _MAX_OFFSET + 1)
    pairs = [(dy, dx) for dy in offsets for dx in offsets if (dy - dx) % 2 == 0]
    inner, bright = slice(_MAX_OFFSET, -_MAX_OFFSET), _bright(median)
    least = max(1, _MIN_PAIRED * np.count_nonzero(np.isfinite(median[inner, inner])))
    asymmetry = {}
    for pair in pairs:
        rotated, also_bright = (
            np.roll(each[::-1, ::-1], pair, axis=(0, 1))[inner, inner] for each in (median, bright)
        )
        difference = median[inner, inner] - rotated
        known = np.isfinite(difference)
        if np.count_nonzero(known) >= least:
            compared = known & (bright[inner, inner] | also_bright)
            difference = difference[compared if compared.any() else known]
            asymmetry[pair] = float(np.square(difference).mean() ** 0.5)
    best = min(asymmetry, key=asymmetry.get, default=(0, 0))
    if (0, 0) not in asymmetry or not asymmetry[best] < _CLEARLY_LESS * asymmetry[0, 0]:
        best = (0, 0)
    return tuple(m + offset / 2 for m, offset in zip(middle_of(median.shape), best, strict=True))


def _median_where_seen(images):
    """Median image of the pixels that are not NaN; NaN where too few images have them."""
    seen = np.count_nonzero(np.isfinite(images), axis=0)
    # NaN come last.
    rows = np.maximum([(seen - 1) // 2, seen // 2], 0)
    median = np.take_along_axis(np.sort(images, axis=0), rows, axis=0).mean(axis=0)
    return np.where(seen >= max(1, _MIN_SEEN * len(images)), median, np.nan)


def _bright(median):
    """Pixels far above the others of their band; all, where the sources leave no others."""
    light = median - _median_where_seen(median.reshape(-1, median.shape[-1]))
    sigma = 1.4826 * _median_where_seen(np.abs(light).reshape(-1, median.shape[-1]))
    with np.errstate(invalid='ignore'):
        return light > _SIGMA * sigma


def middle_of(shape):
    """Y and x of the middle of images of shape (ny, nx, ...)."""
    return (shape[0] - 1) / 2, (shape[1] - 1) / 2


def oriented(images, orientation, *, center=None):
    """
    Square images in one of their eight orientations.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (..., size, size, bands)
    orientation : int
        0 to 3: rotated by so many right angles; 4 to 7: then mirrored, too.
    center : tuple of float, optional
        y and x that stay where they are, as from `source_center`; by default the middle. Pixels
        that leave the images come back at the opposite edge.

    Returns
    -------
    `~numpy.ndarray`, same shape
        A view, if it is around the middle.
    """
    turned = np.rot90(images, orientation % 4, axes=(-3, -2))
    turned = turned[..., ::-1, :] if orientation > 3 else turned
    if center is None:
        return turned
    dy, dx = (c - m for c, m in zip(center, middle_of(images.shape[-3:]), strict=True))
    y, x = dy, dx
    for _ in range(orientation % 4):
        y, x = -x, y
    x = -x if orientation > 3 else x
    shift = round(dy - y), round(dx - x)
    return np.roll(turned, shift, axis=(-3, -2)) if any(shift) else turned


def in_all_orientations(images, *, center=None):
    """The eight orientations of square images (n, size, size, bands), one after the other."""
    for turn in range(4):
        for orientation in (turn, turn + 4):
            yield np.ascontiguousarray(oriented(images, orientation, center=center))
