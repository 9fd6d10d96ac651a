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
a share of a float32 matrix product of 2048^3 on this machine, in the same run. Contenders take
turns of a second or more, each after an iteration that does not count; the shortest counts. On a
graphics card the product is of 8192^3, and float32 means what TensorFlow takes for it there unless
told otherwise, on recent cards products of 19 bits (TF32); JAX and PyTorch are left out, since each
of the three wants its own version of CUDA's libraries in the process.

    python -m benchmarks.speed.training                       # compact at 32 and 64 pixels
    python -m benchmarks.speed.training --preset paper --size 64
    python -m benchmarks.speed.training --precision mixed_bfloat16
    python -m benchmarks.speed.training --precision mixed_bfloat16 --xla     # on a graphics card
"""

import argparse
import importlib.util
import time
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf
from astropy.table import Table

from astro_wgan.wgan import build_critic, build_generator, preset
from astro_wgan.wgan.compute.hardware import has_graphics_card
from astro_wgan.wgan.compute.memory import kept_memory
from astro_wgan.wgan.trainer import AdversarialTrainer
from benchmarks.machine import describe_machine, forward_operations, matrix_product_speed

#: Least length of a turn, in seconds.
TURN = 1.0

#: Edge of the matrices of the product, on a processor and on a graphics card, which has more room.
EDGES = 2048, 8192


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--preset', default='compact', choices=('compact', 'paper'))
    parser.add_argument('--size', type=int, nargs='+', default=[32, 64])
    parser.add_argument(
        '--batch', type=int, help="images per critic step; the preset's unless given"
    )
    parser.add_argument('--turns', type=int, default=5)
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
    print(describe_machine())
    rows = [row for size in options.size for row in compare(size, options)]
    table = Table(rows=rows, names=list(rows[0]))
    table.pprint_all()


def compare(size, options):
    network, training = preset(options.preset, size=size)
    # What only we do would blur the comparison.
    training = replace(training, augment=False, average=0.0, precision='float32')
    if options.batch:
        training = replace(training, batch_size=options.batch)
    shape = (training.images_per_iteration, *network.image_shape)
    images = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    contenders = {'astro_wgan': ours(network, training, images)}
    turned = replace(training, augment=True)
    contenders['astro_wgan, images turned'] = ours(network, turned, images)
    compiled = replace(training, compile=True)
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
                mixed = replace(mixed, compile=True)
                contenders[f'astro_wgan, XLA, {precision} throughout'] = ours(
                    network, mixed, images
                )
            keras.config.set_dtype_policy(precision)
            contenders[f'plain Keras, {precision}'] = plain_keras(network, training, images)
            keras.config.set_dtype_policy('float32')
    for name, module, make in (('JAX', 'jax', in_jax), ('PyTorch', 'torch', in_torch)):
        if importlib.util.find_spec(module) and not has_graphics_card():
            contenders[name] = make(network, training, images)
        else:
            print(f'{name} is not installed, or there is a graphics card; its row is left out.')
    types = ['float32', 'bfloat16'] if 'mixed_bfloat16' in options.precision else ['float32']
    seconds, speeds = time_in_turn(contenders, types, options.turns)
    operations = iteration_operations(network, training)
    limit = speeds['float32']
    for dtype, speed in speeds.items():
        print(f'Matrix product in {dtype}: {speed / 1e9:.0f} GFLOP/s.')
    return [
        {
            'size': size,
            'program': name,
            'seconds': round(spent, 3),
            'images per second': round(len(images) / spent),
            'GFLOP per second': round(operations / spent / 1e9, 1),
            'of matrix product': round(operations / spent / limit, 3),
        }
        for name, spent in seconds.items()
    ]


def time_in_turn(contenders, types, turns):
    """Seconds of the shortest iteration of each, and the best speeds of a matrix product."""
    seconds = {name: [] for name in contenders}
    speeds = {dtype: [] for dtype in types}
    edge = EDGES[has_graphics_card()]
    for _ in range(turns):
        for dtype, found in speeds.items():
            found.append(matrix_product_speed(edge, dtype=dtype))
        for name, step in contenders.items():
            # The threads of the one before go on looking for work for a while.
            time.sleep(0.5)
            # As in a training of ours, which keeps the memory that it frees.
            with kept_memory() if name.startswith('astro_wgan') else nullcontext():
                step()
                end = time.perf_counter() + TURN
                while (start := time.perf_counter()) < end:
                    step()
                    seconds[name].append(time.perf_counter() - start)
    best = {name: min(spent) for name, spent in seconds.items()}
    return best, {dtype: max(found) for dtype, found in speeds.items()}


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
    step = tf.function(trainer.train_step, jit_compile=training.compile)
    batch = tf.constant(images)
    return lambda: step(batch)['generator_loss'].numpy()


def plain_keras(network, training, images):
    generator, critic = build_generator(network, seed=1), build_critic(network, seed=2)
    adam = {'beta_1': training.beta_1, 'beta_2': training.beta_2}
    critic_optimizer = keras.optimizers.Adam(training.learning_rate, **adam)
    generator_optimizer = keras.optimizers.Adam(training.learning_rate, **adam)
    m = training.batch_size

    @tf.function(jit_compile=training.compile)
    def critic_step(real):
        fake = generator(tf.random.normal((m, network.latent)), training=True)
        fake = tf.cast(fake, tf.float32)
        epsilon = tf.random.uniform((m, 1, 1, 1))
        with tf.GradientTape() as tape:
            values = (tf.cast(critic(x)[0], tf.float32) for x in (fake, real))
            loss = tf.subtract(*map(tf.reduce_mean, values))
            with tf.GradientTape() as inner:
                between = epsilon * real + (1 - epsilon) * fake
                inner.watch(between)
                value = critic(between)[0]
            gradient = inner.gradient(value, between)
            norm = tf.sqrt(tf.reduce_sum(gradient**2, axis=(1, 2, 3)) + 1e-12)
            loss += training.penalty * tf.reduce_mean((norm - 1) ** 2)
        weights = critic.trainable_variables
        critic_optimizer.apply(tape.gradient(loss, weights), weights)

    @tf.function(jit_compile=training.compile)
    def generator_step():
        with tf.GradientTape() as tape:
            fake = generator(tf.random.normal((m, network.latent)), training=True)
            loss = -tf.reduce_mean(tf.cast(critic(fake)[0], tf.float32))
        weights = generator.trainable_variables
        generator_optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    batches = [tf.constant(images[k : k + m]) for k in range(0, len(images), m)]

    def iterate():
        for real in batches:
            critic_step(real)
        generator_step().numpy()

    return iterate


def in_jax(network, training, images):
    import jax
    from jax import numpy as jnp

    slope, m = network.negative_slope, training.batch_size
    dimensions = ('NHWC', 'HWIO', 'NHWC')

    def convolve(x, weights, stride=1):
        kernel, bias = weights
        return bias + jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), 'SAME', dimension_numbers=dimensions
        )

    def widen(x, weights):
        kernel, bias = weights
        return bias + jax.lax.conv_transpose(
            x, kernel, (2, 2), 'SAME', dimension_numbers=dimensions
        )

    def activate(x):
        return jax.nn.leaky_relu(x, slope)

    def generate(weights, latent):
        x = latent @ weights[0][0] + weights[0][1]
        x = activate(x.reshape(m, 4, 4, network.generator_filters[0]))
        x = activate(convolve(x, weights[1]))
        for stage in weights[2:-1]:
            x = activate(widen(x, stage))
        return convolve(x, weights[-1])

    def judge(weights, x):
        edge = network.size
        for stage in weights[:-2]:
            x = activate(convolve(x, stage, 2 if edge > 4 else 1))
            edge = max(4, edge // 2)
        x = activate(x.reshape(len(x), -1) @ weights[-2][0] + weights[-2][1])
        return (x @ weights[-1][0] + weights[-1][1])[:, 0]

    def critic_loss(weights, real, fake, epsilon):
        value = judge(weights, jnp.concatenate([real, fake]))
        between = epsilon * real + (1 - epsilon) * fake
        gradient = jax.grad(lambda x: judge(weights, x).sum())(between)
        norm = jnp.sqrt((gradient**2).sum(axis=(1, 2, 3)) + 1e-12)
        penalty = ((norm - 1) ** 2).mean()
        return value[m:].mean() - value[:m].mean() + training.penalty * penalty

    def adam(weights, gradients, state):
        first, second, t = state
        t = t + 1
        first = jax.tree.map(lambda a, g: 0.5 * a + 0.5 * g, first, gradients)
        second = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g * g, second, gradients)
        rate = training.learning_rate * jnp.sqrt(1 - 0.9**t) / (1 - 0.5**t)
        weights = jax.tree.map(
            lambda w, a, b: w - rate * a / (jnp.sqrt(b) + 1e-7), weights, first, second
        )
        return weights, (first, second, t)

    @jax.jit
    def critic_step(both, states, real, key):
        keys = jax.random.split(key)
        fake = generate(both[0], jax.random.normal(keys[0], (m, network.latent)))
        epsilon = jax.random.uniform(keys[1], (m, 1, 1, 1))
        gradients = jax.grad(critic_loss)(both[1], real, fake, epsilon)
        critic, state = adam(both[1], gradients, states[1])
        return (both[0], critic), (states[0], state)

    @jax.jit
    def generator_step(both, states, key):
        latent = jax.random.normal(key, (m, network.latent))
        loss, gradients = jax.value_and_grad(
            lambda weights: -judge(both[1], generate(weights, latent)).mean()
        )(both[0])
        generator, state = adam(both[0], gradients, states[0])
        return (generator, both[1]), (state, states[1]), loss

    def start(model, transposed):
        weights = [jnp.array(w) for w in model.get_weights()]
        pairs = list(zip(weights[::2], weights[1::2], strict=True))
        # Keras keeps the kernels of transposed convolutions as (y, x, out, in).
        return [
            (kernel.swapaxes(2, 3) if k in transposed else kernel, bias)
            for k, (kernel, bias) in enumerate(pairs)
        ]

    def blank(weights):
        zeros = jax.tree.map(jnp.zeros_like, weights)
        return zeros, zeros, jnp.float32(0)

    stages = range(2, 1 + len(network.generator_filters))
    both = (
        start(build_generator(network, seed=1), stages),
        start(build_critic(network, seed=2), ()),
    )
    memory = {'both': both, 'states': tuple(blank(w) for w in both), 'key': jax.random.key(3)}
    batches = [jnp.array(images[k : k + m]) for k in range(0, len(images), m)]

    def iterate():
        both, states = memory['both'], memory['states']
        for real in batches:
            memory['key'], key = jax.random.split(memory['key'])
            both, states = critic_step(both, states, real, key)
        memory['key'], key = jax.random.split(memory['key'])
        both, states, loss = generator_step(both, states, key)
        memory.update(both=both, states=states)
        float(loss)

    return iterate


def in_torch(network, training, images):
    import torch
    from torch import nn

    m, slope, kernel = training.batch_size, network.negative_slope, network.kernel
    filters = network.generator_filters
    parts = [nn.Linear(network.latent, 16 * filters[0]), nn.Unflatten(1, (filters[0], 4, 4))]
    parts += [nn.LeakyReLU(slope), nn.Conv2d(filters[0], filters[0], 3, padding=1)]
    for a, b in pairwise(filters):
        parts += [nn.LeakyReLU(slope), nn.ConvTranspose2d(a, b, kernel, stride=2, padding=1)]
    parts += [nn.LeakyReLU(slope), nn.Conv2d(filters[-1], network.bands, 3, padding=1)]
    generator = nn.Sequential(*parts)
    parts, edge, last = [], network.size, network.bands
    for count in network.critic_filters:
        stride = 2 if edge > 4 else 1
        size = kernel if stride == 2 else kernel - 1
        parts += [nn.Conv2d(last, count, size, stride=stride, padding=1), nn.LeakyReLU(slope)]
        edge, last = max(4, edge // 2), count
    parts += [nn.Flatten(), nn.Linear(16 * last, network.critic_dense), nn.LeakyReLU(slope)]
    critic = nn.Sequential(*parts, nn.Linear(network.critic_dense, 1))
    adam = {'lr': training.learning_rate, 'betas': (training.beta_1, training.beta_2)}
    generator_optimizer = torch.optim.Adam(generator.parameters(), **adam)
    critic_optimizer = torch.optim.Adam(critic.parameters(), **adam)
    # torch wants (n, bands, y, x); channels_last is what its CPU library likes best.
    tensors = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    tensors = tensors.contiguous(memory_format=torch.channels_last)
    for model in (generator, critic):
        model.to(memory_format=torch.channels_last)

    def critic_step(real):
        with torch.no_grad():
            fake = generator(torch.randn(m, network.latent))
        value = critic(torch.cat([real, fake]))
        epsilon = torch.rand(m, 1, 1, 1)
        between = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        norm = torch.sqrt((gradient**2).sum(dim=(1, 2, 3)) + 1e-12)
        penalty = ((norm - 1) ** 2).mean()
        loss = value[m:].mean() - value[:m].mean() + training.penalty * penalty
        critic_optimizer.zero_grad()
        loss.backward()
        critic_optimizer.step()

    def iterate():
        for real in tensors.split(m):
            critic_step(real)
        loss = -critic(generator(torch.randn(m, network.latent))).mean()
        generator_optimizer.zero_grad()
        loss.backward()
        generator_optimizer.step()
        return loss.item()

    return iterate


if __name__ == '__main__':
    main()
