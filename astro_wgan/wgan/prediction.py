"""What a fitted WGAN computes: images from latent vectors, and the critic's values of stamps."""

import numpy as np
import tensorflow as tf

from astro_wgan.exceptions import NotFittedError
from astro_wgan.stamps import StampSet
from astro_wgan.store import as_stamps
from astro_wgan.wgan.fit_arguments import check_stamps
from astro_wgan.wgan.masked_pixels import fill_for_critic, limit_length, pixel_weights
from astro_wgan.wgan.networks import draw_latent
from astro_wgan.wgan.noise_layer import with_noise

__all__ = ['PredictionMixin', 'in_batches']

_PREDICTION_BATCH = 256


class PredictionMixin:
    """The methods of `~astro_wgan.WGAN` that use the fitted networks."""

    @property
    def is_fitted(self):
        """Whether the model has trained networks."""
        return hasattr(self, 'generator_')

    def generate(self, n=None, *, latent=None, seed=0):
        """
        Images made by the generator.

        Parameters
        ----------
        n : int, optional
            Number of images, from random latent vectors.
        latent : array_like, shape (n, latent_dim), optional
            Latent vectors, instead of ``n``.
        seed : int, optional
            Seed of the random latent vectors.

        Returns
        -------
        `~astro_wgan.StampSet`
            With noise, in the unit and pixel scale of the training set.

        Raises
        ------
        ValueError
            If not exactly one of ``n`` and ``latent`` is given, or ``latent`` has another shape.
        `~astro_wgan.exceptions.NotFittedError`
            If the model is not fitted.
        """
        self._check_fitted()
        if (n is None) == (latent is None):
            raise ValueError('Give either `n` or `latent`.')
        if latent is None:
            latent = draw_latent(self.network, n, (seed, 0)).numpy()
        latent = np.asarray(latent, dtype=np.float32)
        if latent.ndim != 2 or latent.shape[1] != self.network.latent_dim:
            raise ValueError(
                f'`latent` must have the shape (n, {self.network.latent_dim}); got {latent.shape}.'
            )
        images = self.images_from_latent(latent)
        images = with_noise(tf.constant(images), self.noise_, (seed, 1)).numpy()
        return self.stamps_from_images(images)

    def images_from_latent(self, latent):
        """
        Noise-free images G(z).

        Parameters
        ----------
        latent : array_like of float32, shape (n, latent_dim)
            Latent vectors z.

        Returns
        -------
        `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
            In stretched intensity.
        """
        self._check_fitted()
        return in_batches(self.generator_, latent)[0]

    def images_from_stamps(self, stamps):
        """
        Stamps as input of the networks.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            Stamps with the network's size and bands, or anything else that
            `~astro_wgan.store.as_stamps` takes; their unit must convert to that
            of the training set. If their bands have names, these must be those of the training
            set, in the same order.

        Returns
        -------
        images : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
            Stretched intensity, masked pixels filled with the median of their stamp.
        weights : `~numpy.ndarray` of float32, shape (n, ny, nx, bands)
            1 for a valid pixel, 0 for a masked one, and between 0 and 1 for a pixel that is noisier
            than others of its stamp, according to its uncertainty; see
            `~astro_wgan.wgan.masked_pixels.pixel_weights`.
        """
        self._check_fitted()
        stamps = as_stamps(stamps)
        check_stamps(self.network, stamps, self.bands_)
        stamps = stamps[:]
        shape = (len(stamps), *self.network.image_shape)
        images = self.stretch_.transform(stamps).reshape(shape)
        return images, pixel_weights(stamps, self.stretch_).reshape(shape)

    def stamps_from_images(self, images, *, like=None):
        """
        Stamps in the unit of the training set from images in stretched intensity.

        Parameters
        ----------
        images : `~numpy.ndarray`, shape (n, ny, nx, bands)
            Stretched intensity.
        like : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like, optional
            Stamps, of the same number, from which table and WCS are taken, and brightnesses if the
            stretch scales each stamp by itself.

        Returns
        -------
        `~astro_wgan.StampSet`
        """
        self._check_fitted()
        like = None if like is None else as_stamps(like)[:]
        if self.network.bands == 1:
            images = images[..., 0]
        return StampSet(
            self.stretch_.inverse(images, like=like),
            unit=self.unit_,
            pixel_scale=self.pixel_scale_,
            bands=self.bands_ or None,
            geometry=None if like is None else like.geometry,
            table=None if like is None else like.table,
            meta={'model': self.provenance_},
        )

    def critic_value(self, stamps):
        """
        The critic's value C(x) of each stamp.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            As for `images_from_stamps`. Masked pixels are filled with the image that encoder and
            generator predict.

        Returns
        -------
        `~numpy.ndarray` of float32, shape (n,)
        """
        return in_batches(self.critic_, self._filled(stamps))[0][:, 0]

    def critic_features(self, stamps):
        """
        The critic's features c(x), the output of its last convolution.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            As for `critic_value`.

        Returns
        -------
        `~numpy.ndarray` of float32, shape (n, y, x, channels)
        """
        return in_batches(self.critic_, self._filled(stamps))[1]

    def _filled(self, stamps):
        """Input of the critic, as in a latent search that starts from the encoder."""
        closest = None if self.encoder_ is None else self._encoder_prediction
        return fill_for_critic(*self.images_from_stamps(stamps), closest, self.noise_)

    def _encoder_prediction(self, images):
        """The closest images according to the encoder, without optimization."""
        return self.images_from_latent(limit_length(in_batches(self.encoder_, images)[0]))

    def _check_fitted(self):
        if not self.is_fitted:
            raise NotFittedError('This WGAN has not been fitted: call `fit`, or load a model.')


def in_batches(network, array):
    """Outputs of a network for any number of rows, as a list of arrays."""
    if not len(array):
        # Convolutions of TensorFlow return a wrong number of channels for an empty batch.
        one = in_batches(network, np.zeros((1, *np.shape(array)[1:]), dtype=np.float32))
        return [output[:0] for output in one]
    parts = []
    for start in range(0, len(array), _PREDICTION_BATCH):
        outputs = network(tf.constant(array[start : start + _PREDICTION_BATCH]), training=False)
        parts.append([x.numpy() for x in (outputs if isinstance(outputs, list) else [outputs])])
    return [np.concatenate(x) for x in zip(*parts, strict=True)]
