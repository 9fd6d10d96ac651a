"""Residual statistics of stamps and closest images: smoothed, peak and rotation residual."""

from functools import partial
from itertools import product

import numpy as np

from astro_wgan.stamps.smoothing import convolved

__all__ = ['central_weights', 'map_smoothed_residual', 'measure_residuals', 'smoothed']

_PIXELS = (1, 2, 3)


def measure_residuals(
    images,
    closest_images,
    weights,
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
    images, closest_images : `~numpy.ndarray`, shape (n, ny, nx, bands)
        In stretched intensity, with edges of more than twice ``rotation_shift`` pixels.
    weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
        Weight of each pixel: 1, less for a noisier one, 0 for a masked one, whose value is ignored.
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
    dict of `~numpy.ndarray`, shape (n,)
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

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.residuals import measure_residuals
    >>> image = np.zeros((1, 16, 16, 1))
    >>> image[:, 3, 8] = 1
    >>> options = {'smoothing': 1, 'rotation_smoothing': 2, 'weight_sigma': None}
    >>> same = measure_residuals(image, image, np.ones_like(image), **options)
    >>> same['smoothed_residual'].tolist(), bool(same['rotation_residual'][0] > 0.01)
    ([0.0], True)
    """
    window = {
        'smoothing': smoothing,
        'rotation_smoothing': rotation_smoothing,
        'weight_sigma': weight_sigma,
        'rotation_shift': rotation_shift,
    }
    whole = (np.asarray(weights) == 1).all(axis=_PIXELS)
    if whole.all():
        return _measure_whole(images, closest_images, weights, **window)
    # Separately, so that the result for an image is independent of the masks of others.
    names = ('smoothed_residual', 'peak_residual', 'rotation_residual')
    measured = {name: np.empty(len(whole)) for name in names}
    for rows, measure in (
        (whole, _measure_whole),
        (~whole, partial(_measure_masked, noise=noise)),
    ):
        if rows.any():
            part = measure(images[rows], closest_images[rows], weights[rows], **window)
            for name, values in part.items():
                measured[name][rows] = values
    return measured


def map_smoothed_residual(residual, weights, *, smoothing, weight_sigma=None):
    """
    Contribution of each pixel to the smoothed residual of its image.

    Parameters
    ----------
    residual : `~numpy.ndarray`, shape (n, ny, nx, bands)
        Images minus their closest images, in stretched intensity.
    weights, smoothing, weight_sigma
        As for `measure_residuals`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        The sum over an image is its ``smoothed_residual``; NaN in an image without a usable pixel.
    """
    return _contributions(smoothed(residual, weights, smoothing), weights, weight_sigma)


def smoothed(values, weights, sigma):
    """
    Images smoothed with a Gaussian kernel, pixels weighted.

    Parameters
    ----------
    values : array_like, shape (n, ny, nx, bands)
        Images.
    weights : array_like, shape (n, ny, nx, bands)
        1 for a pixel to use, less for a noisier one, 0 or False for a masked one.
    sigma : float
        Standard deviation of the kernel in pixels; 0 for no smoothing.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        0 where no pixel within the kernel is usable.
    """
    values, weights = (np.asarray(a, dtype=np.float32) for a in (values, weights))
    if not sigma:
        return values
    whole = (weights == 1).all(axis=_PIXELS)
    if whole.all():
        return convolved(values, sigma)
    # Masked pixels may be NaN or infinite: not a product.
    used = np.where(weights > 0, weights * values, np.float32(0))
    mean = convolved(used, sigma) / np.maximum(convolved(weights, sigma), np.float32(1e-6))
    # Bit for bit independent of the masks of other images.
    mean[whole] = convolved(values[whole], sigma)
    return mean


def _contributions(smooth, weights, weight_sigma):
    weights = np.asarray(weights, dtype=np.float32)
    if weight_sigma is not None:
        weights = weights * central_weights(smooth.shape[1:3], weight_sigma)
    total = weights.sum(axis=_PIXELS, keepdims=True)
    with np.errstate(invalid='ignore'):
        return weights * np.abs(smooth) / total


def central_weights(shape, sigma):
    """Gaussian weights around the center of an image, (ny, nx, 1): sigma in units of its edges."""
    y, x = ((np.arange(n) - (n - 1) / 2) / (sigma * n) for n in shape)
    gaussian = np.exp(-(y[:, np.newaxis] ** 2 + x**2) / 2)
    return gaussian[..., np.newaxis].astype(np.float32)


def _peak(difference, weights):
    usable = np.where(weights > 0, np.sqrt(weights) * np.abs(difference), -np.inf)
    peak = usable.max(axis=_PIXELS, initial=-np.inf)
    return np.where(np.isneginf(peak), np.nan, peak)


def _measure_whole(
    images,
    closest_images,
    weights,
    *,
    smoothing,
    rotation_smoothing,
    weight_sigma,
    rotation_shift,
):
    residual = images - closest_images
    smooth = smoothed(residual, weights, smoothing)
    return {
        'smoothed_residual': _contributions(smooth, weights, weight_sigma).sum(axis=_PIXELS),
        'peak_residual': _peak(residual - smooth if smoothing else residual, weights),
        'rotation_residual': _rotation_residual(
            images, closest_images, rotation_smoothing, rotation_shift
        ),
    }


def _measure_masked(
    images,
    closest_images,
    weights,
    *,
    smoothing,
    rotation_smoothing,
    weight_sigma,
    rotation_shift,
    noise,
):
    images, closest, weights = (
        np.asarray(a, np.float32) for a in (images, closest_images, weights)
    )
    # Masked pixels may be NaN or infinite.
    images = np.where(weights > 0, images, closest)
    residual = images - closest
    smooth = smoothed(residual, weights, smoothing)
    mean = _contributions(smooth, weights, weight_sigma).sum(axis=_PIXELS)
    squares, scale = _rotation_squares_masked(
        images, closest, weights, rotation_smoothing, rotation_shift
    )
    if noise is not None:
        window = {
            'smoothing': smoothing,
            'rotation_smoothing': rotation_smoothing,
            'weight_sigma': weight_sigma,
        }
        masked, unmasked = _measure_noise(noise(closest), weights, **window)
        with np.errstate(invalid='ignore', divide='ignore'):
            # fmin: where the noise cannot be measured (NaN), the product is NaN already.
            mean *= np.fmin(1, unmasked[0] / masked[0])
            corrected = squares * np.fmin(1, unmasked[1] / masked[1])
            excess = np.maximum(squares - masked[1], 0)
            squares = np.minimum(corrected, np.fmin(unmasked[1], masked[1]) + excess * scale)
    peak = _peak(residual - smooth if smoothing else residual, weights)
    return {
        'smoothed_residual': mean,
        'peak_residual': peak,
        'rotation_residual': np.sqrt(squares),
    }


def _measure_noise(realizations, weights, *, smoothing, rotation_smoothing, weight_sigma):
    """Smoothed residual, and mean square rotation residual, of noise: masked, and unmasked."""
    uniform = np.ones_like(weights)
    pairs = weights * weights[:, ::-1, ::-1]
    masked, unmasked = (np.zeros((2, len(weights))) for _ in range(2))
    number = 0
    for realization in realizations:
        number += 1
        # The weight of a pixel is the inverse of its variance.
        noisier = np.divide(
            realization, np.sqrt(weights), out=np.zeros_like(weights), where=weights > 0
        )
        for sums, field, used, paired in (
            (masked, noisier, weights, pairs),
            (unmasked, realization, uniform, uniform),
        ):
            smooth = smoothed(field, used, smoothing)
            sums[0] += _contributions(smooth, used, weight_sigma).sum(axis=_PIXELS)
            sums[1] += _mean(np.square(smoothed(field, paired, rotation_smoothing)), paired)
    return masked / number, unmasked / number


def _rotation_residual(images, closest_images, sigma, largest):
    images, closest = (np.asarray(a, dtype=np.float32) for a in (images, closest_images))
    rotated = convolved(closest, sigma)[:, ::-1, ::-1]
    inner = _inner(convolved(images, sigma), largest)
    least = np.full(len(inner), np.inf)
    for dy, dx in _shifts(largest):
        squares = np.square(inner - _inner(rotated, largest, dy, dx))
        least = np.minimum(least, squares.sum(axis=_PIXELS) / squares[0].size)
    return np.sqrt(least)


def _rotation_squares_masked(images, closest, weights, sigma, largest):
    """Mean square rotation residual of pixels usable in both images, and `_whole_scale` of it."""
    border = ((0, 0), (largest, largest), (largest, largest), (0, 0))
    rotated, opposite = (np.pad(a[:, ::-1, ::-1], border, mode='edge') for a in (closest, weights))
    least, scale = np.full(len(images), np.inf), np.ones(len(images))
    light = _inner(convolved(np.maximum(closest, 0), sigma), largest)
    for dy, dx in _shifts(largest):
        used = weights * _inner(opposite, largest, dy, dx)
        difference = smoothed(images - _inner(rotated, largest, dy, dx), used, sigma)
        mean = _mean(np.square(_inner(difference, largest)), _inner(used, largest))
        scale = np.where(mean < least, _whole_scale(_inner(used, largest), light), scale)
        least = np.minimum(least, mean)
    return least, scale


def _whole_scale(used, light):
    """
    Used fraction of the pixels over that of the light, at most 1.

    What exceeds the noise is where the light is. Without a mask it would be averaged over more
    pixels, unless at least the same fraction of the light is masked.
    """
    pixels, total = used.mean(axis=_PIXELS), light.sum(axis=_PIXELS)
    used_light = np.divide(
        (used * light).sum(axis=_PIXELS), total, out=pixels.copy(), where=total > 0
    )
    with np.errstate(invalid='ignore'):
        return pixels / np.maximum(used_light, pixels)


def _mean(values, weights):
    with np.errstate(invalid='ignore'):
        return (weights * values).sum(axis=_PIXELS) / weights.sum(axis=_PIXELS)


def _shifts(largest):
    return product(range(-largest, largest + 1), repeat=2)


def _inner(images, margin, dy=0, dx=0):
    """Images without a margin of pixels at their border, shifted by at most as many pixels."""
    ny, nx = images.shape[1:3]
    return images[:, margin + dy : ny - margin + dy, margin + dx : nx - margin + dx]
