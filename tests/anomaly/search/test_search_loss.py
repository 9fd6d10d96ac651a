"""Both terms of the search's loss, computed again and where they must not look."""

import numpy as np
import pytest
import tensorflow as tf

from astro_wgan.anomaly.search.search_loss import SearchLosses


@pytest.fixture(scope='module')
def images(wgan, stamps):
    return wgan.images_from_stamps(stamps[:12])


@pytest.fixture(scope='module')
def latent(wgan):
    return np.random.default_rng(3).normal(size=(12, wgan.network.latent_dim)).astype(np.float32)


def test_losses_are_those_of_the_method(wgan, images, latent):
    """L_R and L_F of latent vectors, computed again in NumPy."""
    losses = SearchLosses(wgan, seed=0)
    closest, residual, feature = losses(latent, losses.target(*images))
    np.testing.assert_allclose(closest, wgan.images_from_latent(latent), rtol=1e-4, atol=1e-5)
    c = [wgan.critic_(x, training=False)[1].numpy() for x in (images[0], closest)]
    np.testing.assert_allclose(
        residual, np.abs(images[0] - closest).mean(axis=(1, 2, 3)), rtol=1e-4
    )
    np.testing.assert_allclose(feature, np.abs(c[0] - c[1]).mean(axis=(1, 2, 3)), rtol=1e-3)


def test_pixels_count_in_the_residual_by_their_weights(wgan, images, latent):
    weights = np.random.default_rng(4).uniform(size=images[0].shape).astype(np.float32)
    losses = SearchLosses(wgan, seed=0)
    closest, residual, _ = losses(latent, losses.target(images[0], weights))
    expected = [
        np.average(np.abs(a - b), weights=w)
        for a, b, w in zip(images[0], closest.numpy(), weights, strict=True)
    ]
    np.testing.assert_allclose(residual, expected, rtol=1e-4)


def test_masked_pixels_count_in_neither_loss(wgan, images, latent):
    pixels, weights = (x.copy() for x in images)
    weights[:, 3:6, 3:9] = 0
    losses = SearchLosses(wgan, seed=0)
    expected = losses(latent, losses.target(pixels, weights))
    # Another generator that differs only where nothing is to be compared gives the same losses.
    generate = losses._generator
    losses._generator = lambda z: generate(z) + 5 * (1 - weights)
    changed = losses(latent, losses.target(pixels, weights))
    assert np.abs(changed[0] - expected[0]).max() > 4
    for a, b in zip(expected[1:], changed[1:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_half_precision_gives_nearly_the_same_and_floats(wgan, images, latent):
    found = {}
    for precision in ('float32', 'mixed_bfloat16'):
        losses = SearchLosses(wgan, seed=0, precision=precision)
        with tf.GradientTape() as tape:
            z = tf.constant(latent)
            tape.watch(z)
            _, residual, feature = losses(z, losses.target(*images))
        gradient = tape.gradient(residual, z).numpy().ravel()
        found[precision] = residual, feature, gradient
    (*full, exact), (*half, rounded) = found.values()
    for a, b in zip(full, half, strict=True):
        assert b.dtype == tf.float32
        assert 1e-6 < np.abs(a - b).max() / np.abs(a).max() < 0.02
    cosine = exact @ rounded / np.linalg.norm(exact) / np.linalg.norm(rounded)
    assert cosine > 0.99
