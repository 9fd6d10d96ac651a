"""The rows nearest in features, against a singular value decomposition."""

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan.labeling import most_similar, principal_features
from astro_wgan.labeling.principal_features import PrincipalFeatures


@pytest.fixture(scope='module')
def features():
    return np.random.default_rng(1).normal(size=(300, 7)).astype(np.float32)


def by_hand(features, keep=24):
    """Principal components by a singular value decomposition, damped."""
    centered = features.astype(float) - features.mean(axis=0, dtype=float)
    left, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    found = left[:, :keep] * np.sqrt(sizes[:keep])
    return found / np.sqrt((found**2).sum(axis=1).mean())


@pytest.mark.parametrize('to', [5, [5], [5, 17, 200], np.arange(300) < 4, slice(10, 12)])
def test_distances_are_those_from_the_mean_of_the_group(features, to, monkeypatch):
    monkeypatch.setattr(principal_features, '_BLOCK', 64)
    rows, distances = most_similar(features, to, n=20)
    group = np.arange(300)[to if not isinstance(to, int) else [to]]
    reduced = by_hand(features)
    expected = np.linalg.norm(reduced - reduced[group].mean(axis=0), axis=1)
    expected[group] = np.inf
    np.testing.assert_array_equal(rows, np.argsort(expected)[:20])
    np.testing.assert_allclose(distances, np.sort(expected)[:20], rtol=1e-4)


def test_features_of_others_leave_nothing_out(features):
    given = features[3:4].astype(float)
    rows, distances = most_similar(QTable({'features': features}), given, 2)
    assert rows[0] == 3
    assert distances[0] == pytest.approx(0, abs=1e-6)
    assert distances[1] > 0.01


def test_units_and_directions_without_variance_do_not_count(features):
    rng = np.random.default_rng(2)
    turned = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    wide = np.column_stack([1000 * features @ turned + 5, np.full(300, 3.0), np.zeros((300, 30))])
    np.testing.assert_array_equal(most_similar(wide, 7)[0], most_similar(features, 7)[0])
    same = most_similar(np.ones((5, 3)), 0)
    assert same[0].tolist() == [1, 2, 3, 4]
    assert same[1].tolist() == [0, 0, 0, 0]


def test_components_of_many_rows_are_those_of_some(features, monkeypatch):
    monkeypatch.setattr(principal_features, '_ROWS', 250)
    found = PrincipalFeatures(seed=1).fit(features).transform(features)
    assert (found**2).sum(axis=1).mean() == pytest.approx(1, rel=0.1)


def test_rows_without_features_are_like_none(features):
    features = features.copy()
    features[[0, 1]] = np.nan
    rows, distances = most_similar(features, [1, 2], n=1000)
    assert len(rows) == 300 - 3
    assert np.isfinite(distances).all()
    with pytest.raises(ValueError, match='finite features; got none'):
        most_similar(features, [0, 1])


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        ({'to': []}, ValueError, 'at least one row'),
        ({'to': 300}, IndexError, 'does not exist'),
        ({'to': 1, 'n': 0}, ValueError, '`n` must be a whole number'),
        ({'to': np.zeros((1, 3))}, ValueError, 'have 7 features'),
    ],
)
def test_what_cannot_be(features, arguments, error, message):
    with pytest.raises(error, match=message):
        most_similar(features, **arguments)


def test_what_are_no_features():
    with pytest.raises(ValueError, match='column `features`'):
        most_similar(QTable({'x': [1.0]}), 0)
    with pytest.raises(ValueError, match='a row for each source'):
        most_similar(np.zeros(3), 0)
