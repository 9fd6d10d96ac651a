"""Residual statistics of stamps and closest images: smoothed, peak and rotation residual."""

from functools import partial
from itertools import product

import numpy as np
import tensorflow as tf

from astro_wgan.stamps.smoothing import gaussian_matrix

__all__ = [
    'as_planes',
    'at_most_one',
    'central_weights',
    'draws_with_weights',
    'map_smoothed_residual',
    'measure_residuals',
    'replace_masked_rows',
    'smoothed_planes',
]

#: Bands, y and x of planes.
_PIXELS = (1, 2, 3)


def measure_residuals(
    images,
    closest_images,
    weights=None,
    *,
    smoothing,
    rotation_smoothing,
    weight_sigma,
    rotation_shift=1,
    noise=None,
):
    """
    Residual statistics of each image.

    Parameters
    ----------
    images, closest_images : array_like, shape (n, ny, nx, bands)
        In stretched intensity, with edges of more than twice ``rotation_shift`` pixels.
    weights : array_like, shape (n, ny, nx, bands), optional
        Weight of each pixel: 1, less for a noisier one, 0 for a masked one, whose value is ignored.
        By default, all are 1.
    smoothing : float
        Standard deviation in pixels of the Gaussian kernel that smooths residuals; 0 for none.
    rotation_smoothing : float
        The same for ``rotation_residual``.
    weight_sigma : float or None
        Standard deviation of a Gaussian weight centered on the image, as a fraction of its edges,
        for ``smoothed_residual``; None for uniform weights.
    rotation_shift : int
        Largest shift along each axis for ``rotation_residual``, in pixels; at least 1.
    noise : callable, optional
        Returns an iterator over realizations of the noise on noise-free images, as that of
        `~astro_wgan.anomaly.search.noise_draws.make_noise`. If given, the effect of masks on the
        noise in ``smoothed_residual`` and ``rotation_residual`` is corrected for.

    Returns
    -------
    dict of `tf.Tensor` of float32, shape (n,)
        In stretched intensity; NaN for an image without a usable pixel. For the formulas see
        `~astro_wgan.anomaly.ScoringConfig`.

        * ``smoothed_residual``: weighted mean of the absolute smoothed residual.
        * ``peak_residual``: largest absolute difference of a pixel from the smoothed residual,
          times the square root of its weight.
        * ``rotation_residual``: root mean square difference, after smoothing, to the closest image
          rotated by 180 deg, at the best shift by at most ``rotation_shift`` pixels along y and x.
          Pixels are used if neither they nor their counterparts are masked; NaN if there is none.

    Notes
    -----
    Next to a masked region fewer pixels are averaged, so that more noise remains in the smoothed
    residual; and the asinh stretch compresses noise on bright pixels, so that masking these raises
    the mean noise. Realizations of the noise show both effects: ``smoothed_residual`` is multiplied
    by the ratio of its values for noise alone without and with the mask, where this is below 1.
    If a mask hides more of the sky than of the light, the part of ``rotation_residual`` above the
    noise is rescaled to the whole stamp.

    Within a `tf.function` these are part of its graph.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.residuals import measure_residuals
    >>> image = np.zeros((1, 16, 16, 1))
    >>> image[:, 3, 8] = 1
    >>> options = {'smoothing': 1, 'rotation_smoothing': 2, 'weight_sigma': None}
    >>> same = measure_residuals(image, image, **options)
    >>> same['smoothed_residual'].numpy().tolist(), bool(same['rotation_residual'][0] > 0.01)
    ([0.0], True)
    """
    images, closest = as_planes(images), as_planes(closest_images)
    window = {
        'smoothing': smoothing,
        'rotation_smoothing': rotation_smoothing,
        'weight_sigma': weight_sigma,
        'rotation_shift': rotation_shift,
    }
    measured = _measure_whole(images, closest, **window)
    if weights is None:
        return measured
    measure = partial(_measure_masked, noise=noise, **window)
    return replace_masked_rows(measured, measure, images, closest, as_planes(weights))


def as_planes(images):
    """
    Images with the bands first, which are smoothed plane by plane.

    Parameters
    ----------
    images : array_like, shape (n, ny, nx, bands)

    Returns
    -------
    `tf.Tensor` of float32, shape (n, bands, ny, nx)
    """
    images = tf.cast(tf.convert_to_tensor(images), tf.float32)
    ny, nx, bands = images.shape[1:]
    # A transposition would copy the pixels of a single band.
    return tf.reshape(images, (-1, 1, ny, nx)) if bands == 1 else tf.transpose(images, (0, 3, 1, 2))


def replace_masked_rows(measured, measure, images, closest, weights):
    """
    Measurements of images, with those of images that have masked or noisier pixels replaced.

    Those of the others are, bit for bit, independent of these.

    Parameters
    ----------
    measured : dict of `tf.Tensor`, shape (n,)
        As if all weights were 1.
    measure : callable
        From images, closest images and weights of some rows to their measurements.
    images, closest, weights : `tf.Tensor`, shape (n, bands, ny, nx)
        From `as_planes`.

    Returns
    -------
    dict of `tf.Tensor`, shape (n,)
    """
    rows = tf.where(tf.reduce_any(weights != 1, axis=_PIXELS))
    part = measure(*(tf.gather(x, rows[:, 0]) for x in (images, closest, weights)))
    return {
        name: tf.tensor_scatter_nd_update(values, rows, part[name])
        for name, values in measured.items()
    }


def map_smoothed_residual(residual, weights, *, smoothing, weight_sigma=None):
    """
    Contribution of each pixel to the smoothed residual.

    Parameters
    ----------
    residual : array_like, shape (n, ny, nx, bands)
        Images minus their closest images, in stretched intensity.
    weights, smoothing, weight_sigma
        As for `measure_residuals`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        The sum over an image is its ``smoothed_residual``; NaN in an image without a usable pixel.
    """
    weights = as_planes(weights)
    smooth = smoothed_planes(as_planes(residual), weights, smoothing)
    parts = _contributions(smooth, weights, weight_sigma)
    return _as_images(parts).numpy()


def smoothed_planes(planes, weights, sigma):
    """
    Images smoothed with a Gaussian kernel, pixels weighted.

    Parameters
    ----------
    planes : `tf.Tensor`, shape (n, bands, ny, nx)
        Images.
    weights : `tf.Tensor`, shape (n, bands, ny, nx) or None
        1 for a pixel to use, less for a noisier one, 0 for a masked one; None if all are 1.
    sigma : float
        Standard deviation of the kernel in pixels; 0 for no smoothing.

    Returns
    -------
    `tf.Tensor` of float32, shape (n, bands, ny, nx)
        0 where no pixel within the kernel is usable.
    """
    if weights is None or not sigma:
        return _convolved(planes, sigma)
    # Masked pixels may be NaN or infinite: not a product.
    used = tf.where(weights > 0, weights * planes, 0.0)
    return _convolved(used, sigma) / tf.maximum(_convolved(weights, sigma), 1e-6)


def central_weights(shape, sigma):
    """Gaussian weights around the center of a plane, (ny, nx): sigma in units of its edges."""
    y, x = ((np.arange(n) - (n - 1) / 2) / (sigma * n) for n in shape)
    return np.exp(-(y[:, np.newaxis] ** 2 + x**2) / 2).astype(np.float32)


def draws_with_weights(noise, closest, weights):
    """
    Realizations of noise, with and without masked and noisier pixels.

    Parameters
    ----------
    noise : callable
        As for `measure_residuals`.
    closest : `tf.Tensor`, shape (n, bands, ny, nx)
        Closest images.
    weights : `tf.Tensor`, shape (n, bands, ny, nx)

    Yields
    ------
    unmasked, masked : `tf.Tensor`, shape (n, bands, ny, nx)
        As they are; and noisier, since the weight of a pixel is the inverse of its variance, with
        0 for masked pixels.
    """
    for realization in noise(_as_images(closest)):
        unmasked = tf.broadcast_to(as_planes(realization), tf.shape(weights))
        yield unmasked, tf.math.divide_no_nan(unmasked, tf.sqrt(weights))


def at_most_one(numerator, denominator):
    """Ratios, but 1 where they are above that or there is nothing to divide by."""
    return tf.where(numerator < denominator, numerator / denominator, 1.0)


def _as_images(planes):
    """The opposite of `as_planes`."""
    return tf.transpose(planes, (0, 2, 3, 1))


def _convolved(planes, sigma):
    """Planes convolved with a Gaussian along both axes, with reflection at the edges."""
    if not sigma:
        return planes
    ny, nx = planes.shape[2:]
    # In three dimensions: of four, TensorFlow's library for CPUs fails if a matrix is broadcast.
    flat = tf.reshape(planes, (-1, ny, nx))
    down, across = (gaussian_matrix(n, sigma)[np.newaxis] for n in (ny, nx))
    smooth = tf.matmul(tf.matmul(down, flat), across, transpose_b=True)
    return tf.reshape(smooth, tf.shape(planes))


def _contributions(smooth, weights, weight_sigma):
    if weight_sigma is not None:
        weights = weights * central_weights(smooth.shape[2:], weight_sigma)
    return weights * tf.abs(smooth) / tf.reduce_sum(weights, axis=_PIXELS, keepdims=True)


def _measure_whole(images, closest, *, smoothing, rotation_smoothing, weight_sigma, rotation_shift):
    residual = images - closest
    smooth = _convolved(residual, smoothing)
    shape = smooth.shape[2:]
    part = np.ones(shape) if weight_sigma is None else central_weights(shape, weight_sigma)
    part = (part / (part.sum() * smooth.shape[1])).astype(np.float32)
    difference = residual - smooth if smoothing else residual
    return {
        'smoothed_residual': tf.reduce_sum(part * tf.abs(smooth), axis=_PIXELS),
        'peak_residual': tf.reduce_max(tf.abs(difference), axis=_PIXELS),
        'rotation_residual': _rotation_residual(
            images, closest, rotation_smoothing, rotation_shift
        ),
    }


def _measure_masked(
    images,
    closest,
    weights,
    *,
    smoothing,
    rotation_smoothing,
    weight_sigma,
    rotation_shift,
    noise,
):
    # Masked pixels may be NaN or infinite.
    images = tf.where(weights > 0, images, closest)
    residual = images - closest
    smooth = smoothed_planes(residual, weights, smoothing)
    mean = tf.reduce_sum(_contributions(smooth, weights, weight_sigma), axis=_PIXELS)
    squares, scale = _rotation_squares_masked(
        images, closest, weights, rotation_smoothing, rotation_shift
    )
    if noise is not None:
        masked, unmasked = _measure_noise(
            noise,
            closest,
            weights,
            smoothing=smoothing,
            rotation_smoothing=rotation_smoothing,
            weight_sigma=weight_sigma,
        )
        mean *= at_most_one(unmasked[0], masked[0])
        corrected = squares * at_most_one(unmasked[1], masked[1])
        excess = tf.maximum(squares - masked[1], 0.0)
        least = tf.where(masked[1] < unmasked[1], masked[1], unmasked[1])
        squares = tf.where(
            tf.math.is_nan(squares), squares, tf.minimum(corrected, least + excess * scale)
        )
    usable = tf.sqrt(weights) * tf.abs(residual - smooth if smoothing else residual)
    peak = tf.reduce_max(usable, axis=_PIXELS)
    return {
        'smoothed_residual': mean,
        'peak_residual': tf.where(tf.reduce_any(weights > 0, axis=_PIXELS), peak, np.nan),
        'rotation_residual': tf.sqrt(squares),
    }


def _measure_noise(noise, closest, weights, *, smoothing, rotation_smoothing, weight_sigma):
    """Smoothed residual, and mean square rotation residual, of noise: masked, and unmasked."""
    pairs = weights * tf.reverse(weights, (2, 3))
    ones, measured = tf.ones_like(weights), []
    for unmasked, masked in draws_with_weights(noise, closest, weights):
        for field, used, paired in ((masked, weights, pairs), (unmasked, ones, ones)):
            smooth = smoothed_planes(field, used, smoothing)
            parts = _contributions(smooth, used, weight_sigma)
            squares = tf.square(smoothed_planes(field, paired, rotation_smoothing))
            measured.append((tf.reduce_sum(parts, axis=_PIXELS), _mean(squares, paired)))
    return [
        [tf.add_n(each) / len(each) for each in zip(*measured[first::2], strict=True)]
        for first in (0, 1)
    ]


def _rotation_residual(images, closest, sigma, largest):
    inner = _inner(_convolved(images, sigma), largest)
    rotated = tf.reverse(_convolved(closest, sigma), (2, 3))
    number = np.float32(np.prod(inner.shape[1:]))
    squares = [
        tf.reduce_sum(
            tf.math.squared_difference(inner, _inner(rotated, largest, dy, dx)), axis=_PIXELS
        )
        for dy, dx in _shifts(largest)
    ]
    return tf.sqrt(tf.reduce_min(tf.stack(squares), axis=0) / number)


def _rotation_squares_masked(images, closest, weights, sigma, largest):
    """Mean square rotation residual of pixels usable in both images, and `_whole_scale` of it."""
    rotated, opposite = (
        _with_border(tf.reverse(planes, (2, 3)), largest) for planes in (closest, weights)
    )
    light = _inner(_convolved(tf.maximum(closest, 0.0), sigma), largest)
    means, scales = [], []
    for dy, dx in _shifts(largest):
        used = weights * _inner(opposite, largest, dy, dx)
        difference = smoothed_planes(images - _inner(rotated, largest, dy, dx), used, sigma)
        used = _inner(used, largest)
        means.append(_mean(tf.square(_inner(difference, largest)), used))
        scales.append(_whole_scale(used, light))
    means, scales = tf.stack(means), tf.stack(scales)
    known = ~tf.reduce_any(tf.math.is_nan(means), axis=0)
    best = tf.argmin(tf.where(known, means, 0.0), axis=0)[tf.newaxis]
    least, scale = (
        tf.experimental.numpy.take_along_axis(each, best, axis=0)[0] for each in (means, scales)
    )
    return tf.where(known, least, np.nan), scale


def _whole_scale(used, light):
    """
    Used fraction of the pixels over that of the light, at most 1.

    What exceeds the noise is where the light is. Without a mask it would be averaged over more
    pixels, unless at least the same fraction of the light is masked.
    """
    pixels, total = tf.reduce_mean(used, axis=_PIXELS), tf.reduce_sum(light, axis=_PIXELS)
    used_light = tf.reduce_sum(used * light, axis=_PIXELS) / total
    used_light = tf.where(total > 0, used_light, pixels)
    return pixels / tf.maximum(used_light, pixels)


def _mean(values, weights):
    """Weighted means of planes; NaN without any weight."""
    return tf.reduce_sum(weights * values, axis=_PIXELS) / tf.reduce_sum(weights, axis=_PIXELS)


def _shifts(largest):
    return product(range(-largest, largest + 1), repeat=2)


def _inner(planes, margin, dy=0, dx=0):
    """Planes without a margin of pixels at their border, shifted by at most as many pixels."""
    ny, nx = planes.shape[2:]
    return planes[:, :, margin + dy : ny - margin + dy, margin + dx : nx - margin + dx]


def _with_border(planes, width):
    """Planes with so many pixels more at each border, which repeat those at it."""
    for axis in (2, 3):
        n = planes.shape[axis]
        planes = tf.gather(planes, np.clip(np.arange(-width, n + width), 0, n - 1), axis=axis)
    return planes
