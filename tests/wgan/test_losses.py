import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import approx_fprime
from scipy.stats import norm

from astro_wgan.wgan.losses import (
    critic_loss,
    generator_loss,
    gradient_penalty,
    latent_divergence,
    reconstruction_loss,
)

RNG = np.random.default_rng(1)


SIZE, HIDDEN, N = 4, 7, 5


W = RNG.normal(size=(SIZE * SIZE, HIDDEN))


V = RNG.normal(size=HIDDEN)


def critic_numpy(image):
    """C(x) = v . tanh(W x), for one flat image."""
    return V @ np.tanh(image @ W)


def critic_tensorflow(images, w=W, v=V):
    flat = tf.reshape(images, (-1, SIZE * SIZE))
    return tf.linalg.matvec(tf.tanh(flat @ w), v)[:, tf.newaxis]


@pytest.fixture
def images():
    real = RNG.normal(size=(N, SIZE, SIZE, 1))
    fake = RNG.normal(size=(N, SIZE, SIZE, 1))
    epsilon = RNG.uniform(size=(N, 1, 1, 1))
    return real, fake, epsilon


def test_critic_and_generator_loss():
    real, fake = np.array([[1.0], [2.0]]), np.array([[0.5], [4.5]])
    assert critic_loss(tf.constant(real), tf.constant(fake)).numpy() == pytest.approx(2.5 - 1.5)
    assert generator_loss(tf.constant(fake)).numpy() == pytest.approx(-2.5)


def test_penalty_is_that_of_finite_differences(images):
    real, fake, epsilon = images
    between = (epsilon * real + (1 - epsilon) * fake).reshape(N, -1)
    norms = [np.linalg.norm(approx_fprime(x, critic_numpy, 1e-7)) for x in between]
    expected = np.mean((np.array(norms) - 1) ** 2)
    penalty = gradient_penalty(critic_tensorflow, *map(tf.constant, images))
    assert penalty.numpy() == pytest.approx(expected, rel=1e-5)


def test_gradient_of_the_penalty_is_that_of_finite_differences(images):
    real, fake, epsilon = map(tf.constant, images)

    def penalty(w):
        w = tf.reshape(w, W.shape)
        return gradient_penalty(lambda x: critic_tensorflow(x, w), real, fake, epsilon)

    w = tf.constant(W.ravel())
    with tf.GradientTape() as tape:
        tape.watch(w)
        value = penalty(w)
    expected = approx_fprime(W.ravel(), lambda w: penalty(tf.constant(w)).numpy(), 1e-7)
    np.testing.assert_allclose(tape.gradient(value, w).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_penalty_is_per_image(images):
    whole = gradient_penalty(critic_tensorflow, *map(tf.constant, images)).numpy()
    single = [
        gradient_penalty(critic_tensorflow, *(tf.constant(x[k : k + 1]) for x in images)).numpy()
        for k in range(N)
    ]
    assert whole == pytest.approx(np.mean(single))


def test_penalty_of_a_constant_critic_is_one_with_finite_gradient(images):
    real, fake, epsilon = map(tf.constant, images)
    w = tf.Variable(np.zeros(1))
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(
            lambda x: w * tf.reduce_sum(x, axis=(1, 2, 3))[:, tf.newaxis], real, fake, epsilon
        )
    assert penalty.numpy() == pytest.approx(1, abs=1e-5)
    assert np.isfinite(tape.gradient(penalty, w).numpy()).all()


def test_reconstruction_loss_is_minus_the_log_likelihood():
    rng = np.random.default_rng(1)
    images, closest = rng.normal(size=(2, 5, 4, 4, 2)).astype(np.float32)
    variance = np.array([0.5, 2.0], np.float32)
    found = reconstruction_loss(images, closest, variance)
    spread = np.sqrt(variance)
    likelihood = norm.logpdf(images, closest, spread) - norm.logpdf(0, 0, spread)
    assert float(found) == pytest.approx(-likelihood.sum(axis=(1, 2, 3)).mean(), rel=1e-5)


def test_divergence_is_that_of_samples():
    rng = np.random.default_rng(2)
    mean, log_sigma = rng.normal(size=(3, 2)), rng.normal(scale=0.3, size=(3, 2))
    spread = np.exp(log_sigma)
    samples = mean + spread * rng.normal(size=(200_000, 3, 2))
    ratio = norm.logpdf(samples, mean, spread) - norm.logpdf(samples)
    found = latent_divergence(tf.constant(mean), tf.constant(log_sigma))
    assert float(found) == pytest.approx(ratio.sum(axis=2).mean(), rel=0.01)
    assert float(latent_divergence(tf.zeros((2, 4)), tf.zeros((2, 4)))) == 0
