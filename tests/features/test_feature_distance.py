"""Distances of features: those of a Gaussian, of the covariance of scikit-learn, of few normals."""

import numpy as np
import pytest

from astro_wgan.exceptions import NotFittedError
from astro_wgan.features import FeatureDistance


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_distances_are_those_of_the_shrunk_covariance(rng):
    covariance = pytest.importorskip('sklearn.covariance')
    normals = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 3
    new = rng.normal(scale=3, size=(20, 6))
    expected = covariance.LedoitWolf().fit(normals).mahalanobis(new)
    found = FeatureDistance().fit(normals).transform(new)
    np.testing.assert_allclose(found, np.sqrt(expected), rtol=1e-5)


@pytest.mark.parametrize('shape', [(40, 7), (30, 300)])
def test_shrinkage_is_that_of_scikit_learn(rng, shape):
    covariance = pytest.importorskip('sklearn.covariance')
    normals = rng.normal(size=shape) * np.linspace(0.1, 2, shape[1])
    expected = covariance.LedoitWolf().fit(normals)
    found = FeatureDistance().fit(normals)
    eigenvalues = np.linalg.eigvalsh(expected.covariance_)[::-1]
    k = shape[0] // 10
    np.testing.assert_allclose(found.variances_, eigenvalues[:k], rtol=1e-5)
    assert found.other_variance_ == pytest.approx(eigenvalues[k:].mean(), rel=1e-5)


def test_directions_beyond_the_components_have_one_variance(rng):
    scale = np.r_[10.0, 5.0, np.ones(98)]
    distance = FeatureDistance().fit(rng.normal(size=(1000, 100)) * scale)
    assert distance.axes_.shape == (64, 100)
    few = FeatureDistance().fit(rng.normal(size=(30, 100)) * scale)
    assert few.axes_.shape == (3, 100)
    part = FeatureDistance().fit(rng.normal(size=(28, 100)), n_normals=30)
    assert part.axes_.shape == (3, 100)
    step = np.zeros((2, 100))
    step[0, 0] = step[1, 50] = 10
    # Ten is much along a direction of small variance.
    assert np.diff(few.transform(step + few.center_)) > 4


@pytest.mark.parametrize(('n', 'd'), [(620, 60), (350, 264), (150, 1000)])
@pytest.mark.parametrize('kind', ['decreasing', 'few'])
def test_normals_are_as_far_away_as_new_ones(rng, n, d, kind):
    scale = (
        np.arange(1, d + 1) ** -0.5 if kind == 'decreasing' else np.r_[[10] * 6, [0.1] * (d - 6)]
    )
    normals, new = (rng.normal(size=(size, d)) * scale for size in (n, 2000))
    distance = FeatureDistance().fit(normals)
    expected = distance.transform(new)
    assert np.median(distance.transform(normals)) < 0.98 * np.median(expected)
    found = distance.transform_normals(normals)
    assert np.median(found) == pytest.approx(np.median(expected), rel=0.03)
    # Few are farther away than nine of ten normals: also with more features than normals.
    assert (expected > np.quantile(found, 0.9)).mean() == pytest.approx(0.1, abs=0.06)


def test_a_normal_that_is_left_out_is_as_far_from_the_others(rng):
    normals = rng.normal(size=(400, 2)) * [1, 3]
    normals[0] = 8, 0
    distance = FeatureDistance().fit(normals)
    expected = FeatureDistance().fit(normals[1:]).transform(normals[:1])[0]
    assert distance.transform_normals(normals)[0] == pytest.approx(expected, rel=0.03)
    assert distance.transform(normals)[0] < 0.95 * expected


def test_normals_without_features_have_no_distance_among_the_others(rng):
    normals = rng.normal(size=(50, 4))
    gaps = np.insert(normals, [0, 20], np.nan, axis=0)
    distance = FeatureDistance().fit(gaps)
    found = distance.transform_normals(gaps)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found)), [0, 21])
    np.testing.assert_array_equal(found[np.isfinite(found)], distance.transform_normals(normals))


def test_rows_that_are_not_finite_have_no_distance_and_no_part_in_the_fit(rng):
    normals = rng.normal(size=(50, 4))
    expected = FeatureDistance().fit(normals).transform(normals)
    gaps = np.r_[normals, [[np.nan, 0, 0, 0], [0, 0, np.inf, 0]]]
    found = FeatureDistance().fit(gaps).transform(gaps)
    np.testing.assert_allclose(found[:50], expected)
    assert np.isnan(found[50:]).all()


@pytest.mark.parametrize('normals', [np.ones((1, 3)), np.ones((20, 3)), np.eye(20)[:, :1]])
def test_one_normal_or_equal_ones_have_finite_distances(normals):
    distance = FeatureDistance().fit(normals)
    found = distance.transform(np.vstack([normals[:1], normals[:1] + 0.1]))
    assert np.isfinite(found).all()
    assert found[1] > found[0]
    assert np.isfinite(distance.transform_normals(normals)).all()


def test_plain_values_give_the_same_distances(rng):
    normals = rng.normal(size=(60, 90))
    distance = FeatureDistance().fit(normals)
    again = FeatureDistance.from_dict(distance.to_dict())
    np.testing.assert_array_equal(again.transform(normals), distance.transform(normals))
    assert repr(again) == '<FeatureDistance: 90 features of 60 normals, 6 components>'
    for name, wrong in (('axes_', [1.0]), ('variances_', [0.0] * 6), ('other_variance_', 0.0)):
        with pytest.raises(ValueError, match='its '):
            FeatureDistance.from_dict({**distance.to_dict(), name: wrong})


def test_what_cannot_be(rng):
    distance = FeatureDistance()
    with pytest.raises(NotFittedError):
        distance.transform(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r'`features` must have the shape \(n, d\)'):
        distance.fit(np.ones(5))
    with pytest.raises(ValueError, match='at least one normal stamp'):
        distance.fit(np.full((5, 2), np.nan))
    distance.fit(rng.normal(size=(20, 3)))
    with pytest.raises(ValueError, match='must have 3 columns, as those of the calibration; got 4'):
        distance.transform(np.ones((2, 4)))
