from importlib.metadata import version

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan.baselines import IsolationForestScore
from astro_wgan.exceptions import NotFittedError

pytest.importorskip('sklearn')
from sklearn.metrics import roc_auc_score


@pytest.fixture(scope='module')
def features():
    """Features of 400 normal objects and 40 outliers of four times the scatter."""
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(size=(400, 6)), 4 * rng.normal(size=(40, 6))])


def test_outliers_have_high_scores(features):
    table = IsolationForestScore().fit(features[:200]).score(features)
    assert roc_auc_score(np.arange(200, 440) >= 400, table['score'][200:]) > 0.95
    assert ((table['score'] > 0) & (table['score'] < 1)).all()
    assert table.meta['provenance']['versions']['scikit-learn'] == version('scikit-learn')


def test_table_and_array_give_the_same_scores(features):
    table = QTable({'id': np.arange(440) + 7, 'latent': features[:, :5], 'size': features[:, 5]})
    forest = IsolationForestScore(columns=['latent', 'size']).fit(table)
    scores = forest.score(table)
    np.testing.assert_array_equal(scores['id'], table['id'])
    array = IsolationForestScore().fit(features).score(features)
    np.testing.assert_array_equal(scores['score'], array['score'])


def test_rows_with_missing_values_have_no_score_and_are_not_fitted(features):
    spoilt = features.copy()
    spoilt[4, 2] = np.inf
    table = IsolationForestScore().fit(spoilt).score(spoilt)
    assert np.flatnonzero(np.isnan(table['score'])).tolist() == [4]
    assert np.flatnonzero(~table['usable']).tolist() == [4]
    others = np.delete(features, 4, axis=0)
    expected = IsolationForestScore().fit(others).score(others)['score']
    np.testing.assert_array_equal(np.delete(table['score'], 4), expected)


def test_principal_components_reveal_weak_outliers():
    """Twenty features that depend on two variables; outliers differ in the weaker one."""
    rng = np.random.default_rng(2)
    variables = rng.normal(size=(340, 2)) * [1, 0.1]
    variables[300:, 1] += 0.4
    data = variables @ rng.normal(size=(2, 20)) + 0.1 * rng.normal(size=(340, 20))
    auc = {}
    for components in (None, 2):
        forest = IsolationForestScore(n_components=components).fit(data[:100])
        score = forest.score(data[100:])['score']
        auc[components] = roc_auc_score(np.arange(240) >= 200, score)
    assert auc[2] > 0.95 > auc[None] + 0.05


def test_all_components_are_a_rotation_of_the_features(features):
    rotated = IsolationForestScore(n_components=6).fit(features)
    by_hand = (features - features.mean(axis=0)) @ rotated.pca_.components_.T
    expected = IsolationForestScore().fit(by_hand).score(by_hand)['score']
    # Rounding errors change a few splits.
    np.testing.assert_allclose(rotated.score(features)['score'], expected, atol=0.02)


def test_scores_depend_on_the_seed(features):
    first, again, other = (
        np.asarray(
            IsolationForestScore(n_trees=20, seed=seed).fit(features).score(features)['score']
        )
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_no_rows_or_no_usable_rows_have_no_scores(features):
    forest = IsolationForestScore(n_trees=5).fit(features)
    assert len(forest.score(features[:0])) == 0
    assert np.isnan(forest.score(np.full((3, 6), np.nan))['score']).all()


def test_bad_arguments_are_refused(features):
    with pytest.raises(ValueError, match='`n_trees`'):
        IsolationForestScore(n_trees=0)
    with pytest.raises(ValueError, match='`n_components` must be at least 1'):
        IsolationForestScore(n_components=0)
    with pytest.raises(ValueError, match='`n_components` must be at most 6'):
        IsolationForestScore(n_components=7).fit(features)
    with pytest.raises(ValueError, match=r'\(n, n_features\)'):
        IsolationForestScore().fit(features[0])
    with pytest.raises(ValueError, match='a row without missing values'):
        IsolationForestScore().fit(np.full((3, 2), np.nan))
    with pytest.raises(NotFittedError, match='IsolationForestScore'):
        IsolationForestScore().score(features)
