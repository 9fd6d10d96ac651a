"""Centers of sources in stamps: centroids in a window, the brightest pixel, and the sky around."""

import numpy as np

__all__ = ['border_levels', 'sky_level_of_borders', 'window_centroids', 'window_coverage']

#: Width of the border in which the sky is measured, as a fraction of the edge, and its minimum in
#: pixels.
_BORDER, _MIN_BORDER = 1 / 8, 2
#: Standard deviation of the Gaussian window of the centroid, in the same way.
_WINDOW, _MIN_WINDOW = 1 / 10, 1.5
#: Minimum unmasked fraction of a border.
_MIN_OF_BORDER = 1 / 2


def border_levels(image):
    """Medians of the four borders of each image; NaN for one of which too much is masked."""
    ny, nx = (max(_MIN_BORDER, round(_BORDER * n)) for n in image.shape[1:])
    strips = image[:, :ny], image[:, -ny:], image[:, :, :nx], image[:, :, -nx:]
    return [_median(strip.reshape(len(image), np.prod(strip.shape[1:]))) for strip in strips]


def sky_level_of_borders(borders):
    """Lower mean of the two pairs of borders; if one of a pair is NaN, the other."""
    one, opposite = np.array(borders[::2]), np.array(borders[1::2])
    means = (
        np.where(np.isnan(one), opposite, one) + np.where(np.isnan(opposite), one, opposite)
    ) / 2
    return np.minimum(*means)


def _median(rows):
    """Medians of rows without NaN, if these are most of a row; faster than `numpy.nanmedian`."""
    n, length = rows.shape
    if not rows.size:
        return np.full(n, np.nan)
    # A whole sort is faster than a partition: NumPy has vector instructions for it.
    middle = [(length - 1) // 2, length // 2]
    median = np.sort(rows, axis=1)[:, middle].mean(axis=1, dtype=float)
    for k in np.flatnonzero(np.isnan(rows).any(axis=1)):
        known = rows[k][~np.isnan(rows[k])]
        # A small part of a border may be dominated by the source.
        enough = known.size > _MIN_OF_BORDER * length
        median[k] = np.median(known.astype(float)) if enough else np.nan
    return median


def window_coverage(image):
    """Fraction of the window around the center that is not NaN."""
    along_y, along_x = (
        np.exp(-(((np.arange(n) - (n - 1) / 2) / max(_MIN_WINDOW, _WINDOW * n)) ** 2) / 2)
        for n in image.shape[1:]
    )
    finite, coverage = np.isfinite(image), np.ones(len(image))
    rows = np.flatnonzero(~finite.all(axis=(1, 2)))
    unmasked = along_y @ finite[rows].astype(float) @ along_x
    coverage[rows] = unmasked / (along_y.sum() * along_x.sum())
    return coverage


def window_centroids(image, *, iterations=10, gain=2.0):
    """
    Centroids along y and x from the center of each image, in a Gaussian window around them.

    Parameters
    ----------
    image : array_like, shape (n, ny, nx)
        Without sky.
    iterations : int, optional
        Number of times that the window is moved to the centroid in it.
    gain : float, optional
        Factor of each move, since the window biases the centroid to its own center: 2 is exact for
        a Gaussian source of the width of the window; with 1.5, sources of any width up to twice
        that converge.

    Returns
    -------
    `~numpy.ndarray`, shape (2, n)
    """
    if not np.isfinite(image).all():
        image = np.nan_to_num(image, posinf=0, neginf=0)
    # Each image in a scale of its own, against overflow.
    options = {'axis': (1, 2), 'initial': 0, 'keepdims': True}
    scale = np.maximum(np.max(image, **options), -np.min(image, **options))
    image = (image / np.where(scale > 0, scale, 1)).astype(np.float32)
    axes = [np.arange(n) - (n - 1) / 2 for n in image.shape[1:]]
    widths = [max(_MIN_WINDOW, _WINDOW * n) for n in image.shape[1:]]
    center = np.zeros((2, len(image)))
    for _ in range(iterations):
        away = [axis - c[:, np.newaxis] for axis, c in zip(axes, center, strict=True)]
        windows = [np.exp(-((a / w) ** 2) / 2) for a, w in zip(away, widths, strict=True)]
        # Sums along an axis as matrix products, which are several times faster.
        down, across = (w.astype(np.float32) for w in windows)
        rows = np.matmul(image, across[..., np.newaxis])[..., 0]
        columns = np.matmul(down[:, np.newaxis], image)[:, 0]
        light = (rows * windows[0]).sum(axis=1)
        with np.errstate(divide='ignore', invalid='ignore'):
            step = [
                gain * (profile * window * a).sum(axis=1) / light
                for profile, window, a in zip((rows, columns), windows, away, strict=True)
            ]
        center = center + np.where(light > 0, step, np.nan)
        edge = np.array(image.shape[1:])[:, np.newaxis] / 4
        center = np.clip(center, -edge, edge)
    return center


def brightest_pixels(image, reach):
    """
    Offsets of the brightest pixels from the centers of images.

    Parameters
    ----------
    image : array_like, shape (n, ny, nx)
        NaN where masked.
    reach : array_like, shape (2,)
        Maximum offset along x and y, in pixels.

    Returns
    -------
    `~numpy.ndarray`, shape (n, 2)
        Along x and y; NaN for an image without usable pixel, of one value, or that is brighter
        beside the brightest pixel within reach. A parabola through the brightest pixel and its two
        neighbors along each axis gives the fraction of a pixel.
    """
    n, ny, nx = image.shape
    y, x = (np.arange(length) - (length - 1) / 2 for length in (ny, nx))
    near = (np.abs(y) <= reach[1])[:, np.newaxis] & (np.abs(x) <= reach[0])
    usable = np.isfinite(image) & near
    place = np.where(usable, image, -np.inf).reshape(n, ny * nx).argmax(axis=1)
    row, column = np.unravel_index(place, (ny, nx))
    rows = np.arange(n)
    # Against overflow.
    scale = np.abs(np.where(usable, image, 0)).max(axis=(1, 2), initial=0)
    image = image / np.where(scale > 0, scale, 1)[:, np.newaxis, np.newaxis]
    across = image[rows[:, np.newaxis], row[:, np.newaxis], _neighbors(column, nx)]
    along = image[rows[:, np.newaxis], _neighbors(row, ny), column[:, np.newaxis]]
    offset = np.stack([x[column] + _vertex(across), y[row] + _vertex(along)], axis=1)
    beside = np.concatenate([across, along], axis=1)
    is_peak = ~(beside > across[:, 1:2]).any(axis=1)
    values = usable.any(axis=(1, 2)) & (_largest(image, usable) > -_largest(-image, usable))
    return np.where((values & is_peak)[:, np.newaxis], offset, np.nan)


def _largest(image, usable):
    return np.where(usable, image, -np.inf).max(axis=(1, 2), initial=-np.inf)


def _neighbors(place, length):
    """The pixel and those beside it; at the edge of an image the pixel itself."""
    return np.clip(place[:, np.newaxis] + np.array([-1, 0, 1]), 0, length - 1)


def _vertex(three):
    """Where a parabola through three values is highest, from the one in the middle."""
    before, middle, after = three.T
    with np.errstate(divide='ignore', invalid='ignore'):
        fraction = (after - before) / (2 * (2 * middle - before - after))
    return np.where(np.abs(fraction) <= 0.5, fraction, 0)
