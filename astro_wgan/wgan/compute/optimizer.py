"""`ReducedAdam`: the optimizer of generator and critic, on one device or several."""

import keras
import tensorflow as tf

__all__ = ['ReducedAdam', 'make_optimizer']


class ReducedAdam(keras.optimizers.Adam):
    """
    Adam for gradients that are already averaged over the replicas.

    The optimizer of Keras sums the gradients over the replicas. Here their mean is computed before,
    once, since its norm is measured too.
    """

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable."""
        if tf.distribute.has_strategy():
            super().update_step(gradient, variable, learning_rate)
            return
        # TensorFlow's fused kernel: one operation per variable instead of a dozen.
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def make_optimizer(training):
    """
    The optimizer of a training, with loss scaling in ``'mixed_float16'``.

    Parameters
    ----------
    training : `~astro_wgan.wgan.TrainingConfig`
        Learning rate, betas and precision.

    Returns
    -------
    `keras.optimizers.Optimizer`
    """
    adam = ReducedAdam(training.learning_rate, beta_1=training.beta_1, beta_2=training.beta_2)
    if training.precision == 'mixed_float16':
        # The smallest float16 is 6e-8; gradients of a mean over pixels are as small as that.
        return keras.optimizers.LossScaleOptimizer(adam)
    return adam
