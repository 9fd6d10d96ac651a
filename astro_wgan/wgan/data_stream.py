"""Real images for a training: shuffled batches in stretched intensity, and their orientations."""

from functools import partial

import numpy as np
import tensorflow as tf

__all__ = ['reorient', 'stream_images']


def stream_images(stamps, stretch, count, *, seed, start):
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
    n = len(stamps)
    epoch, skip = divmod(start * count, n)
    pending = []
    while True:
        order = {'shuffle': True, 'seed': (seed, epoch), 'skip': skip}
        for batch in stamps.batches(min(n, count), **order):
            images = stretch.transform(batch)
            pending.append(images if images.ndim == 4 else images[..., np.newaxis])
            while sum(map(len, pending)) >= count:
                joined = np.concatenate(pending)
                yield joined[:count]
                pending = [joined[count:]]
        epoch, skip = epoch + 1, 0


def reorient(images, orientation, *, compiled=False):
    """
    All images in one of the eight orientations of the square (its dihedral group).

    Parameters
    ----------
    images : `tf.Tensor`, shape (n, size, size, bands)
        Square images.
    orientation : `tf.Tensor` of int, scalar
        0 to 7: bit 0 transposes, bits 1 and 2 reflect along y and x, in this order.
    compiled : bool
        Whether XLA compiles the graph. The orientation is then selected pixel by pixel, since a
        branch of the graph would make a GPU wait for the CPU.

    Returns
    -------
    `tf.Tensor`, shape (n, size, size, bands)
    """
    if not compiled:
        branches = [partial(_static_orientation, images, k) for k in range(8)]
        return tf.switch_case(orientation, branches)
    for k in range(3):
        chosen = tf.bitwise.bitwise_and(orientation, 1 << k) > 0
        images = tf.where(chosen, _static_orientation(images, 1 << k), images)
    return images


def _static_orientation(images, orientation):
    """As `reorient`, for an orientation that is a Python number."""
    if orientation & 1:
        images = tf.transpose(images, (0, 2, 1, 3))
    reflected = [axis for axis in (1, 2) if orientation >> axis & 1]
    return tf.reverse(images, axis=reflected) if reflected else tf.identity(images)
