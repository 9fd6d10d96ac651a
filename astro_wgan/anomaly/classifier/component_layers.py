"""Residuals of principal components as further channels of the classifier, by plain layers."""

from typing import NamedTuple

import keras
import numpy as np
from keras import layers

__all__ = ['Components', 'build_component_layers', 'fit_components']


class Components(NamedTuple):
    """
    Principal components of images, and these rotated by 180 degrees.

    Attributes
    ----------
    mean, rotated_mean : `~numpy.ndarray`, shape (ny, nx, bands)
    axes, rotated_axes : `~numpy.ndarray`, shape (k, ny, nx, bands)
        The axes are of unit length.
    """

    mean: np.ndarray
    axes: np.ndarray
    rotated_mean: np.ndarray
    rotated_axes: np.ndarray


def fit_components(images, rotated, count):
    """
    Principal components of images.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx, bands)
        In several orientations, so that the components have none.
    rotated : `~numpy.ndarray`, shape (n, ny, nx, bands)
        The same, rotated by 180 degrees around their sources. If these images are binned and their
        sources not in the middle, that is not the same as to rotate the components.
    count : int
        Number of components; fewer if there are not as many different images.

    Returns
    -------
    Components
    """
    mean, rotated_mean = (each.mean(axis=0, dtype=float) for each in (images, rotated))
    deviations = (images - mean).reshape(len(images), -1)
    # The products of images with each other: there are fewer of them than of pixels.
    values, vectors = np.linalg.eigh(deviations @ deviations.T)
    known = values > values[-1] * len(values) * np.finfo(np.float32).eps
    vectors = vectors[:, known][:, ::-1][:, :count]
    lengths = np.linalg.norm(deviations.T @ vectors, axis=0)
    vectors = vectors / np.maximum(lengths, np.finfo(float).tiny)
    # Each axis is a sum of images, and rotated the same sum of rotated ones.
    axes = [
        (vectors.T @ (each - middle).reshape(len(each), -1)).reshape(-1, *mean.shape)
        for each, middle in ((images, mean), (rotated, rotated_mean))
    ]
    arrays = mean, axes[0], rotated_mean, axes[1]
    return Components(*(array.astype(np.float32) for array in arrays))


def build_component_layers(channels, components):
    """
    A network without trained weights that adds the channels of components to others.

    Parameters
    ----------
    channels : int
        Number of channels of `~astro_wgan.anomaly.classifier.classifier_inputs.classifier_inputs`,
        of which the first are the image, in the orientation of the stamps.
    components : Components

    Returns
    -------
    `keras.Model`
        To so many channels and two more for each band: the residual of the components, and the
        difference of the image from their closest image rotated by 180 degrees. All layers are
        plain ones, so that they can be saved as the other networks are.
    """
    inputs = keras.Input((*components.mean.shape[:2], channels))
    shape, count = components.mean.shape, len(components.axes)
    selection = np.eye(channels, shape[-1], dtype=np.float32)
    mean, axes = components.mean.ravel(), components.axes.reshape(count, -1)
    rotated = components.rotated_axes.reshape(count, -1), components.rotated_mean.ravel()
    image = _fixed(inputs, selection)
    found = _fixed(layers.Flatten()(image), axes.T, -axes @ mean)
    differences = [
        layers.Subtract()([image, layers.Reshape(shape)(_fixed(found, *weights))])
        for weights in ((axes, mean), rotated)
    ]
    return keras.Model(inputs, layers.Concatenate()([inputs, *differences]))


def _fixed(inputs, matrix, bias=None):
    """A matrix product whose weights are not trained."""
    layer = layers.Dense(matrix.shape[1], use_bias=bias is not None)
    layer.trainable = False
    outputs = layer(inputs)
    layer.set_weights([matrix] if bias is None else [matrix, bias])
    return outputs
