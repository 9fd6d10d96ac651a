"""The training of a WGAN-GP in plain Keras, JAX and PyTorch, with the same layers and losses."""

from itertools import pairwise

import keras
import tensorflow as tf

from astro_wgan.wgan import build_critic, build_generator

__all__ = ['in_jax', 'in_torch', 'plain_keras']


def plain_keras(network, training, images):
    generator, critic = build_generator(network, seed=1), build_critic(network, seed=2)
    adam = {'beta_1': training.beta_1, 'beta_2': training.beta_2}
    critic_optimizer = keras.optimizers.Adam(training.learning_rate, **adam)
    generator_optimizer = keras.optimizers.Adam(training.learning_rate, **adam)
    m = training.batch_size

    @tf.function(jit_compile=training.jit_compile)
    def critic_step(real):
        fake = generator(tf.random.normal((m, network.latent_dim)), training=True)
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
            loss += training.penalty_weight * tf.reduce_mean((norm - 1) ** 2)
        weights = critic.trainable_variables
        critic_optimizer.apply(tape.gradient(loss, weights), weights)

    @tf.function(jit_compile=training.jit_compile)
    def generator_step():
        with tf.GradientTape() as tape:
            fake = generator(tf.random.normal((m, network.latent_dim)), training=True)
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
        return value[m:].mean() - value[:m].mean() + training.penalty_weight * penalty

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
        fake = generate(both[0], jax.random.normal(keys[0], (m, network.latent_dim)))
        epsilon = jax.random.uniform(keys[1], (m, 1, 1, 1))
        gradients = jax.grad(critic_loss)(both[1], real, fake, epsilon)
        critic, state = adam(both[1], gradients, states[1])
        return (both[0], critic), (states[0], state)

    @jax.jit
    def generator_step(both, states, key):
        latent = jax.random.normal(key, (m, network.latent_dim))
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

    m, slope, kernel = training.batch_size, network.negative_slope, network.kernel_size
    filters = network.generator_filters
    parts = [nn.Linear(network.latent_dim, 16 * filters[0]), nn.Unflatten(1, (filters[0], 4, 4))]
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
            fake = generator(torch.randn(m, network.latent_dim))
        value = critic(torch.cat([real, fake]))
        epsilon = torch.rand(m, 1, 1, 1)
        between = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        norm = torch.sqrt((gradient**2).sum(dim=(1, 2, 3)) + 1e-12)
        penalty = ((norm - 1) ** 2).mean()
        loss = value[m:].mean() - value[:m].mean() + training.penalty_weight * penalty
        critic_optimizer.zero_grad()
        loss.backward()
        critic_optimizer.step()

    def iterate():
        for real in tensors.split(m):
            critic_step(real)
        loss = -critic(generator(torch.randn(m, network.latent_dim))).mean()
        generator_optimizer.zero_grad()
        loss.backward()
        generator_optimizer.step()
        return loss.item()

    return iterate
