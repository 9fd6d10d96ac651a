"""Where in its stamp a source lies, and on what sky."""

import numpy as np

__all__ = ['measure_conditions']

#: Width of the border from which the sky is taken, as a share of the edge, and the least of it.
_BORDER, _LEAST_BORDER = 1 / 8, 2
#: Standard deviation of the Gaussian window of a centroid, in the same way.
_WINDOW, _LEAST_WINDOW = 1 / 10, 1.5
_ITERATIONS = 10
#: Of a border, and of the window around the center, so much has to be seen.
_MOST, _MOST_OF_WINDOW = 1 / 2, 0.6


def measure_conditions(pixels, noise, *, closest=None):
    """
    What says whether stamps were cut and calibrated alike.

    Parameters
    ----------
    pixels : array_like, shape (n, ny, nx) or (n, ny, nx, bands)
        NaN where masked. Of several bands the mean is taken.
    noise : array_like, shape (n,)
        Standard deviation of a pixel's noise, a mean over the bands.
    closest : array_like, shape of the pixels, optional
        Closest images in the same unit, of which the source has what is masked of it.

    Returns
    -------
    dict of `~numpy.ndarray`, shape (n,)
        NaN where there are too few pixels to tell.

        * ``offset_x``, ``offset_y``: from the center of the stamp to the centroid of its source, in
          pixels.
        * ``sky_level``: mean of the medians of two opposite borders, in units of the noise: of the
          two pairs of borders the lower one, since a neighbor may lie on the other. Of a pair of
          which one is masked the other stands for both.
        * ``sky_slope_x``, ``sky_slope_y``: by how much the medians of opposite borders differ, in
          the same unit.

        Too few are half of a border or less, and less than six tenths of the window around the
        center.

    Notes
    -----
    The centroid is that in a Gaussian window that follows it, with a standard deviation of a tenth
    of the edge (``XWIN_IMAGE`` of SExtractor has the same law). The noise is that of
    `~astro_wgan.noise.estimate_noise_rms`.

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
    # The sum of two is a number, too.
    largest = np.finfo(float).max / 4
    image = np.clip(np.asarray(pixels, dtype=float), -largest, largest)
    whole = image if closest is None else np.where(np.isnan(image), closest, image)
    if image.ndim == 4:
        image, whole = image.mean(axis=-1), whole.mean(axis=-1)
    bottom, top, left, right = borders = _borders(image)
    level = _level(borders)
    # Where two opposite borders are masked it is that of the closest image.
    below = np.where(np.isnan(level), np.nan_to_num(_level(_borders(whole))), level)
    offsets = _centroids(whole - below[:, np.newaxis, np.newaxis])
    seen = _seen_of_window(image) >= _MOST_OF_WINDOW
    offset_y, offset_x = (np.where(seen, offset, np.nan) for offset in offsets)
    with np.errstate(divide='ignore', invalid='ignore'):
        return {
            'offset_x': offset_x,
            'offset_y': offset_y,
            'sky_level': _finite(level / noise),
            'sky_slope_x': _finite((right - left) / noise),
            'sky_slope_y': _finite((top - bottom) / noise),
        }


def _borders(image):
    """Medians of the four borders of each image; NaN of one of which much is missing."""
    ny, nx = (max(_LEAST_BORDER, round(_BORDER * n)) for n in image.shape[1:])
    strips = image[:, :ny], image[:, -ny:], image[:, :, :nx], image[:, :, -nx:]
    return [_median(strip.reshape(len(image), np.prod(strip.shape[1:]))) for strip in strips]


def _level(borders):
    """Of two pairs of borders the lower mean; of a pair of which one is NaN the other counts."""
    one, opposite = np.array(borders[::2]), np.array(borders[1::2])
    means = (
        np.where(np.isnan(one), opposite, one) + np.where(np.isnan(opposite), one, opposite)
    ) / 2
    return np.minimum(*means)


def _median(rows):
    """Of what is not NaN in a row, if it is most; `numpy.nanmedian` would take far longer."""
    median = np.median(rows, axis=1) if rows.size else np.full(len(rows), np.nan)
    for k in np.flatnonzero(np.isnan(median)):
        known = rows[k][~np.isnan(rows[k])]
        # What is left of a border that a mask has cut may lie nearer to the source.
        median[k] = np.median(known) if known.size > _MOST * rows.shape[1] else np.nan
    return median


def _seen_of_window(image):
    """Share of the window around the center that is not NaN."""
    along_y, along_x = (
        np.exp(-(((np.arange(n) - (n - 1) / 2) / max(_LEAST_WINDOW, _WINDOW * n)) ** 2) / 2)
        for n in image.shape[1:]
    )
    seen = along_y @ np.isfinite(image).astype(float) @ along_x
    return seen / (along_y.sum() * along_x.sum())


def _centroids(image):
    """Along y and x, from the center of each image, in a Gaussian window that follows them."""
    # Without a pixel there is no light, wherever it was; a scale of its own, against overflow.
    image = np.nan_to_num(image, posinf=0, neginf=0)
    scale = np.abs(image).max(axis=(1, 2), initial=0, keepdims=True)
    image = (image / np.where(scale > 0, scale, 1)).astype(np.float32)
    axes = [np.arange(n) - (n - 1) / 2 for n in image.shape[1:]]
    widths = [max(_LEAST_WINDOW, _WINDOW * n) for n in image.shape[1:]]
    center = np.zeros((2, len(image)))
    for _ in range(_ITERATIONS):
        away = [axis - c[:, np.newaxis] for axis, c in zip(axes, center, strict=True)]
        windows = [np.exp(-((a / w) ** 2) / 2) for a, w in zip(away, widths, strict=True)]
        # Sums along either axis, as products of matrices, which are several times as fast.
        down, across = (w.astype(np.float32) for w in windows)
        rows = np.matmul(image, across[..., np.newaxis])[..., 0]
        columns = np.matmul(down[:, np.newaxis], image)[:, 0]
        light = (rows * windows[0]).sum(axis=1)
        with np.errstate(divide='ignore', invalid='ignore'):
            # The window pulls to its own center: twice the way is that to a Gaussian source's.
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
