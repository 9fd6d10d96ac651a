"""Residuals of principal components as channels of the classifier."""

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

from astro_wgan.anomaly import ClassifierConfig
from astro_wgan.anomaly.classifier.classifier_inputs import in_all_orientations
from astro_wgan.anomaly.classifier.classifier_network import build_classifier, fold_normalization
from astro_wgan.anomaly.classifier.component_layers import (
    fit_components,
    with_component_residuals,
)

CONFIG = ClassifierConfig(channels=(4,))


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(size=(30, 8, 8, 2)).astype(np.float32)


def expected_closest(images, components):
    mean, axes = (part.reshape(-1, 8 * 8 * 2) for part in components)
    flat = images.reshape(len(images), -1) - mean
    return (flat @ axes.T @ axes + mean).reshape(images.shape)


def test_components_are_those_of_all_orientations(images):
    views = np.concatenate([*in_all_orientations(images)]).reshape(240, -1)
    expected = PCA(5, svd_solver='full').fit(views)
    found = fit_components(images, 5)
    np.testing.assert_allclose(found.mean.ravel(), expected.mean_, atol=1e-5)
    products = found.axes.reshape(5, -1) @ expected.components_.T
    # Two of a pair that is rotated by 90 degrees have the same variance: the space is compared.
    np.testing.assert_allclose(np.linalg.svd(products, compute_uv=False), 1, atol=1e-3)


def test_there_are_no_more_components_than_different_images():
    found = fit_components(np.ones((3, 8, 8, 1), np.float32), 5)
    assert np.isfinite(found.axes).all()
    assert len(found.axes) <= 1


def test_many_images_are_drawn_by_the_seed(images):
    many = np.concatenate([images + k for k in range(6)])
    first, again, other = (fit_components(many, 2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.axes, again.axes)
    assert not np.array_equal(first.axes, other.axes)


def test_channels_are_the_residual_and_the_difference_from_the_rotated_image(images):
    components = fit_components(images, 3)
    others = np.random.default_rng(2).normal(size=(30, 8, 8, 4)).astype(np.float32)
    given = np.concatenate([images, others], axis=-1)
    inputs = keras.Input((8, 8, 6))
    network = keras.Model(inputs, with_component_residuals(inputs, components))
    found = network(given).numpy()
    closest = expected_closest(images, components)
    np.testing.assert_array_equal(found[..., :6], given)
    np.testing.assert_allclose(found[..., 6:8], images - closest, atol=1e-5)
    np.testing.assert_allclose(found[..., 8:], images - closest[:, ::-1, ::-1], atol=1e-5)
    assert not network.trainable_variables


def test_with_components_a_network_gives_the_same_with_its_normalizations_folded(images):
    components = fit_components(images, 3)
    network = build_classifier((8, 8, 6), CONFIG, seed=1, components=components)
    assert len(network.trainable_variables) == len(
        build_classifier((8, 8, 6), CONFIG, seed=1).trainable_variables
    )
    given = np.random.default_rng(2).normal(size=(30, 8, 8, 6)).astype(np.float32)
    network(given, training=True)
    folded = fold_normalization(network, CONFIG, components=components)
    np.testing.assert_allclose(folded(given), network(given, training=False), atol=1e-4)
