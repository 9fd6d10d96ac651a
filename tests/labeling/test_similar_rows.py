"""The rows nearest in features, against SciPy."""

import numpy as np
import pytest
from astropy.table import QTable
from scipy.spatial.distance import cdist

from astro_wgan.labeling import most_similar, similar_rows


@pytest.fixture(scope='module')
def features():
    return np.random.default_rng(1).normal(size=(300, 7)).astype(np.float32)


@pytest.mark.parametrize('to', [5, [5], [5, 17, 200], np.arange(300) < 4, slice(10, 12)])
def test_distances_are_those_to_the_nearest_of_the_group(features, to, monkeypatch):
    monkeypatch.setattr(similar_rows, '_BLOCK', 64)
    rows, distances = most_similar(features, to, n=20)
    group = np.arange(300)[to if not isinstance(to, int) else [to]]
    expected = cdist(features, features[group]).min(axis=1)
    expected[group] = np.inf
    np.testing.assert_array_equal(rows, np.argsort(expected)[:20])
    np.testing.assert_allclose(distances, np.sort(expected)[:20], rtol=1e-5)


def test_features_of_others_leave_nothing_out(features):
    rows, distances = most_similar(QTable({'features': features}), features[3:5].astype(float), 2)
    assert {*rows.tolist()} == {3, 4}
    np.testing.assert_allclose(distances, 0, atol=1e-3)


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
