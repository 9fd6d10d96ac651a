"""L_R and L_F: how far the image of a latent vector is from the one that is to be reached."""

from typing import NamedTuple

import tensorflow as tf

from astro_wgan.wgan.compute.precision import with_compute_dtype
from astro_wgan.wgan.noise_layer import with_noise

__all__ = ['SearchLosses', 'Target']


class Target(NamedTuple):
    """What is to be reached: images, weights, the images as networks see them, and the critic's."""

    images: tf.Tensor
    weights: tf.Tensor
    seen: tf.Tensor
    critic: tf.Tensor
    features: tf.Tensor


class SearchLosses:
    """
    Both terms of the loss of a latent search, for each image of a batch.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model, of which the networks are those that it has now.
    seed : int
        Of the noise that a model whose generator makes images without noise adds for the critic.
    precision : {'float32', 'mixed_bfloat16'}, optional
        What the networks compute in. Features are compared in float32.

    Notes
    -----
    L_R is the mean of abs(x - G(z)) over the pixels by their weights, L_F the mean of
    abs(c(x) - c(G(z))) over the critic's features. In masked pixels the critic sees the same
    filling in both images, so that they count in neither.
    """

    def __init__(self, wgan, *, seed, precision='float32'):
        self._noise, self._seed = wgan.noise_, (seed, 0)
        self._generate = with_compute_dtype(wgan.generator_, precision)
        self._judge = with_compute_dtype(wgan.critic_, precision)

    def target(self, images, weights, seen=None):
        """
        What is to be reached.

        Parameters
        ----------
        images, weights : array_like, shape (n, ny, nx, bands)
            In stretched intensity, and how much each pixel counts.
        seen : array_like, shape (n, ny, nx, bands), optional
            What the critic sees of the images, where masked pixels are filled by something else.

        Returns
        -------
        Target
        """
        images = tf.convert_to_tensor(images, tf.float32)
        weights = tf.convert_to_tensor(weights, tf.float32)
        seen = images if seen is None else tf.convert_to_tensor(seen, tf.float32)
        value, features = self._judged(seen)
        return Target(images, weights, seen, value[:, 0], features)

    def __call__(self, latent, target):
        """
        The images G(z), with L_R and L_F of each.

        Parameters
        ----------
        latent : `tf.Tensor`, shape (n, latent)
            A vector for each image.
        target : Target
            From `target`.

        Returns
        -------
        closest : `tf.Tensor`, shape (n, ny, nx, bands)
        residual, feature : `tf.Tensor`, shape (n,)
        """
        closest = self.draw(latent)
        weights = target.weights
        difference = tf.reduce_sum(weights * tf.abs(target.images - closest), axis=(1, 2, 3))
        residual = difference / tf.maximum(tf.reduce_sum(weights, axis=(1, 2, 3)), 1e-6)
        # The same noise for each, so that nothing depends on the images beside it.
        noisy = self.with_noise(closest)
        seen = weights * noisy + (1 - weights) * target.seen
        features = self._judged(seen)[1]
        feature = tf.reduce_mean(tf.abs(target.features - features), axis=(1, 2, 3))
        return closest, residual, feature

    def draw(self, latent):
        """The images G(z)."""
        return self._generate(latent)

    def with_noise(self, closest):
        """Closest images with the noise that the critic sees on them, the same for each."""
        return with_noise(closest, self._noise, self._seed, shared=True)

    def _judged(self, images):
        value, features = self._judge(images)
        return value, tf.cast(features, tf.float32)
