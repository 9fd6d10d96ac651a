"""
How fast a WGAN-GP is trained, beside a matrix product and the same training in other libraries.

Generator iterations (all critic steps with penalty, one generator step) on random images, by

* astro_wgan in float32, also with images shown in one of their eight orientations and, where asked
  for, compiled by XLA or in mixed precision, with the penalty in float32 and without;
* plain Keras as public examples write it: a `tf.function` for each critic step and one for the
  generator, real and generated images in two passes; with mixed precision also so;
* JAX and PyTorch with the same layers, where they are installed (``pip install jax`` and
  ``pip install torch --index-url`` of the CPU wheels; beside a torch of PyPI, uninstall triton,
  which does not bear TensorFlow in its process); left out otherwise.

For each: images per second (real images that the critic sees) and the arithmetic of the layers as
a fraction of a float32 matrix product of 2048^3 on this machine, in the same run. Contenders take
turns of a second or more, each after an iteration that does not count; the shortest counts. On a
graphics card the product is of 8192^3, and float32 means what TensorFlow takes for it there unless
told otherwise, on recent cards products of 19 bits (TF32); JAX and PyTorch are left out, since each
of the three wants its own version of CUDA's libraries in the process.

    python -m benchmarks.speed.training                       # compact at 32 and 64 pixels
    python -m benchmarks.speed.training --preset paper --size 64
    python -m benchmarks.speed.training --precision mixed_bfloat16
    python -m benchmarks.speed.training --precision mixed_bfloat16 --xla     # on a graphics card
"""

import importlib.util
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.jobs.freed_memory import retain_freed_memory
from astro_wgan.wgan import NetworkConfig, TrainingConfig, build_critic, build_generator
from astro_wgan.wgan.compute.hardware import has_gpu
from astro_wgan.wgan.trainer import AdversarialTrainer
from benchmarks.arithmetic import forward_operations, matrix_product
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.results import Column
from benchmarks.speed.training_peers import in_jax, in_torch, plain_keras

#: Edge of the matrices of the product, on a processor and on a graphics card (more memory).
EDGES = 2048, 8192

COLUMNS = (
    Column('size', 'edge of the images', 'pix'),
    Column('preset', 'of the networks'),
    Column('program', 'and its precision'),
    Column('time', 'of an iteration', 's', '.3f'),
    Column('images per second', 'real images that the critic sees', '1 / s', '.0f'),
    Column('arithmetic', 'of the layers, per second', 'GFLOP / s', '.1f'),
    Column('of matrix product', 'the same, as a fraction of a float32 matrix product', '', '.3f'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'size': [16], 'batch': 2, 'turns': 1, 'least': 0.0})
    parser.add_argument('--preset', default='compact', choices=('compact', 'paper'))
    parser.add_argument('--size', type=int, nargs='+', default=[32, 64])
    parser.add_argument(
        '--batch', type=int, help="images per critic step; the preset's unless given"
    )
    parser.add_argument('--turns', type=int, default=5)
    parser.add_argument('--least', type=float, default=1.0, help='seconds of a turn, at least')
    parser.add_argument(
        '--xla', action='store_true', help='also compile ours, which takes minutes, and plain Keras'
    )
    parser.add_argument(
        '--precision',
        nargs='+',
        default=[],
        choices=('mixed_bfloat16', 'mixed_float16'),
        help='also ours, and plain Keras, in mixed precision',
    )
    options = parser.parse_args()
    report = Report(options, 'jax', 'torch')
    rows = [row for size in options.size for row in compare(size, options, report)]
    report.table('speed', 'Training iterations; the shortest counts.', COLUMNS, rows)
    report.write()


def compare(size, options, report):
    network = NetworkConfig.preset(options.preset, size=size)
    training = TrainingConfig.preset(options.preset)
    # What only we do would blur the comparison.
    training = replace(training, augment=False, ema_decay=0.0, precision='float32')
    if options.batch:
        training = replace(training, batch_size=options.batch)
    shape = (training.images_per_iteration, *network.image_shape)
    images = np.random.default_rng(options.seed).normal(size=shape).astype(np.float32)
    contenders = {'astro_wgan': ours(network, training, images)}
    turned = replace(training, augment=True)
    contenders['astro_wgan, images turned'] = ours(network, turned, images)
    compiled = replace(training, jit_compile=True)
    if options.xla:
        contenders['astro_wgan, XLA'] = ours(network, compiled, images)
    contenders['plain Keras'] = plain_keras(network, training, images)
    if options.xla:
        contenders['plain Keras, XLA'] = plain_keras(network, compiled, images)
    for precision in options.precision:
        mixed = replace(training, precision=precision)
        contenders[f'astro_wgan, {precision}'] = ours(network, mixed, images)
        if precision == 'mixed_bfloat16':
            mixed = replace(mixed, penalty_in_float32=False)
            contenders[f'astro_wgan, {precision} throughout'] = ours(network, mixed, images)
            if options.xla:
                mixed = replace(mixed, jit_compile=True)
                contenders[f'astro_wgan, XLA, {precision} throughout'] = ours(
                    network, mixed, images
                )
            keras.config.set_dtype_policy(precision)
            contenders[f'plain Keras, {precision}'] = plain_keras(network, training, images)
            keras.config.set_dtype_policy('float32')
    for name, module, make in (('JAX', 'jax', in_jax), ('PyTorch', 'torch', in_torch)):
        if importlib.util.find_spec(module) and not has_gpu():
            contenders[name] = make(network, training, images)
        else:
            report.note(
                f'{name} is not installed, or there is a graphics card: its row is left out.'
            )
    types = ['float32', 'bfloat16'] if 'mixed_bfloat16' in options.precision else ['float32']
    edge = EDGES[has_gpu()]
    products = {f'matrix product in {dtype}': matrix_product(edge, dtype) for dtype in types}
    timings = time_in_turns(
        products | contenders,
        turns=options.turns,
        least=options.least,
        warm_up=True,
        during=surroundings,
    )
    speeds = {name: 2 * edge**3 / timings.pop(name).shortest for name in products}
    for name, speed in speeds.items():
        report.note(f'The {name} did {speed / 1e9:.0f} GFLOP/s.')
    operations = iteration_operations(network, training)
    for name, timing in timings.items():
        rate = operations / timing.shortest
        yield {
            'size': size,
            'preset': options.preset,
            'program': name,
            'time': timing.shortest,
            'images per second': len(images) / timing.shortest,
            'arithmetic': rate / 1e9,
            'of matrix product': rate / speeds['matrix product in float32'],
        }


@contextmanager
def surroundings(name):
    """What a turn of a contender happens in."""
    # The threads of the one before go on looking for work for a while.
    time.sleep(0.5)
    # As in a training of ours, which keeps the memory that it frees.
    with retain_freed_memory() if name.startswith('astro_wgan') else nullcontext():
        yield


def iteration_operations(network, training):
    """
    The least floating-point operations of one iteration, from the layers.

    A critic step: one pass of the generator; for real and generated images forward, and backward
    to the weights and the input (twice forward); for the penalty forward, back to the image,
    forward with what that is to change by, and to the weights: the second derivatives of leaky
    ReLUs vanish. The generator step: forward and backward through it, forward and backward to the
    input alone through the critic.
    """
    generator = forward_operations(build_generator(network))
    critic = forward_operations(build_critic(network))
    critic_step = generator + 2 * 3 * critic + 4 * critic
    generator_step = 3 * generator + 2 * critic
    steps = training.critic_steps
    return training.batch_size * (steps * critic_step + generator_step)


def ours(network, training, images):
    trainer = AdversarialTrainer(
        build_generator(network, seed=1), build_critic(network, seed=2), network, training, seed=3
    )
    step = tf.function(trainer.train_step, jit_compile=training.jit_compile)
    batch = tf.constant(images)
    return lambda: step(batch)['generator_loss'].numpy()


if __name__ == '__main__':
    main()
