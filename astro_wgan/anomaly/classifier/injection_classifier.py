"""InjectionClassifier: log odds that an anomaly was injected into a stamp."""

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.anomaly.classifier.classifier_inputs import classifier_inputs, in_orientations
from astro_wgan.stamps.orientations import in_all_orientations

__all__ = ['InjectionClassifier']

#: Images whose features are computed at a time.
_BATCH = 128


class InjectionClassifier:
    """
    Log odds that an anomaly was injected into a stamp.

    Parameters
    ----------
    network : `keras.Model`
        From `~astro_wgan.anomaly.classifier.classifier_network.build_classifier`, trained.
    components : `keras.Model`, optional
        From `~astro_wgan.anomaly.classifier.component_layers.build_component_layers`: the network
        reads its output.
    binning : int
        As in training.
    orientations : {1, 2, 4, 8}
        Number of orientations that each stamp is read in.
    center : tuple of float, optional
        y and x of the sources in their stamps, as `~astro_wgan.WGAN.center_`.
    """

    def __init__(self, network, *, components=None, binning=2, orientations=2, center=None):
        self.network, self.components = network, components
        self.binning, self.orientations = binning, orientations
        self.center = center

    @property
    def settings(self):
        """How stamps are read, as arguments beside the networks and the center."""
        return {'binning': self.binning, 'orientations': self.orientations}

    def log_odds(self, images, closest_images, weights=None, *, noise=None):
        """
        Mean log odds over the orientations of each stamp.

        Parameters
        ----------
        images, closest_images : array_like, shape (n, ny, nx, bands)
            In stretched intensity.
        weights : array_like, shape (n, ny, nx, bands), optional
            Weight of each pixel; by default, all are 1.
        noise : callable, optional
            For masked pixels: see
            `~astro_wgan.anomaly.classifier.classifier_inputs.classifier_inputs`.

        Returns
        -------
        `tf.Tensor` of float32, shape (n,)
            Within a `tf.function`, part of its graph.
        """
        channels = self._channels(images, closest_images, weights, noise)
        found = self.network(in_orientations(channels, self.orientations), training=False)
        return tf.reduce_mean(tf.reshape(found, (self.orientations, -1)), axis=0)

    def features(self, images, closest_images, weights, *, noise=None):
        """
        Mean over the eight orientations of what the last layer computes the log odds from.

        Parameters
        ----------
        images, closest_images, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
            In stretched intensity, and the weight of each pixel.
        noise
            As for `log_odds`.

        Returns
        -------
        `~numpy.ndarray` of float32, shape (n, `n_features`)
            Maximum and mean over the image of each channel of the last convolution.
        """
        network = keras.Model(self.network.input, self.network.layers[-1].input)
        found = np.empty((len(images), self.n_features), dtype=np.float32)
        for first in range(0, len(images), _BATCH):
            rows = slice(first, first + _BATCH)
            arrays = images[rows], closest_images[rows], weights[rows]
            channels = self._channels(*arrays, noise).numpy()
            views = [network(view, training=False) for view in in_all_orientations(channels)]
            found[rows] = np.mean(views, axis=0)
        return found

    def _channels(self, images, closest_images, weights, noise):
        """Inputs of the network, with those of the components, which fit stamps as they are."""
        options = {'binning': self.binning, 'center': self.center, 'noise': noise}
        inputs = classifier_inputs(images, closest_images, weights, **options)
        return inputs if self.components is None else self.components(inputs, training=False)

    @property
    def n_features(self):
        """Number of `features` of a stamp."""
        return self.network.layers[-1].input.shape[-1]
