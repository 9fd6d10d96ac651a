"""Weights of masked and noisy pixels, and the filling of these before a network sees them."""

import numpy as np
import tensorflow as tf

from astro_wgan.stamps import StampSet
from astro_wgan.stamps.smoothing import convolved
from astro_wgan.wgan.noise_layer import with_noise

__all__ = [
    'MIN_WEIGHT',
    'fill_for_critic',
    'fill_from_neighbors',
    'fill_masked',
    'fill_missing_bands',
    'limit_length',
    'needs_filling',
    'pixel_weights',
    'replace_masked',
    'visible_fraction',
]

#: Pixels of at least this weight are not replaced. Networks tolerate noise, and a variance of less
#: than twice that of the other pixels needs no replacement.
MIN_WEIGHT = 0.5

#: Iterations of the filling with closest images. If a third of the pixels is missing, two more
#: change the score by less than a tenth of its standard deviation; with many more, regions without
#: any data drift away from their initial filling.
_ITERATIONS = 4

#: Width in pixels of the Gaussian kernel of the initial filling, and the weight of the pixels
#: opposite the center relative to those around.
_SIGMA, _OPPOSITE_WEIGHT = 1.5, 0.3

#: Weight of the sky, which fills pixels without any valid pixel around.
_SKY_WEIGHT = 1e-3

#: Longest latent vector, in units of the typical length of a random one. Those of the most
#: anomalous unmasked images reach 4.
_MAX_LENGTH = 5.0

#: Number of standard deviations by which the flux of a pixel may be overestimated.
_N_SIGMA = 5.0


def pixel_weights(stamps, stretch):
    """
    Weights of pixels, from the mask and the uncertainty if there is one.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        Stamps.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling, in which residuals are measured.

    Returns
    -------
    `~numpy.ndarray` of float32, shape of the pixels
        0 for masked pixels and those whose uncertainty is negative or not finite. Otherwise 1,
        or the ratio of variances if the pixel is noisier, in stretched intensity, than a pixel of
        the sky with the median uncertainty of its stamp and band.

    Notes
    -----
    The asinh stretch compresses the noise of bright pixels. The brightness of a pixel is taken to
    be its lower limit at five standard deviations: a pixel at 1000 +- 1000 above the sky is not
    known to be bright.

    No weight exceeds 1, so that a few pixels with small uncertainties do not dominate. Weights are
    relative to the stamp: a factor common to all uncertainties of a stamp does not change them.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.stamps import Stretch
    >>> from astro_wgan.wgan.masked_pixels import pixel_weights
    >>> uncertainty = np.full((1, 3, 3), 0.5)
    >>> uncertainty[0, 1, 1] = 1.0
    >>> stamps = StampSet(np.zeros((1, 3, 3)), uncertainty=uncertainty)
    >>> stretch = Stretch('linear', sky=0, noise_rms=0.5, peak=10)
    >>> pixel_weights(stamps, stretch)[0, 1].round(3).tolist()
    [1.0, 0.25, 1.0]
    """
    valid, uncertainty = stamps.valid, stamps.uncertainty
    if uncertainty is None:
        return valid.astype(np.float32)
    usable = valid & np.isfinite(uncertainty) & (uncertainty >= 0)
    uncertainty = np.where(usable, uncertainty, np.nan)
    deviation = np.nan_to_num(uncertainty)
    noise = _in_stretch(_lower_limit(stamps, deviation, stretch), deviation, stamps.unit, stretch)
    # Without any usable pixel it does not matter; of no number NumPy would warn.
    known = usable.any(axis=(1, 2), keepdims=True)
    median = np.nanmedian(np.where(known, uncertainty, 0), axis=(1, 2), keepdims=True)
    if stamps.unit != stretch.unit_:
        median = stamps.unit.to(stretch.unit_, median)
    typical = _in_stretch(np.array(stretch.sky_), median, stretch.unit_, stretch)
    noisier = (noise > typical) & (typical > 0)
    weights = np.divide(typical, noise, out=np.ones_like(noise), where=noisier) ** 2
    return np.where(usable, weights, 0).astype(np.float32)


def _lower_limit(stamps, deviation, stretch):
    """Pixels at the end nearest to the sky of the range that their uncertainty allows."""
    pixels, sky = stamps.filled(), np.array(stretch.sky_)
    if stamps.unit != stretch.unit_:
        sky = stretch.unit_.to(stamps.unit, sky)
    above = pixels - sky
    return sky + np.sign(above) * np.maximum(np.abs(above) - _N_SIGMA * deviation, 0)


def _in_stretch(pixels, deviation, unit, stretch):
    """Half the difference of pixels raised and lowered by a deviation, in stretched intensity."""
    # The scaling of each stamp by its own height cancels in the ratio of weights.
    stretch = stretch.copy()
    stretch.scope = 'global'
    above, below = (
        stretch.transform(StampSet(pixels + sign * deviation, unit=unit)) for sign in (1, -1)
    )
    return (above - below) / 2


def visible_fraction(weights):
    """
    Fraction of each pixel's own value in the input of a network.

    Parameters
    ----------
    weights : array_like
        As from `pixel_weights`.

    Returns
    -------
    `~numpy.ndarray` of float32
        1 for weights of at least 0.5, decreasing to 0 for masked pixels.
    """
    weights = np.asarray(weights, dtype=np.float32)
    return np.minimum(weights / np.float32(MIN_WEIGHT), np.float32(1))


def needs_filling(weights):
    """Which images, of weights (n, ny, nx, bands), have pixels to fill and any valid pixels."""
    axes = (1, 2, 3)
    return (weights < MIN_WEIGHT).any(axis=axes) & (weights > 0).any(axis=axes)


def replace_masked(images, weights, others):
    """
    Images with masked pixels replaced, and in part those of low weight.

    Parameters
    ----------
    images, weights, others : array_like, shape (n, ny, nx, bands)
        Images, weights of their pixels, and images to take the replacements from.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
    """
    fraction = visible_fraction(weights)
    # Masked pixels may be NaN.
    own = np.where(fraction > 0, images, np.float32(0)).astype(np.float32)
    return fraction * own + (1 - fraction) * np.asarray(others, dtype=np.float32)


def fill_from_neighbors(images, weights):
    """
    Masked pixels filled from the pixels around, and from those at the position rotated by 180 deg.

    Parameters
    ----------
    images, weights : array_like, shape (n, ny, nx, bands)
        Stretched intensity, in which the sky is 0; it fills regions without valid pixels around. A
        band without any is the mean of the others.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
    """
    fraction = visible_fraction(weights)
    own = fraction * np.where(fraction > 0, images, np.float32(0)).astype(np.float32)
    count, total = (
        convolved(array + _OPPOSITE_WEIGHT * array[:, ::-1, ::-1], _SIGMA)
        for array in (fraction, own)
    )
    filled = replace_masked(images, weights, total / (count + np.float32(_SKY_WEIGHT)))
    # A band of hardly any weight is nearly a missing one.
    seen = fraction.max(axis=(1, 2))
    seen = seen / np.maximum(seen.max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return fill_missing_bands(filled, seen, np.ones(filled.shape[3]))


def fill_missing_bands(images, seen, factors):
    """
    Images in which bands without data are replaced by what the other bands suggest.

    Without it the sky would be in their place, and galaxies that drop out of a band would be as
    normal as those that were not observed in it.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx, bands)
        Stretched intensity.
    seen : `~numpy.ndarray`, shape (n, bands)
        Whether a band of an image has valid pixels; between 0 and 1 it is replaced in part.
    factors : array_like, shape (bands,)
        Typical intensity of each band relative to the mean of all.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ny, nx, bands)
        A missing band has the amplitude of those that are seen, in units of their factors. Images
        without any are as they were.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.wgan.masked_pixels import fill_missing_bands
    >>> image = np.array([0.0, 2, 4]).reshape(1, 1, 1, 3)
    >>> fill_missing_bands(image, np.array([[False, True, True]]), [1, 1, 2]).ravel().tolist()
    [2.0, 2.0, 4.0]
    """
    seen, factors = (np.asarray(a, dtype=images.dtype) for a in (seen, factors))
    rows = np.flatnonzero((seen < 1).any(axis=1) & (seen > 0).any(axis=1))
    if not len(rows):
        return images
    # The amplitude of an image with these factors as its color, by least squares.
    used = seen[rows] * factors
    total = np.maximum((used * factors).sum(axis=1), np.finfo(np.float32).tiny)
    amplitude = np.einsum('nyxb,nb->nyx', images[rows], used / total[:, np.newaxis])
    part = seen[rows][:, np.newaxis, np.newaxis]
    filled = images.copy()
    filled[rows] = part * images[rows] + (1 - part) * amplitude[..., np.newaxis] * factors
    return filled


def fill_masked(images, weights, closest=None, *, iterations=_ITERATIONS):
    """
    Images with masked pixels filled with the closest image.

    Parameters
    ----------
    images, weights : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        Stretched intensity, and weights of the pixels.
    closest : callable, optional
        From images to their closest images as predicted by an encoder. If None, masked pixels keep
        their initial filling.
    iterations : int, optional
        Number of times that the closest image of the filled images is computed.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        The same array if there is nothing to fill.

    Notes
    -----
    The analog of expectation-maximization for principal components of data with gaps (Dempster,
    Laird & Rubin 1977, J. R. Statist. Soc. B 39, 1; Roweis 1998, NIPS 10, 626): missing pixels are
    replaced by their current expectation, which adds no residual, and the estimate is repeated.
    """
    rows = np.flatnonzero(needs_filling(weights))
    if not len(rows):
        return images
    own, counted = images[rows], weights[rows]
    filled = fill_from_neighbors(own, counted)
    if closest is not None:
        for _ in range(iterations):
            filled = replace_masked(own, counted, closest(filled))
    images = images.copy()
    images[rows] = filled
    return images


def fill_for_critic(images, weights, closest, noise, *, seed=(0, 0)):
    """
    As `fill_masked`, with the noise that the critic expects in generated images.

    Parameters
    ----------
    images, weights, closest
        As in `fill_masked`.
    noise : `keras.Model` or None
        The noise of generated images, as made by `build_noise`.
    seed : sequence of int
        Seed of this noise, which is the same in all images.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
    """
    filled = fill_masked(images, weights, closest)
    rows = np.flatnonzero(needs_filling(weights))
    if closest is None or not len(rows):
        return filled
    noisy = with_noise(tf.constant(closest(filled[rows])), noise, seed, shared=True)
    filled[rows] = replace_masked(images[rows], weights[rows], noisy)
    return filled


def limit_length(latent):
    """
    Latent vectors, shortened if they are much longer than those of the training.

    If almost all of an image is masked, repeated encoding would lead to latent vectors for which
    the generator was not trained.
    """
    max_length = _MAX_LENGTH * np.sqrt(latent.shape[1])
    length = tf.norm(latent, axis=1, keepdims=True)
    return latent * tf.minimum(1.0, max_length / tf.maximum(length, 1e-6))
