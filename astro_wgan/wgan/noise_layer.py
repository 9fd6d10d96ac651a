"""The correlated noise of the training set, added to the noise-free images of the generator."""

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

#: Largest lag in pixels at which the noise may be correlated.
_MAX_LAG = 3
_KERNEL = 2 * _MAX_LAG + 1

#: Number of stamps in which the noise is measured.
_SAMPLE = 1024
#: Pixels belong to a source if the mean over a box of this edge exceeds this number of standard
#: deviations, and so do pixels within this margin.
_BOX, _THRESHOLD, _MARGIN = 5, 3.0, 2
#: With a smaller fraction of sky in the stamps, the pixels left are the outskirts of sources.
_MIN_SKY = 0.1

#: Smallest rms, for images without noise such as simulations.
_MIN_RMS = 5e-3


def measure_noise(stamps, stretch, *, seed=0):
    """
    The convolution kernel that turns white noise into noise like that of the sky.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Stamps.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling with the scope ``'global'``.
    seed : int
        Seed of the sample of stamps.

    Returns
    -------
    `~numpy.ndarray`, shape (7, 7, bands)
        Kernel for stretched intensity at the level of the sky.

    Raises
    ------
    ValueError
        If the stretch scales each stamp by itself, so that their noise differs.

    Notes
    -----
    If there is too little sky around the sources, the noise is taken to be white, with the rms that
    `~astro_wgan.noise.estimate_noise_rms` finds in second differences of the images.
    """
    if stretch.scope != 'global':
        raise ValueError(
            f"`noise` of the network needs a stretch of the scope 'global'; got {stretch.scope!r}."
        )
    sample = next(stamps.batches(min(len(stamps), _SAMPLE), shuffle=True, seed=seed))
    images = stretch.transform(sample)
    bands = sample.n_bands or 1
    shape = (*images.shape[:3], bands)
    images, valid = images.reshape(shape), sample.valid.reshape(shape)
    kernels = [_kernel(images[..., band], valid[..., band]) for band in range(bands)]
    return np.stack(kernels, axis=-1)


def build_noise(config, stretch, kernel=None):
    """
    The noise of images as a network without trainable weights.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        Size and bands.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling. An asinh stretch compresses the noise of bright pixels; their
        additional Poisson noise is not taken into account.
    kernel : `~numpy.ndarray`, shape (7, 7, bands), optional
        As from `measure_noise`. If None, the weights have to be set later.

    Returns
    -------
    `keras.Model`
        From ``[images, white]`` to noise. Images and noise have the shape (n, size, size, bands);
        the white noise, of variance 1, is 6 pixels larger along both axes.
    """
    edge = config.size + _KERNEL - 1
    image = keras.Input(config.image_shape, name='image')
    white = keras.Input((edge, edge, config.bands), name='white')
    # Without padding, so that the variance is the same at the edges.
    options = {'use_bias': False, 'name': 'correlation'}
    if config.bands == 1:
        # The same convolution, and more than twice as fast.
        correlate = keras.layers.Conv2D(1, _KERNEL, **options)
    else:
        correlate = keras.layers.DepthwiseConv2D(_KERNEL, **options)
    noise = correlate(white)
    if kernel is not None:
        correlate.set_weights([kernel[..., np.newaxis]])
    if stretch.kind_ == 'asinh':
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
    kernel[_MAX_LAG, _MAX_LAG] = 1
    return build_noise(config, stretch, kernel)


def draw_noise(noise, images, seed, *, shared=False):
    """
    Draw noise for images.

    Parameters
    ----------
    noise : `keras.Model`
        As made by `build_noise`.
    images : `tf.Tensor`, shape (n, size, size, bands)
        Images without noise.
    seed : tensor_like of int, shape (2,)
        Seed of `tf.random.stateless_normal`.
    shared : bool
        Whether all images have the same white noise.

    Returns
    -------
    `tf.Tensor`, shape (n, size, size, bands)
    """
    edge = images.shape[1] + _KERNEL - 1

    def draw(n):
        return tf.random.stateless_normal((n, edge, edge, images.shape[3]), seed)

    # Shared noise is convolved once, and broadcast where it is combined with the images.
    white = draw(1) if shared else replica_sample(draw, tf.shape(images)[0])
    return noise([images, white])


def noise_variance(noise):
    """
    Variance of the noise of a pixel at the level of the sky, in stretched intensity.

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


def with_noise(images, noise, seed, *, shared=False):
    """
    Generated images with noise, as the critic sees them.

    Parameters
    ----------
    images : `tf.Tensor`, shape (n, size, size, bands)
        Images made by a generator.
    noise : `keras.Model` or None
        As made by `build_noise`; None if the generator produces the noise.
    seed, shared
        As in `draw_noise`.

    Returns
    -------
    `tf.Tensor`, shape (n, size, size, bands)
    """
    if noise is None:
        return images
    return images + draw_noise(noise, images, seed, shared=shared)


def _kernel(images, valid):
    smoothed = uniform_filter(images, (0, _BOX, _BOX))
    # Negative values are free of sources.
    below = smoothed[valid & (smoothed < 0)]
    rms = np.sqrt(np.mean(below**2)) if len(below) else 0.0
    margin = np.ones((1, 2 * _MARGIN + 1, 2 * _MARGIN + 1), dtype=bool)
    sky = valid & ~binary_dilation(np.abs(smoothed) > _THRESHOLD * rms, margin)
    if sky.mean() < _MIN_SKY:
        return _white_kernel(images, valid)
    try:
        found = autocorrelation(StampSet(images, mask=~sky), max_lag=_MAX_LAG)
    except ValueError:
        return _white_kernel(images, valid)
    covariance = np.asarray(found.covariance)
    variance = covariance[_MAX_LAG, _MAX_LAG]
    if variance <= _MIN_RMS**2:
        return _white_kernel(images, valid)
    amplitude = NoiseFilter(covariance / variance, (_KERNEL, _KERNEL)).amplitude
    middle = tuple(
        slice(size // 2 - _MAX_LAG, size // 2 + _MAX_LAG + 1) for size in amplitude.shape
    )
    kernel = np.fft.fftshift(np.fft.ifft2(amplitude).real)[middle]
    # Restore the variance that the truncation of the kernel removes.
    return kernel * np.sqrt(variance / np.sum(kernel**2))


def _white_kernel(images, valid):
    rms = estimate_noise_rms(np.where(valid, images, np.nan), axis=None)
    kernel = np.zeros((_KERNEL, _KERNEL))
    kernel[_MAX_LAG, _MAX_LAG] = max(np.nan_to_num(rms), _MIN_RMS)
    return kernel
