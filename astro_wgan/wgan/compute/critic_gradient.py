"""
Loss and gradient of a critic of linear layers and leaky ReLUs, with minimal arithmetic.

Automatic differentiation passes through such a critic seven times a step: for the losses forward
and backward, for the penalty forward, backward to the image, and forward and backward through both.
Written explicitly, four passes remain, three of them over real, generated and interpolated images
together, so that the matrix products are larger.
"""

import keras
import tensorflow as tf
from keras import layers

from astro_wgan.wgan.compute.layers import (
    ConvolutionFromImage,
    fast_layer_class,
    gradient_to_image,
    gradient_to_kernel,
    is_plain,
)
from astro_wgan.wgan.losses import critic_loss, penalty_of_gradient

__all__ = ['is_piecewise_linear', 'losses_and_gradients']

#: With feature maps of at most this edge, half precision is slower.
_SMALL_EDGE = 4


def is_piecewise_linear(critic):
    """
    Whether a critic consists of linear layers and leaky ReLUs, as `losses_and_gradients` needs.

    Parameters
    ----------
    critic : `keras.Model`
        As made by `~astro_wgan.wgan.build_critic`.

    Returns
    -------
    bool
        False with layer normalization, whose second derivative does not vanish.
    """
    passed = (layers.InputLayer, layers.Flatten, layers.LeakyReLU)
    return all(isinstance(layer, passed) or _is_linear(layer) for layer in critic.layers)


def losses_and_gradients(critic, real, fake, epsilon, weight, *, precision='float32'):
    """
    Losses of one critic step, and their gradients.

    Parameters
    ----------
    critic : `keras.Model`
        A critic that `is_piecewise_linear`.
    real, fake : `tf.Tensor`, shape (n, ny, nx, bands)
        Pairs of images.
    epsilon : `tf.Tensor`, shape (n, 1, 1, 1)
        Position between the two images at which the penalty is computed.
    weight : float
        Weight lambda of the penalty.
    precision : {'float32', 'mixed_bfloat16'}
        Precision of the layers, except the last one. Losses, norms, the penalty and its derivative
        always have the precision of the images.

    Returns
    -------
    loss, penalty : `tf.Tensor`, scalar
        As from `~astro_wgan.wgan.losses.critic_loss` and
        `~astro_wgan.wgan.losses.gradient_penalty`.
    gradients : list of `tf.Tensor`
        Gradients of ``loss + weight * penalty`` with respect to ``critic.trainable_variables``.

    Notes
    -----
    Let h be the input of a layer, W its weights and d the derivative of C with respect to its
    output. The gradient of C with respect to W is the product of h and d. The gradient g of C with
    respect to an image x' is the product of all W and of the slopes of the leaky ReLUs, which are
    constant almost everywhere, so that W enters g, and the penalty, as one factor of that product.
    The gradient of the penalty with respect to W is therefore the product of v and d, where v is
    the derivative of the penalty with respect to g, propagated forward through the layers before,
    with the slopes of x' and without biases.
    """
    # Not len(real): on Python 3.14, AutoGraph of TensorFlow 2.22 does not convert this function.
    n = real.shape[0]
    between = epsilon * real + (1 - epsilon) * fake
    exact = between.dtype
    stages = _stages(critic, tf.bfloat16 if precision == 'mixed_bfloat16' else exact, exact)
    inputs, value = [], tf.concat([real, fake, between], axis=0)
    for stage in stages:
        inputs.append(stage.activate(value))
        value = stage.apply(inputs[-1])
    loss = critic_loss(value[:n], value[n : 2 * n])

    # The loss decreases with C of real images and increases with C of generated ones; for x' the
    # gradient of C itself is needed.
    each = tf.ones_like(value[:n])
    derivatives = [tf.concat([-each / n, each / n, each], axis=0)]
    for stage, h in zip(stages[:0:-1], inputs[:0:-1], strict=True):
        back = stage.transpose(derivatives[-1], tf.shape(h))
        derivatives.append(stage.scale_by_slope(back, h))
    derivatives.reverse()
    gradient = stages[0].transpose(derivatives[0][2 * n :], tf.shape(between))
    gradient = tf.cast(gradient, exact)
    with tf.GradientTape() as tape:
        tape.watch(gradient)
        penalty = penalty_of_gradient(gradient)
        weighted = weight * penalty

    propagated = tape.gradient(weighted, gradient)
    gradients = []
    for stage, h, d in zip(stages, inputs, derivatives, strict=True):
        propagated = stage.scale_by_slope(propagated, h[2 * n :])
        gradients.append(stage.weight_gradient(tf.concat([h[: 2 * n], propagated], axis=0), d))
        gradients.append(tf.reduce_sum(d[: 2 * n], axis=tuple(range(d.shape.rank - 1))))
        if stage is not stages[-1]:
            propagated = stage.apply(propagated, bias=False)
    return loss, penalty, [tf.cast(each, exact) for each in gradients]


def _is_linear(layer):
    """Whether a layer is a dense layer or a convolution of the kind in the critic."""
    if isinstance(layer, layers.Conv2D):
        return is_plain(layer)
    if not isinstance(layer, layers.Dense):
        return False
    return layer.use_bias and layer.activation is keras.activations.linear


def _stages(critic, dtype, exact):
    """The linear layers in order, each with the slope of the leaky ReLU before it."""
    linear = [layer for layer in critic.layers if isinstance(layer, (layers.Conv2D, layers.Dense))]
    stages, slope = [], 1.0
    for layer in critic.layers:
        if isinstance(layer, layers.LeakyReLU):
            slope = layer.negative_slope
        elif layer in linear:
            kind = _Convolution if isinstance(layer, layers.Conv2D) else _Dense
            stages.append(kind(layer, slope, exact if layer is linear[-1] else dtype, exact))
            slope = 1.0
    return stages


class _Stage:
    """A leaky ReLU and the linear layer after it, computed in a given dtype."""

    def __init__(self, layer, slope, dtype, exact):
        self._slope = slope
        self._dtype = dtype
        self._exact = exact
        self._weights = tf.cast(layer.kernel, dtype)
        self._bias = tf.cast(layer.bias, dtype)
        self._stride = getattr(layer, 'strides', None)
        self._input_is_image = fast_layer_class(layer) is ConvolutionFromImage

    def activate(self, x):
        x = tf.cast(x, self._dtype)
        return x if self._slope == 1 else tf.nn.leaky_relu(x, self._slope)

    def scale_by_slope(self, x, h):
        """Multiply by the slope of the leaky ReLU, which depends on the sign of its output h."""
        x = tf.cast(x, self._dtype)
        if self._slope == 1:
            return x
        return tf.raw_ops.LeakyReluGrad(gradients=x, features=h, alpha=self._slope)


class _Convolution(_Stage):
    def apply(self, h, *, bias=True):
        x = tf.nn.conv2d(h, self._weights, self._stride, 'SAME')
        return tf.nn.bias_add(x, self._bias) if bias else x

    def transpose(self, d, shape):
        """The derivative with respect to the input, of the given shape, from that of the output."""
        d = tf.cast(d, self._dtype)
        if self._input_is_image:
            return gradient_to_image(d, self._weights)
        return tf.nn.conv2d_transpose(d, self._weights, shape, self._stride, 'SAME')

    def weight_gradient(self, h, d):
        """The derivative with respect to the weights."""
        # For images and small feature maps, half precision is slower in TensorFlow.
        narrow = self._input_is_image or d.shape[1] <= _SMALL_EDGE
        dtype = self._exact if narrow else self._dtype
        h, d = tf.cast(h, dtype), tf.cast(d, dtype)
        return gradient_to_kernel(h, self._weights.shape, d, self._stride)


class _Dense(_Stage):
    def apply(self, h, *, bias=True):
        x = tf.reshape(h, (-1, self._weights.shape[0])) @ self._weights
        return tf.nn.bias_add(x, self._bias) if bias else x

    def transpose(self, d, shape):
        d = tf.cast(d, self._dtype)
        return tf.reshape(tf.matmul(d, self._weights, transpose_b=True), shape)

    def weight_gradient(self, h, d):
        flat = tf.reshape(h, (-1, self._weights.shape[0]))
        return tf.matmul(flat, tf.cast(d, self._dtype), transpose_a=True)
