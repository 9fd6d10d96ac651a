"""InjectionClassifier: log odds that an anomaly was injected into a stamp."""

import keras
import numpy as np
from keras import layers

from astro_wgan.anomaly.classifier.classifier_inputs import classifier_inputs, in_all_orientations

__all__ = ['InjectionClassifier', 'build_classifier']

#: Images in memory at a time.
_BATCH = 256


class InjectionClassifier:
    """
    Log odds that an anomaly was injected into a stamp.

    Parameters
    ----------
    network : `keras.Model`
        From `build_classifier`, trained.
    binning : int
        As in training.
    """

    def __init__(self, network, *, binning=2):
        self.network, self.binning = network, binning

    def log_odds(self, images, closest_images, weights):
        """
        Mean log odds over the eight orientations of each stamp.

        Parameters
        ----------
        images, closest_images, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
            In stretched intensity, and the weight of each pixel.

        Returns
        -------
        `~numpy.ndarray` of float, shape (n,)
        """
        found = np.empty(len(images))
        for first in range(0, len(images), _BATCH):
            rows = slice(first, first + _BATCH)
            inputs = classifier_inputs(
                images[rows], closest_images[rows], weights[rows], binning=self.binning
            )
            found[rows] = self.log_odds_of(inputs)
        return found

    def log_odds_of(self, inputs):
        """The same from the channels of `classifier_inputs`."""
        views = np.concatenate([*in_all_orientations(inputs)])
        found = self.network.predict(views, batch_size=4 * _BATCH, verbose=0)[:, 0]
        return found.astype(float).reshape(8, -1).mean(axis=0)


def build_classifier(shape, config, *, seed=0):
    """
    A network from channels of `classifier_inputs` to log odds.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx, channels)
    config : `ClassifierConfig`
    seed : int
        Seed of the initial weights.

    Returns
    -------
    `keras.Model`
        Pairs of convolutions, the second of which halves the image; maximum and mean of each
        channel over the image; one number.
    """
    seeds = np.random.SeedSequence(seed).generate_state(2 * len(config.channels) + 1).tolist()
    inputs = outputs = keras.Input(shape)
    for channels in config.channels:
        for strides in (1, 2):
            initializer = keras.initializers.GlorotUniform(seed=seeds.pop())
            outputs = layers.Conv2D(
                channels,
                3,
                padding='same',
                strides=strides,
                use_bias=False,
                kernel_initializer=initializer,
            )(outputs)
            outputs = layers.BatchNormalization(momentum=0.97)(outputs)
            outputs = layers.ReLU()(outputs)
    pooled = [layers.GlobalMaxPooling2D()(outputs), layers.GlobalAveragePooling2D()(outputs)]
    initializer = keras.initializers.GlorotUniform(seed=seeds.pop())
    outputs = layers.Dense(1, kernel_initializer=initializer)(layers.Concatenate()(pooled))
    return keras.Model(inputs, outputs)
