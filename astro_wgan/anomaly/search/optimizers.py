"""Adam and BFGS for many independent problems at once, one per image."""

from typing import NamedTuple

import tensorflow as tf

__all__ = ['make_optimizer']


class _AdamState(NamedTuple):
    first_moments: list
    second_moments: list


class _Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1) over a list of tensors."""

    _BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, learning_rate):
        self._rate = learning_rate

    def initial_state(self, parameters):
        zeros = [tf.zeros_like(p) for p in parameters]
        return _AdamState(zeros, zeros)

    def step(self, parameters, gradients, loss, state, iteration):
        t = tf.cast(iteration, tf.float32)
        rate = self._rate * tf.sqrt(1 - self._BETA_2**t) / (1 - self._BETA_1**t)
        stepped, first, second = [], [], []
        for p, m, v, g in zip(parameters, *state, gradients, strict=True):
            m = self._BETA_1 * m + (1 - self._BETA_1) * g
            v = self._BETA_2 * v + (1 - self._BETA_2) * tf.square(g)
            rows = tf.reshape(rate, [-1] + [1] * (len(p.shape) - 1))
            stepped.append(p - rows * m / (tf.sqrt(v) + self._EPSILON))
            first.append(m)
            second.append(v)
        return stepped, _AdamState(first, second)


class _BFGSState(NamedTuple):
    """z, gradient and loss at the last accepted step, inverse Hessian, fraction of a step."""

    point: tf.Tensor
    gradient: tf.Tensor
    loss: tf.Tensor
    inverse_hessian: tf.Tensor
    fraction: tf.Tensor


class _BFGS:
    """
    BFGS (Nocedal & Wright 2006, equation 6.17) over one tensor of shape (n, latent).

    Each image has its own inverse Hessian, updated from changes of its gradient. There is no line
    search, which would cost more evaluations of the networks than it saves: no step is longer than
    ``max_step``, and a step that increases the loss is rejected and repeated at a fraction of its
    length. An increase of less than ``_RISE`` is accepted, as it still informs the Hessian.
    """

    _RISE, _SHORTER = 0.02, 0.3

    def __init__(self, max_step):
        self._max_step = max_step

    def initial_state(self, parameters):
        (z,) = parameters
        n, size = tf.shape(z)[0], z.shape[1]
        return _BFGSState(
            point=z,
            gradient=tf.zeros_like(z),
            loss=tf.fill((n,), float('inf')),
            inverse_hessian=tf.eye(size, batch_shape=[n]),
            fraction=tf.ones((n,)),
        )

    def step(self, parameters, gradients, loss, state, iteration):
        (z,), (gradient,) = parameters, gradients
        is_first = iteration == 1
        inverse = _updated_inverse(
            state.inverse_hessian, z - state.point, gradient - state.gradient
        )
        # The first step follows the gradient, with the maximum length.
        length = tf.maximum(tf.norm(gradient, axis=1), 1e-12)
        scaled = tf.eye(z.shape[1]) * (self._max_step / length)[:, tf.newaxis, tf.newaxis]
        inverse = tf.where(is_first[:, tf.newaxis, tf.newaxis], scaled, inverse)
        rejected = ~is_first & (loss > (1 + self._RISE) * state.loss)
        rows = rejected[:, tf.newaxis]
        accepted = _BFGSState(
            point=tf.where(rows, state.point, z),
            gradient=tf.where(rows, state.gradient, gradient),
            loss=tf.where(rejected, state.loss, loss),
            inverse_hessian=inverse,
            fraction=tf.where(rejected, self._SHORTER * state.fraction, 1.0),
        )
        step = -accepted.fraction[:, tf.newaxis] * tf.linalg.matvec(inverse, accepted.gradient)
        length = tf.norm(step, axis=1, keepdims=True)
        step *= tf.minimum(1.0, self._max_step / tf.maximum(length, 1e-12))
        return [accepted.point + step], accepted


def _updated_inverse(inverse, step, gradient_change):
    """Inverse Hessian updated by one pair of a step and the change of the gradient."""
    curvature = tf.reduce_sum(step * gradient_change, axis=1)
    # With negative curvature, or without a step, the update would not be positive definite.
    usable = curvature > 1e-6 * tf.norm(step, axis=1) * tf.norm(gradient_change, axis=1)
    weight = (1 / tf.where(usable, curvature, 1.0))[:, tf.newaxis, tf.newaxis]
    outer = step[:, :, tf.newaxis] * step[:, tf.newaxis]
    projector = (
        tf.eye(step.shape[1]) - weight * step[:, :, tf.newaxis] * gradient_change[:, tf.newaxis]
    )
    updated = projector @ tf.matmul(inverse, projector, transpose_b=True) + weight * outer
    return tf.where(usable[:, tf.newaxis, tf.newaxis], updated, inverse)


_OPTIMIZERS = {'adam': _Adam, 'bfgs': _BFGS}


def make_optimizer(name, learning_rate):
    """
    Optimizer of independent problems, one for each row of the parameters.

    Parameters
    ----------
    name : {'adam', 'bfgs'}
        Algorithm.
    learning_rate : float
        Learning rate of Adam; maximum step length of BFGS.

    Returns
    -------
    object
        With ``initial_state(parameters)``, a structure of tensors with one row per image, and
        ``step(parameters, gradients, loss, state, iteration)``, which returns the next parameters
        and state; ``iteration`` is the number of the step of each image, from 1.
    """
    return _OPTIMIZERS[name](learning_rate)
