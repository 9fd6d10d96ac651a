"""Fast layers against those of Keras and TensorFlow."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from astro_wgan.wgan import NetworkConfig, build_critic, build_encoder, build_generator
from astro_wgan.wgan.compute.layers import (
    Convolution,
    ConvolutionFromImage,
    ConvolutionToImage,
    TransposedConvolution,
    add_bias,
    convolve_to_image,
    fast_layer_class,
    gradient_to_image,
)
from astro_wgan.wgan.compute.precision import with_compute_dtype
from astro_wgan.wgan.losses import gradient_penalty

BANDS = [1, 2, 3, 5, 6, 9]
TYPES = ['float64', 'bfloat16']


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def draw(rng, *shape):
    return tf.constant(rng.normal(size=shape))


def assert_alike(found, expected):
    """To the precision of the type: 2^-8 of the largest for bfloat16, each rounded a few times."""
    atol = {'float64': 1e-13, 'bfloat16': 0.02}[found.dtype.name]
    found, expected = (tf.cast(x, tf.float64).numpy() for x in (found, expected))
    np.testing.assert_allclose(found, expected, atol=atol * np.abs(expected).max())


@pytest.mark.parametrize('bands', BANDS)
@pytest.mark.parametrize('edge', [3, 5])
@pytest.mark.parametrize('dtype', TYPES)
def test_convolution_to_an_image_and_its_gradients(rng, bands, edge, dtype):
    shapes = (2, 12, 16, 4), (edge, edge, 4, bands), (2, 12, 16, bands)
    x, kernel, along = (tf.cast(draw(rng, *shape), dtype) for shape in shapes)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch((x, kernel))
        expected = tf.nn.conv2d(x, kernel, 1, 'SAME')
        found = convolve_to_image(x, kernel)
    assert_alike(found, expected)
    for exact, blocked in zip(
        *(tape.gradient(image, (x, kernel), along) for image in (expected, found)), strict=True
    ):
        assert_alike(blocked, exact)


@pytest.mark.parametrize('bands', BANDS)
@pytest.mark.parametrize('edge', [2, 3, 4, 5, 6])
@pytest.mark.parametrize('dtype', TYPES)
def test_gradient_to_an_image(rng, bands, edge, dtype):
    d, kernel = (
        tf.cast(draw(rng, *shape), dtype) for shape in ((2, 6, 8, 4), (edge, edge, bands, 4))
    )
    expected = tf.nn.conv2d_transpose(d, kernel, (2, 12, 16, bands), 2, 'SAME')
    assert_alike(gradient_to_image(d, kernel), expected)


@pytest.mark.parametrize('dtype', TYPES)
def test_biases_and_their_gradients(rng, dtype):
    x, bias, along = (tf.cast(draw(rng, *s), dtype) for s in ((3, 4, 5, 2), (2,), (3, 4, 5, 2)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch((x, bias))
        expected, found = x + bias, add_bias(x, bias)
    assert_alike(found, expected)
    for exact, fast in zip(
        *(tape.gradient(image, (x, bias), along) for image in (expected, found)), strict=True
    ):
        assert_alike(fast, exact)


def test_gradients_of_biases_are_summed_up_precisely_in_half_precision(rng):
    along = tf.cast(draw(rng, 32, 64, 64, 8), tf.bfloat16)
    x, bias = tf.zeros_like(along), tf.zeros(8, tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(bias)
        given = add_bias(x, bias)
    found = tf.cast(tape.gradient(given, bias, along), tf.float64)
    expected = tf.cast(along, tf.float64).numpy().sum(axis=(0, 1, 2))
    # TensorFlow's own are wrong by a quarter here.
    np.testing.assert_allclose(found, expected, atol=0.01 * np.abs(expected).max())


def test_size_of_the_batch_need_not_be_known(rng):
    kernel = draw(rng, 4, 4, 1, 3)

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float64)])
    def gradient(d):
        made = gradient_to_image(d, kernel)
        assert made.shape[1:] == (16, 16, 1)
        return made

    for n in (0, 1, 5):
        assert gradient(draw(rng, n, 8, 8, 3)).shape == (n, 16, 16, 1)


@pytest.mark.parametrize('bands', BANDS)
def test_networks_are_computed_as_their_layers_do(rng, bands):
    network = NetworkConfig.preset('compact', size=16, bands=bands)
    for build, inputs in (
        (build_generator, rng.normal(size=(5, 16))),
        (build_critic, rng.normal(size=(5, *network.image_shape))),
    ):
        made, inputs = build(network, seed=1), tf.constant(inputs, tf.float32)
        pairs = []
        for compute in (made, with_compute_dtype(made, 'float32')):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                given = tf.nest.flatten(compute(inputs))[0]
                total = tf.reduce_sum(tf.square(given))
            pairs.append([given, *tape.gradient(total, [inputs, *made.trainable_variables])])
        for exact, found in zip(*pairs, strict=True):
            scale = np.abs(exact).max()
            np.testing.assert_allclose(found, exact, atol=1e-5 * scale)


def test_penalty_is_differentiated_through_them(rng):
    critic = build_critic(NetworkConfig.preset('compact', size=16), seed=1)
    real, fake = (tf.constant(rng.normal(size=(5, 16, 16, 1)), tf.float32) for _ in range(2))
    epsilon = tf.constant(rng.uniform(size=(5, 1, 1, 1)), tf.float32)
    kernels = [w for w in critic.trainable_variables if w.name == 'kernel']
    gradients = []
    for compute in (critic, with_compute_dtype(critic, 'float32')):
        with tf.GradientTape() as tape:
            penalty = gradient_penalty(lambda x, judge=compute: judge(x)[0], real, fake, epsilon)
        gradients.append(tape.gradient(penalty, kernels))
    assert len(kernels) == 7
    for exact, found in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, exact, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize(
    ('build', 'expected'),
    [
        (build_generator, 4 * [TransposedConvolution] + [ConvolutionToImage]),
        (build_critic, [ConvolutionFromImage]),
        (build_encoder, [ConvolutionFromImage]),
    ],
)
def test_which_layers_of_the_networks_are_fast(build, expected):
    made = build(NetworkConfig.preset('compact'))
    kinds = [
        fast_layer_class(layer)
        for layer in made.layers
        if fast_layer_class(layer) is not type(layer)
    ]
    assert kinds == expected
    assert fast_layer_class(made.layers[-1 if build is build_generator else 1]) is expected[-1]
    halved = [fast_layer_class(layer, 'mixed_bfloat16') for layer in made.layers]
    assert not {layers.Conv2D, layers.Conv2DTranspose} & set(halved)
    assert (Convolution in halved) is any(type(x) is layers.Conv2D for x in made.layers[2:-1])


@pytest.mark.parametrize(
    'options',
    [
        {'padding': 'valid'},
        {'padding': 'same', 'dilation_rate': 2, 'strides': 1},
        {'padding': 'same', 'strides': 3},
        {'padding': 'same', 'activation': 'tanh'},
        {'padding': 'same', 'use_bias': False},
    ],
)
def test_other_layers_stay_as_they_are(options):
    image = keras.Input((16, 16, 1))
    layer = layers.Conv2D(8, 3, **{'strides': 2, **options})
    layer(image)
    assert fast_layer_class(layer) is layers.Conv2D


def test_few_channels_on_few_pixels_are_left_to_keras():
    network = replace(NetworkConfig.preset('compact', size=16), generator_filters=(1, 2, 3))
    generator = build_generator(network)
    kinds = [
        fast_layer_class(layer) for layer in generator.layers if isinstance(layer, layers.Conv2D)
    ]
    assert kinds == [layers.Conv2D, ConvolutionToImage]
    assert fast_layer_class(generator.layers[4], 'mixed_bfloat16') is Convolution
    latent = tf.random.stateless_normal((5, network.latent_dim), (1, 2))
    expected = generator(latent)
    np.testing.assert_allclose(
        with_compute_dtype(generator, 'float32')(latent), expected, atol=1e-5
    )


def test_graphics_cards_compute_all_layers_as_they_are(monkeypatch):
    critic = build_critic(NetworkConfig.preset('compact'))
    monkeypatch.setattr(tf.config, 'list_physical_devices', lambda kind: [kind])
    assert fast_layer_class(critic.layers[1]) is layers.Conv2D
