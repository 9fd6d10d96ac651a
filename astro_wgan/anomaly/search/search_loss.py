"""Residual loss L_R and feature loss L_F between images and generated images."""

from typing import NamedTuple

import tensorflow as tf

from astro_wgan.wgan.compute.precision import with_compute_dtype
from astro_wgan.wgan.noise_layer import with_noise

__all__ = ['SearchLosses', 'Target']


class Target(NamedTuple):
    """Images to reproduce, their weights, filled images, and the critic's output for these."""

    images: tf.Tensor
    weights: tf.Tensor
    filled: tf.Tensor
    critic_value: tf.Tensor
    features: tf.Tensor


class SearchLosses:
    """
    Both terms of the loss of a latent search, for each image of a batch.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model, whose present networks are used.
    seed : int
        Seed of the noise that is added to noise-free generated images for the critic.
    precision : {'float32', 'mixed_bfloat16'}, optional
        Precision of the networks. Features are compared in float32.

    Notes
    -----
    L_R is the weighted mean of abs(x - G(z)) over the pixels, L_F the mean of abs(c(x) - c(G(z)))
    over the critic's features. Masked pixels are filled with the same values in both images before
    the critic sees them, so that they affect neither.
    """

    def __init__(self, wgan, *, seed, precision='float32'):
        self._noise, self._seed = wgan.noise_, (seed, 0)
        self._generator = with_compute_dtype(wgan.generator_, precision)
        self._critic = with_compute_dtype(wgan.critic_, precision)

    def target(self, images, weights, filled=None):
        """
        Prepare images to be reproduced.

        Parameters
        ----------
        images, weights : array_like, shape (n, ny, nx, bands)
            In stretched intensity, and the weight of each pixel.
        filled : array_like, shape (n, ny, nx, bands), optional
            Images with masked pixels filled, for the critic; by default the images.

        Returns
        -------
        Target
        """
        images = tf.convert_to_tensor(images, tf.float32)
        weights = tf.convert_to_tensor(weights, tf.float32)
        filled = images if filled is None else tf.convert_to_tensor(filled, tf.float32)
        value, features = self._criticize(filled)
        return Target(images, weights, filled, value[:, 0], features)

    def __call__(self, latent, target):
        """
        Generated images with their losses.

        Parameters
        ----------
        latent : `tf.Tensor`, shape (n, latent)
            One vector for each image.
        target : Target
            From `target`.

        Returns
        -------
        generated : `tf.Tensor`, shape (n, ny, nx, bands)
            G(z).
        residual_loss, feature_loss : `tf.Tensor`, shape (n,)
        """
        generated = self.generate(latent)
        weights = target.weights
        difference = tf.reduce_sum(weights * tf.abs(target.images - generated), axis=(1, 2, 3))
        residual_loss = difference / tf.maximum(tf.reduce_sum(weights, axis=(1, 2, 3)), 1e-6)
        noisy = self.with_noise(generated)
        filled = weights * noisy + (1 - weights) * target.filled
        features = self._criticize(filled)[1]
        feature_loss = tf.reduce_mean(tf.abs(target.features - features), axis=(1, 2, 3))
        return generated, residual_loss, feature_loss

    def generate(self, latent):
        """The images G(z)."""
        return self._generator(latent)

    def with_noise(self, generated):
        """
        Generated images with noise, if the model has any.

        From the same random numbers for each image, so that the result for an image is independent
        of the others in the batch.
        """
        return with_noise(generated, self._noise, self._seed, shared=True)

    def _criticize(self, images):
        value, features = self._critic(images)
        return value, tf.cast(features, tf.float32)
