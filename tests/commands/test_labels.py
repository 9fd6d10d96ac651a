"""Similar sources and rankings by labels from the command line, of a table, stamps and a model."""

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan import WGAN, AnomalyDetector
from astro_wgan.cli import main
from astro_wgan.labeling import LabelFile
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


def test_similar_sources_are_those_of_the_detector(folder, results, tmp_path, capsys):
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
