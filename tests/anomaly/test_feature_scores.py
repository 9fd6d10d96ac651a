"""Scores of features from elsewhere, without images and networks."""

import subprocess
import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan.anomaly import score_features
from astro_wgan.catalogs import read_table, write_table
from astro_wgan.features import read_features
from astro_wgan.labeling import most_similar, rerank


def embeddings(n=600, d=12, n_strange=12, seed=1):
    """Correlated features, of which the last are far from the others in one direction."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    values[n - n_strange :] += 8 * values.std(axis=0) * rng.choice([-1, 1], size=d)
    return values


def test_strange_features_have_the_highest_scores_and_smallest_q_values():
    values = embeddings(1600)
    table = score_features(values[1000:], normals=values[:1000], ids=np.arange(600) + 5000)
    assert set(table['id'][table['rank'] <= 12].tolist()) == set(range(5588, 5600))
    assert (table['q_value'][table['rank'] <= 12] < 0.1).all()
    assert table['anomalous_95'][-12:].all()
    assert table['features'].shape == (600, 12)
    assert table.meta['feature_score'] == {
        'dimensions': 12,
        'normals': 1000,
        'compared_with': 'normals',
    }


@pytest.mark.parametrize('d', [3, 40])
def test_p_values_of_new_normals_are_those_of_chance(d):
    values = embeddings(2400, d, n_strange=0)
    table = score_features(values[400:], normals=values[:400])
    for limit in (0.05, 0.2, 0.5):
        # The rate itself scatters with the 400 normals, by sqrt(p (1 - p) / 400).
        assert np.mean(table['p_value'] < limit) == pytest.approx(limit, abs=0.06)


def test_p_values_among_one_another_are_those_of_chance():
    table = score_features(embeddings(n_strange=0))
    assert np.mean(table['p_value'] <= 0.1) == pytest.approx(0.1, abs=0.01)
    strange = score_features(embeddings(n_strange=12), contamination=0.02)
    assert set(strange['id'][strange['rank'] <= 12].tolist()) == set(range(588, 600))
    assert (strange['q_value'][588:] < 0.2).all()


def test_other_columns_are_kept_and_missing_features_have_no_score():
    values = embeddings()
    values[3, 2] = np.nan
    given = QTable({'id': [f'g{k}' for k in range(600)], 'ra': np.arange(600) * u.deg})
    given['features'] = values
    table = score_features(given)
    assert table.colnames[:4] == ['id', 'ra', 'features', 'score']
    assert np.isnan(table['score'][3])
    assert np.isnan(table['p_value'][3])
    assert table['rank'][3] == 600
    assert given.colnames == ['id', 'ra', 'features']
    same = score_features({'id': given['id'], 'features': values})
    np.testing.assert_array_equal(same['score'], table['score'])


@pytest.mark.parametrize(
    ('features', 'options', 'error', 'words'),
    [
        (np.ones((4, 2)), {'ids': [1, 2]}, ValueError, '`ids` must have one value'),
        (np.ones((4, 2)), {'ids': [1, 1, 2, 3]}, ValueError, 'some of them repeat'),
        (np.ones(4), {}, ValueError, r'must have the shape \(n, d\)'),
        (np.array([['a']] * 3), {}, TypeError, 'must hold numbers'),
        (np.full((4, 2), np.nan), {}, ValueError, 'at least two rows of finite numbers; got 0'),
        (np.ones((4, 2)), {'normals': np.ones((9, 3))}, ValueError, 'as many columns'),
        ({'id': [1], 'x': [2]}, {}, ValueError, 'must have the column `features`'),
        ({'features': np.ones((2, 2))}, {'ids': [1, 2]}, ValueError, 'for an array'),
        (np.ones((4, 2)), {'contamination': 0.7}, ValueError, '`contamination` must be'),
    ],
)
def test_wrong_arguments_are_refused(features, options, error, words):
    with pytest.raises(error, match=words):
        score_features(features, **options)


@pytest.mark.parametrize('name', ['a.npz', 'a.parquet', 'a.fits', 'a.ecsv'])
def test_files_of_embeddings_are_scored_and_ranked_by_labels(name, tmp_path):
    values, ids = embeddings().astype(np.float32), np.arange(600)
    if name.endswith('npz'):
        np.savez(tmp_path / name, features=values, id=ids)
    else:
        write_table({'id': ids, 'features': values}, tmp_path / name)
    table = score_features(read_features(tmp_path / name))
    path = write_table(table, tmp_path / 'scores.parquet')
    read = read_table(path)
    np.testing.assert_array_equal(read['features'], values)
    rows, _ = most_similar(read['features'], to=599, n=11)
    assert set(rows.tolist()) == set(range(588, 599))
    labels = QTable({'id': [590, 591, 1, 2, 3], 'label': ['interesting'] * 2 + ['artifact'] * 3})
    ranked = rerank(read, read['features'], labels)
    assert (ranked['joined_rank'][588:] <= 40).all()


def test_lists_of_one_length_in_a_parquet_file_are_features(tmp_path):
    pa = pytest.importorskip('pyarrow')
    from pyarrow import parquet

    values = embeddings(5, 3, n_strange=0)
    lists = pa.table(
        {
            'id': [3, 4, 5, 6, 7],
            'features': [row.tolist() for row in values],
            'curve': [[1.0], [2.0, 3.0], [], [4.0], [5.0]],
        }
    )
    parquet.write_table(lists, tmp_path / 'a.parquet')
    table = read_features(tmp_path / 'a.parquet')
    assert table.colnames == ['id', 'features']
    np.testing.assert_array_equal(table['features'], values)


def test_no_tensorflow_is_imported():
    code = (
        'import sys, numpy as np\n'
        'from astro_wgan.anomaly import score_features\n'
        'score_features(np.random.default_rng(1).normal(size=(50, 3)))\n'
        "assert not {'tensorflow', 'keras', 'torch'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, '-c', code], check=True)


def test_few_sources_are_ranked_where_no_contamination_is_given():
    features = np.random.default_rng(1).normal(size=(12, 2))
    features[3] += 50
    table = score_features(features)
    assert table['rank'][3] == 1
    assert table['p_value'][3] == pytest.approx(1 / 12)
    with pytest.raises(ValueError, match=r'at least 30 held-out scores; got 0\.1 with 12'):
        score_features(features, contamination=0.1)
