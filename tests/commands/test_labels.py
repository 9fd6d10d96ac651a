"""Similar sources and rankings by labels from the command line, of a table, stamps and a model."""

import json

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan import WGAN, AnomalyDetector
from astro_wgan.cli import main
from astro_wgan.commands.options.configuration_file import read_record
from astro_wgan.labeling import LabelFile, most_similar
from astro_wgan.store import StampStore
from astro_wgan.testing import make_stamps


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('results')
    stamps = make_stamps(60, shape=(16, 16), sigma=2, peak=30, seed=1, table=None)
    wgan = WGAN.preset('compact', size=16).fit(stamps[:40], iterations=2, progress=False)
    detector = AnomalyDetector(wgan).calibrate(stamps[40:], progress=False)
    detector.save(folder / 'model')
    table = detector.score(stamps, in_calibration=np.arange(60) >= 40, progress=False)
    table['id', 'score', 'score_smoothed_residual', 'rank'].write(folder / 'scores.ecsv')
    with StampStore.create(folder / 'stamps.zarr', like=stamps) as store:
        store.append(stamps)
    return folder


@pytest.fixture(scope='module')
def results(folder):
    stamps, model = folder / 'stamps.zarr', folder / 'model'
    return [str(folder / 'scores.ecsv'), '--stamps', str(stamps), '--model', str(model), '--quiet']


def test_similar_sources_are_those_of_the_detector(folder, results, tmp_path, capsys, monkeypatch):
    output = tmp_path / 'similar.ecsv'
    assert main(['similar', *results, '--to', '7', '9', '-n', '12', '--output', str(output)]) == 0
    found = QTable.read(output)
    stamps = StampStore.open(folder / 'stamps.zarr')[:]
    expected = AnomalyDetector.load(folder / 'model').similar(
        stamps, to=[7, 9], n=12, progress=False
    )
    assert found['id'].tolist() == expected['id'].tolist()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(f'  {found["id"][0]}: distance')
    assert len(printed) == 10
    # They are measured once: the next command, and a page, read them.
    kept = [*(folder / '.browsing').glob('*/features-*.npz')]
    assert len(kept) == 1
    monkeypatch.setattr(AnomalyDetector, 'features', None)
    assert main(['similar', *results, '--to', '7', '9', '-n', '12', '--json']) == 0
    similar = json.loads(capsys.readouterr().out)['similar']
    assert [each['id'] for each in similar] == found['id'].tolist()
    record = read_record(output, 'similar')[1]
    assert (record['to'], record['number']) == (['7', '9'], 12)


def test_results_are_not_replaced(folder, results, capsys):
    scores = folder / 'scores.ecsv'
    content = scores.read_bytes()
    for source in ([*results], [str(folder), '--quiet']):
        assert main(['similar', *source, '--to', '7', '--output', str(scores)]) == 2
        assert f'must be another file than {scores}' in capsys.readouterr().err
    assert scores.read_bytes() == content


def test_results_are_ranked_by_labels_of_several_people(results, tmp_path, capsys):
    paths = [tmp_path / 'anna.jsonl', tmp_path / 'ben.jsonl']
    anna, ben = (LabelFile(path) for path in paths)
    anna.add([0, 1, 2], 'interesting', by='anna')
    anna.add([3, 4, 5], 'artifact', by='anna')
    ben.add([0, 1], 'interesting', by='ben')
    ben.add([2, 3], 'artifact', by='ben')
    output = tmp_path / 'ranked.ecsv'
    command = ['rerank', *results, '--output', str(output), '--labels', *map(str, paths)]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "Cohen's kappa of anna and ben: 0.50" in said
    assert '5 labels' in said
    found = QTable.read(output)
    assert found['id'][:2].tolist() in ([0, 1], [1, 0])
    assert {*found['id'][-3:].tolist()} == {3, 4, 5}
    assert found['n_labels'].sum() == 10
    assert found['label'][found['id'] == 2].mask.all()


def test_what_is_missing_is_a_sentence(folder, results, tmp_path, capsys, monkeypatch):
    for arguments, words in (
        (['similar', *results, '--to', 'x'], "the first is 'x'"),
        (['rerank', *results], 'There is no file of labels'),
        (
            ['similar', *results, '--to', '7', '--output', 'similar.xyz'],
            '`--output` must be a table',
        ),
        (['rerank', *results, '--output', str(tmp_path / 'no' / 'a.ecsv')], 'There is no folder'),
        (['rerank', *results[:3]], '`--model` must name'),
        (['rerank', *results, '--relevant', 'interesting', 'artifact', 'ordinary'], 'no file of'),
    ):
        assert main(arguments) == 2
        assert words in capsys.readouterr().err
    labels = LabelFile(tmp_path / 'labels.jsonl')
    labels.add([1, 2], 'artifact', by='anna')
    # Before features are measured.
    monkeypatch.setattr(AnomalyDetector, 'features', None)
    assert main(['rerank', *results, '--labels', str(labels.path)]) == 2
    assert 'at least 5 that are one of' in capsys.readouterr().err


def test_features_of_a_table_need_no_model(tmp_path, capsys):
    features = np.random.default_rng(2).normal(size=(60, 5)).astype('f4')
    table = QTable({'id': np.arange(60), 'score': features[:, 0], 'features': features})
    table.write(tmp_path / 'scores.fits')
    results = str(tmp_path / 'scores.fits')
    assert main(['similar', results, '--to', '4', '--number', '5', '--json']) == 0
    found = json.loads(capsys.readouterr().out)['similar']
    rows, distances = most_similar(features, 4, 5)
    assert [each['id'] for each in found] == rows.tolist()
    np.testing.assert_allclose([each['distance'] for each in found], distances, rtol=1e-5)
    labels = LabelFile(tmp_path / 'labels.jsonl')
    labels.add(np.argsort(features[:, 1])[-8:].tolist(), 'interesting', by='anna')
    labels.add(np.argsort(features[:, 1])[:8].tolist(), 'artifact', by='anna')
    assert main(['rerank', results, '--json']) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary['labels'] == 16
    top = [features[each['id'], 1] for each in summary['top']]
    # Of those without a label, the mean is 0.0.
    assert np.mean(top) > 0.2
    assert len(summary['top']) == 10
