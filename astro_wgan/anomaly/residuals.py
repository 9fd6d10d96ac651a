"""What an image and its closest image differ by, as one number: structure, peak, turned."""

from functools import partial
from itertools import product

import numpy as np

from astro_wgan.stamps.smoothing import convolved

__all__ = ['measure_residuals', 'smoothed', 'structure_map']


def measure_residuals(images, closest, weights, *, smoothing, turned_smoothing, reach, noise=None):
    """
    How each image differs from its closest image.

    Parameters
    ----------
    images, closest : `~numpy.ndarray`, shape (n, ny, nx, bands)
        In stretched intensity; of three pixels or more along each edge.
    weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
        1 for a pixel to use, less for one that is noisier, 0 for a masked one: neither it nor its
        value counts.
    smoothing : float
        Standard deviation in pixels of the Gaussian that differences are smoothed with; 0 for none.
    turned_smoothing : float
        The same for ``turned`` alone.
    reach : float or None
        Of the Gaussian around the centre by which pixels count in ``structure``, as a share of
        the edges. None: all alike.
    noise : callable, optional
        From images without noise to draws of the noise that is on such images, as
        `~astro_wgan.anomaly.search.noise_draws.make_noise` makes one. With it ``structure`` and
        ``turned`` of an image with masked pixels are what they would be without a mask, as far as
        they are due to noise.

    Returns
    -------
    dict of `~numpy.ndarray`, shape (n,)
        NaN where no pixel can be used.

        * ``structure``: mean absolute residual after smoothing.
        * ``peak``: largest absolute difference of a pixel from the smoothed residual, times the
          square root of its weight.
        * ``turned``: root mean square difference, after smoothing, to the closest image turned by
          180 degrees, and shifted by a pixel at most along each axis, so that it is least. A pixel
          counts where it and the one opposite are not masked; NaN where there is none.

    Notes
    -----
    Beside a hole fewer pixels are averaged, so that more noise is left; and noise is weaker where
    asinh compresses what is bright, so that a hole on a galaxy leaves a noisier rest. Draws of
    noise have both; by as much as their structure with the mask exceeds that without it the
    structure of the image is reduced. It is never raised. Where a mask hides more of the sky than
    of the light, what ``turned`` has beyond the noise is as if spread over the whole stamp.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.anomaly.residuals import measure_residuals
    >>> closest = np.zeros((1, 16, 16, 1))
    >>> closest[:, 3, 8] = 1
    >>> alike = measure_residuals(
    ...     closest, closest, np.ones_like(closest), smoothing=1, turned_smoothing=2, reach=None
    ... )
    >>> alike['structure'].tolist(), bool(alike['turned'][0] > 0.01)
    ([0.0], True)
    """
    window = {'smoothing': smoothing, 'turned_smoothing': turned_smoothing, 'reach': reach}
    whole = (np.asarray(weights) == 1).all(axis=(1, 2, 3))
    if whole.all():
        return _of_whole(images, closest, weights, **window)
    # Each by itself: what is measured of an image does not depend on the masks of others.
    measured = {name: np.empty(len(whole)) for name in ('structure', 'peak', 'turned')}
    for rows, measure in (
        (whole, _of_whole),
        (~whole, partial(_of_masked, noise=noise)),
    ):
        if rows.any():
            part = measure(images[rows], closest[rows], weights[rows], **window)
            for name, values in part.items():
                measured[name][rows] = values
    return measured


def _of_whole(images, closest, weights, *, smoothing, turned_smoothing, reach):
    residual = images - closest
    smooth = smoothed(residual, weights, smoothing)
    return {
        'structure': _shares(smooth, weights, reach).sum(axis=(1, 2, 3)),
        'peak': _largest(residual - smooth if smoothing else residual, weights),
        'turned': _least_when_turned(images, closest, turned_smoothing),
    }


def structure_map(residual, weights, *, smoothing, reach=None):
    """
    What each pixel contributes to the structure of its image, which is their sum.

    Parameters
    ----------
    residual : `~numpy.ndarray`, shape (n, ny, nx, bands)
        Images less their closest images, in stretched intensity.
    weights, smoothing, reach
        As for `measure_residuals`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        NaN in an image of which no pixel can be used.
    """
    return _shares(smoothed(residual, weights, smoothing), weights, reach)


def smoothed(values, weights, sigma):
    """
    Weighted mean around each pixel, by a Gaussian.

    Parameters
    ----------
    values : array_like, shape (n, ny, nx, bands)
        Images.
    weights : array_like, shape (n, ny, nx, bands)
        1 for a pixel to use, less for one that is noisier, 0 or False for a masked one.
    sigma : float
        Standard deviation of the Gaussian in pixels; 0 for the values as they are.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        0 where no pixel within reach can be used.
    """
    values, weights = (np.asarray(a, dtype=np.float32) for a in (values, weights))
    if not sigma:
        return values
    whole = (weights == 1).all(axis=(1, 2, 3))
    if whole.all():
        return convolved(values, sigma)
    # What is masked may be anything but a number.
    used = np.where(weights > 0, weights * values, np.float32(0))
    mean = convolved(used, sigma) / np.maximum(convolved(weights, sigma), np.float32(1e-6))
    # The digits of an image do not depend on the masks of others.
    mean[whole] = convolved(values[whole], sigma)
    return mean


def _shares(smooth, weights, reach):
    weights = np.asarray(weights, dtype=np.float32)
    if reach is not None:
        weights = weights * _around_centre(smooth.shape[1:3], reach)
    used = weights.sum(axis=(1, 2, 3), keepdims=True)
    with np.errstate(invalid='ignore'):
        return weights * np.abs(smooth) / used


def _around_centre(shape, reach):
    y, x = ((np.arange(n) - (n - 1) / 2) / (reach * n) for n in shape)
    falling = np.exp(-(y[:, np.newaxis] ** 2 + x**2) / 2)
    return falling[..., np.newaxis].astype(np.float32)


def _largest(difference, weights):
    seen = np.where(weights > 0, np.sqrt(weights) * np.abs(difference), -np.inf)
    largest = seen.max(axis=(1, 2, 3), initial=-np.inf)
    return np.where(np.isneginf(largest), np.nan, largest)


def _of_masked(images, closest, weights, *, smoothing, turned_smoothing, reach, noise):
    images, closest, weights = (np.asarray(a, np.float32) for a in (images, closest, weights))
    # What is masked may be anything but a number.
    images = np.where(weights > 0, images, closest)
    residual = images - closest
    smooth = smoothed(residual, weights, smoothing)
    structure = _shares(smooth, weights, reach).sum(axis=(1, 2, 3))
    squares, share = _least_when_pairs_turned(images, closest, weights, turned_smoothing)
    if noise is not None:
        window = {'smoothing': smoothing, 'turned_smoothing': turned_smoothing, 'reach': reach}
        with_mask, without = _of_noise(noise(closest), weights, **window)
        with np.errstate(invalid='ignore', divide='ignore'):
            # A NaN says that nothing can be compared, as what it is multiplied with does.
            structure *= np.fmin(1, without[0] / with_mask[0])
            alike = squares * np.fmin(1, without[1] / with_mask[1])
            beyond = np.maximum(squares - with_mask[1], 0)
            squares = np.minimum(alike, np.fmin(without[1], with_mask[1]) + beyond * share)
    peak = _largest(residual - smooth if smoothing else residual, weights)
    return {'structure': structure, 'peak': peak, 'turned': np.sqrt(squares)}


def _of_noise(draws, weights, *, smoothing, turned_smoothing, reach):
    """Structure, and the square of ``turned``, of noise: with the weights, and without any."""
    all_alike = np.ones_like(weights)
    pairs = weights * weights[:, ::-1, ::-1]
    with_weights, without = (np.zeros((2, len(weights))) for _ in range(2))
    number = 0
    for draw in draws:
        number += 1
        # A pixel's weight is the inverse of its variance.
        noisier = np.divide(draw, np.sqrt(weights), out=np.zeros_like(weights), where=weights > 0)
        for sums, field, used, paired in (
            (with_weights, noisier, weights, pairs),
            (without, draw, all_alike, all_alike),
        ):
            smooth = smoothed(field, used, smoothing)
            sums[0] += _shares(smooth, used, reach).sum(axis=(1, 2, 3))
            sums[1] += _mean(np.square(smoothed(field, paired, turned_smoothing)), paired)
    return with_weights / number, without / number


def _least_when_pairs_turned(images, closest, weights, sigma):
    """Of pixels that count together with the one that they are compared with."""
    beyond = ((0, 0), (1, 1), (1, 1), (0, 0))
    turned, opposite = (np.pad(a[:, ::-1, ::-1], beyond, mode='edge') for a in (closest, weights))
    least, share = np.full(len(images), np.inf), np.ones(len(images))
    light = _inner(convolved(np.maximum(closest, 0), sigma))
    for dy, dx in product((-1, 0, 1), repeat=2):
        used = weights * _inner(opposite, dy, dx)
        difference = smoothed(images - _inner(turned, dy, dx), used, sigma)
        mean = _mean(np.square(_inner(difference)), _inner(used))
        share = np.where(mean < least, _spread(_inner(used), light), share)
        least = np.minimum(least, mean)
    return least, share


def _spread(used, light):
    """
    Pixels that are seen by light that is seen, as shares of all; 1 at most.

    What exceeds the noise lies where light is. Were there no mask it would be spread over more
    pixels, but where as much of the light is hidden as of the pixels, or more.
    """
    axes = (1, 2, 3)
    seen, total = used.mean(axis=axes), light.sum(axis=axes)
    of_light = np.divide((used * light).sum(axis=axes), total, out=seen.copy(), where=total > 0)
    with np.errstate(invalid='ignore'):
        return seen / np.maximum(of_light, seen)


def _mean(values, weights):
    axes = (1, 2, 3)
    with np.errstate(invalid='ignore'):
        return (weights * values).sum(axis=axes) / weights.sum(axis=axes)


def _least_when_turned(images, closest, sigma):
    images, closest = (np.asarray(a, dtype=np.float32) for a in (images, closest))
    turned = convolved(closest, sigma)[:, ::-1, ::-1]
    seen = _inner(convolved(images, sigma))
    least = np.full(len(seen), np.inf)
    for dy, dx in product((-1, 0, 1), repeat=2):
        squares = np.square(seen - _inner(turned, dy, dx))
        least = np.minimum(least, squares.sum(axis=(1, 2, 3)) / squares[0].size)
    return np.sqrt(least)


def _inner(images, dy=0, dx=0):
    """What lies a pixel and more from the border, of images shifted by a pixel at most."""
    ny, nx = images.shape[1:3]
    return images[:, 1 + dy : ny - 1 + dy, 1 + dx : nx - 1 + dx]
