"""The noise of the images that a WGAN is trained on, apart from what they show."""

import keras
import numpy as np
import tensorflow as tf
from scipy.ndimage import binary_dilation, uniform_filter

from astro_wgan.noise import autocorrelation, estimate_noise_rms
from astro_wgan.noise.random_fields import NoiseFilter
from astro_wgan.stamps import StampSet
from astro_wgan.wgan.compute.distribution import replica_sample

__all__ = [
    'build_noise',
    'build_white_noise',
    'draw_noise',
    'measure_noise',
    'noise_variance',
    'with_noise',
]

#: Largest lag in pixels at which noise is correlated here.
_REACH = 3
_KERNEL = 2 * _REACH + 1

#: Stamps that are looked at.
_SAMPLE = 1024
# A source is where the mean over a box of so many pixels is so many times its scatter off the sky,
# and so many pixels around.
_BOX, _SOURCE, _MARGIN = 5, 3.0, 2
#: With less than this share of sky in the stamps, what is taken for sky is the rim of sources.
_LEAST_SKY = 0.1

#: Scatter of images without noise, as simulations and compressed pictures may be.
_LEAST = 5e-3


def measure_noise(stamps, stretch, *, seed=0):
    """
    The kernel that makes noise like that of the sky out of white noise.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Stamps with sky in them.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling, of the scope ``'global'``.
    seed : int
        Seed of the sample of stamps.

    Returns
    -------
    `~numpy.ndarray`, shape (7, 7, bands)
        In stretched intensity at the level of the sky.

    Raises
    ------
    ValueError
        If the stretch scales each stamp by itself, so that noise is not alike in them.

    Notes
    -----
    Where there is too little sky around the sources, the noise is taken to be white, with the
    scatter that the finest structure of the images has: `~astro_wgan.noise.estimate_noise_rms`.
    """
    if stretch.scope != 'global':
        raise ValueError(
            f"`noise` of the network needs a stretch of the scope 'global'; got {stretch.scope!r}."
        )
    sample = next(stamps.batches(min(len(stamps), _SAMPLE), shuffle=True, seed=seed))
    images = stretch.transform(sample)
    bands = sample.bands or 1
    shape = (*images.shape[:3], bands)
    images, valid = images.reshape(shape), sample.valid.reshape(shape)
    kernels = [_kernel(images[..., band], valid[..., band]) for band in range(bands)]
    return np.stack(kernels, axis=-1)


def build_noise(config, stretch, kernel=None):
    """
    The noise of images as a network that is not trained.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        Size and bands.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling: asinh makes the noise of bright pixels weaker. That they have
        more of it, by Poisson's law, is not taken into account.
    kernel : `~numpy.ndarray`, shape (7, 7, bands), optional
        As from `measure_noise`. Without it the weights are still to be loaded.

    Returns
    -------
    `keras.Model`
        From ``[images, white]`` to noise. Images and noise have the shape (n, size, size, bands),
        white noise of variance 1 is 6 pixels larger along both axes.
    """
    edge = config.size + _KERNEL - 1
    image = keras.Input(config.image_shape, name='image')
    white = keras.Input((edge, edge, config.bands), name='white')
    # Without padding: noise is as strong at the borders as elsewhere.
    options = {'use_bias': False, 'name': 'correlation'}
    if config.bands == 1:
        # The same, and more than twice as fast.
        correlate = keras.layers.Conv2D(1, _KERNEL, **options)
    else:
        correlate = keras.layers.DepthwiseConv2D(_KERNEL, **options)
    noise = correlate(white)
    if kernel is not None:
        correlate.set_weights([kernel[..., np.newaxis]])
    if stretch.kind == 'asinh':
        # The slope of asinh, 1 at the level of the sky.
        at_peak = np.arcsinh(1 / np.array(stretch.softening_levels)).astype(np.float32)
        argument = keras.ops.multiply(image, at_peak)
        noise = keras.ops.divide(noise, keras.ops.cosh(keras.ops.clip(argument, -20.0, 20.0)))
    model = keras.Model([image, white], noise, name='noise')
    model.trainable = False
    return model


def build_white_noise(config, stretch):
    """As `build_noise`: white noise of variance 1 at the level of the sky."""
    kernel = np.zeros((_KERNEL, _KERNEL, config.bands), np.float32)
    kernel[_REACH, _REACH] = 1
    return build_noise(config, stretch, kernel)


def draw_noise(noise, images, seed, *, alike=False):
    """
    Noise for images, from a network that `build_noise` made.

    Parameters
    ----------
    noise : `keras.Model`
        The network.
    images : `tf.Tensor`, shape (n, size, size, bands)
        Images without noise.
    seed : tensor_like of int, shape (2,)
        Seed of `tf.random.stateless_normal`.
    alike : bool
        Whether all images have the same white noise, however many there are.

    Returns
    -------
    `tf.Tensor`, shape (n, size, size, bands)
    """
    edge = images.shape[1] + _KERNEL - 1

    def draw(n):
        return tf.random.stateless_normal((n, edge, edge, images.shape[3]), seed)

    # One for all is correlated once; it is broadcast where the images come in.
    white = draw(1) if alike else replica_sample(draw, tf.shape(images)[0])
    return noise([images, white])


def noise_variance(noise):
    """
    Variance of a pixel's noise at the level of the sky, in stretched intensity.

    Parameters
    ----------
    noise : `keras.Model`
        As made by `build_noise`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (bands,)
    """
    kernel = noise.get_layer('correlation').get_weights()[0]
    return np.sum(kernel**2, axis=(0, 1, 3))


def with_noise(images, noise, seed, *, alike=False):
    """
    Images as the critic sees them.

    Parameters
    ----------
    images : `tf.Tensor`, shape (n, size, size, bands)
        Images that a generator makes.
    noise : `keras.Model` or None
        What their noise comes from; None where the generator draws it itself.
    seed, alike
        As in `draw_noise`.

    Returns
    -------
    `tf.Tensor`, shape (n, size, size, bands)
    """
    if noise is None:
        return images
    return images + draw_noise(noise, images, seed, alike=alike)


def _kernel(images, valid):
    around = uniform_filter(images, (0, _BOX, _BOX))
    # Sources do not reach below the sky.
    below = around[valid & (around < 0)]
    scatter = np.sqrt(np.mean(below**2)) if len(below) else 0.0
    margin = np.ones((1, 2 * _MARGIN + 1, 2 * _MARGIN + 1), dtype=bool)
    sky = valid & ~binary_dilation(np.abs(around) > _SOURCE * scatter, margin)
    if sky.mean() < _LEAST_SKY:
        return _white_kernel(images, valid)
    try:
        found = autocorrelation(StampSet(images, mask=~sky), max_lag=_REACH)
    except ValueError:
        return _white_kernel(images, valid)
    covariance = np.asarray(found.covariance)
    variance = covariance[_REACH, _REACH]
    if variance <= _LEAST**2:
        return _white_kernel(images, valid)
    amplitude = NoiseFilter(covariance / variance, (_KERNEL, _KERNEL)).amplitude
    middle = tuple(slice(size // 2 - _REACH, size // 2 + _REACH + 1) for size in amplitude.shape)
    kernel = np.fft.fftshift(np.fft.ifft2(amplitude).real)[middle]
    # What the cut takes away is put back.
    return kernel * np.sqrt(variance / np.sum(kernel**2))


def _white_kernel(images, valid):
    scatter = estimate_noise_rms(np.where(valid, images, np.nan), axis=None)
    kernel = np.zeros((_KERNEL, _KERNEL))
    kernel[_REACH, _REACH] = max(np.nan_to_num(scatter), _LEAST)
    return kernel
