"""
Convolutions that are faster on CPUs than those of Keras; results differ only by rounding.

*Blocks of pixels.* A CPU processes sixteen channels at a time, but an image has only one or a few,
so that the kernels of the library use little of this width in a convolution whose input or output
is an image. Here the pixels of a block, two rows of eight for one band, take the place of channels.
The computation overlaps at the edges of the blocks, which costs less than is gained.

*Rows of pixels.* Biases are added, and their gradients summed, for a row of pixels at once, since
there may be as few as eight channels. In bfloat16 these sums are also more precise than those of
TensorFlow, which on a CPU lose addends that are small compared with the sum.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from astro_wgan.wgan.compute.hardware import has_gpu

__all__ = [
    'Convolution',
    'ConvolutionFromImage',
    'ConvolutionToImage',
    'TransposedConvolution',
    'add_bias',
    'convolve_to_image',
    'fast_layer_class',
    'gradient_to_image',
    'gradient_to_kernel',
    'is_plain',
]

#: Pixels times bands along x of a block.
_BLOCK_CHANNELS = 8

#: With more bands the kernels of the library use the width of the CPU.
_MAX_BANDS = 5


def fast_layer_class(layer, precision='float32'):
    """
    The fastest class for a layer of Keras.

    Parameters
    ----------
    layer : `keras.layers.Layer`
        A built layer of generator, critic or encoder.
    precision : {'float32', 'mixed_bfloat16', 'mixed_float16'}
        Precision of the computation.

    Returns
    -------
    type
        `ConvolutionFromImage` for a convolution of stride 2 whose input is an image,
        `ConvolutionToImage` for one of stride 1 whose output is an image, `TransposedConvolution`
        for a transposed one; in half precision `Convolution` for other convolutions. For other
        layers, and on a GPU, the class of the layer.
    """
    own = type(layer)
    if own not in (layers.Conv2D, layers.Conv2DTranspose) or not is_plain(layer):
        return own
    if has_gpu():
        return own
    if own is layers.Conv2DTranspose:
        return TransposedConvolution
    channels_in, channels_out = layer.kernel.shape[2:]
    if layer.strides == (2, 2) and channels_in <= _MAX_BANDS:
        return ConvolutionFromImage
    # Feature maps with few channels may be smaller than a block.
    blocked = channels_out <= _MAX_BANDS and layer.output.shape[2] % _block_width(channels_out) == 0
    if layer.strides == (1, 1) and blocked and layer.kernel_size[0] % 2:
        return ConvolutionToImage
    # In float32 TensorFlow fuses convolution and biases.
    return own if precision == 'float32' else Convolution


def is_plain(layer):
    """
    Whether a convolution is of the kind that the networks of this package consist of.

    Parameters
    ----------
    layer : `keras.layers.Conv2D` or `keras.layers.Conv2DTranspose`
        Any.

    Returns
    -------
    bool
        True for zero padding, with biases, and without activation, dilation, groups and output
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
        """Output of the layer."""
        output = self.convolution_op(inputs, tf.convert_to_tensor(self.kernel))
        return add_bias(output, tf.convert_to_tensor(self.bias))


class ConvolutionFromImage(Convolution):
    """A convolution of stride 2 from an image, whose gradient with respect to it uses blocks."""

    def convolution_op(self, inputs, kernel):
        """Output of the layer before the biases are added."""
        return _convolve_image(inputs, kernel)


class ConvolutionToImage(Convolution):
    """A convolution of stride 1 to an image, which uses blocks, as do its gradients."""

    def convolution_op(self, inputs, kernel):
        """Output of the layer before the biases are added."""
        return convolve_to_image(inputs, kernel)


class TransposedConvolution(layers.Conv2DTranspose):
    """A transposed convolution whose biases are added over rows of pixels."""

    def call(self, inputs):
        """Output of the layer."""
        (ny, nx), (along_y, along_x) = inputs.shape[1:3], self.strides
        kernel, bias = map(tf.convert_to_tensor, (self.kernel, self.bias))
        shape = (tf.shape(inputs)[0], along_y * ny, along_x * nx, kernel.shape[2])
        return add_bias(tf.nn.conv2d_transpose(inputs, kernel, shape, self.strides, 'SAME'), bias)


@tf.custom_gradient
def convolve_to_image(x, kernel):
    """
    Convolution of stride 1 from channels to an image of the same size, padded with zeros.

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
    # Pixel o of a block depends on column j of the input through tap j - o from the center.
    j, o = np.ogrid[-margin : width + margin, :width]
    columns = _tap_matrix(j - o + margin, edge, kernel.dtype)
    blocked = tf.einsum('jqu,tucb->tjcqb', columns, kernel)
    blocked = tf.reshape(blocked, (edge, len(j), channels, width * bands))
    margins = [[0, 0], [margin, margin], [margin, margin], [0, 0]]
    image = tf.nn.conv2d(x, blocked, (1, width), margins)
    image = tf.reshape(image, (-1, ny, nx, bands))

    def gradient(d):
        # Written as a convolution, and with image and channels exchanged, these are faster.
        grad_x = tf.nn.conv2d(d, _transpose_kernel(kernel), 1, 'SAME')
        grad_kernel = gradient_to_kernel(d, (edge, edge, bands, channels), x, (1, 1))
        return grad_x, _transpose_kernel(grad_kernel)

    return image, gradient


def gradient_to_image(d, kernel):
    """
    Gradient of a convolution of stride 2, padded to half the size, with respect to its image.

    Parameters
    ----------
    d : `tf.Tensor`, shape (n, ny, nx, channels)
        Gradient with respect to the output of the convolution; nx is a multiple of four.
    kernel : `tf.Tensor`, shape (edge, edge, bands, channels)
        Weights.

    Returns
    -------
    `tf.Tensor`, shape (n, 2 ny, 2 nx, bands)
    """
    edge, _, bands, channels = kernel.shape
    ny, nx = d.shape[1:3]
    width = max(2, _block_width(bands))
    (rows, above), (columns, left) = (
        _taps_of_stride_2(pixels, edge, kernel.dtype) for pixels in (2, width)
    )
    blocked = tf.einsum('ipt,jqu,tubc->ijcpqb', rows, columns, kernel)
    blocked = tf.reshape(blocked, (rows.shape[0], columns.shape[0], channels, 2 * width * bands))
    image = tf.nn.conv2d(d, blocked, (1, width // 2), [[0, 0], above, left, [0, 0]])
    # From blocks of two rows to single rows.
    image = tf.reshape(image, (-1, ny, 2 * nx // width, 2, width * bands))
    return tf.reshape(tf.transpose(image, (0, 1, 3, 2, 4)), (-1, 2 * ny, 2 * nx, bands))


def gradient_to_kernel(x, shape, d, strides):
    """
    Gradient of a convolution, padded with zeros, with respect to its weights.

    Parameters
    ----------
    x : `tf.Tensor`, shape (n, ny, nx, channels_in)
        Input of the convolution.
    shape : tuple of int
        Shape of the weights.
    d : `tf.Tensor`, shape (n, ny, nx, channels)
        Gradient with respect to its output.
    strides : tuple of int
        Along y and x.

    Returns
    -------
    `tf.Tensor` of this shape
    """
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=shape, out_backprop=d, strides=[1, *strides, 1], padding='SAME'
    )


@tf.custom_gradient
def add_bias(x, bias):
    """
    Feature maps plus a bias for each channel.

    Parameters
    ----------
    x : `tf.Tensor`, shape (n, ny, nx, channels)
        Feature maps.
    bias : `tf.Tensor`, shape (channels,)
        The biases.

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
    return 2 ** int(np.log2(max(1, _BLOCK_CHANNELS // bands)))


def _taps_of_stride_2(pixels, edge, dtype):
    """
    Along one axis, the kernel tap that connects each pixel of a block with each output position.

    Returns
    -------
    matrix : `tf.Tensor`, shape (positions, pixels, edge)
        As of `_tap_matrix`.
    margins : list of int
        Number of positions before and after those of the block.
    """
    before = max(0, edge - 2) // 2
    first, last = -((edge - 1 - before) // 2), (pixels - 1 + before) // 2
    # Output position j depends on the pixels from 2 j - before on.
    j, o = np.ogrid[first : last + 1, :pixels]
    return _tap_matrix(o + before - 2 * j, edge, dtype), [-first, last + 1 - pixels // 2]


def _tap_matrix(taps, edge, dtype):
    """One-hot vectors of tap numbers; zero for numbers that are not a tap of the kernel."""
    return tf.constant(taps[..., np.newaxis] == np.arange(edge), dtype=dtype)


def _transpose_kernel(kernel):
    """The kernel rotated by 180 degrees, with input and output exchanged."""
    return tf.transpose(tf.reverse(kernel, (0, 1)), (0, 1, 3, 2))
