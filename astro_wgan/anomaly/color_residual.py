"""Color residual of stamps in several bands: how the residuals of the bands differ."""

from functools import partial

import tensorflow as tf

from astro_wgan.anomaly.residuals import (
    as_planes,
    at_most_one,
    central_weights,
    draws_with_weights,
    replace_masked_rows,
    smoothed_planes,
)

__all__ = ['measure_color_residual']

#: Bands, y and x of planes.
_PIXELS = (1, 2, 3)


def measure_color_residual(
    images, closest_images, weights=None, *, smoothing, weight_sigma=None, noise=None
):
    """
    Root mean square difference between the residuals of several bands.

    Parameters
    ----------
    images, closest_images : array_like, shape (n, ny, nx, bands)
        In stretched intensity, in at least two bands.
    weights : array_like, shape (n, ny, nx, bands), optional
        Weight of each pixel: 1, less for a noisier one, 0 for a masked one, whose value is ignored.
        By default, all are 1.
    smoothing : float
        Standard deviation in pixels of the Gaussian kernel that smooths the residual of each band.
    weight_sigma : float or None
        Standard deviation of a Gaussian weight centered on the image, as a fraction of its edges.
    noise : callable, optional
        As for `~astro_wgan.anomaly.residuals.measure_residuals`: next to masked pixels more noise
        is left, and corrected for.

    Returns
    -------
    `tf.Tensor` of float32, shape (n,)
        In stretched intensity; NaN for an image without a pixel that is seen in two bands. For the
        formula see `~astro_wgan.anomaly.ScoringConfig`.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.color_residual import measure_color_residual
    >>> images, closest = np.zeros((2, 2, 16, 16, 3))
    >>> images[0, 8, 8] = 1  # gray
    >>> images[1, 8, 8, 1] = 1  # green
    >>> found = measure_color_residual(images, closest, smoothing=1.0)
    >>> [round(float(value), 3) for value in found]
    [0.0, 0.01]
    """
    images, closest = as_planes(images), as_planes(closest_images)
    window = {'smoothing': smoothing, 'weight_sigma': weight_sigma}
    squares = {'color': _mean_square(images - closest, None, **window)}
    if weights is not None:
        measure = partial(_measure_masked, noise=noise, **window)
        squares = replace_masked_rows(squares, measure, images, closest, as_planes(weights))
    return tf.sqrt(squares['color'])


def _measure_masked(images, closest, weights, *, noise, **window):
    squares = _mean_square(tf.where(weights > 0, images - closest, 0.0), weights, **window)
    if noise is not None:
        squares *= _excess_of_noise(noise, closest, weights, **window)
    return {'color': squares}


def _mean_square(residual, weights, *, smoothing, weight_sigma):
    """Mean over the pixels of the variance over their bands."""
    smooth = smoothed_planes(residual, weights, smoothing)
    weights = tf.ones_like(smooth) if weights is None else weights
    total = tf.reduce_sum(weights, axis=1, keepdims=True)
    squared_total = tf.reduce_sum(tf.square(weights), axis=1, keepdims=True)
    mean = tf.reduce_sum(weights * smooth, axis=1, keepdims=True) / total
    # Effective number of bands (Kish 1965), of which the mean takes one degree of freedom.
    number = tf.square(total) / squared_total
    unbiased = number / (number - 1)
    used = tf.where(number > 1.01, weights, 0.0)
    if weight_sigma is not None:
        used = used * central_weights(smooth.shape[2:], weight_sigma)
    variance = tf.where(used > 0, unbiased * tf.square(smooth - mean), 0.0)
    return tf.reduce_sum(used * variance, axis=_PIXELS) / tf.reduce_sum(used, axis=_PIXELS)


def _excess_of_noise(noise, closest, weights, **window):
    """Mean square of noise alone without the mask, over that with it; at most 1."""
    unmasked, masked = zip(
        *(
            (_mean_square(whole, None, **window), _mean_square(noisier, weights, **window))
            for whole, noisier in draws_with_weights(noise, closest, weights)
        ),
        strict=True,
    )
    return at_most_one(tf.add_n(unmasked), tf.add_n(masked))
