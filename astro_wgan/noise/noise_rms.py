"""Noise rms of images without source-free sky, from differences of adjacent pixels."""

import numpy as np
from scipy.stats import norm

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.store.stamp_inputs import as_stamps, is_stamps

__all__ = ['estimate_noise_rms']

#: Median absolute value of a standard normal deviate.
_MEDIAN = norm.ppf(0.75)

#: Exponent of the factor with which differences of the largest pixels do not overflow.
_SHIFT = -8


def estimate_noise_rms(images, *, axis=(1, 2)):
    """
    Estimate the pixel noise of images that contain sources.

    Parameters
    ----------
    images : `~numpy.ndarray` or stamps
        Array of shape (n, ny, nx) or (n, ny, nx, bands), with pixels to be ignored NaN or masked;
        or stamps, as `~astro_wgan.store.as_stamps` takes them.
    axis : int or tuple of int, optional
        Axes over which to combine. The default are those of the pixels, which gives one value for
        each image (and band); None combines everything.

    Returns
    -------
    `~numpy.ndarray`
        Standard deviation, in the unit of the pixels; NaN if there is no block of 3 x 3 valid
        pixels.

    Notes
    -----
    The difference of two Laplacians (Immerkaer 1996, CVIU 64, 300) vanishes for planes and
    paraboloids, and its median absolute value is insensitive to the few pixels with sharp
    structure. If the noise is correlated between adjacent pixels, its rms is underestimated;
    compare only images with the same correlation.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.noise import estimate_noise_rms
    >>> images = np.random.default_rng(1).normal(scale=2, size=(3, 64, 64))
    >>> bool((abs(estimate_noise_rms(images) - 2) < 0.2).all())
    True
    """
    if is_stamps(images):
        images = as_stamps(images)[:].filled(np.nan)
    images = numbers_or_nan(images)
    if images.dtype.kind in 'bui':  # differences of unsigned integers wrap around
        images = images.astype(float)
    try:
        with np.errstate(over='raise', invalid='ignore'):
            return _rms(images, axis)
    except FloatingPointError:
        return _rms_of_extremes(images, axis)


def _rms(images, axis):
    # The variance of the second differences is 36 times that of a pixel.
    differences = np.diff(np.diff(images, 2, axis=1), 2, axis=2) / 6
    return _median(np.abs(differences), axis) / _MEDIAN


def _rms_of_extremes(images, axis):
    """Rms of images whose differences overflow, computed in larger units for these images only."""
    with np.errstate(over='ignore', invalid='ignore'):
        usual = _rms(images, axis)
        smaller = _rms(images.astype(float) * 2.0**_SHIFT, axis)
        largest = np.finfo(usual.dtype).max
        extreme = np.minimum(smaller * 2.0**-_SHIFT, largest).astype(usual.dtype)
    return np.where(np.isfinite(usual), usual, extreme)


def _median(values, axis):
    """Median ignoring NaN; on many small images several times as fast as `numpy.nanmedian`."""
    axes = range(values.ndim) if axis is None else np.atleast_1d(axis)
    values = np.moveaxis(values, axes, range(-len(axes), 0))
    kept = values.shape[: -len(axes)]
    values = values.reshape(*kept, np.prod(values.shape[len(kept) :], dtype=int))
    length = values.shape[-1]
    if length and not np.isnan(values).any():
        middle = [(length - 1) // 2, length // 2]
        return np.sort(values, axis=-1)[..., middle].mean(axis=-1)
    # NaN are sorted to the end, and one is appended as the median of no values.
    padding = np.full((*kept, 1), np.nan, dtype=values.dtype)
    values = np.sort(np.concatenate([values, padding], axis=-1), axis=-1)
    count = np.count_nonzero(~np.isnan(values), axis=-1)[..., np.newaxis]
    # Without valid values, both indices point to NaN.
    middle = np.concatenate([(count - 1) // 2, count // 2], axis=-1)
    return np.take_along_axis(values, middle, axis=-1).mean(axis=-1)
