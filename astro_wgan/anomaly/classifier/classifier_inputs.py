"""classifier_inputs: what the classifier sees of a stamp: itself, its residual, and it rotated."""

import numpy as np

from astro_wgan.injection.orientations import oriented

__all__ = ['classifier_inputs', 'classifier_shape', 'in_all_orientations']


def classifier_inputs(images, closest_images, weights, *, binning=2):
    """
    Channels from which the classifier tells injected anomalies.

    Parameters
    ----------
    images, closest_images, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
        In stretched intensity, and the weight of each pixel.
    binning : int
        Edge of the blocks of pixels that are averaged.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, ny / binning, nx / binning, 3 bands)
        For each band the image, its residual, and its difference from the closest image rotated by
        180 degrees. Masked pixels are those of the closest image. Rows and columns beyond a
        multiple of ``binning`` are left out.
    """
    residuals = weights * (images - closest_images)
    filled = closest_images + residuals
    rotated = filled - closest_images[:, ::-1, ::-1]
    channels = np.concatenate([filled, residuals, rotated], axis=-1)
    n, ny, nx, count = channels.shape
    ny, nx = ny // binning, nx // binning
    blocks = channels[:, : ny * binning, : nx * binning]
    blocks = blocks.reshape(n, ny, binning, nx, binning, count)
    return blocks.mean(axis=(2, 4), dtype=np.float32)


def classifier_shape(image_shape, binning):
    """Shape (ny, nx, channels) of `classifier_inputs` of images (ny, nx, bands)."""
    ny, nx, bands = image_shape
    return ny // binning, nx // binning, 3 * bands


def in_all_orientations(inputs):
    """The eight orientations of square arrays (n, ny, nx, channels), one after the other."""
    for turn in range(4):
        yield np.ascontiguousarray(oriented(inputs, turn))
        yield np.ascontiguousarray(oriented(inputs, turn + 4))
