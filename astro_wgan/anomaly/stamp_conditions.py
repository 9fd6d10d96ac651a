"""Offset of a source from the center of its stamp, and level and slope of the sky around it."""

import numpy as np

from astro_wgan.cutouts.resampled.centroids import (
    border_levels,
    sky_level_of_borders,
    window_centroids,
    window_coverage,
)

__all__ = ['measure_conditions']

#: Minimum unmasked fraction of the window around the center.
_MIN_OF_WINDOW = 0.6


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
    image = np.asarray(pixels)
    image = whole = image if image.dtype == np.float32 else image.astype(float)
    if image.dtype == float:
        # So that sums of two do not overflow.
        largest = np.finfo(float).max / 4
        image = whole = np.clip(image, -largest, largest)
    if closest_images is not None and np.isnan(image).any():
        whole = np.where(np.isnan(image), closest_images, image)
    if image.ndim == 4:
        image, whole = image.mean(axis=-1, dtype=float), whole.mean(axis=-1, dtype=float)
    bottom, top, left, right = borders = border_levels(image)
    level = sky_level_of_borders(borders)
    # If both pairs of borders are masked, the sky of the closest image.
    sky, rows = level.copy(), np.flatnonzero(np.isnan(level))
    sky[rows] = np.nan_to_num(sky_level_of_borders(border_levels(whole[rows])))
    offsets = window_centroids(whole - sky[:, np.newaxis, np.newaxis])
    usable = window_coverage(image) >= _MIN_OF_WINDOW
    offset_y, offset_x = (np.where(usable, offset, np.nan) for offset in offsets)
    with np.errstate(divide='ignore', invalid='ignore'):
        return {
            'offset_x': offset_x,
            'offset_y': offset_y,
            'sky_level': _finite(level / noise),
            'sky_slope_x': _finite((right - left) / noise),
            'sky_slope_y': _finite((top - bottom) / noise),
        }


def _finite(values):
    return np.where(np.isfinite(values), values, np.nan)
