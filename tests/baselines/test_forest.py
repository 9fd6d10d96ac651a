from importlib.metadata import version

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan.baselines import IsolationForestScore, NotFittedBaselineError

pytest.importorskip('sklearn')
from sklearn.metrics import roc_auc_score


@pytest.fixture(scope='module')
def features():
    """Normal ones, then 40 in a wide cloud around them."""
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(size=(400, 6)), 4 * rng.normal(size=(40, 6))])


def test_outliers_are_strange(features):
    table = IsolationForestScore().fit(features[:200]).score(features)
    assert roc_auc_score(np.arange(200, 440) >= 400, table['score'][200:]) > 0.95
    assert ((table['score'] > 0) & (table['score'] < 1)).all()
    assert table.meta['provenance']['versions']['scikit-learn'] == version('scikit-learn')


def test_table_gives_the_same_as_its_columns_in_an_array(features):
    table = QTable({'id': np.arange(440) + 7, 'latent': features[:, :5], 'size': features[:, 5]})
    forest = IsolationForestScore(columns=['latent', 'size']).fit(table)
    scores = forest.score(table)
    np.testing.assert_array_equal(scores['id'], table['id'])
    array = IsolationForestScore().fit(features).score(features)
    np.testing.assert_array_equal(scores['score'], array['score'])


def test_missing_values_give_no_score_and_no_say(features):
    spoilt = features.copy()
    spoilt[4, 2] = np.inf
    table = IsolationForestScore().fit(spoilt).score(spoilt)
    assert np.flatnonzero(np.isnan(table['score'])).tolist() == [4]
    assert np.flatnonzero(~table['usable']).tolist() == [4]
    others = np.delete(features, 4, axis=0)
    expected = IsolationForestScore().fit(others).score(others)['score']
    np.testing.assert_array_equal(np.delete(table['score'], 4), expected)


def test_seed_decides(features):
    first, again, other = (
        np.asarray(IsolationForestScore(trees=20, seed=seed).fit(features).score(features)['score'])
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_nothing_to_score(features):
    forest = IsolationForestScore(trees=5).fit(features)
    assert len(forest.score(features[:0])) == 0
    assert np.isnan(forest.score(np.full((3, 6), np.nan))['score']).all()


def test_what_cannot_be(features):
    with pytest.raises(ValueError, match='`trees`'):
        IsolationForestScore(trees=0)
    with pytest.raises(ValueError, match=r'\(n, features\)'):
        IsolationForestScore().fit(features[0])
    with pytest.raises(ValueError, match='No row'):
        IsolationForestScore().fit(np.full((3, 2), np.nan))
    with pytest.raises(NotFittedBaselineError, match='IsolationForestScore'):
        IsolationForestScore().score(features)
