"""Residuals of principal components, as layers in front of the network of the classifier."""

from typing import NamedTuple

import numpy as np
from keras import layers

from astro_wgan.anomaly.classifier.classifier_inputs import in_all_orientations
from astro_wgan.validation.seeds import random_stream

__all__ = ['Components', 'fit_components', 'with_component_residuals']

#: Images that the components are fitted to, at most.
_MAX_IMAGES = 1000


class Components(NamedTuple):
    """
    Principal components of images.

    Attributes
    ----------
    mean : `~numpy.ndarray`, shape (ny, nx, bands)
    axes : `~numpy.ndarray`, shape (k, ny, nx, bands)
        Of unit length.
    """

    mean: np.ndarray
    axes: np.ndarray


def fit_components(images, count, *, seed=0):
    """
    Principal components of images in all orientations.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, size, size, bands)
    count : int
        Number of components; fewer if there are not as many different images.
    seed : int, optional
        Seed of the images that are drawn, if there are many.

    Returns
    -------
    Components
    """
    views = np.concatenate([*in_all_orientations(images)])
    if len(views) > _MAX_IMAGES:
        views = views[random_stream(seed, 4).choice(len(views), _MAX_IMAGES, replace=False)]
    mean = views.mean(axis=0, dtype=float)
    deviations = (views - mean).reshape(len(views), -1)
    # The products of images with each other: there are fewer of them than of pixels.
    values, vectors = np.linalg.eigh(deviations @ deviations.T)
    known = values > values[-1] * len(values) * np.finfo(np.float32).eps
    vectors = vectors[:, known][:, ::-1][:, :count]
    axes = deviations.T @ vectors
    axes /= np.maximum(np.linalg.norm(axes, axis=0), np.finfo(float).tiny)
    return Components(mean.astype(np.float32), axes.T.reshape(-1, *mean.shape).astype(np.float32))


def with_component_residuals(inputs, components):
    """
    Channels with those of the components in addition.

    Parameters
    ----------
    inputs : keras tensor, shape (n, ny, nx, channels)
        From `~astro_wgan.anomaly.classifier.classifier_inputs.classifier_inputs`, of which the
        first are the image.
    components : Components

    Returns
    -------
    keras tensor, shape (n, ny, nx, channels + 2 bands)
        For each band also the residual of the components, and the difference of the image from
        their closest image rotated by 180 degrees. All are plain layers with fixed weights, so that
        they are saved with the network.
    """
    mean, axes = components
    shape, count = mean.shape, len(axes)
    selection = np.eye(inputs.shape[-1], shape[-1], dtype=np.float32)
    flat_mean, flat_axes = mean.ravel(), axes.reshape(count, -1)
    image = _fixed(inputs, selection)
    found = _fixed(layers.Flatten()(image), flat_axes.T, -flat_axes @ flat_mean)
    rotated = [part[..., ::-1, ::-1, :].reshape(-1, flat_mean.size) for part in (mean, axes)]
    closest = [
        layers.Reshape(shape)(_fixed(found, *weights))
        for weights in ((flat_axes, flat_mean), (rotated[1], rotated[0][0]))
    ]
    differences = [layers.Subtract()([image, each]) for each in closest]
    return layers.Concatenate()([inputs, *differences])


def _fixed(inputs, matrix, bias=None):
    """A matrix product whose weights are not trained."""
    layer = layers.Dense(matrix.shape[1], use_bias=bias is not None)
    layer.trainable = False
    outputs = layer(inputs)
    layer.set_weights([matrix] if bias is None else [matrix, bias])
    return outputs
