"""
Layers of Keras, computed in less time on a processor; what they give differs by rounding alone.

*Over blocks of pixels.* A processor multiplies sixteen channels at a time, and an image has one, or
a few: in the library's kernels most of that width is idle where a convolution begins or ends in an
image. Here the pixels of a block, two rows of eight for one band, stand for channels. A block needs
a few of its neighbours' inputs as well, which costs less than is gained.

*Over rows of pixels.* Biases are added, and their gradients summed up, for a row at once, since
there may be but eight channels. In bfloat16 these sums are also more precise than TensorFlow's own,
which on a processor lose what is small beside the sum so far.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from astro_wgan.wgan.compute.hardware import has_gpu

__all__ = [
    'Convolution',
    'ConvolutionOfImage',
    'ConvolutionToImage',
    'TransposedConvolution',
    'add_bias',
    'convolve_to_image',
    'fast_class',
    'gradient_to_image',
    'gradient_to_kernel',
    'is_plain',
]

#: Pixels times bands along x that stand for channels.
_WIDTH = 8

#: With more, the library's own kernels fill the width of the processor.
_MOST_BANDS = 5


def fast_class(layer, precision='float32'):
    """
    The class that computes what a layer of Keras does in less time.

    Parameters
    ----------
    layer : `keras.layers.Layer`
        A built layer of generator, critic or encoder.
    precision : {'float32', 'mixed_bfloat16', 'mixed_float16'}
        What it is to compute in.

    Returns
    -------
    type
        `ConvolutionOfImage` for one of stride 2 that takes an image, `ConvolutionToImage` for one
        of stride 1 that gives one, `TransposedConvolution` for a transposed one; in half precision
        `Convolution` for other convolutions. For other layers, and with a graphics card, whose
        libraries have other habits, the layer's own.
    """
    own = type(layer)
    if own not in (layers.Conv2D, layers.Conv2DTranspose) or not is_plain(layer):
        return own
    if has_gpu():
        return own
    if own is layers.Conv2DTranspose:
        return TransposedConvolution
    taken, given = layer.kernel.shape[2:]
    if layer.strides == (2, 2) and taken <= _MOST_BANDS:
        return ConvolutionOfImage
    # Small feature maps of as few channels as an image have no whole block.
    blocked = given <= _MOST_BANDS and layer.output.shape[2] % _block_width(given) == 0
    if layer.strides == (1, 1) and blocked and layer.kernel_size[0] % 2:
        return ConvolutionToImage
    # In float32 TensorFlow adds the biases within the convolution.
    return own if precision == 'float32' else Convolution


def is_plain(layer):
    """
    Whether a convolution is one of those that the networks here are made of.

    Parameters
    ----------
    layer : `keras.layers.Conv2D` or `keras.layers.Conv2DTranspose`
        Any.

    Returns
    -------
    bool
        True with zeros around, biases and no activation, and without dilation, groups or output
        padding.
    """
    return (
        layer.padding == 'same'
        and layer.dilation_rate == (1, 1)
        and getattr(layer, 'groups', 1) == 1
        and getattr(layer, 'output_padding', None) is None
        and layer.data_format == 'channels_last'
        and layer.use_bias
        and layer.activation is keras.activations.linear
    )


class Convolution(layers.Conv2D):
    """A convolution whose biases are added over rows of pixels."""

    def call(self, inputs):
        """Called by Keras for what the layer gives."""
        given = self.convolution_op(inputs, tf.convert_to_tensor(self.kernel))
        return add_bias(given, tf.convert_to_tensor(self.bias))


class ConvolutionOfImage(Convolution):
    """A convolution of stride 2 from an image, whose gradient to the image is blocked."""

    def convolution_op(self, inputs, kernel):
        """What the layer gives but for its biases."""
        return _convolve_image(inputs, kernel)


class ConvolutionToImage(Convolution):
    """A convolution of stride 1 to an image, which is blocked, and so are its gradients."""

    def convolution_op(self, inputs, kernel):
        """What the layer gives but for its biases."""
        return convolve_to_image(inputs, kernel)


class TransposedConvolution(layers.Conv2DTranspose):
    """A transposed convolution whose biases are added over rows of pixels."""

    def call(self, inputs):
        """Called by Keras for what the layer gives."""
        (ny, nx), (along_y, along_x) = inputs.shape[1:3], self.strides
        kernel, bias = map(tf.convert_to_tensor, (self.kernel, self.bias))
        shape = (tf.shape(inputs)[0], along_y * ny, along_x * nx, kernel.shape[2])
        return add_bias(tf.nn.conv2d_transpose(inputs, kernel, shape, self.strides, 'SAME'), bias)


@tf.custom_gradient
def convolve_to_image(x, kernel):
    """
    A convolution of stride 1, padded with zeros to the same size, from channels to an image.

    Parameters
    ----------
    x : `tf.Tensor`, shape (n, ny, nx, channels)
        Feature maps; nx is a multiple of eight.
    kernel : `tf.Tensor`, shape (edge, edge, channels, bands)
        Weights; the edge is odd.

    Returns
    -------
    `tf.Tensor`, shape (n, ny, nx, bands)
    """
    edge, _, channels, bands = kernel.shape
    ny, nx = x.shape[1:3]
    margin, width = edge // 2, _block_width(bands)
    # Pixel o of a block sees column j of the input through tap j - o, counted from the middle.
    j, o = np.ogrid[-margin : width + margin, :width]
    columns = _chosen(j - o + margin, edge, kernel.dtype)
    blocked = tf.einsum('jqu,tucb->tjcqb', columns, kernel)
    blocked = tf.reshape(blocked, (edge, len(j), channels, width * bands))
    margins = [[0, 0], [margin, margin], [margin, margin], [0, 0]]
    image = tf.nn.conv2d(x, blocked, (1, width), margins)
    image = tf.reshape(image, (-1, ny, nx, bands))

    def gradient(d):
        # As a convolution, and with image and channels in each other's place, these are faster.
        along_x = tf.nn.conv2d(d, _turned(kernel), 1, 'SAME')
        along_kernel = gradient_to_kernel(d, (edge, edge, bands, channels), x, (1, 1))
        return along_x, _turned(along_kernel)

    return image, gradient


def gradient_to_image(d, kernel):
    """
    The gradient along the image that a convolution of stride 2, padded to half the size, was given.

    Parameters
    ----------
    d : `tf.Tensor`, shape (n, ny, nx, channels)
        The gradient along what the convolution gives; nx is a multiple of four.
    kernel : `tf.Tensor`, shape (edge, edge, bands, channels)
        Its weights.

    Returns
    -------
    `tf.Tensor`, shape (n, 2 ny, 2 nx, bands)
    """
    edge, _, bands, channels = kernel.shape
    ny, nx = d.shape[1:3]
    width = max(2, _block_width(bands))
    (rows, above), (columns, left) = (
        _chosen_by_stride(pixels, edge, kernel.dtype) for pixels in (2, width)
    )
    blocked = tf.einsum('ipt,jqu,tubc->ijcpqb', rows, columns, kernel)
    blocked = tf.reshape(blocked, (rows.shape[0], columns.shape[0], channels, 2 * width * bands))
    image = tf.nn.conv2d(d, blocked, (1, width // 2), [[0, 0], above, left, [0, 0]])
    # From blocks of two rows to rows.
    image = tf.reshape(image, (-1, ny, 2 * nx // width, 2, width * bands))
    return tf.reshape(tf.transpose(image, (0, 1, 3, 2, 4)), (-1, 2 * ny, 2 * nx, bands))


def gradient_to_kernel(x, shape, d, strides):
    """
    The gradient along the weights of a convolution that pads with zeros.

    Parameters
    ----------
    x : `tf.Tensor`, shape (n, ny, nx, given)
        What the convolution was given.
    shape : tuple of int
        That of the weights.
    d : `tf.Tensor`, shape (n, ny, nx, channels)
        The gradient along what it gives.
    strides : tuple of int
        Along y and x.

    Returns
    -------
    `tf.Tensor`, of the given shape
    """
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=shape, out_backprop=d, strides=[1, *strides, 1], padding='SAME'
    )


@tf.custom_gradient
def add_bias(x, bias):
    """
    Feature maps with a bias for each channel.

    Parameters
    ----------
    x : `tf.Tensor`, shape (n, ny, nx, channels)
        Feature maps.
    bias : `tf.Tensor`, shape (channels,)
        What is added.

    Returns
    -------
    `tf.Tensor`, shape (n, ny, nx, channels)
    """
    ny, nx, channels = x.shape[1:]
    width = nx * channels

    def gradient(d):
        rows = tf.reshape(d, (-1, width))
        total = tf.matmul(tf.ones((1, tf.shape(rows)[0]), d.dtype), rows)
        return d, tf.reduce_sum(tf.reshape(total, (nx, channels)), axis=0)

    rows = tf.nn.bias_add(tf.reshape(x, (-1, width)), tf.tile(bias, [nx]))
    return tf.reshape(rows, (-1, ny, nx, channels)), gradient


@tf.custom_gradient
def _convolve_image(x, kernel):
    def gradient(d):
        return gradient_to_image(d, kernel), gradient_to_kernel(x, kernel.shape, d, (2, 2))

    return tf.nn.conv2d(x, kernel, 2, 'SAME'), gradient


def _block_width(bands):
    """Pixels of a block along x: a power of two."""
    return 2 ** int(np.log2(max(1, _WIDTH // bands)))


def _chosen_by_stride(pixels, edge, dtype):
    """
    Along one axis, the tap that each pixel of a block has for each place of what stride 2 gives.

    Returns
    -------
    chosen : `tf.Tensor`, shape (places, pixels, edge)
        As of `_chosen`.
    margins : list of int
        How many places there are before and behind those of a block's own.
    """
    before = max(0, edge - 2) // 2
    first, last = -((edge - 1 - before) // 2), (pixels - 1 + before) // 2
    # Place j is made of the pixels from 2 j - before on.
    j, o = np.ogrid[first : last + 1, :pixels]
    return _chosen(o + before - 2 * j, edge, dtype), [-first, last + 1 - pixels // 2]


def _chosen(taps, edge, dtype):
    """One where a tap has its number, zero elsewhere, also for numbers that no tap has."""
    return tf.constant(taps[..., np.newaxis] == np.arange(edge), dtype=dtype)


def _turned(kernel):
    """Turned by 180 degrees, with input and output exchanged."""
    return tf.transpose(tf.reverse(kernel, (0, 1)), (0, 1, 3, 2))
