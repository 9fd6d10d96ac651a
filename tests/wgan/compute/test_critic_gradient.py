"""The critic's gradient, written out, against automatic and finite differences."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from astro_wgan.wgan import NetworkConfig, build_critic
from astro_wgan.wgan.compute.critic_gradient import is_piecewise_linear, losses_and_gradients
from astro_wgan.wgan.losses import critic_loss, gradient_penalty

WEIGHT = 7.0
#: Of finite differences: the penalty jumps where a leaky ReLU changes sides on the way.
STEP = 1e-5


def make_critic(size, bands, **changes):
    network = replace(NetworkConfig.preset('compact', size=size, bands=bands), **changes)
    critic = build_critic(network, seed=1)
    rng = np.random.default_rng(2)
    # Biases begin at zero, where a mistake in them would not show.
    critic.set_weights([w + rng.normal(scale=0.05, size=w.shape) for w in critic.get_weights()])
    return critic


def draw_images(size, bands, n=5):
    rng = np.random.default_rng(3)
    real, fake = rng.normal(size=(2, n, size, size, bands)).astype(np.float32)
    epsilon = rng.uniform(size=(n, 1, 1, 1)).astype(np.float32)
    return tuple(map(tf.constant, (real, fake, epsilon)))


def total_loss(critic, real, fake, epsilon):
    loss = critic_loss(critic(real)[0], critic(fake)[0])
    return loss, gradient_penalty(lambda x: critic(x)[0], real, fake, epsilon)


@pytest.mark.parametrize(('size', 'bands'), [(16, 1), (16, 2), (32, 3), (16, 5), (16, 6), (16, 9)])
def test_it_is_that_of_automatic_differentiation(size, bands):
    critic, images = make_critic(size, bands), draw_images(size, bands)
    with tf.GradientTape() as tape:
        loss, penalty = total_loss(critic, *images)
        total = loss + WEIGHT * penalty
    expected = tape.gradient(total, critic.trainable_variables)
    found = losses_and_gradients(critic, *images, WEIGHT)
    np.testing.assert_allclose(found[0], loss, rtol=1e-5)
    np.testing.assert_allclose(found[1], penalty, rtol=1e-5)
    assert len(found[2]) == len(expected)
    for a, b in zip(found[2], expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max() + 1e-12)


def test_in_half_precision_it_is_the_same_within_a_tenth():
    critic, images = make_critic(32, 1), draw_images(32, 1, n=32)
    exact = losses_and_gradients(critic, *images, WEIGHT)
    found = losses_and_gradients(critic, *images, WEIGHT, precision='mixed_bfloat16')
    # The norm of a gradient is made of many numbers, the errors of which cancel.
    np.testing.assert_allclose(found[1], exact[1], rtol=0.02)
    # Kernels alone: those of the biases are small differences between real and generated images.
    for a, b in zip(found[2][::2], exact[2][::2], strict=True):
        assert a.dtype == tf.float32
        assert 0 < np.linalg.norm(a - b) < 0.1 * np.linalg.norm(b)


@pytest.fixture
def double_precision():
    keras.config.set_dtype_policy('float64')
    yield
    keras.config.set_dtype_policy('float32')


@pytest.mark.usefixtures('double_precision')
def test_it_is_that_of_finite_differences():
    critic = make_critic(16, 1)
    images = tuple(tf.cast(x, tf.float64) for x in draw_images(16, 1))
    _, _, gradients = losses_and_gradients(critic, *images, WEIGHT)
    weights = critic.get_weights()
    length = float(tf.linalg.global_norm(gradients))
    direction = [g.numpy() / length for g in gradients]
    values = []
    for step in (STEP, -STEP):
        critic.set_weights([w + step * d for w, d in zip(weights, direction, strict=True)])
        loss, penalty = total_loss(critic, *images)
        values.append(float(loss + WEIGHT * penalty))
    # Uphill it rises by the length of the gradient.
    assert length == pytest.approx((values[0] - values[1]) / (2 * STEP), rel=1e-3)


def test_layer_normalization_is_left_to_automatic_differentiation():
    assert is_piecewise_linear(make_critic(16, 1))
    assert not is_piecewise_linear(make_critic(16, 1, critic_layer_normalization=True))


@pytest.mark.parametrize(
    'layer',
    [
        keras.layers.Dense(3, activation='tanh'),
        keras.layers.Dense(3, use_bias=False),
        keras.layers.Conv2D(3, 3),
        keras.layers.Conv2D(3, 3, padding='same', dilation_rate=2),
    ],
)
def test_other_layers_are_left_to_automatic_differentiation(layer):
    image = keras.Input((8, 8, 1))
    assert not is_piecewise_linear(keras.Model(image, layer(image)))
