"""Images in units of a power of two near their noise, so that no unit of flux is too small."""

import math

import numpy as np

__all__ = ['image_scale', 'in_unit', 'noise_scale', 'scaled']

#: Pixels of an image that its scatter is estimated from, spread over it.
_SAMPLE = 256

#: Numbers that are larger than this in units of the noise are no brightness, and SEP stumbles over
#: them.
_BRIGHTEST = 1e28

#: The flux of a source in such noise would leave float64.
_NOISIEST = 1e300

#: Largest exponents of two whose inverse is a normal number, too.
_LARGEST = {4: 126, 8: 1022}


def noise_scale(images, *, bad=None, noise=None):
    """
    A power of two near the noise of each image.

    Parameters
    ----------
    images : `~numpy.ndarray` of float, shape (n, ny, nx)
        The images.
    bad : `~numpy.ndarray` of bool, shape (n, ny, nx), optional
        True where a pixel does not count, beside those that are not finite.
    noise : `~numpy.ndarray` of float, shape (n, ny, nx), optional
        Standard deviation of each pixel, where it is known.

    Returns
    -------
    `~numpy.ndarray` of float64, shape (n,)
        1 for images that are 0 everywhere, or have no pixel.

    Notes
    -----
    SEP computes in float32, which ends at 1e-38 and 1e38; variances, the squares of pixels, leave
    it at 1e-19 already, and erg / s / cm2 / Hz per pixel are 1e-30. Divided by a power of two, the
    digits of a number stay what they are, so that in any unit there are the same sources.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.detection.noise_scaling import noise_scale
    >>> sky = np.random.default_rng(1).normal(size=(2, 32, 32))
    >>> float(noise_scale(1e-30 * sky)[0] / noise_scale(2e-30 * sky)[0])
    0.5
    """
    n, size = len(images), int(np.prod(images.shape[1:]))
    if n == 0 or size == 0:
        return np.ones(n)
    scatter = np.zeros(n)
    if noise is not None:
        scatter = _typical(_sampled(noise, bad, positive=True))
    if not scatter.all():
        values = _sampled(images, bad)
        with np.errstate(over='ignore'):
            deviation = np.abs(values - _typical(values)[:, np.newaxis])
        # Most pixels may have one value, as in simulations, or outside of a footprint.
        deviation[deviation == 0] = np.nan
        scatter = np.where(scatter > 0, scatter, _typical(deviation))
    for k in np.flatnonzero(scatter == 0):
        scatter[k] = _largest(images[k], None if bad is None else bad[k])
    largest = _LARGEST.get(images.dtype.itemsize, 126)
    exponent = np.clip(np.frexp(scatter)[1], -largest, largest)
    return np.where(scatter > 0, np.ldexp(1.0, exponent), 1.0)


def scaled(images, scale):
    """
    Images as float32, in units of a scale.

    Parameters
    ----------
    images : `~numpy.ndarray` of float, shape (n, ny, nx)
        The images.
    scale : `~numpy.ndarray` of float64, shape (n,)
        As from `noise_scale`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx)
        Contiguous and writable, as SEP wants it. What is beyond 1e28 in this unit is infinite;
        images whose scale is beyond 1e300 have no number.
    """
    factor = np.where(scale > _NOISIEST, np.inf, 1 / scale)
    factor = factor.astype(images.dtype)[:, np.newaxis, np.newaxis]
    with np.errstate(over='ignore', invalid='ignore'):
        images = images if (scale == 1).all() else images * factor
        images = np.require(images, np.float32, ['C', 'W'])
    if not images.size or (images.max() <= _BRIGHTEST and images.min() >= -_BRIGHTEST):
        return images
    with np.errstate(invalid='ignore'):
        beyond = np.abs(images) > _BRIGHTEST
    return np.where(beyond, np.copysign(np.float32(np.inf), images), images)


def image_scale(pixels, bad=None, noise=None):
    """`noise_scale` of one image."""
    arrays = (None if array is None else array[np.newaxis] for array in (bad, noise))
    return noise_scale(pixels[np.newaxis], **dict(zip(('bad', 'noise'), arrays, strict=True)))[0]


def in_unit(array, scale):
    """An image, a number or None, as float32 in units of ``scale``."""
    if array is None or np.ndim(array) == 0:
        return None if array is None else np.float32(array / scale)
    return scaled(array[np.newaxis], np.array([scale]))[0]


def _sampled(images, bad, *, positive=False):
    """Some pixels of each image as float64, NaN where they do not count."""
    ny, nx = images.shape[1:]
    step = max(1, math.ceil(math.sqrt(ny * nx / _SAMPLE)))
    chosen = np.s_[:, ::step, ::step]
    values = images[chosen].astype(np.float64)
    unusable = ~np.isfinite(values)
    if positive:
        unusable |= ~(values > 0)
    if bad is not None:
        unusable |= bad[chosen]
    values[unusable] = np.nan
    return values.reshape(len(images), -1)


def _typical(values):
    """The median of each row, 0 where all of it is NaN; the lower one of two."""
    # NumPy's own median of rows with NaN goes through them one by one.
    values = np.sort(values, axis=1)
    count = np.count_nonzero(~np.isnan(values), axis=1)
    middle = values[np.arange(len(values)), np.maximum(count - 1, 0) // 2]
    return np.where(count > 0, middle, 0)


def _largest(image, bad):
    """The largest pixel of an image without its sign, line by line: it may be a large one."""
    largest = 0.0
    for y, line in enumerate(image):
        usable = np.isfinite(line) if bad is None else np.isfinite(line) & ~bad[y]
        largest = max(largest, float(np.abs(line[usable]).max(initial=0)))
    return largest
