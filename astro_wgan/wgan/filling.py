"""What stands in masked pixels, and in part in pixels of low weight, when a network looks."""

import numpy as np
import tensorflow as tf

from astro_wgan.stamps.smoothing import convolved
from astro_wgan.wgan.noise_layer import with_noise

__all__ = [
    'LEAST_WEIGHT',
    'fill_for_critic',
    'fill_holes',
    'filled_with',
    'first_filling',
    'has_holes',
    'seen_share',
    'within_reach',
]

#: A pixel of this weight or more is shown as it is. Networks are used to noise, and one whose
#: variance is less than twice that of the others needs nothing in its place.
LEAST_WEIGHT = 0.5

#: Of the filling by closest images. Where a third is missing, two change the score by less than a
#: tenth of its scatter; regions that nothing is known of drift from their first filling with more.
_ROUNDS = 4

#: Standard deviation in pixels of the Gaussian that holes are first filled with, and what the
#: opposite pixels count beside those around.
_AROUND, _OPPOSITE = 1.5, 0.3
#: So little of any pixel within reach counts less than the sky.
_LEAST = 1e-3

#: In units of the typical length of a random latent vector. The strangest of whole images reach 4.
_FARTHEST = 5.0


def seen_share(weights):
    """
    How much of each pixel's own value a network sees.

    Parameters
    ----------
    weights : array_like
        1 for a pixel to use, less for one that is noisier, 0 for a masked one.

    Returns
    -------
    `~numpy.ndarray` of float32
        1 for weights from 0.5 on, falling to 0 for those that are masked.
    """
    weights = np.asarray(weights, dtype=np.float32)
    return np.minimum(weights / np.float32(LEAST_WEIGHT), np.float32(1))


def has_holes(weights):
    """Which images of (n, ny, nx, bands) have pixels to be filled, and others to fill them by."""
    axes = (1, 2, 3)
    return (weights < LEAST_WEIGHT).any(axis=axes) & (weights > 0).any(axis=axes)


def filled_with(images, weights, others):
    """
    Images with those pixels replaced that are masked, and in part those of low weight.

    Parameters
    ----------
    images, weights, others : array_like, shape (n, ny, nx, bands)
        Images, what their pixels count, and what stands in their place.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
    """
    share = seen_share(weights)
    # What is masked may be anything but a number.
    own = np.where(share > 0, images, np.float32(0)).astype(np.float32)
    return share * own + (1 - share) * np.asarray(others, dtype=np.float32)


def first_filling(images, weights):
    """
    Holes filled by the pixels around them and by those opposite, turned by 180 degrees.

    Parameters
    ----------
    images, weights : array_like, shape (n, ny, nx, bands)
        In stretched intensity, of which 0 is the sky: it stands where there is no other pixel.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
    """
    share = seen_share(weights)
    own = share * np.where(share > 0, images, np.float32(0)).astype(np.float32)
    count, total = (
        convolved(array + _OPPOSITE * array[:, ::-1, ::-1], _AROUND) for array in (share, own)
    )
    return filled_with(images, weights, total / (count + np.float32(_LEAST)))


def fill_holes(images, weights, closest=None, *, rounds=_ROUNDS):
    """
    Images as networks shall see them: masked pixels filled by the closest image.

    Parameters
    ----------
    images, weights : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        In stretched intensity, and how much each pixel counts.
    closest : callable, optional
        From images to what an encoder takes for their closest images. Without it holes keep what
        they are filled with at first.
    rounds : int, optional
        How often the holes are filled by the closest image of the images filled before.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
        The images themselves, where none has a hole.

    Notes
    -----
    As expectation and maximisation do for principal components of data with gaps (Dempster, Laird
    & Rubin 1977, J. R. Statist. Soc. B 39, 1; Roweis 1998, NIPS 10, 626): what is missing is
    replaced by what the present estimate expects there, which adds no misfit, and the estimate is
    made anew.
    """
    rows = np.flatnonzero(has_holes(weights))
    if not len(rows):
        return images
    own, counted = images[rows], weights[rows]
    filled = first_filling(own, counted)
    if closest is not None:
        for _ in range(rounds):
            filled = filled_with(own, counted, closest(filled))
    images = images.copy()
    images[rows] = filled
    return images


def fill_for_critic(images, weights, closest, noise, *, seed=(0, 0)):
    """
    As `fill_holes`, with what the critic is used to see on closest images.

    Parameters
    ----------
    images, weights, closest
        As there.
    noise : `keras.Model` or None
        What the noise of generated images comes from.
    seed : sequence of int
        Of this noise, which is the same in all images.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
    """
    seen = fill_holes(images, weights, closest)
    rows = np.flatnonzero(has_holes(weights))
    if closest is None or not len(rows):
        return seen
    noisy = with_noise(tf.constant(closest(seen[rows])), noise, seed, alike=True)
    seen[rows] = filled_with(images[rows], weights[rows], noisy)
    return seen


def within_reach(latent):
    """
    Latent vectors, shortened where they are much longer than any that is drawn.

    Where next to nothing of an image is left, an encoder that is asked again and again would leave
    all that the generator knows.
    """
    longest = _FARTHEST * np.sqrt(latent.shape[1])
    length = tf.norm(latent, axis=1, keepdims=True)
    return latent * tf.minimum(1.0, longest / tf.maximum(length, 1e-6))
