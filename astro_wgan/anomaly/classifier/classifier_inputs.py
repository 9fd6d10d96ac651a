"""classifier_inputs: what the classifier sees of a stamp: itself, its residual, and it rotated."""

import numpy as np

from astro_wgan.stamps.orientations import HALF_TURN, oriented
from astro_wgan.wgan.masked_pixels import MIN_WEIGHT, needs_filling

__all__ = [
    'binned',
    'classifier_inputs',
    'classifier_shape',
    'fill_masked_blocks',
    'in_orientations',
]

#: Orientations in the order in which they are taken. Rotation by 180 degrees comes first: its mean
#: with the image as it is was nearest to that of all eight, of any two; so were the four rotations.
_ORDER = (0, 2, 1, 3, 4, 6, 5, 7)


def classifier_inputs(images, closest_images, weights, *, binning=2, center=None, noise=None):
    """
    Channels from which the classifier tells injected anomalies.

    Parameters
    ----------
    images, closest_images, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
        In stretched intensity, and the weight of each pixel.
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
    `~numpy.ndarray` of float32, shape (n, ny / binning, nx / binning, 3 bands)
        For each band the image, its residual, and its difference from the closest image rotated by
        180 degrees. Without ``noise``, masked pixels are those of the closest image. Rows and
        columns beyond a multiple of ``binning`` are left out.
    """
    bands = images.shape[-1]
    if noise is not None:
        images, weights = fill_masked_blocks(
            images, closest_images, weights, noise, binning=binning
        )
    # Binned one by one, which makes the arrays smaller before they are combined.
    residuals = binned(weights * (images - closest_images), binning)
    channels = np.empty((*residuals.shape[:-1], 3 * bands), dtype=np.float32)
    filled, second, third = (channels[..., k * bands : (k + 1) * bands] for k in range(3))
    np.add(residuals, binned(closest_images, binning), out=filled)
    second[...] = residuals
    rotated = oriented(closest_images, HALF_TURN, center=center)
    np.subtract(filled, binned(rotated, binning), out=third)
    return channels


def fill_masked_blocks(images, closest_images, weights, noise, *, binning=2):
    """
    Images without masked pixels, for `classifier_inputs`.

    Parameters
    ----------
    images, closest_images, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
        As for `classifier_inputs`.
    noise : callable
        Realizations of the noise, as of a `~astro_wgan.anomaly.LatentSearcher`.
    binning : int
        Edge of the blocks of pixels that are averaged.

    Returns
    -------
    images, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
        The residual of a masked pixel is the mean of the others of its block, and where there are
        none, noise: otherwise blocks with masked pixels would have less signal, and less noise,
        than those that the classifier has learned from. Pixels that are filled in have a weight of
        1. The given arrays are not changed.
    """
    rows = np.flatnonzero(needs_filling(weights))
    if not len(rows):
        return images, weights
    closest, seen = closest_images[rows], weights[rows] >= MIN_WEIGHT
    residuals = np.where(seen, images[rows] - closest, 0)
    count = binned(seen, binning)
    mean = binned(residuals, binning) / np.maximum(count, 1 / binning**2)
    filling = next(iter(noise(closest)))
    ny, nx = binning * count.shape[1], binning * count.shape[2]
    inside = filling[:, :ny, :nx]
    mean, count = (part.repeat(binning, axis=1).repeat(binning, axis=2) for part in (mean, count))
    np.copyto(inside, mean, where=count > 0)
    images, weights = images.copy(), weights.copy()
    images[rows] = closest + np.where(seen, residuals, filling)
    weights[rows] = np.where(seen, weights[rows], 1)
    return images, weights


def binned(images, binning):
    """Means of blocks of pixels (n, ny, nx, bands), without rows and columns that are left over."""
    n, ny, nx, bands = images.shape
    ny, nx = ny // binning, nx // binning
    images = images[:, : ny * binning, : nx * binning]
    total = np.zeros((n, ny, nx, bands), dtype=np.float32)
    # Ten times as fast as the mean over two axes.
    for y in range(binning):
        for x in range(binning):
            total += images[:, y::binning, x::binning]
    total /= binning**2
    return total


def classifier_shape(image_shape, binning):
    """Shape (ny, nx, channels) of `classifier_inputs` of images (ny, nx, bands)."""
    ny, nx, bands = image_shape
    return ny // binning, nx // binning, 3 * bands


def in_orientations(inputs, count):
    """The first so many orientations of square arrays (n, ny, nx, channels), in one array."""
    return np.concatenate([oriented(inputs, orientation) for orientation in _ORDER[:count]])
