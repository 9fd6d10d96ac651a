"""Pools of simulated users, and what they find."""

import numpy as np
import pytest

pytest.importorskip('sklearn')

from benchmarks.detectors.labeled_pools import ARTIFACT, INTERESTING, ORDINARY, Sources
from benchmarks.detectors.simulated_users import (
    USERS,
    Pool,
    ceiling_scores,
    draw_rows,
    labeling_session,
)


@pytest.fixture(scope='module')
def sources():
    """Artifacts have the highest scores, interesting sources the next; features tell them apart."""
    rng = np.random.default_rng(1)
    label = np.array([ORDINARY] * 2000 + [INTERESTING] * 60 + [ARTIFACT] * 40)
    features = rng.normal(size=(2100, 6)).astype(np.float32)
    features[label == INTERESTING, 0] += 5
    features[label == ARTIFACT, 1] += 5
    score = rng.normal(size=2100) + 3 * (label == INTERESTING) + 6 * (label == ARTIFACT)
    return Sources(score, features, rng.normal(size=(2100, 2)), label, label)


def test_pools_have_the_mixture_that_is_asked_for(sources):
    pool = sources[draw_rows(sources, 0.01, seed=1)]
    counts = [np.count_nonzero(pool.label == each) for each in (ORDINARY, INTERESTING, ARTIFACT)]
    assert counts == [2000, 20, 20]
    assert len(draw_rows(sources, None, seed=1)) == 1890
    assert draw_rows(sources, 0.01, seed=1).tolist() != draw_rows(sources, 0.01, seed=2).tolist()


def test_the_ceiling_finds_what_features_tell(sources):
    first = np.argsort(-ceiling_scores(sources))[:50]
    assert (sources.label[first] == INTERESTING).mean() > 0.9


@pytest.mark.parametrize('user', USERS)
def test_what_users_find_is_counted(sources, user):
    pool = Pool(sources[draw_rows(sources, None, seed=1)], seed=1)
    for row in labeling_session(pool, user, (10, 20)):
        assert row['found'] * pool.of(INTERESTING).sum() <= min(row['labels'], row['seen'])
        assert row['interesting'] + row['artifacts'] <= 100


def test_labels_of_artifacts_sink_them_and_the_list_by_score_stays(sources):
    pool = Pool(sources[draw_rows(sources, None, seed=1)], seed=1)
    blind, labels = (
        {row['labels']: row for row in labeling_session(pool, user, (10, 40))}
        for user in ('blind', 'labels')
    )
    assert blind[10]['interesting'] == blind[40]['interesting']
    assert blind[10]['artifacts'] == pool.of(ARTIFACT).sum()
    assert labels[40]['artifacts'] < blind[40]['artifacts'] / 2
    assert labels[40]['interesting'] > blind[40]['interesting']
