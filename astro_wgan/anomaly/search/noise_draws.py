"""Draws of the noise that is on images, to tell what a mask does to it."""

import tensorflow as tf

from astro_wgan.wgan.noise_layer import build_white_noise, draw_noise

__all__ = ['make_noise']

#: Of each image. What is wanted is a ratio of two sums over the same draws.
_DRAWS = 4
_SEED = 20_110


def make_noise(wgan):
    """
    What draws the noise of images like those that a model knows.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model.

    Returns
    -------
    callable
        From images without noise, of shape (n, ny, nx, bands), to an iterator over some draws of
        their noise, of the same shape; for each image from the same random numbers, so that
        nothing depends on the images beside it.

    Notes
    -----
    It is the noise of the model, as far as it has one. Otherwise it is white, and as asinh leaves
    it; how strong it is does not matter where draws are compared with each other.
    """
    network = wgan.noise_
    if network is None:
        network = build_white_noise(wgan.network, wgan.stretch_)

    def noise(images):
        for k in range(_DRAWS):
            yield draw_noise(network, tf.constant(images), (_SEED, k), shared=True).numpy()

    return noise
