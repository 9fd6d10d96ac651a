"""Scaling of images by powers of two close to their noise, to avoid overflow in any unit."""

import math

import numpy as np

__all__ = ['image_scale', 'in_unit', 'noise_scale', 'scaled']

#: Number of evenly spread pixels from which the noise of an image is estimated.
_SAMPLE = 256

#: Larger values, in units of the noise, are treated as infinite: SEP fails on them.
_BRIGHTEST = 1e28

#: With larger noise, fluxes of sources would overflow float64.
_NOISIEST = 1e300

#: Largest exponents of two whose inverse is a normal number, by itemsize.
_LARGEST = {4: 126, 8: 1022}


def noise_scale(images, *, bad=None, noise=None):
    """
    A power of two close to the noise of each image.

    Parameters
    ----------
    images : `~numpy.ndarray` of float, shape (n, ny, nx)
        The images.
    bad : `~numpy.ndarray` of bool, shape (n, ny, nx), optional
        True for pixels to exclude, in addition to those that are not finite.
    noise : `~numpy.ndarray` of float, shape (n, ny, nx), optional
        Standard deviation of each pixel, if known.

    Returns
    -------
    `~numpy.ndarray` of float64, shape (n,)
        1 for images without pixels or with zeros only.

    Notes
    -----
    SEP computes in float32, with a range of 1e-38 to 1e38. Variances of pixels below 1e-19
    underflow, and pixels in erg / s / cm2 / Hz are of order 1e-30. Division by a power of two is
    exact, so that the same sources are found in any unit.

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
        # Most pixels may have the same value, as in simulations, or outside of a footprint.
        deviation[deviation == 0] = np.nan
        scatter = np.where(scatter > 0, scatter, _typical(deviation))
    for k in np.flatnonzero(scatter == 0):
        scatter[k] = _largest(images[k], None if bad is None else bad[k])
    largest = _LARGEST.get(images.dtype.itemsize, 126)
    exponent = np.clip(np.frexp(scatter)[1], -largest, largest)
    return np.where(scatter > 0, np.ldexp(1.0, exponent), 1.0)


def scaled(images, scale):
    """
    Images as float32, divided by a scale.

    Parameters
    ----------
    images : `~numpy.ndarray` of float, shape (n, ny, nx)
        The images.
    scale : `~numpy.ndarray` of float64, shape (n,)
        As returned by `noise_scale`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx)
        Contiguous and writable, as SEP requires. Values beyond 1e28 become infinite, and images
        with a scale beyond 1e300 have no finite values.
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
    """An image, a number or None, as float32 divided by ``scale``."""
    if array is None or np.ndim(array) == 0:
        return None if array is None else np.float32(array / scale)
    return scaled(array[np.newaxis], np.array([scale]))[0]


def _sampled(images, bad, *, positive=False):
    """A sample of pixels of each image as float64, NaN where excluded."""
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
    """The (lower) median of each row without NaN; 0 if all are NaN."""
    # Faster than numpy.nanmedian, which treats rows with NaN one by one.
    values = np.sort(values, axis=1)
    count = np.count_nonzero(~np.isnan(values), axis=1)
    middle = values[np.arange(len(values)), np.maximum(count - 1, 0) // 2]
    return np.where(count > 0, middle, 0)


def _largest(image, bad):
    """The largest absolute value of an image, row by row to save memory."""
    largest = 0.0
    for y, line in enumerate(image):
        usable = np.isfinite(line) if bad is None else np.isfinite(line) & ~bad[y]
        largest = max(largest, float(np.abs(line[usable]).max(initial=0)))
    return largest
