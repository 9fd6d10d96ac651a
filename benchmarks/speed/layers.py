"""
How fast the layers of this package are, forward and back, beside those of Keras.

For each layer of a preset's networks that has a fast class: microseconds an image for what it
gives and for the gradients along its input and its weights together, by the layer of Keras and by
the fast one in turn, the shortest of many runs; and the largest difference of one of these, in
units of its largest number.

    python -m benchmarks.speed.layers
    python -m benchmarks.speed.layers --preset paper --batch 96 --precision bfloat16
"""

import numpy as np
import tensorflow as tf

from astro_wgan.wgan import NetworkConfig, build_critic, build_generator
from astro_wgan.wgan.compute.layers import fast_layer_class
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.results import Column

COLUMNS = (
    Column('network', 'of the preset'),
    Column('layer', 'class of the fast one'),
    Column('output', 'its shape'),
    Column('Keras', 'time of an image', 'us', '.1f'),
    Column('fast', 'time of an image', 'us', '.1f'),
    Column('difference', 'largest, in units of the largest number', '', '.1e'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'size': 32, 'batch': 2, 'repeats': 2})
    parser.add_argument('--preset', default='compact', choices=('compact', 'paper'))
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--precision', default='float32', choices=('float32', 'bfloat16'))
    parser.add_argument('--repeats', type=int, default=100)
    options = parser.parse_args()
    report = Report(options)
    network = NetworkConfig.preset(options.preset, size=options.size)
    rows = []
    for made in (build_generator(network, seed=1), build_critic(network, seed=2)):
        for layer in made.layers:
            if fast_layer_class(layer) is not type(layer):
                rows.append({'network': made.name, **compare(layer, options)})
    caption = f'{options.preset!r} forward and back, {options.size} pixels, {options.precision}.'
    report.table('time', caption, COLUMNS, rows)
    report.write()


def compare(layer, options):
    config = {**layer.get_config(), 'dtype': options.precision}
    twins = {'Keras': type(layer), 'fast': fast_layer_class(layer)}
    rng = np.random.default_rng(options.seed)
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
    timings = time_in_turns(
        {name: lambda run=run: run(x, along)[0].numpy() for name, run in programs.items()},
        turns=options.repeats,
    )
    pairs = [
        [tf.cast(g, tf.float64).numpy() for g in pair] for pair in zip(*found.values(), strict=True)
    ]
    return {
        'layer': fast_layer_class(layer).__name__,
        'output': ' x '.join(map(str, layer.output.shape[1:])),
        **{name: 1e6 * timing.shortest / options.batch for name, timing in timings.items()},
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
