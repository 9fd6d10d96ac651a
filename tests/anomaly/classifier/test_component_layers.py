"""Residuals of principal components as channels of the classifier."""

import numpy as np
import pytest

from astro_wgan.anomaly.classifier.component_layers import build_component_layers, fit_components

pytest.importorskip('sklearn')
from sklearn.decomposition import PCA


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(size=(30, 8, 8, 2)).astype(np.float32)


@pytest.fixture
def rotated(images):
    return np.roll(images[:, ::-1, ::-1], (1, 1), axis=(1, 2))


def closest_images(images, count):
    """Of each image, and of each rotated like the images that the components are fitted to."""
    pca = PCA(count, svd_solver='full').fit(images.reshape(len(images), -1))
    closest = pca.inverse_transform(pca.transform(images.reshape(len(images), -1)))
    closest = closest.reshape(images.shape)
    return closest, np.roll(closest[:, ::-1, ::-1], (1, 1), axis=(1, 2))


def test_components_are_those_of_scikit_learn(images, rotated):
    expected = PCA(5, svd_solver='full').fit(images.reshape(30, -1))
    found = fit_components(images, rotated, 5)
    np.testing.assert_allclose(found.mean.ravel(), expected.mean_, atol=1e-5)
    products = found.axes.reshape(5, -1) @ expected.components_.T
    np.testing.assert_allclose(np.abs(np.diag(products)), 1, atol=1e-3)


def test_axes_are_rotated_like_the_images(images, rotated):
    found = fit_components(images, rotated, 5)
    for axes, turned in ((found.axes, found.rotated_axes), (found.mean, found.rotated_mean)):
        expected = np.roll(axes[..., ::-1, ::-1, :], (1, 1), axis=(-3, -2))
        np.testing.assert_allclose(turned, expected, atol=1e-5)


def test_there_are_no_more_components_than_different_images():
    same = np.ones((3, 8, 8, 1), np.float32)
    found = fit_components(same, same, 5)
    assert np.isfinite(found.axes).all()
    assert len(found.axes) <= 1


def test_channels_are_the_residual_and_the_difference_from_the_rotated_image(images, rotated):
    components = fit_components(images, rotated, 3)
    others = np.random.default_rng(2).normal(size=(30, 8, 8, 4)).astype(np.float32)
    given = np.concatenate([images, others], axis=-1)
    network = build_component_layers(6, components)
    found = network(given).numpy()
    closest, turned = closest_images(images, 3)
    np.testing.assert_array_equal(found[..., :6], given)
    np.testing.assert_allclose(found[..., 6:8], images - closest, atol=1e-4)
    np.testing.assert_allclose(found[..., 8:], images - turned, atol=1e-4)
    assert not network.trainable_variables
