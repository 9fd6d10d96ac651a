"""The noise of images in which sources leave no sky, from their finest structure."""

import numpy as np
from scipy.stats import norm

from astro_wgan.catalogs.columns import numbers_or_nan

__all__ = ['estimate_noise_rms']

#: Median of the absolute values of a normal distribution with the standard deviation 1.
_MEDIAN = norm.ppf(0.75)

#: Power of two of the unit in which differences of the largest pixels are still numbers.
_SHIFT = -8


def estimate_noise_rms(images, *, axis=(1, 2)):
    """
    Standard deviation of white noise that would have the finest structure of images.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx) or (n, ny, nx, bands)
        NaN, or masked, in pixels that do not count.
    axis : int, tuple of int, optional
        Axes to take together: by default those of the pixels, for a value by image.

    Returns
    -------
    `~numpy.ndarray`
        NaN where no square of three by three pixels counts.

    Notes
    -----
    The difference of two Laplacians (Immerkaer 1996, CVIU 64, 300) is blind to planes and
    parabolas, and its median is not moved by the few pixels where sources are sharp. Of noise that
    is correlated between neighbours it sees a part only: compare like with like.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.noise import estimate_noise_rms
    >>> images = np.random.default_rng(1).normal(scale=2, size=(3, 64, 64))
    >>> bool((abs(estimate_noise_rms(images) - 2) < 0.2).all())
    True
    """
    images = numbers_or_nan(images)
    if images.dtype.kind in 'bui':  # differences of unsigned numbers have no sign
        images = images.astype(float)
    try:
        with np.errstate(over='raise', invalid='ignore'):
            return _scatter(images, axis)
    except FloatingPointError:
        return _scatter_of_extremes(images, axis)


def _scatter(images, axis):
    # Its variance is 36 times that of a pixel.
    finest = np.diff(np.diff(images, 2, axis=1), 2, axis=2) / 6
    return _median(np.abs(finest), axis) / _MEDIAN


def _scatter_of_extremes(images, axis):
    """Where differences of pixels leave their dtype: of such images alone in smaller units."""
    with np.errstate(over='ignore', invalid='ignore'):
        usual = _scatter(images, axis)
        smaller = _scatter(images.astype(float) * 2.0**_SHIFT, axis)
        largest = np.finfo(usual.dtype).max
        extreme = np.minimum(smaller * 2.0**-_SHIFT, largest).astype(usual.dtype)
    return np.where(np.isfinite(usual), usual, extreme)


def _median(values, axis):
    """Of what is not NaN: on many small images several times as fast as `numpy.nanmedian`."""
    axes = range(values.ndim) if axis is None else np.atleast_1d(axis)
    values = np.moveaxis(values, axes, range(-len(axes), 0))
    kept = values.shape[: -len(axes)]
    values = values.reshape(*kept, np.prod(values.shape[len(kept) :], dtype=int))
    # NaN are sorted to the end, and one more stands for the median of nothing.
    nothing = np.full((*kept, 1), np.nan, dtype=values.dtype)
    values = np.sort(np.concatenate([values, nothing], axis=-1), axis=-1)
    count = np.count_nonzero(~np.isnan(values), axis=-1)[..., np.newaxis]
    # Without any, the last one of the sorted is taken twice.
    middle = np.concatenate([(count - 1) // 2, count // 2], axis=-1)
    return np.take_along_axis(values, middle, axis=-1).mean(axis=-1)
