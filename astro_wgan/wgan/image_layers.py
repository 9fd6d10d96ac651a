"""
Convolutions at the image's side, computed over blocks of its pixels.

A processor multiplies sixteen channels at a time, and an image has one, or a few: in the library's
kernels most of that width is idle where a convolution begins or ends in an image. Here the pixels
of a block, two rows of eight for one band, stand for channels. A block needs a few of its
neighbours' inputs as well, which costs less than is gained. What comes out is what the layers of
Keras give, but for rounding.
"""

import numpy as np
import tensorflow as tf
from keras import layers

__all__ = [
    'ConvolutionOfImage',
    'ConvolutionToImage',
    'convolve_to_image',
    'gradient_to_image',
    'in_blocks',
]

#: Pixels times bands along x that stand for channels.
_WIDTH = 8

#: From here on a library's own kernels fill the width of the processor.
_MOST_BANDS = 5


def in_blocks(layer):
    """
    The class that computes what a layer of Keras does over blocks of pixels.

    Parameters
    ----------
    layer : `keras.layers.Layer`
        A built layer of generator, critic or encoder.

    Returns
    -------
    type
        `ConvolutionOfImage` for one of stride 2 that takes an image, `ConvolutionToImage` for one
        of stride 1 that gives one, the layer's own class for others. With a graphics card, whose
        libraries have other habits, always the layer's own.
    """
    own = type(layer)
    if own is not layers.Conv2D or tf.config.list_physical_devices('GPU'):
        return own
    plain = layer.padding == 'same' and layer.dilation_rate == (1, 1) and layer.groups == 1
    if not plain or layer.data_format != 'channels_last':
        return own
    taken, given = layer.kernel.shape[2:]
    if layer.strides == (2, 2) and taken <= _MOST_BANDS:
        return ConvolutionOfImage
    if layer.strides == (1, 1) and given <= _MOST_BANDS and layer.kernel_size[0] % 2:
        return ConvolutionToImage
    return own


class ConvolutionOfImage(layers.Conv2D):
    """A convolution of stride 2 from an image, whose gradient to the image is blocked."""

    def convolution_op(self, inputs, kernel):
        """Called by Keras for what the layer gives but for its biases."""
        return _convolve_image(inputs, tf.convert_to_tensor(kernel))


class ConvolutionToImage(layers.Conv2D):
    """A convolution of stride 1 to an image, which is blocked, and so are its gradients."""

    def convolution_op(self, inputs, kernel):
        """Called by Keras for what the layer gives but for its biases."""
        return convolve_to_image(inputs, tf.convert_to_tensor(kernel))


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
        along_kernel = _along_kernel(d, (edge, edge, bands, channels), x, 1)
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


@tf.custom_gradient
def _convolve_image(x, kernel):
    def gradient(d):
        return gradient_to_image(d, kernel), _along_kernel(x, kernel.shape, d, 2)

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


def _along_kernel(x, shape, d, stride):
    """The gradient along the weights of a convolution of x, from that along what it gives."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x,
        filter_sizes=shape,
        out_backprop=d,
        strides=[1, stride, stride, 1],
        padding='SAME',
    )
