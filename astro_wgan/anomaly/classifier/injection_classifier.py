"""InjectionClassifier: log odds that an anomaly was injected into a stamp."""

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.anomaly.classifier.classifier_inputs import classifier_inputs, in_orientations
from astro_wgan.stamps.orientations import in_all_orientations

__all__ = ['InjectionClassifier']

#: Images that the network reads at a time, in all their orientations; larger batches are slower.
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
        self.center, self._graphs = center, None

    def __getstate__(self):
        """Without the graphs, which belong to this process."""
        return {**vars(self), '_graphs': None}

    @property
    def settings(self):
        """How stamps are read, as arguments beside the networks and the center."""
        return {'binning': self.binning, 'orientations': self.orientations}

    def log_odds(self, images, closest_images, weights, *, noise=None):
        """
        Mean log odds over the orientations of each stamp.

        Parameters
        ----------
        images, closest_images, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
            In stretched intensity, and the weight of each pixel.
        noise : callable, optional
            For masked pixels: see
            `~astro_wgan.anomaly.classifier.classifier_inputs.classifier_inputs`.

        Returns
        -------
        `~numpy.ndarray` of float, shape (n,)
        """
        found, size = np.empty(len(images)), max(1, _BATCH // self.orientations)
        for rows, inputs in self._inputs(size, images, closest_images, weights, noise):
            found[rows] = self.log_odds_of(inputs)
        return found

    def features(self, images, closest_images, weights, *, noise=None):
        """
        Mean over the eight orientations of what the last layer computes the log odds from.

        Parameters
        ----------
        images, closest_images, weights, noise
            As for `log_odds`.

        Returns
        -------
        `~numpy.ndarray` of float32, shape (n, `n_features`)
            Maximum and mean over the image of each channel of the last convolution.
        """
        network = keras.Model(self.network.input, self.network.layers[-1].input)
        found = np.empty((len(images), self.n_features), dtype=np.float32)
        for rows, inputs in self._inputs(_BATCH, images, closest_images, weights, noise):
            channels = self._with_components(inputs)
            views = [network(view, training=False) for view in in_all_orientations(channels)]
            found[rows] = np.mean(views, axis=0)
        return found

    def _inputs(self, size, images, closest_images, weights, noise):
        """Rows, and the channels of so many stamps at a time."""
        for first in range(0, len(images), size):
            rows = slice(first, first + size)
            arrays = images[rows], closest_images[rows], weights[rows]
            options = {'binning': self.binning, 'center': self.center, 'noise': noise}
            yield rows, classifier_inputs(*arrays, **options)

    @property
    def n_features(self):
        """Number of `features` of a stamp."""
        return self.network.layers[-1].input.shape[-1]

    def log_odds_of(self, inputs):
        """The same from the channels of `classifier_inputs`."""
        views = in_orientations(self._with_components(inputs), self.orientations)
        found = self._compiled['network'](views).numpy()[:, 0]
        return found.astype(float).reshape(self.orientations, -1).mean(axis=0)

    def _with_components(self, inputs):
        """Channels with those of the components, which are fitted to stamps as they are."""
        if self.components is None:
            return inputs
        return self._compiled['components'](inputs).numpy()

    @property
    def _compiled(self):
        """The networks as graphs, for any number of images."""
        if self._graphs is None:
            networks = {'network': self.network, 'components': self.components}
            self._graphs = {name: _compiled(n) for name, n in networks.items() if n is not None}
        return self._graphs


def _compiled(network):
    shape = tf.TensorSpec((None, *network.input_shape[1:]))
    return tf.function(lambda inputs: network(inputs, training=False), input_signature=(shape,))
