"""How much arithmetic a network takes, and how fast this machine multiplies matrices."""

from benchmarks.harness import time_in_turns

__all__ = ['forward_operations', 'matrix_product', 'matrix_product_speed']


def matrix_product(edge, dtype='float32'):
    """A function that multiplies two matrices of random numbers in TensorFlow, once."""
    # Only for who asks for it: most benchmarks need no TensorFlow.
    import tensorflow as tf

    matrix = tf.cast(tf.random.normal((edge, edge)), dtype)
    product = tf.function(lambda: tf.linalg.matmul(matrix, matrix))

    def multiply():
        product()
        # What a card does in parallel with its work must not be timed in place of the work.
        tf.test.experimental.sync_devices()

    return multiply


def matrix_product_speed(edge=2048, repeats=8):
    """Floating-point operations per second of a float32 matrix product."""
    timing = time_in_turns({'product': matrix_product(edge)}, turns=repeats, warm_up=True)
    return 2 * edge**3 / timing['product'].shortest


def forward_operations(network):
    """
    Floating-point operations of one image on its way through a Keras model.

    Multiplications and additions of convolutions and dense layers, two for each weight that a
    value meets; activations are not counted.
    """
    from keras import layers

    total = 0
    for layer in network.layers:
        if isinstance(layer, layers.Conv2DTranspose):
            pixels = layer.input.shape[1] * layer.input.shape[2]
        elif isinstance(layer, layers.Conv2D):
            pixels = layer.output.shape[1] * layer.output.shape[2]
        elif isinstance(layer, layers.Dense):
            pixels = 1
        else:
            continue
        weights = 1
        for length in layer.kernel.shape:
            weights *= length
        total += 2 * weights * pixels
    return total
