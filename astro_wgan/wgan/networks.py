"""Generator, critic and encoder as Keras models."""

from itertools import pairwise

import keras
from keras import layers

__all__ = [
    'FEATURE_LAYER',
    'build_critic',
    'build_encoder',
    'build_generator',
    'count_weights',
    'encoder_of_means',
]

#: Edge of the images in which the generator begins and the critic ends, in pixels.
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
        From (n, latent) to (n, size, size, bands), in stretched intensity.
    """
    seeds = keras.random.SeedGenerator(seed)
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
    image = _convolution(config.bands, _odd(config.kernel_size), seeds, name='image')(x)
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
    """
    seeds = keras.random.SeedGenerator(seed)
    image = keras.Input(config.image_shape, name='image')
    features = _downwards(image, config, seeds)
    value = layers.Dense(1, kernel_initializer=_initializer(seeds), name='value')(
        _dense(features, config, seeds)
    )
    return keras.Model(image, [value, features], name='critic')


def build_encoder(config, *, spread=False, seed=None):
    """
    An encoder: image to latent vector, with the layers of the critic.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        The layers.
    spread : bool
        Whether it says how uncertain z is, too.
    seed : int, optional
        Seed of the initial weights.

    Returns
    -------
    `keras.Model`
        From (n, size, size, bands) to (n, latent); with ``spread``, to two of these, the second
        the logarithm of the standard deviation of z.
    """
    seeds = keras.random.SeedGenerator(seed)
    image = keras.Input(config.image_shape, name='image')
    x = _dense(_downwards(image, config, seeds), config, seeds)
    latent = layers.Dense(config.latent_dim, kernel_initializer=_initializer(seeds), name='latent')(
        x
    )
    if not spread:
        return keras.Model(image, latent, name='encoder')
    log_spread = layers.Dense(config.latent_dim, kernel_initializer='zeros', name='log_spread')(x)
    return keras.Model(image, [latent, log_spread], name='encoder')


def encoder_of_means(encoder):
    """The encoder from images to z alone, which shares the weights of one with ``spread``."""
    return keras.Model(encoder.input, encoder.outputs[0], name='encoder')


def count_weights(config):
    """
    How many weights the networks of a configuration have, without building them.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        The layers.

    Returns
    -------
    dict of int
        By ``'generator'``, ``'critic'`` and ``'encoder'``, this one without ``spread``.

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

    edge, before, downwards = config.size, config.bands, 0
    for k, after in enumerate(config.critic_filters):
        downwards += ((even if edge > _SMALLEST else odd) * before + 1) * after
        edge = max(edge // 2, _SMALLEST)
        if config.critic_layer_normalization and k > 0:
            downwards += 2 * edge**2 * after
        before = after
    downwards += (edge**2 * before + 1) * config.critic_dense
    return {
        'generator': generator,
        'critic': downwards + config.critic_dense + 1,
        'encoder': downwards + (config.critic_dense + 1) * config.latent_dim,
    }


def _downwards(x, config, seeds):
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
