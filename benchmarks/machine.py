"""What a benchmark says of the machine: its name, the versions, how fast it multiplies matrices."""

import os
import sys
import time
from datetime import UTC, datetime

from astro_wgan.jobs.provenance import versions

__all__ = ['describe_machine', 'forward_operations', 'matrix_product_speed']


def describe_machine(*packages):
    """One line for the head of a table; further packages are named with their versions."""
    model = 'unknown processor'
    try:
        with open('/proc/cpuinfo') as lines:
            names = [line.split(':')[1].strip() for line in lines if line.startswith('model name')]
        model = names[0]
    except (OSError, IndexError):
        pass
    packages = ', '.join(f'{name} {number}' for name, number in versions(*packages).items())
    today = f'{datetime.now(UTC):%Y-%m-%d}'
    return f'{model}, {os.cpu_count()} cores{_graphics_card()}; {packages}; {today}'


def _graphics_card():
    """Its name, where TensorFlow is in use and finds one."""
    if 'tensorflow' not in sys.modules:
        return ''
    config = sys.modules['tensorflow'].config
    cards = config.list_physical_devices('GPU')
    names = [config.experimental.get_device_details(card).get('device_name') for card in cards]
    return ''.join(f', {name}' for name in names)


def matrix_product_speed(edge=2048, repeats=8, dtype='float32'):
    """Floating-point operations per second of a matrix product in TensorFlow."""
    # Only for who asks for it: most benchmarks need no TensorFlow.
    import tensorflow as tf

    # What a card does in parallel with its work must not be timed in place of the work.
    wait = tf.test.experimental.sync_devices
    matrix = tf.cast(tf.random.normal((edge, edge)), dtype)
    product = tf.function(lambda: tf.linalg.matmul(matrix, matrix))
    product()
    seconds = []
    for _ in range(repeats):
        wait()
        start = time.perf_counter()
        product()
        wait()
        seconds.append(time.perf_counter() - start)
    return 2 * edge**3 / min(seconds)


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
            places = layer.input.shape[1] * layer.input.shape[2]
        elif isinstance(layer, layers.Conv2D):
            places = layer.output.shape[1] * layer.output.shape[2]
        elif isinstance(layer, layers.Dense):
            places = 1
        else:
            continue
        weights = 1
        for length in layer.kernel.shape:
            weights *= length
        total += 2 * weights * places
    return total
