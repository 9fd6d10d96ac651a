"""Generator, critic and encoder as Keras models, and their latent vectors."""

from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf
from astropy.table import Table
from keras import layers

__all__ = [
    'FEATURE_LAYER',
    'build_critic',
    'build_encoder',
    'build_generator',
    'copy_weights',
    'count_weights',
    'draw_latent',
    'encoder_of_means',
    'layer_table',
]

#: Edge in pixels of the feature maps at the start of the generator and the end of the critic.
_SMALLEST = 4

#: Name of the critic's last convolution after its activation: the critic features c(x).
FEATURE_LAYER = 'features'


def build_generator(config, *, seed=None):
    """
    The generator G: latent vector to image.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        The layers.
    seed : int, optional
        Seed of the initial weights.

    Returns
    -------
    `keras.Model`
        From (n, latent_dim) to (n, size, size, bands), in stretched intensity.

    Raises
    ------
    ValueError
        If ``size`` or ``bands`` of ``config`` is None.
    """
    seeds = keras.random.SeedGenerator(seed)
    *_, bands = _image_shape(config)
    base = config.size // 2 ** (len(config.generator_filters) - 1)
    first = config.generator_filters[0]
    latent = keras.Input((config.latent_dim,), name='latent')
    x = layers.Dense(base * base * first, kernel_initializer=_initializer(seeds))(latent)
    x = layers.Reshape((base, base, first))(x)
    x = layers.LeakyReLU(config.negative_slope)(x)
    x = _convolution(first, _odd(config.kernel_size), seeds)(x)
    x = layers.LeakyReLU(config.negative_slope)(x)
    for filters in config.generator_filters[1:]:
        x = layers.Conv2DTranspose(
            filters,
            config.kernel_size,
            strides=2,
            padding='same',
            kernel_initializer=_initializer(seeds),
        )(x)
        x = layers.LeakyReLU(config.negative_slope)(x)
    image = _convolution(bands, _odd(config.kernel_size), seeds, name='image')(x)
    return keras.Model(latent, image, name='generator')


def build_critic(config, *, seed=None):
    """
    The critic: image to features and to one real number.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        The layers.
    seed : int, optional
        Seed of the initial weights.

    Returns
    -------
    `keras.Model`
        From (n, size, size, bands) to ``[value, features]``: C(x) of shape (n, 1), and c(x), the
        output of the last convolution, of shape (n, y, x, channels).

    Raises
    ------
    ValueError
        If ``size`` or ``bands`` of ``config`` is None.
    """
    seeds = keras.random.SeedGenerator(seed)
    image = keras.Input(_image_shape(config), name='image')
    features = _downsample(image, config, seeds)
    value = layers.Dense(1, kernel_initializer=_initializer(seeds), name='value')(
        _dense(features, config, seeds)
    )
    return keras.Model(image, [value, features], name='critic')


def build_encoder(config, *, variational=False, seed=None):
    """
    An encoder: image to latent vector, with the layers of the critic.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        The layers.
    variational : bool
        Whether it predicts a normal distribution of z, as that of a variational autoencoder does.
    seed : int, optional
        Seed of the initial weights.

    Returns
    -------
    `keras.Model`
        From (n, size, size, bands) to z of shape (n, latent_dim); if ``variational``, to two
        arrays of this shape: mean and logarithm of the standard deviation of z.

    Raises
    ------
    ValueError
        If ``size`` or ``bands`` of ``config`` is None.
    """
    seeds = keras.random.SeedGenerator(seed)
    image = keras.Input(_image_shape(config), name='image')
    x = _dense(_downsample(image, config, seeds), config, seeds)
    initializer = _initializer(seeds)
    mean = layers.Dense(config.latent_dim, kernel_initializer=initializer, name='latent')(x)
    if not variational:
        return keras.Model(image, mean, name='encoder')
    log_sigma = layers.Dense(config.latent_dim, kernel_initializer='zeros', name='log_sigma')(x)
    return keras.Model(image, [mean, log_sigma], name='encoder')


def _image_shape(config):
    if None in config.image_shape:
        raise ValueError(
            '`size` and `bands` of `config` must be given to build networks, as by its method '
            f'`for_images`; got size={config.size}, bands={config.bands}.'
        )
    return config.image_shape


def encoder_of_means(encoder):
    """The encoder from images to the mean of z that shares the weights of a variational one."""
    return keras.Model(encoder.input, encoder.outputs[0], name='encoder')


def copy_weights(network, other):
    """
    Give a network the weights of another with the same layers.

    Of one for a single band each band gets the same weights: a generator then makes the same image
    in all of them, and a critic or encoder sees their mean.

    Parameters
    ----------
    network, other : `keras.Model`
        The network to change, and the one with the weights.
    """
    weights = []
    for own, given in zip(network.get_weights(), other.get_weights(), strict=True):
        if own.ndim == 4 and own.shape[2] != given.shape[2]:  # of a convolution that reads images
            given = np.repeat(given, own.shape[2], axis=2) / own.shape[2]
        elif own.shape != given.shape:  # of one that makes them
            given = np.repeat(given, own.shape[-1], axis=-1)
        weights.append(given)
    network.set_weights(weights)


def draw_latent(config, n, seed):
    """
    Latent vectors from the distribution that the generator is trained on.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        Distribution and length of z.
    n : int
        Number of vectors.
    seed : tensor_like of int, shape (2,)
        Seed of `tf.random.stateless_normal`.

    Returns
    -------
    `tf.Tensor` of float32, shape (n, latent_dim)
    """
    shape = (n, config.latent_dim)
    if config.latent_distribution == 'uniform':
        return tf.random.stateless_uniform(shape, seed, minval=-1, maxval=1)
    return tf.random.stateless_normal(shape, seed)


def count_weights(config):
    """
    Number of weights of the networks of a configuration, without building them.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        The layers.

    Returns
    -------
    dict of int
        By ``'generator'``, ``'critic'`` and ``'encoder'`` (not variational).

    Examples
    --------
    >>> from astro_wgan.wgan import NetworkConfig
    >>> from astro_wgan.wgan.networks import count_weights
    >>> count_weights(NetworkConfig())['generator']
    2741249
    """
    odd, even = _odd(config.kernel_size) ** 2, config.kernel_size**2
    channels = config.generator_filters
    first = channels[0]
    generator = (config.latent_dim + 1) * _SMALLEST**2 * first + (odd * first + 1) * first
    for before, after in pairwise(channels):
        generator += (even * before + 1) * after
    generator += (odd * channels[-1] + 1) * config.bands

    edge, before, downsampling = config.size, config.bands, 0
    for k, after in enumerate(config.critic_filters):
        downsampling += ((even if edge > _SMALLEST else odd) * before + 1) * after
        edge = max(edge // 2, _SMALLEST)
        if config.critic_layer_normalization and k > 0:
            downsampling += 2 * edge**2 * after
        before = after
    downsampling += (edge**2 * before + 1) * config.critic_dense
    return {
        'generator': generator,
        'critic': downsampling + config.critic_dense + 1,
        'encoder': downsampling + (config.critic_dense + 1) * config.latent_dim,
    }


def layer_table(networks):
    """
    The layers of networks as a table.

    Parameters
    ----------
    networks : list of `keras.Model`

    Returns
    -------
    `~astropy.table.Table`
        One row per layer: names of ``network`` and ``layer``, ``type``, ``output_shape`` without
        the number of images, and ``n_weights``.

    Examples
    --------
    >>> from astro_wgan.wgan import NetworkConfig, build_generator
    >>> from astro_wgan.wgan.networks import layer_table
    >>> table = layer_table([build_generator(NetworkConfig())])
    >>> print(table['type', 'output_shape', 'n_weights'][:3])
       type    output_shape n_weights
    ---------- ------------ ---------
    InputLayer          100         0
         Dense         4096    413696
       Reshape  4 x 4 x 256         0
    """
    rows = [
        (network.name, layer.name, type(layer).__name__, _output_shape(layer), _n_weights(layer))
        for network in networks
        for layer in network.layers
    ]
    return Table(rows=rows, names=('network', 'layer', 'type', 'output_shape', 'n_weights'))


def _output_shape(layer):
    return ' x '.join(map(str, layer.output.shape[1:]))


def _n_weights(layer):
    return int(sum(np.prod(weight.shape) for weight in layer.weights))


def _downsample(x, config, seeds):
    """The convolutions from an image to 4 x 4 pixels; their output is the features."""
    edge, last = config.size, len(config.critic_filters) - 1
    for k, filters in enumerate(config.critic_filters):
        if edge > _SMALLEST:
            x = _convolution(filters, config.kernel_size, seeds, strides=2)(x)
            edge //= 2
        else:
            x = _convolution(filters, _odd(config.kernel_size), seeds)(x)
        if config.critic_layer_normalization and k > 0:
            x = layers.LayerNormalization(axis=(1, 2, 3))(x)
        name = FEATURE_LAYER if k == last else None
        x = layers.LeakyReLU(config.negative_slope, name=name)(x)
    return x


def _dense(features, config, seeds):
    x = layers.Flatten()(features)
    x = layers.Dense(config.critic_dense, kernel_initializer=_initializer(seeds))(x)
    return layers.LeakyReLU(config.negative_slope)(x)


def _convolution(filters, kernel, seeds, **options):
    return layers.Conv2D(
        filters, kernel, padding='same', kernel_initializer=_initializer(seeds), **options
    )


def _initializer(seeds):
    return keras.initializers.HeNormal(seed=int(keras.ops.convert_to_numpy(seeds.next())[0]))


def _odd(kernel):
    return kernel if kernel % 2 else max(kernel - 1, 1)
