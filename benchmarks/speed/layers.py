"""
The layers of `astro_wgan.wgan.fast_layers` beside those of Keras, forward and back.

For each layer of a preset's networks that has a fast class: microseconds an image for what it
gives and for the gradients along its input and its weights together, by the layer of Keras and by
the fast one in turn, the shortest of many runs; and the largest difference of one of these, in
units of its largest number.

    python -m benchmarks.speed.layers
    python -m benchmarks.speed.layers --preset paper --batch 96 --precision bfloat16
"""

import argparse
import sys
import time

import numpy as np
import tensorflow as tf
from astropy.table import Table

from astro_wgan.wgan import build_critic, build_generator, preset
from astro_wgan.wgan.fast_layers import fast_class
from benchmarks.machine import describe_machine


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--preset', default='compact', choices=('compact', 'paper'))
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--precision', default='float32', choices=('float32', 'bfloat16'))
    parser.add_argument('--repeats', type=int, default=100)
    options = parser.parse_args()
    network, _ = preset(options.preset, size=options.size)
    rows = []
    for made in (build_generator(network, seed=1), build_critic(network, seed=2)):
        for layer in made.layers:
            if fast_class(layer) is not type(layer):
                rows.append({'network': made.name, **compare(layer, options)})
    print(describe_machine())
    formats = {'Keras': '.1f', 'fast': '.1f', 'difference': '.1e'}
    Table(rows=rows).write(sys.stdout, format='ascii.fixed_width_two_line', formats=formats)


def compare(layer, options):
    config = {**layer.get_config(), 'dtype': options.precision}
    twins = {'Keras': type(layer), 'fast': fast_class(layer)}
    rng = np.random.default_rng(1)
    x, along = (
        tf.cast(rng.normal(size=(options.batch, *tensor.shape[1:])), options.precision)
        for tensor in (layer.input, layer.output)
    )
    programs = {}
    for name, kind in twins.items():
        twin = kind.from_config(config)
        twin.build(x.shape)
        twin.set_weights(layer.get_weights())
        programs[name] = forward_and_back(twin)
    found = {name: program(x, along) for name, program in programs.items()}
    seconds = dict.fromkeys(programs, np.inf)
    for _ in range(options.repeats):
        for name, program in programs.items():
            start = time.perf_counter()
            program(x, along)[0].numpy()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    pairs = [
        [tf.cast(g, tf.float64).numpy() for g in pair] for pair in zip(*found.values(), strict=True)
    ]
    return {
        'layer': fast_class(layer).__name__,
        'given': ' x '.join(map(str, layer.output.shape[1:])),
        **{name: 1e6 * spent / options.batch for name, spent in seconds.items()},
        'difference': max(np.abs(a - b).max() / np.abs(a).max() for a, b in pairs),
    }


def forward_and_back(layer):
    @tf.function
    def program(x, along):
        with tf.GradientTape() as tape:
            tape.watch(x)
            given = layer(x)
        return [given, *tape.gradient(given, [x, layer.kernel.value, layer.bias.value], along)]

    return program


if __name__ == '__main__':
    main()
