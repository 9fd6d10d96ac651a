"""From where, and over what, the latent search goes: a free z, the paper's mu, an encoder's z."""

from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import tensorflow as tf

__all__ = ['STARTS', 'make_start']


class _Pace(NamedTuple):
    """The step that suits a start, and how many iterations without a gain end the search."""

    learning_rate: float
    patience: int


class _FreeStart:
    """The latent vector itself is what is optimised, from the centre of its distribution."""

    #: By optimizer, the default first.
    paces = MappingProxyType({'bfgs': _Pace(0.5, 10), 'adam': _Pace(0.1, 20)})

    def __init__(self, latent, seed, encoder):
        self.size = latent

    def parameters(self, images):
        return [tf.zeros((len(images), self.size))]

    def latent(self, parameters):
        return parameters[0]


class _EncoderStart(_FreeStart):
    """The latent vector itself, from where an encoder thinks that the image lies."""

    # Near its end already: no wait for what comes slowly.
    paces = MappingProxyType({'bfgs': _Pace(0.5, 4), 'adam': _Pace(0.1, 10)})

    def __init__(self, latent, seed, encoder):
        if encoder is None:
            raise ValueError(
                "`start='encoder'` needs a trained encoder: call `train_encoder` of the detector."
            )
        super().__init__(latent, seed, encoder)
        self._encoder = encoder

    def parameters(self, images):
        return [self._encoder(images, training=False)]


class _NetworkStart:
    """The paper's mu: two fully connected layers, one set of weights for each image."""

    # Too many numbers for the inverse of a Hessian.
    paces = MappingProxyType({'adam': _Pace(0.001, 50)})

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


STARTS = {'free': _FreeStart, 'mu': _NetworkStart, 'encoder': _EncoderStart}


def make_start(name, latent, *, seed, encoder=None):
    """
    The start of that name.

    Parameters
    ----------
    name : {'free', 'mu', 'encoder'}
        Which.
    latent : int
        Length of z.
    seed : int
        Seed of mu's noise vector and first weights.
    encoder : `keras.Model`, optional
        From images to z, for ``'encoder'``.

    Returns
    -------
    object
        With ``parameters(images)``, what is optimised, one row per image; ``latent(parameters)``,
        the z that they mean; and ``paces``, the step and patience that suit it by optimizer.
    """
    return STARTS[name](latent, seed, encoder)
