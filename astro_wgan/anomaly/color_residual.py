"""Color residual of stamps in several bands: how the residuals of the bands differ."""

import numpy as np

from astro_wgan.anomaly.residuals import central_weights, smoothed

__all__ = ['measure_color_residual']

_PIXELS = (1, 2, 3)


def measure_color_residual(
    images, closest_images, weights, *, smoothing, weight_sigma=None, noise=None
):
    """
    Root mean square difference between the residuals of several bands.

    Parameters
    ----------
    images, closest_images : array_like, shape (n, ny, nx, bands)
        In stretched intensity, in at least two bands.
    weights : array_like, shape (n, ny, nx, bands)
        Weight of each pixel: 1, less for a noisier one, 0 for a masked one, whose value is ignored.
    smoothing : float
        Standard deviation in pixels of the Gaussian kernel that smooths the residual of each band.
    weight_sigma : float or None
        Standard deviation of a Gaussian weight centered on the image, as a fraction of its edges.
    noise : callable, optional
        As for `~astro_wgan.anomaly.residuals.measure_residuals`: next to masked pixels more noise
        is left, and corrected for.

    Returns
    -------
    `~numpy.ndarray`, shape (n,)
        In stretched intensity; NaN for an image without a pixel that is seen in two bands. For the
        formula see `~astro_wgan.anomaly.ScoringConfig`.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.color_residual import measure_color_residual
    >>> images, closest = np.zeros((2, 2, 16, 16, 3))
    >>> images[0, 8, 8] = 1  # gray
    >>> images[1, 8, 8, 1] = 1  # green
    >>> found = measure_color_residual(images, closest, np.ones_like(images), smoothing=1.0)
    >>> [round(float(value), 3) for value in found]
    [0.0, 0.01]
    """
    images, closest, weights = (
        np.asarray(a, np.float32) for a in (images, closest_images, weights)
    )
    window = {'smoothing': smoothing, 'weight_sigma': weight_sigma}
    squares = _mean_square(np.where(weights > 0, images - closest, 0), weights, **window)
    incomplete = ~(weights == 1).all(axis=_PIXELS)
    if noise is not None and incomplete.any():
        squares[incomplete] *= _excess_of_noise(
            noise(closest[incomplete]), weights[incomplete], **window
        )
    return np.sqrt(squares)


def _mean_square(residual, weights, *, smoothing, weight_sigma):
    """Mean over the pixels of the variance over their bands."""
    smooth = smoothed(residual, weights, smoothing)
    total = weights.sum(axis=-1, keepdims=True)
    squared_total = np.square(weights).sum(axis=-1, keepdims=True)
    with np.errstate(invalid='ignore', divide='ignore'):
        mean = (weights * smooth).sum(axis=-1, keepdims=True) / total
        # Effective number of bands (Kish 1965), of which the mean takes one degree of freedom.
        number = total**2 / squared_total
        unbiased = number / (number - 1)
    used = np.where(number > 1.01, weights, np.float32(0))
    if weight_sigma is not None:
        used = used * central_weights(smooth.shape[1:3], weight_sigma)
    with np.errstate(invalid='ignore'):
        variance = np.where(used > 0, unbiased * np.square(smooth - mean), 0)
        return (used * variance).sum(axis=_PIXELS) / used.sum(axis=_PIXELS)


def _excess_of_noise(realizations, weights, **window):
    """Mean square of noise alone without the mask, over that with it; at most 1."""
    masked = unmasked = 0.0
    for realization in realizations:
        noisier = np.divide(
            realization, np.sqrt(weights), out=np.zeros_like(weights), where=weights > 0
        )
        masked = masked + _mean_square(noisier, weights, **window)
        unmasked = unmasked + _mean_square(realization, np.ones_like(weights), **window)
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.fmin(1, unmasked / masked)
