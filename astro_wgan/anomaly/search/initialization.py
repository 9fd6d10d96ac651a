"""Initialization of a latent search, and the parameters that it optimizes: z, or weights of mu."""

import numpy as np
import tensorflow as tf

__all__ = ['make_parametrization']


class _Zeros:
    """z itself, from the center of its distribution."""

    def __init__(self, latent, seed, encoder):
        self.size = latent

    def parameters(self, images):
        return [tf.zeros((len(images), self.size))]

    def latent(self, parameters):
        return parameters[0]


class _Encoder(_Zeros):
    """z itself, from the prediction of an encoder."""

    def __init__(self, latent, seed, encoder):
        if encoder is None:
            raise ValueError(
                "`init='encoder'` needs a trained encoder: call `train_encoder` of the detector."
            )
        super().__init__(latent, seed, encoder)
        self._encoder = encoder

    def parameters(self, images):
        return [self._encoder(images, training=False)]


class _Mu:
    """Weights of the paper's mu, two fully connected layers from noise to z, for each image."""

    def __init__(self, latent, seed, encoder):
        rng = np.random.default_rng(seed)
        scale = np.sqrt(2 / latent)
        self._noise = tf.constant(rng.normal(size=latent), tf.float32)
        self._weights = [rng.normal(scale=s, size=(latent, latent)) for s in (scale, scale / 2)]
        self.size = latent

    def parameters(self, images):
        first, second = (tf.constant(w, tf.float32) for w in self._weights)
        parameters = [first, tf.zeros(self.size), second, tf.zeros(self.size)]
        return [tf.repeat(p[np.newaxis], len(images), axis=0) for p in parameters]

    def latent(self, parameters):
        first, first_bias, second, second_bias = parameters
        hidden = tf.nn.leaky_relu(tf.einsum('i,nij->nj', self._noise, first) + first_bias)
        return tf.einsum('ni,nij->nj', hidden, second) + second_bias


_PARAMETRIZATIONS = {'zeros': _Zeros, 'mu': _Mu, 'encoder': _Encoder}


def make_parametrization(init, latent, *, seed, encoder=None):
    """
    Parametrization of z for a latent search.

    Parameters
    ----------
    init : {'zeros', 'mu', 'encoder'}
        As in `~astro_wgan.anomaly.LatentSearchConfig`.
    latent : int
        Number of dimensions of z.
    seed : int
        Seed of the noise vector and of the initial weights of mu.
    encoder : `keras.Model`, optional
        From images to z, for ``'encoder'``.

    Returns
    -------
    object
        With ``parameters(images)``, the initial tensors to optimize, with one row per image, and
        ``latent(parameters)``, the z that these give.

    Raises
    ------
    ValueError
        If ``'encoder'`` lacks an ``encoder``.
    """
    return _PARAMETRIZATIONS[init](latent, seed, encoder)
