"""Which way and how far: the steps of a latent search, for each image its own."""

from typing import NamedTuple

import tensorflow as tf

__all__ = ['make_descent']


class _AdamMemory(NamedTuple):
    first_moments: list
    second_moments: list


class _Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1) over a list of tensors."""

    _BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, rate):
        self._rate = rate

    def begin(self, parameters):
        zeros = [tf.zeros_like(p) for p in parameters]
        return _AdamMemory(zeros, zeros)

    def step(self, parameters, gradients, loss, memory, age):
        t = tf.cast(age, tf.float32)
        rate = self._rate * tf.sqrt(1 - self._BETA_2**t) / (1 - self._BETA_1**t)
        stepped, first, second = [], [], []
        for p, m, v, g in zip(parameters, *memory, gradients, strict=True):
            m = self._BETA_1 * m + (1 - self._BETA_1) * g
            v = self._BETA_2 * v + (1 - self._BETA_2) * tf.square(g)
            rows = tf.reshape(rate, [-1] + [1] * (len(p.shape) - 1))
            stepped.append(p - rows * m / (tf.sqrt(v) + self._EPSILON))
            first.append(m)
            second.append(v)
        return stepped, _AdamMemory(first, second)


class _QuasiNewtonMemory(NamedTuple):
    """z, gradient and loss of the last good place; inverse Hessian; share of a step to take."""

    point: tf.Tensor
    gradient: tf.Tensor
    loss: tf.Tensor
    inverse: tf.Tensor
    share: tf.Tensor


class _QuasiNewton:
    """
    BFGS (Nocedal & Wright 2006, equation 6.17) over one tensor of shape (n, latent).

    Each image has its own inverse of the Hessian, learnt from the changes of its gradient. There
    is no line search, which would cost more passes through the networks than it saves: no step is
    longer than ``longest``, and one after which the loss has risen is taken back and tried again,
    much shorter. A rise by less than ``_RISE`` is let pass, for what it teaches of the curvature.
    """

    _RISE, _SHORTER = 0.02, 0.3

    def __init__(self, longest):
        self._longest = longest

    def begin(self, parameters):
        (z,) = parameters
        n, size = tf.shape(z)[0], z.shape[1]
        return _QuasiNewtonMemory(
            point=z,
            gradient=tf.zeros_like(z),
            loss=tf.fill((n,), float('inf')),
            inverse=tf.eye(size, batch_shape=[n]),
            share=tf.ones((n,)),
        )

    def step(self, parameters, gradients, loss, memory, age):
        (z,), (gradient,) = parameters, gradients
        begins = age == 1
        inverse = _learnt(memory.inverse, z - memory.point, gradient - memory.gradient)
        # Of the first step only the direction is known.
        length = tf.maximum(tf.norm(gradient, axis=1), 1e-12)
        simple = tf.eye(z.shape[1]) * (self._longest / length)[:, tf.newaxis, tf.newaxis]
        inverse = tf.where(begins[:, tf.newaxis, tf.newaxis], simple, inverse)
        back = ~begins & (loss > (1 + self._RISE) * memory.loss)
        rows = back[:, tf.newaxis]
        kept = _QuasiNewtonMemory(
            point=tf.where(rows, memory.point, z),
            gradient=tf.where(rows, memory.gradient, gradient),
            loss=tf.where(back, memory.loss, loss),
            inverse=inverse,
            share=tf.where(back, self._SHORTER * memory.share, 1.0),
        )
        step = -kept.share[:, tf.newaxis] * tf.linalg.matvec(inverse, kept.gradient)
        length = tf.norm(step, axis=1, keepdims=True)
        step *= tf.minimum(1.0, self._longest / tf.maximum(length, 1e-12))
        return [kept.point + step], kept


def _learnt(inverse, moved, turned):
    """The inverse Hessian with one more pair of a step and a change of gradient in it."""
    along = tf.reduce_sum(moved * turned, axis=1)
    # Where the loss curves down, or no step was made, there is nothing to learn for a descent.
    usable = along > 1e-6 * tf.norm(moved, axis=1) * tf.norm(turned, axis=1)
    weight = (1 / tf.where(usable, along, 1.0))[:, tf.newaxis, tf.newaxis]
    outer = moved[:, :, tf.newaxis] * moved[:, tf.newaxis]
    projector = tf.eye(moved.shape[1]) - weight * moved[:, :, tf.newaxis] * turned[:, tf.newaxis]
    updated = projector @ tf.matmul(inverse, projector, transpose_b=True) + weight * outer
    return tf.where(usable[:, tf.newaxis, tf.newaxis], updated, inverse)


_OPTIMIZERS = {'adam': _Adam, 'bfgs': _QuasiNewton}


def make_descent(name, rate):
    """
    The optimizer of that name.

    Parameters
    ----------
    name : {'adam', 'bfgs'}
        Which.
    rate : float
        Adam's learning rate; of BFGS the longest step.

    Returns
    -------
    object
        With ``begin(parameters)``, the memory of images whose search begins, a structure of tensors
        with one row per image, and ``step(parameters, gradients, loss, memory, age)``, the next
        parameters and memory, where ``age`` is the number of the step of each image, from 1.
    """
    return _OPTIMIZERS[name](rate)
