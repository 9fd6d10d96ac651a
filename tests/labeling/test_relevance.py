"""Ranking by labels: the blind one without evidence, and what labels teach."""

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan.labeling import LabelFile, RelevanceModel, rerank
from astro_wgan.labeling.relevance import RelevanceConfig

N = 600


@pytest.fixture(scope='module')
def sources():
    """Anomalies of two kinds that have high scores, each in a place of its own among features."""
    rng = np.random.default_rng(1)
    features, score = rng.normal(size=(N, 8)), rng.normal(size=N)
    truth = np.full(N, 'ordinary', dtype=object)
    truth[:40], truth[40:80] = 'interesting', 'artifact'
    features[:40, 0] += 6
    features[40:80, 1] += 6
    score[:80] += 3
    return features, score, truth


def labeled(score, truth, count):
    labels = [None] * len(score)
    for row in np.argsort(-score)[:count]:
        labels[row] = truth[row]
    return labels


def precision(rank, truth, labels, kind, n=30):
    free = [row for row in np.argsort(rank) if labels[row] is None][:n]
    return np.mean(truth[free] == kind)


def test_artifacts_sink_and_what_is_sought_rises(sources):
    features, score, truth = sources
    labels = labeled(score, truth, 30)
    model = RelevanceModel().fit(features, labels, score=score)
    blind = np.argsort(np.argsort(-score))
    for kind, more in (('interesting', True), ('artifact', False)):
        before, after = (precision(r, truth, labels, kind) for r in (blind, model.joined_rank_))
        assert after > 1.5 * before if more else after < 0.3 * before
    assert model.gain_ > 0.1


def test_labels_that_features_do_not_explain_leave_the_blind_ranking(sources):
    features, score, _ = sources
    rng = np.random.default_rng(2)
    labels = labeled(score, rng.choice(['interesting', 'artifact'], N), 20)
    model = RelevanceModel().fit(features, labels, score=score)
    free = np.array([label is None for label in labels])
    agreement = np.corrcoef(
        np.argsort(np.argsort(-score[free])), np.argsort(np.argsort(model.joined_rank_[free]))
    )
    assert agreement[0, 1] > 0.8


def test_known_sources_come_first_and_last(sources):
    features, score, truth = sources
    labels = labeled(score, truth, 30)
    model = RelevanceModel().fit(features, labels, score=score)
    assert sorted(model.joined_rank_) == [*range(1, N + 1)]
    groups = [
        model.joined_rank_[[label in kinds for label in labels]]
        for kinds in (['interesting'], [None], ['artifact', 'ordinary'])
    ]
    assert groups[0].max() < groups[1].min()
    assert groups[1].max() < groups[2].min()
    known = np.array([label is not None for label in labels])
    assert {*model.relevance_[known]} == {0, 1}
    assert (model.uncertainty_[known] == 0).all()
    assert (model.uncertainty_[~known] > 0).all()
    assert ((model.relevance_ >= 0) & (model.relevance_ <= 1)).all()


def test_own_labels_count_only_where_they_are_named(sources):
    features, score, truth = sources
    labels = labeled(score, np.where(truth == 'interesting', 'lens', truth), 30)
    count = [label for label in labels if label not in ('lens', None)]
    assert RelevanceModel().fit(features, labels, score=score).n_labels_ == len(count)
    config = RelevanceConfig(relevant='lens')
    named = RelevanceModel(config).fit(features, labels, score=score)
    plain = RelevanceModel().fit(features, labeled(score, truth, 30), score=score)
    np.testing.assert_array_equal(named.joined_rank_, plain.joined_rank_)


def test_sources_without_features_or_score_are_ranked_all_the_same(sources):
    features, score, truth = (part.copy() for part in sources)
    labels = labeled(score, truth, 30)
    features[[100, 101]], score[[101, 102]] = np.nan, np.nan
    features[np.argsort(-score)[3]] = np.nan
    model = RelevanceModel().fit(features, labels, score=score)
    assert np.isfinite(model.log_odds_).all()
    assert np.isfinite(model.uncertainty_).all()
    # Of two without features, that without a score is lower.
    assert model.log_odds_[101] < model.log_odds_[100]


def test_the_score_and_its_rank_stay(sources, tmp_path):
    features, score, truth = sources
    table = QTable({'id': np.arange(N), 'score': score, 'rank': np.argsort(np.argsort(-score)) + 1})
    labels = LabelFile(tmp_path / 'labels.jsonl')
    given = labeled(score, truth, 30)
    for row, label in enumerate(given):
        if label is not None:
            labels.add(row, label, by='anna')
    found = rerank(table, QTable({'features': features}), labels)
    assert found.colnames == [
        'id', 'score', 'rank', 'relevance', 'relevance_error', 'joined_rank'
    ]  # fmt: skip
    assert table.colnames == ['id', 'score', 'rank']
    for name in table.colnames:
        np.testing.assert_array_equal(found[name], table[name])
    assert found.meta['relevance']['labels'] == 30
    for other in (labels.path, labels.table(), given):
        again = rerank(table, features, other)
        np.testing.assert_array_equal(again['joined_rank'], found['joined_rank'])


def test_what_cannot_be_learned_from(sources):
    features, score, truth = sources
    labels = labeled(score, truth, 30)
    with pytest.raises(ValueError, match='at least 5 that are one of'):
        RelevanceModel().fit(features, labeled(score, truth, 4), score=score)
    with pytest.raises(ValueError, match='as many rows; got 600, 30 and 600'):
        RelevanceModel().fit(features, labels[:30], score=score)
    with pytest.raises(ValueError, match='one for each of 600 rows; got 3'):
        rerank(QTable({'id': np.arange(N), 'score': score}), features, ['artifact'] * 3)
    with pytest.raises(ValueError, match="column 'score'"):
        rerank(QTable({'id': np.arange(N)}), features, labels)
    with pytest.raises(ValueError, match='none that `irrelevant` has'):
        RelevanceConfig(relevant='artifact')


def test_terms_of_the_score_tell_what_features_do_not(sources):
    features, score, truth = sources
    rng = np.random.default_rng(3)
    blank = rng.normal(size=features.shape)
    labels = labeled(score, truth, 40)
    terms = np.column_stack([features[:, 0], features[:, 1], np.full(N, 2.0)])
    terms[7] = np.nan
    found = {}
    for name, given in (('with', terms), ('without', None)):
        model = RelevanceModel().fit(blank, labels, score=score, terms=given)
        found[name] = precision(model.joined_rank_, truth, labels, 'artifact')
    assert found['with'] < 0.5 * found['without']
    table = QTable({'id': np.arange(N), 'score': score, 'score_peak': terms[:, 0]})
    table['score_rest'] = terms[:, 1]
    ranks = rerank(table, blank, labels)['joined_rank']
    assert precision(ranks, truth, labels, 'artifact') < 0.5 * found['without']
    # A term that no source has says nothing.
    both = [terms, np.column_stack([terms, np.full(N, np.nan)])]
    ranks = [RelevanceModel().fit(blank, labels, score=score, terms=t).joined_rank_ for t in both]
    np.testing.assert_array_equal(*ranks)
    with pytest.raises(ValueError, match='a row for each of 600 scores'):
        RelevanceModel().fit(blank, labels, score=score, terms=terms[:5])


def test_all_labels_of_one_kind_sink_what_is_like_them(sources):
    features, score, truth = sources
    labels = [None] * N
    for row in range(40, 50):
        labels[row] = 'artifact'
    model = RelevanceModel().fit(features, labels, score=score)
    blind = np.argsort(np.argsort(-score))
    before = precision(blind, truth, labels, 'artifact')
    assert precision(model.joined_rank_, truth, labels, 'artifact') < before


def test_more_labels_than_are_computed_with(sources, monkeypatch):
    from astro_wgan.labeling import relevance

    features, score, truth = sources
    monkeypatch.setattr(relevance, '_MOST', 50)
    labels = [*truth[:300], *[None] * 300]
    model = RelevanceModel().fit(features, labels, score=score)
    assert model.n_labels_ == 300
