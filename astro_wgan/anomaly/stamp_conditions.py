"""Offset of a source from the center of its stamp, and level and slope of the sky around it."""

import numpy as np

__all__ = ['measure_conditions']

#: Width of the border in which the sky is measured, as a fraction of the edge, and its minimum in
#: pixels.
_BORDER, _MIN_BORDER = 1 / 8, 2
#: Standard deviation of the Gaussian window of the centroid, in the same way.
_WINDOW, _MIN_WINDOW = 1 / 10, 1.5
_ITERATIONS = 10
#: Minimum unmasked fraction of a border, and of the window around the center.
_MIN_OF_BORDER, _MIN_OF_WINDOW = 1 / 2, 0.6


def measure_conditions(pixels, noise, *, closest_images=None):
    """
    Quantities that show whether stamps were cut and calibrated in the same way.

    Parameters
    ----------
    pixels : array_like, shape (n, ny, nx) or (n, ny, nx, bands)
        NaN where masked. Bands are averaged.
    noise : array_like, shape (n,)
        Standard deviation of the noise of a pixel, mean of the bands.
    closest_images : array_like, same shape as the pixels, optional
        Closest images in the same unit, which replace the masked pixels of a source.

    Returns
    -------
    dict of `~numpy.ndarray`, shape (n,)
        NaN where too many pixels are masked: half of a border or more, or more than 0.4 of the
        window around the center.

        * ``offset_x``, ``offset_y``: from the center of the stamp to the centroid of its source, in
          pixels;
        * ``sky_level``: mean of the medians of two opposite borders, in units of the noise, for
          the pair of borders with the lower mean, since a neighbor may be on the other. If one
          border of a pair is masked, the median of the other;
        * ``sky_slope_x``, ``sky_slope_y``: difference of the medians of opposite borders, in units
          of the noise.

    Notes
    -----
    The centroid is measured iteratively in a Gaussian window centered on it, with a standard
    deviation of a tenth of the edge, as ``XWIN_IMAGE`` of SExtractor.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.stamp_conditions import measure_conditions
    >>> y, x = np.indices((32, 32))
    >>> star = 300 * np.exp(-((x - 17.5) ** 2 + (y - 14.5) ** 2) / 2 / 2.5**2)
    >>> stamp = star + np.random.default_rng(1).normal(size=(1, 32, 32))
    >>> found = measure_conditions(stamp, [1.0])
    >>> f'{found["offset_x"][0]:.1f} {found["offset_y"][0]:.1f}'
    '2.0 -1.0'
    """
    # So that sums of two do not overflow.
    largest = np.finfo(float).max / 4
    image = np.clip(np.asarray(pixels, dtype=float), -largest, largest)
    whole = image if closest_images is None else np.where(np.isnan(image), closest_images, image)
    if image.ndim == 4:
        image, whole = image.mean(axis=-1), whole.mean(axis=-1)
    bottom, top, left, right = borders = _borders(image)
    level = _level(borders)
    # If both pairs of borders are masked, the sky of the closest image.
    sky = np.where(np.isnan(level), np.nan_to_num(_level(_borders(whole))), level)
    offsets = _centroids(whole - sky[:, np.newaxis, np.newaxis])
    usable = _unmasked_of_window(image) >= _MIN_OF_WINDOW
    offset_y, offset_x = (np.where(usable, offset, np.nan) for offset in offsets)
    with np.errstate(divide='ignore', invalid='ignore'):
        return {
            'offset_x': offset_x,
            'offset_y': offset_y,
            'sky_level': _finite(level / noise),
            'sky_slope_x': _finite((right - left) / noise),
            'sky_slope_y': _finite((top - bottom) / noise),
        }


def _borders(image):
    """Medians of the four borders of each image; NaN for one of which too much is masked."""
    ny, nx = (max(_MIN_BORDER, round(_BORDER * n)) for n in image.shape[1:])
    strips = image[:, :ny], image[:, -ny:], image[:, :, :nx], image[:, :, -nx:]
    return [_median(strip.reshape(len(image), np.prod(strip.shape[1:]))) for strip in strips]


def _level(borders):
    """Lower mean of the two pairs of borders; if one of a pair is NaN, the other."""
    one, opposite = np.array(borders[::2]), np.array(borders[1::2])
    means = (
        np.where(np.isnan(one), opposite, one) + np.where(np.isnan(opposite), one, opposite)
    ) / 2
    return np.minimum(*means)


def _median(rows):
    """Medians of rows without NaN, if these are most of a row; faster than `numpy.nanmedian`."""
    median = np.median(rows, axis=1) if rows.size else np.full(len(rows), np.nan)
    for k in np.flatnonzero(np.isnan(median)):
        known = rows[k][~np.isnan(rows[k])]
        # A small part of a border may be dominated by the source.
        median[k] = np.median(known) if known.size > _MIN_OF_BORDER * rows.shape[1] else np.nan
    return median


def _unmasked_of_window(image):
    """Fraction of the window around the center that is not NaN."""
    along_y, along_x = (
        np.exp(-(((np.arange(n) - (n - 1) / 2) / max(_MIN_WINDOW, _WINDOW * n)) ** 2) / 2)
        for n in image.shape[1:]
    )
    unmasked = along_y @ np.isfinite(image).astype(float) @ along_x
    return unmasked / (along_y.sum() * along_x.sum())


def _centroids(image):
    """Centroids along y and x from the center of each image, in a Gaussian window around them."""
    # Each image in a scale of its own, against overflow.
    image = np.nan_to_num(image, posinf=0, neginf=0)
    scale = np.abs(image).max(axis=(1, 2), initial=0, keepdims=True)
    image = (image / np.where(scale > 0, scale, 1)).astype(np.float32)
    axes = [np.arange(n) - (n - 1) / 2 for n in image.shape[1:]]
    widths = [max(_MIN_WINDOW, _WINDOW * n) for n in image.shape[1:]]
    center = np.zeros((2, len(image)))
    for _ in range(_ITERATIONS):
        away = [axis - c[:, np.newaxis] for axis, c in zip(axes, center, strict=True)]
        windows = [np.exp(-((a / w) ** 2) / 2) for a, w in zip(away, widths, strict=True)]
        # Sums along an axis as matrix products, which are several times faster.
        down, across = (w.astype(np.float32) for w in windows)
        rows = np.matmul(image, across[..., np.newaxis])[..., 0]
        columns = np.matmul(down[:, np.newaxis], image)[:, 0]
        light = (rows * windows[0]).sum(axis=1)
        with np.errstate(divide='ignore', invalid='ignore'):
            # The window biases the centroid to its own center; for a Gaussian source of the same
            # width by a factor of two.
            step = [
                2 * (profile * window * a).sum(axis=1) / light
                for profile, window, a in zip((rows, columns), windows, away, strict=True)
            ]
        center = center + np.where(light > 0, step, np.nan)
        edge = np.array(image.shape[1:])[:, np.newaxis] / 4
        center = np.clip(center, -edge, edge)
    return center


def _finite(values):
    return np.where(np.isfinite(values), values, np.nan)
