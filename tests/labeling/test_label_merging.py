"""Labels of several people, and their agreement."""

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan.labeling import LabelFile, cohens_kappa, merge_labels


def labels_of(by, **labels):
    return QTable({'id': [*labels], 'label': [*labels.values()], 'by': [by] * len(labels)})


def test_the_majority_wins_and_ties_are_masked():
    merged = merge_labels(
        labels_of('anna', a='x', b='x', c='x'),
        labels_of('ben', a='x', b='y', d='y'),
        labels_of('carl', a='y', b='z'),
    )
    assert merged['id'].tolist() == ['a', 'b', 'c', 'd']
    assert merged['label'].tolist() == ['x', None, 'x', 'y']
    assert merged['n_labels'].tolist() == [3, 3, 1, 1]
    np.testing.assert_allclose(merged['agreement'], [2 / 3, 1 / 3, 1, 1])
    assert merged['by_ben'].tolist() == ['x', 'y', None, 'y']


def test_files_are_merged_and_the_last_label_of_a_person_counts(tmp_path):
    first, second = LabelFile(tmp_path / 'a.jsonl'), LabelFile(tmp_path / 'b.jsonl')
    first.add([1, 2], 'artifact', by='anna')
    second.add([2], 'interesting', by='anna')
    second.add([2], 'interesting', by='ben')
    for given in ((first.path, second.path), (second, first), (second.table(), first.table())):
        merged = merge_labels(*given)
        found = dict(zip(merged['id'].tolist(), merged['label'].tolist(), strict=True))
        assert found == {1: 'artifact', 2: 'interesting'}
    with pytest.raises(FileNotFoundError, match='no file of labels'):
        merge_labels(tmp_path / 'c.jsonl')
    with pytest.raises(ValueError, match='at least one file'):
        merge_labels()
    with pytest.raises(ValueError, match="'by' is missing"):
        merge_labels(QTable({'id': [1], 'label': ['x']}))


def test_nothing_can_be_merged(tmp_path):
    merged = merge_labels(LabelFile(tmp_path / 'a.jsonl'))
    assert merged.colnames == ['id', 'label', 'n_labels', 'agreement']
    assert len(merged) == 0


@pytest.mark.parametrize('seed', range(3))
def test_kappa_is_that_of_scikit_learn(seed):
    metrics = pytest.importorskip('sklearn.metrics')
    rng = np.random.default_rng(seed)
    first = rng.choice(['interesting', 'artifact', 'ordinary'], 50, p=[0.2, 0.5, 0.3])
    second = np.where(rng.random(50) < 0.6, first, rng.choice(['artifact', 'star'], 50))
    expected = metrics.cohen_kappa_score(first, second)
    assert cohens_kappa(first, second) == pytest.approx(expected)
    tables = (
        QTable({'id': np.arange(50), 'label': first}),
        QTable({'id': np.arange(60)[::-1], 'label': [*['star'] * 10, *second[::-1]]}),
    )
    assert cohens_kappa(*tables) == pytest.approx(expected)


def test_kappa_by_hand():
    counts = {('a', 'a'): 25, ('a', 'b'): 13, ('b', 'a'): 12, ('b', 'b'): 50}
    pairs = np.array([pair for pair, count in counts.items() for _ in range(count)])
    expected = 0.38 * 0.37 + 0.62 * 0.63
    assert cohens_kappa(*pairs.T) == pytest.approx((0.75 - expected) / (1 - expected))


def test_kappa_of_columns_of_merged_labels():
    merged = merge_labels(
        labels_of('anna', a='x', b='y', c='x'), labels_of('ben', a='x', b='y', d='y')
    )
    assert cohens_kappa(merged['by_anna'], merged['by_ben']) == 1
    assert np.isnan(cohens_kappa(merged['by_anna'][:1], merged['by_ben'][:1]))
    assert np.isnan(cohens_kappa([None], ['x']))
    with pytest.raises(ValueError, match='equal lengths; got 1 and 2'):
        cohens_kappa(['x'], ['x', 'y'])
    both = QTable({'id': [1, 2], 'label': ['x', 'y'], 'by': ['anna', 'ben']})
    with pytest.raises(ValueError, match='labels of one person; got those of anna, ben'):
        cohens_kappa(both, both)
