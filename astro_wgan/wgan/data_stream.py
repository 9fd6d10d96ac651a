"""Real images for a training: shuffled batches in stretched intensity, shifts and orientations."""

from functools import partial

import numpy as np
import tensorflow as tf

from astro_wgan.stamps.intensity.stretch_levels import sample_of
from astro_wgan.stamps.orientations import middle_of, source_center
from astro_wgan.wgan.masked_pixels import fill_missing_bands

__all__ = ['in_orientation', 'measure_center', 'reorient', 'shift_images', 'stream_images']


def stream_images(stamps, stretch, count, *, seed, start, max_shift=0):
    """
    Endless arrays of ``count`` stretched images: each stamp once per epoch, in a new order.

    The arrays depend only on the seed and on the number of arrays before, so that a resumed
    training continues with the images that an uninterrupted one would have used.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Images in their own unit.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling.
    count : int
        Images per array; may exceed the number of stamps.
    seed : int
        Seed of the order.
    start : int
        Number of arrays to skip at the beginning.
    max_shift : int
        Largest random shift of each image along y and x, in pixels.

    Yields
    ------
    `~numpy.ndarray` of float32, shape (count, ny, nx, bands)

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.stamps import Stretch
    >>> from astro_wgan.wgan.data_stream import stream_images
    >>> stamps = StampSet(np.random.default_rng(1).normal(size=(10, 16, 16)))
    >>> images = stream_images(stamps, Stretch().fit(stamps), 4, seed=1, start=0)
    >>> next(images).shape
    (4, 16, 16, 1)
    """
    n, number = len(stamps), start
    epoch, skip = divmod(start * count, n)
    pending, factors = [], None
    while True:
        order = {'shuffle': True, 'seed': (seed, epoch), 'skip': skip}
        for batch in stamps.batches(min(n, count), **order):
            images = stretch.transform(batch)
            images = images if images.ndim == 4 else images[..., np.newaxis]
            # One axis after the other, which for several bands takes a twentieth of the time.
            seen = batch.valid.reshape(images.shape).any(axis=1).any(axis=1)
            if (seen != seen.any(axis=1, keepdims=True)).any():
                factors = _band_factors(stamps, stretch, seed) if factors is None else factors
                images = fill_missing_bands(images, seen, factors)
            pending.append(images)
            while sum(map(len, pending)) >= count:
                joined = np.concatenate(pending)
                yield _jittered(joined[:count], max_shift, (seed, number))
                pending = [joined[count:]]
                number += 1
        epoch, skip = epoch + 1, 0


def _band_factors(stamps, stretch, seed):
    """Typical intensity of each band relative to that of all, of images that are seen in all."""
    sample = sample_of(stamps, seed)
    sample = sample[sample.valid.any(axis=(1, 2)).all(axis=-1)]
    if not len(sample):
        return np.ones(stamps.n_bands)
    images = stretch.transform(sample)
    mean = images.mean(axis=-1, keepdims=True)
    slope = (images * mean).sum(axis=(0, 1, 2)) / np.square(mean).sum()
    return np.maximum(slope, 0)


def measure_center(stamps, stretch, seed):
    """
    Where the sources are in their stamps; see `~astro_wgan.stamps.orientations.source_center`.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Of many, a part that is drawn at random.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling.
    seed : int
        Seed of the draw.

    Returns
    -------
    tuple of float
        y and x in pixels.
    """
    sample = sample_of(stamps, seed)
    images = np.where(sample.valid, stretch.transform(sample), np.float32(np.nan))
    return source_center(images if images.ndim == 4 else images[..., np.newaxis])


def shift_images(images, shifts):
    """
    Images shifted by whole pixels, reflected at their edges.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx, bands)
        Images.
    shifts : array_like of int, shape (n, 2)
        Shift of each along y and x.

    Returns
    -------
    `~numpy.ndarray`, shape (n, ny, nx, bands)

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.wgan.data_stream import shift_images
    >>> shift_images(np.arange(4).reshape(1, 1, 4, 1), [[0, 1]]).ravel().tolist()
    [0, 0, 1, 2]
    """
    n, ny, nx = images.shape[:3]
    dy, dx = np.asarray(shifts).T
    rows, columns = (
        _reflected(np.arange(size) - by[:, np.newaxis], size) for size, by in ((ny, dy), (nx, dx))
    )
    return images[np.arange(n)[:, np.newaxis, np.newaxis], rows[:, :, None], columns[:, None]]


def _jittered(images, max_shift, seed):
    if not max_shift:
        return images
    rng = np.random.default_rng((*seed, max_shift))
    return shift_images(
        images, rng.integers(-max_shift, max_shift, (len(images), 2), endpoint=True)
    )


def _reflected(index, size):
    """Pixels that positions beyond the edges mirror, as by ``mode='symmetric'`` of `numpy.pad`."""
    index = index % (2 * size)
    return np.minimum(index, 2 * size - 1 - index)


def reorient(images, orientation, *, center=None, compiled=False):
    """
    All images in one of the eight orientations of the square (its dihedral group).

    Parameters
    ----------
    images : `tf.Tensor`, shape (n, size, size, bands)
        Square images.
    orientation : `tf.Tensor` of int, scalar
        0 to 7: bit 0 transposes, bits 1 and 2 reflect along y and x, in this order.
    center : tuple of float, optional
        y and x that stay where they are, as from
        `~astro_wgan.stamps.orientations.source_center`; by default the middle.
    compiled : bool
        Whether XLA compiles the graph. The orientation is then selected pixel by pixel, since a
        branch of the graph would make a GPU wait for the CPU.

    Returns
    -------
    `tf.Tensor`, shape (n, size, size, bands)
    """
    if not compiled:
        branches = [partial(in_orientation, images, k, center) for k in range(8)]
        return tf.switch_case(orientation, branches)
    for k in range(3):
        chosen = tf.bitwise.bitwise_and(orientation, 1 << k) > 0
        images = tf.where(chosen, in_orientation(images, 1 << k, center), images)
    return images


def in_orientation(images, orientation, center=None):
    """
    All images in an orientation that is a Python number.

    Parameters
    ----------
    images, center
        As for `reorient`.
    orientation : int
        Numbered as there.

    Returns
    -------
    `tf.Tensor`, shape (n, size, size, bands)
    """
    middle = middle_of(images.shape[1:3])
    dy, dx = (0, 0) if center is None else (c - m for c, m in zip(center, middle, strict=True))
    y, x = dy, dx
    if orientation & 1:
        images, y, x = tf.transpose(images, (0, 2, 1, 3)), x, y
    reflected = [axis for axis in (1, 2) if orientation >> axis & 1]
    images = tf.reverse(images, axis=reflected) if reflected else tf.identity(images)
    y, x = (-part if axis in reflected else part for axis, part in ((1, y), (2, x)))
    shift = round(dy - y), round(dx - x)
    return tf.roll(images, shift, axis=(1, 2)) if any(shift) else images
