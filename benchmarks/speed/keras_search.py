"""The paper's latent search in plain Keras, as public codes write it: a network for each image."""

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.anomaly import LatentSearchConfig
from astro_wgan.wgan.noise_layer import with_noise

__all__ = ['PlainSearch']


class PlainSearch:
    """
    A network mu of two dense layers is trained for each image, one `tf.function` call a step.

    Losses and stopping rule are those of `~astro_wgan.anomaly.LatentSearchConfig` with
    ``init='mu'``; the first weights are Keras's own. The graph is traced once, not for each image.
    """

    def __init__(self, wgan, *, seed=0):
        self._wgan = wgan
        self._search = LatentSearchConfig(init='mu').with_defaults()
        latent = wgan.network.latent_dim
        keras.utils.set_random_seed(seed)
        self._mu = keras.Sequential(
            [
                keras.Input((latent,)),
                keras.layers.Dense(latent),
                keras.layers.LeakyReLU(),
                keras.layers.Dense(latent),
            ]
        )
        self._noise = tf.random.normal((1, latent))
        self._optimizer = keras.optimizers.Adam(self._search.learning_rate)
        self._optimizer.build(self._mu.trainable_variables)
        self._begin = [v.numpy() for v in (*self._mu.variables, *self._optimizer.variables)]
        self._step = tf.function(self._one_step)

    def __call__(self, images):
        """The least loss L_A of each image, and how many iterations it took."""
        found = [self._closest(tf.constant(image[np.newaxis])) for image in images]
        losses, iterations = zip(*found, strict=True)
        return np.array(losses), np.array(iterations)

    def _closest(self, image):
        variables = (*self._mu.variables, *self._optimizer.variables)
        for variable, value in zip(variables, self._begin, strict=True):
            variable.assign(value)
        features = self._wgan.critic_(image, training=False)[1]
        best = reference = np.inf
        iteration = since = 0
        while since < self._search.patience and iteration < self._search.max_iterations:
            best = min(best, float(self._step(image, features)))
            since = 0 if best < (1 - self._search.tolerance) * reference else since + 1
            reference = best if since == 0 else reference
            iteration += 1
        return best, iteration

    def _one_step(self, image, features):
        gamma = self._search.gamma
        with tf.GradientTape() as tape:
            closest = self._wgan.generator_(self._mu(self._noise), training=False)
            seen = with_noise(closest, self._wgan.noise_, (0, 0), shared=True)
            residual = tf.reduce_mean(tf.abs(image - closest))
            difference = features - self._wgan.critic_(seen, training=False)[1]
            loss = gamma * residual + (1 - gamma) * tf.reduce_mean(tf.abs(difference))
        gradients = tape.gradient(loss, self._mu.trainable_variables)
        self._optimizer.apply(gradients, self._mu.trainable_variables)
        return loss
