"""Realizations of the noise of a model, to measure how masks affect residual statistics."""

import tensorflow as tf

from astro_wgan.wgan.noise_layer import build_white_noise, draw_noise

__all__ = ['make_noise']

#: For each image. A ratio of two sums over the same realizations needs few of them.
_REALIZATIONS = 4
_SEED = 20_110


def make_noise(wgan):
    """
    Function that makes realizations of the noise of a model.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model.

    Returns
    -------
    callable
        From noise-free images, shape (n, ny, nx, bands), to an iterator over realizations of their
        noise, tensors of the same shape, from the same random numbers for each image, so that the
        result for an image is independent of the others in the batch.

    Notes
    -----
    If the model has no noise, it is white noise as transformed by the asinh stretch; its amplitude
    does not matter where realizations are compared with each other.
    """
    network = wgan.noise_
    if network is None:
        network = build_white_noise(wgan.network, wgan.stretch_)

    def noise(images):
        for k in range(_REALIZATIONS):
            yield draw_noise(network, tf.convert_to_tensor(images), (_SEED, k), shared=True)

    return noise
