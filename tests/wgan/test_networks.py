import dataclasses

import keras
import numpy as np
import pytest

from astro_wgan.wgan import NetworkConfig
from astro_wgan.wgan.networks import (
    FEATURE_LAYER,
    build_critic,
    build_encoder,
    build_generator,
    copy_weights,
)


def layers_of(model, *kinds):
    return [layer for layer in model.layers if isinstance(layer, kinds)]


@pytest.mark.parametrize('name', ['paper', 'compact'])
def test_numbers_of_layers_are_the_papers(name):
    network = NetworkConfig.preset(name)
    generator, critic = build_generator(network), build_critic(network)
    assert len(layers_of(generator, keras.layers.Dense)) == 1
    assert len(layers_of(generator, keras.layers.Conv2D, keras.layers.Conv2DTranspose)) == 6
    assert len(layers_of(critic, keras.layers.Conv2D)) == 5
    assert len(layers_of(critic, keras.layers.Dense)) == 2
    assert not layers_of(critic, keras.layers.BatchNormalization)


@pytest.mark.parametrize('size', [16, 32, 64, 128])
@pytest.mark.parametrize('bands', [1, 3, 9])
def test_shapes(size, bands):
    network = NetworkConfig.preset('compact', size=size, bands=bands)
    images = build_generator(network)(np.zeros((2, network.latent_dim), np.float32))
    assert images.shape == (2, size, size, bands)
    value, features = build_critic(network)(images)
    assert value.shape == (2, 1)
    assert features.shape == (2, 4, 4, network.critic_filters[-1])


def test_features_are_the_last_convolution_before_the_dense_layers():
    critic = build_critic(NetworkConfig.preset('compact'))
    names = [layer.name for layer in critic.layers]
    after = critic.layers[names.index(FEATURE_LAYER) + 1 :]
    assert not any(isinstance(layer, keras.layers.Conv2D) for layer in after)
    assert sum(isinstance(layer, keras.layers.Dense) for layer in after) == 2


def test_weights_follow_the_seed():
    network = NetworkConfig.preset('compact', size=16)
    first, same, other = (build_critic(network, seed=s).get_weights() for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_critic_judges_each_image_alone():
    network = NetworkConfig(
        size=16,
        generator_filters=(8, 8, 8),
        critic_filters=(8, 8, 8),
        critic_layer_normalization=True,
    )
    critic = build_critic(network, seed=1)
    images = np.random.default_rng(1).normal(size=(6, 16, 16, 1)).astype(np.float32)
    together = critic(images, training=True)[0].numpy()
    alone = np.concatenate([critic(image[np.newaxis], training=True)[0] for image in images])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('build', [build_critic, build_encoder])
def test_networks_of_several_bands_with_the_weights_of_one_see_the_mean_of_the_bands(build):
    one, three = (NetworkConfig.preset('compact', size=16, bands=bands) for bands in (1, 3))
    single, network = build(one, seed=1), build(three, seed=2)
    copy_weights(network, single)
    images = np.random.default_rng(1).normal(size=(4, 16, 16, 3)).astype(np.float32)
    outputs = (
        np.asarray(out[0] if build is build_critic else out)
        for out in (network(images), single(images.mean(axis=-1, keepdims=True)))
    )
    np.testing.assert_allclose(*outputs, rtol=1e-3, atol=1e-5)


def test_a_generator_of_several_bands_with_the_weights_of_one_makes_its_image_in_each():
    one, three = (NetworkConfig.preset('compact', size=16, bands=bands) for bands in (1, 3))
    single, generator = build_generator(one, seed=1), build_generator(three, seed=2)
    copy_weights(generator, single)
    latent = np.random.default_rng(1).normal(size=(4, one.latent_dim)).astype(np.float32)
    images, expected = np.asarray(generator(latent)), np.asarray(single(latent))
    np.testing.assert_allclose(images, np.repeat(expected, 3, axis=-1), rtol=1e-5, atol=1e-6)


def test_weights_of_the_same_network_are_copied_as_they_are():
    network = NetworkConfig.preset('compact', size=16, bands=3)
    first, second = (build_critic(network, seed=seed) for seed in (1, 2))
    copy_weights(second, first)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize('build', [build_generator, build_critic, build_encoder])
@pytest.mark.parametrize('missing', ['size', 'bands'])
def test_networks_of_open_size_or_bands_are_not_built(build, missing):
    network = NetworkConfig.preset('compact', size=16, bands=2)
    with pytest.raises(ValueError, match=f'must be given.*{missing}=None'):
        build(dataclasses.replace(network, **{missing: None}))
