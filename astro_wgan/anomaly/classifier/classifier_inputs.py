"""classifier_inputs: what the classifier sees of a stamp: itself, its residual, and it rotated."""

import tensorflow as tf

from astro_wgan.wgan.data_stream import in_orientation
from astro_wgan.wgan.masked_pixels import MIN_WEIGHT

__all__ = [
    'binned',
    'classifier_inputs',
    'classifier_shape',
    'fill_masked_blocks',
    'in_orientations',
]

#: Rotation by 180 degrees, as a number of `~astro_wgan.wgan.data_stream.in_orientation`.
_HALF_TURN = 6

#: Orientations in the order in which they are taken. Rotation by 180 degrees comes first: its mean
#: with the image as it is was nearest to that of all eight, of any two; so were the four rotations.
_ORDER = (0, _HALF_TURN, 3, 5, 4, 2, 7, 1)


def classifier_inputs(images, closest_images, weights=None, *, binning=2, center=None, noise=None):
    """
    Channels from which the classifier tells injected anomalies.

    Parameters
    ----------
    images, closest_images : array_like, shape (n, ny, nx, bands)
        In stretched intensity.
    weights : array_like, shape (n, ny, nx, bands), optional
        Weight of each pixel; by default, all are 1.
    binning : int
        Edge of the blocks of pixels that are averaged.
    center : tuple of float, optional
        y and x that the closest image is rotated around, as from
        `~astro_wgan.stamps.orientations.source_center`; by default the middle.
    noise : callable, optional
        Realizations of the noise, as of a `~astro_wgan.anomaly.LatentSearcher`: with it, masked
        pixels are filled by `fill_masked_blocks`.

    Returns
    -------
    `tf.Tensor` of float32, shape (n, ny / binning, nx / binning, 3 bands)
        For each band the image, its residual, and its difference from the closest image rotated by
        180 degrees. Without ``noise``, masked pixels are those of the closest image. Rows and
        columns beyond a multiple of ``binning`` are left out. Within a `tf.function` it is part of
        its graph.
    """
    images, closest = _tensor(images), _tensor(closest_images)
    if weights is not None and noise is not None:
        images, weights = fill_masked_blocks(images, closest, weights, noise, binning=binning)
    residuals = images - closest if weights is None else weights * (images - closest)
    # Binned one by one, which makes the arrays smaller before they are combined.
    residuals = binned(residuals, binning)
    filled = residuals + binned(closest, binning)
    rotated = binned(in_orientation(closest, _HALF_TURN, center), binning)
    return tf.concat([filled, residuals, filled - rotated], axis=-1)


def fill_masked_blocks(images, closest_images, weights, noise, *, binning=2):
    """
    Images without masked pixels, for `classifier_inputs`.

    Parameters
    ----------
    images, closest_images, weights : array_like, shape (n, ny, nx, bands)
        As for `classifier_inputs`.
    noise : callable
        Realizations of the noise, as of a `~astro_wgan.anomaly.LatentSearcher`.
    binning : int
        Edge of the blocks of pixels that are averaged.

    Returns
    -------
    images, weights : `tf.Tensor`, shape (n, ny, nx, bands)
        The residual of a masked pixel is the mean of the others of its block, and where there are
        none, noise: otherwise blocks with masked pixels would have less signal, and less noise,
        than those that the classifier has learned from. Pixels that are filled in have a weight of
        1. Images without any valid pixel, or without any to fill, are as they were.
    """
    images, closest, weights = _tensor(images), _tensor(closest_images), _tensor(weights)
    seen = weights >= MIN_WEIGHT
    masked = ~seen & tf.reduce_any(weights > 0, axis=(1, 2, 3), keepdims=True)
    residuals = tf.where(seen, images - closest, 0.0)
    count = binned(tf.cast(seen, tf.float32), binning)
    mean = binned(residuals, binning) / tf.maximum(count, 1 / binning**2)
    filling = tf.broadcast_to(next(iter(noise(closest))), tf.shape(images))
    # Rows and columns that are left over have no block.
    ny, nx = (binning * n for n in count.shape[1:3])
    margins = [[0, 0], [0, images.shape[1] - ny], [0, images.shape[2] - nx], [0, 0]]
    mean, count = (
        tf.pad(tf.repeat(tf.repeat(part, binning, axis=1), binning, axis=2), margins)
        for part in (mean, count)
    )
    filling = tf.where(count > 0, mean, filling)
    return tf.where(masked, closest + filling, images), tf.where(masked, 1.0, weights)


def binned(images, binning):
    """Means of blocks of pixels (n, ny, nx, bands), without rows and columns that are left over."""
    return tf.nn.avg_pool2d(_tensor(images), binning, binning, 'VALID')


def classifier_shape(image_shape, binning):
    """Shape (ny, nx, channels) of `classifier_inputs` of images (ny, nx, bands)."""
    ny, nx, bands = image_shape
    return ny // binning, nx // binning, 3 * bands


def in_orientations(inputs, count):
    """The first so many orientations of square arrays (n, ny, nx, channels), in one tensor."""
    turned = [in_orientation(inputs, orientation) for orientation in _ORDER[:count]]
    return tf.concat(turned, axis=0)


def _tensor(values):
    return tf.cast(tf.convert_to_tensor(values), tf.float32)
