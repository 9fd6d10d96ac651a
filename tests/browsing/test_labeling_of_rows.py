import errno
import os

import numpy as np
import pytest
from astropy.table import Table

from astro_wgan.browsing import Results
from astro_wgan.browsing.results_view import ResultsView
from astro_wgan.labeling import (
    LabelFile,
    PrincipalFeatures,
    label_file,
    most_similar,
    rerank,
)
from tests.browsing.example_results import arrays_of, asking, make_stamps, until_done


def test_labels_are_in_the_file_once_they_are_answered(ask, view, results, tmp_path):
    answer = ask('/api/labels', {'rows': [3, 1], 'label': 'artifact'})
    assert answer.status == 200
    table = LabelFile(tmp_path / 'labels.jsonl').table()
    assert table['id'].tolist() == results.table['id'][[3, 1]].tolist()
    assert {*table['label']} == {'artifact'}
    assert {*table['by']} == {'anna'}
    found = ask('/api/labels').json
    assert (found['rows'], found['labels']) == ([3, 1], ['artifact'] * 2)
    assert found['counts'] == {'artifact': 2}
    assert ask('/api/source/3').json['label'] == 'artifact'


def test_labels_are_replaced_removed_and_taken_back(ask):
    ask('/api/labels', {'rows': [0, 1, 2], 'label': 'artifact'})
    ask('/api/labels', {'rows': [1], 'label': 'a lens'})
    ask('/api/labels', {'rows': [0], 'label': None})
    found = ask('/api/labels').json
    assert dict(zip(found['rows'], found['labels'], strict=True)) == {1: 'a lens', 2: 'artifact'}
    assert ask('/api/results').json['labels']['own'] == ['a lens']
    assert ask('/api/undo', {}).json['rows'] == [0]
    assert ask('/api/undo', {}).json['rows'] == [1]
    assert ask('/api/labels').json['labels'] == ['artifact'] * 3
    assert sorted(ask('/api/undo', {}).json['rows']) == [0, 1, 2]
    assert ask('/api/undo', {}).json['rows'] == []


def test_two_windows_and_two_servers_see_each_others_labels(ask, view, results, tmp_path):
    other = asking(ResultsView(results, labels=tmp_path / 'labels.jsonl', by='anna'))
    revision = ask('/api/labels').json['revision']
    assert ask(f'/api/labels?since={revision}').json == {'revision': revision}
    other('/api/labels', {'rows': [8], 'label': 'ordinary'})
    found = ask(f'/api/labels?since={revision}').json
    assert (found['rows'], found['labels']) == ([8], ['ordinary'])
    assert found['revision'] != revision
    ask('/api/undo', {})
    assert other('/api/labels').json['rows'] == []


def test_each_person_sees_their_own_labels(ask, results, tmp_path):
    ben = asking(ResultsView(results, labels=tmp_path / 'labels.jsonl', by='ben'))
    ask('/api/labels', {'rows': [8], 'label': 'ordinary'})
    assert ben('/api/labels').json['rows'] == []
    ben('/api/labels', {'rows': [9], 'label': 'artifact'})
    assert ask('/api/labels').json['rows'] == [8]
    lines = ben('/api/labels.csv').content.decode().splitlines()
    assert lines[0] == 'id,label,by,time,model'
    assert [line.split(',')[1:3] for line in lines[1:]] == [
        ['ordinary', 'anna'],
        ['artifact', 'ben'],
    ]


@pytest.mark.parametrize('text', ['=1+1', '@x', '+1|cmd', '\u200b=1', '-x', ' =1'])
def test_no_text_of_the_file_to_take_away_is_computed(text, table, tmp_path):
    table['id'][0] = text
    stamps = make_stamps(table)
    results = Results.open(table, stamps=stamps)
    ask = asking(ResultsView(results, labels=tmp_path / 'labels.jsonl', by='=anna'))
    row = results.table['id'].tolist().index(text)
    ask('/api/labels', {'rows': [row], 'label': '=1'})
    found = Table.read(ask('/api/labels.csv').content.decode(), format='ascii.csv')
    assert found['id', 'label', 'by'][0].as_void().tolist() == (f"'{text}", "'=1", "'=anna")


def test_numbers_below_zero_of_the_file_to_take_away_are_numbers(table, tmp_path):
    table['id'] = -np.arange(150)
    results = Results.open(table, stamps=make_stamps(table))
    ask = asking(ResultsView(results, labels=tmp_path / 'labels.jsonl', by='anna'))
    ask('/api/labels', {'rows': [0, 1], 'label': 'ordinary'})
    found = Table.read(ask('/api/labels.csv').content.decode(), format='ascii.csv')
    assert found['id'].tolist() == results.table['id'][:2].tolist()


@pytest.mark.parametrize(
    'given',
    [
        {},
        {'rows': [], 'label': 'x'},
        {'rows': [150], 'label': 'x'},
        {'rows': [-1], 'label': 'x'},
        {'rows': [True], 'label': 'x'},
        {'rows': [1.0], 'label': 'x'},
        {'rows': ['1'], 'label': 'x'},
        {'rows': 1, 'label': 'x'},
        {'rows': [1], 'label': ''},
        {'rows': [1], 'label': 'x' * 101},
        {'rows': [1], 'label': 7},
        {'rows': [1], 'label': ['x']},
        {'rows': [1]},
    ],
)
def test_labels_that_are_none_are_refused(given, ask):
    ask('/api/labels', {'rows': [1], 'label': 'ordinary'})
    answer = ask('/api/labels', given)
    assert answer.status == 400
    assert answer.json['error'].endswith('.')
    assert ask('/api/labels').json['labels'] == ['ordinary']


def test_bodies_that_are_no_json_are_refused(view):
    from astro_wgan.browsing import in_process
    from astro_wgan.browsing.routes import make_app

    for body in (
        b'',
        b'[]',
        b'{"rows": NaN}',
        b'[' * 10_000,
        b'\xff',
        b'{"rows": [1], "rows": [2]}',
    ):
        status, _, content = in_process.ask(make_app(view), 'POST', '/api/labels', body=body)
        assert status == 400
        assert b'The body must be a dictionary in JSON' in content


def test_a_full_disk_is_told_and_no_label_is_pretended(ask, monkeypatch):
    def full(file, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(label_file, '_write_all', full)
    answer = ask('/api/labels', {'rows': [1], 'label': 'artifact'})
    assert answer.status == 507
    assert 'labels.jsonl cannot be written: No space left on device.' in answer.json['error']
    monkeypatch.undo()
    assert ask('/api/labels').json['rows'] == []


def test_all_rows_are_labeled_at_once(ask):
    answer = ask('/api/labels', {'rows': list(range(150)), 'label': 'ordinary'})
    assert answer.status == 200
    assert len(ask('/api/labels').json['rows']) == 150


def test_labels_rank_again(table, results, tmp_path):
    rng = np.random.default_rng(3)
    results.table['features'] = rng.normal(size=(150, 4)).astype(np.float32)
    wanted = np.flatnonzero(results.table['features'][:, 0] > 0)
    view = ResultsView(results, labels=tmp_path / 'labels.jsonl')
    ask = asking(view)
    answer = until_done(ask, '/api/rerank', {})
    assert answer.status == 409
    assert 'at least 5' in answer.json['error']
    ask('/api/labels', {'rows': wanted[:15].tolist(), 'label': 'interesting'})
    others = np.setdiff1d(np.arange(150), wanted)
    ask('/api/labels', {'rows': others[:15].tolist(), 'label': 'artifact'})
    header, arrays = arrays_of(until_done(ask, '/api/rerank', {}).content)
    assert header['report']['labels'] == 30
    assert header['report']['gain'] > 0
    relevance = arrays['relevance']
    unlabeled = np.setdiff1d(np.arange(150), [*wanted[:15], *others[:15]])
    is_wanted = np.isin(unlabeled, wanted)
    assert relevance[unlabeled[is_wanted]].mean() > relevance[unlabeled[~is_wanted]].mean() + 0.2
    assert sorted(arrays['joined_rank'].tolist()) == list(range(1, 151))
    # They are columns from now on, which order and filter.
    order = arrays_of(ask('/api/order?by=relevance').content)[1]['rows']
    np.testing.assert_array_equal(order, np.argsort(-relevance, kind='stable'))
    least = arrays_of(ask('/api/order?by=least-sure').content)[1]['rows']
    np.testing.assert_array_equal(least, np.argsort(np.abs(relevance - 0.5), kind='stable'))
    names = [column['name'] for column in ask('/api/results').json['columns']]
    assert {'relevance', 'relevance_error', 'joined_rank'} <= {*names}


def test_similar_sources_are_the_nearest(results, tmp_path):
    features = np.random.default_rng(3).normal(size=(150, 4)).astype(np.float32)
    features[7] = np.nan
    results.table['features'] = features
    ask = asking(ResultsView(results, labels=tmp_path / 'labels.jsonl'))
    rows = arrays_of(until_done(ask, '/api/order?by=similar:20').content)[1]['rows']
    np.testing.assert_array_equal(rows[:149], [20, *most_similar(features, 20, n=150)[0]])
    assert rows[149] == 7
    assert ask('/api/order?by=similar:7').status == 409


def test_principal_components_are_found_once(results, tmp_path, monkeypatch):
    results.table['features'] = np.random.default_rng(3).normal(size=(150, 4)).astype(np.float32)
    fits = []
    fit = PrincipalFeatures.fit
    monkeypatch.setattr(
        PrincipalFeatures, 'fit', lambda self, features: fits.append(1) or fit(self, features)
    )
    labels = LabelFile(tmp_path / 'labels.jsonl')
    ids = results.table['id']
    labels.add(ids[:8].tolist(), 'interesting', by='ada')
    labels.add(ids[8:16].tolist(), 'artifact', by='ada')
    ask = asking(ResultsView(results, labels=labels.path))
    for row in (1, 2):
        until_done(ask, f'/api/order?by=similar:{row}')
    _, arrays = arrays_of(until_done(ask, '/api/rerank', {}).content)
    assert len(fits) == 1
    ranked = rerank(results.table, results.table['features'], labels)
    np.testing.assert_allclose(arrays['relevance'], ranked['relevance'], rtol=1e-5)


def test_maps_have_a_place_for_each_source_with_features(results, tmp_path):
    features = np.random.default_rng(3).normal(size=(150, 2)).astype(np.float32)
    features[:, 0] *= 30
    features[7] = np.nan
    results.table['features'] = features
    view = ResultsView(results, labels=tmp_path / 'labels.jsonl')
    header, arrays = arrays_of(until_done(asking(view), '/api/map').content)
    places = arrays['places'].reshape(150, 2)
    assert np.isnan(places[7]).all()
    assert np.isfinite(np.delete(places, 7, axis=0)).all()
    assert header['method'] in ('UMAP', 'principal components')
