"""Detectors that were damaged, killed while they were saved, or made by others."""

import json
import os
import shutil
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from astro_wgan import AnomalyDetector
from astro_wgan.anomaly import Calibration, LatentSearchConfig
from astro_wgan.wgan.networks import build_encoder


@pytest.fixture(scope='module')
def detector(wgan, stamps):
    encoder = build_encoder(wgan.network, seed=1)
    found = AnomalyDetector(wgan, encoder=encoder)
    return found.calibrate(stamps[:40], progress=False)


@pytest.fixture(scope='module')
def saved(detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp('saved') / 'model'
    detector.save(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / 'model')


def as_former(folder):
    """As a former version would have written it: without checksums."""
    (folder / 'manifest.json').unlink()
    for name in ('model.json', 'detector.json'):
        values = json.loads((folder / name).read_text())
        kind = name.removesuffix('.json')
        values['format'] = {'model': 'astro_wgan model 1', 'detector': 'astro_wgan detector 9'}[
            kind
        ]
        (folder / name).write_text(json.dumps(values))
    return folder


def test_a_calibration_of_scores_alone_comes_back_and_is_scored_with(detector, stamps, tmp_path):
    known = detector.calibration_
    own = AnomalyDetector(detector.wgan, encoder=detector.encoder_)
    own.calibration_ = Calibration(
        known.held_out_scores, trends=known.trends, search=own.search, scoring=own.scoring
    )
    own.save(tmp_path / 'model')
    again = AnomalyDetector.load(tmp_path / 'model')
    assert again.conditions_ is None
    np.testing.assert_array_equal(again.calibration_.held_out_scores, known.held_out_scores)
    table = again.score(stamps[40:50], progress=False)
    expected = detector.score(stamps[40:50], progress=False)
    np.testing.assert_allclose(table['p_value'], expected['p_value'])


def test_encoder_and_calibration_come_back(detector, folder, stamps):
    expected = detector.score(stamps[40:60], progress=False)
    for each in (folder, as_former(shutil.copytree(folder, folder.with_name('former')))):
        found = AnomalyDetector.load(each)
        for one, other in zip(
            found.encoder_.get_weights(), detector.encoder_.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, other)
        table = found.score(stamps[40:60], progress=False)
        np.testing.assert_allclose(table['score'], expected['score'], rtol=1e-4)


def test_an_encoder_of_plain_layers_is_kept_and_another_refused(wgan, tmp_path):
    shape = wgan.network.image_shape
    own = keras.Sequential(
        [keras.Input(shape), layers.Flatten(), layers.Dense(8, activation='tanh')]
        + [layers.BatchNormalization(), layers.Dense(wgan.network.latent_dim)]
    )
    AnomalyDetector(wgan, encoder=own).save(tmp_path)
    found = AnomalyDetector.load(tmp_path).encoder_
    images = np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)
    np.testing.assert_allclose(found(images), own(images), rtol=1e-6)
    other = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Lambda(lambda x: x)])
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ValueError, match=r'encoder cannot be saved: its layer Lambda is not one'):
        AnomalyDetector(wgan, encoder=other).save(tmp_path)
    assert sorted(os.listdir(tmp_path)) == before


def hostile(shape, latent, mark):
    """A network that would write a file while it is loaded, or called."""

    def write(x):
        open(mark, 'w').close()
        return x

    return keras.Sequential(
        [keras.Input(shape), layers.Flatten(), layers.Lambda(write), layers.Dense(latent)]
    )


@pytest.mark.filterwarnings('ignore:The object being serialized includes a `lambda`')
@pytest.mark.parametrize('name', ['search_encoder', 'generator', 'critic'])
def test_no_code_of_a_file_is_run(wgan, folder, tmp_path, name):
    as_former(folder)
    mark = tmp_path / 'run'
    shape, latent = wgan.network.image_shape, wgan.network.latent_dim
    hostile(shape, latent, str(mark)).save(folder / f'{name}.keras')
    mark.unlink()  # it is called when it is made
    with pytest.raises(ValueError, match=rf'damaged \(its file {name}\.keras: '):
        AnomalyDetector.load(folder)
    assert not mark.exists()


def test_a_class_that_a_file_names_is_not_imported(folder, tmp_path, monkeypatch):
    as_former(folder)
    (tmp_path / 'imported_by_a_file.py').write_text(
        f"open({str(tmp_path / 'run')!r}, 'w').close()\nclass Dense: pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = folder / 'search_encoder.keras'
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members['config.json'])
    for layer in config['config']['layers']:
        layer['module'] = 'imported_by_a_file'
    members['config.json'] = json.dumps(config)
    with zipfile.ZipFile(path, 'w') as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    # Where a layer is said to come from does not matter: only its name is looked up.
    AnomalyDetector.load(folder)
    assert not (tmp_path / 'run').exists()


def test_an_encoder_for_other_images_is_refused(wgan, folder):
    as_former(folder)
    other = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    other.save(folder / 'search_encoder.keras')
    with pytest.raises(ValueError, match=r'input and output have the shapes \(None, 8, 8'):
        AnomalyDetector.load(folder)


@pytest.mark.parametrize(
    ('path', 'value'),
    [
        (('search', 'max_iterations'), 'many'),
        (('search', 'batch_size'), 10**30),
        (('search', 'batch_size'), 10**9),
        (('search', 'gamma'), float('nan')),
        (('search', 'other'), 1),
        (('search',), []),
        (('scoring', 'smoothing'), [1.5]),
        (('scoring', 'smoothing'), 1e9),
        (('scoring', 'rotation_smoothing'), 17.0),
        (('scoring', 'statistic'), 5),
        (('calibration', 'held_out_scores'), ['a', 'b']),
        (('calibration', 'held_out_scores'), []),
        (('calibration', 'held_out_scores'), 5),
        (('calibration', 'ids'), [None, 1.5]),
        (('calibration', 'noise_rms'), [1.0]),
        (('calibration', 'contamination'), {}),
        (('calibration', 'other'), 1),
        (('trends',), {}),
        (('trends', 'smoothed_residual', 'mean_coefficients_'), 'text'),
        (('trends', 'smoothed_residual'), {}),
        (('conditions', 'noise_rms'), 'text'),
        (('conditions', 'spreads', 'noise_rms'), [1.0]),
        (('conditions', 'spreads', 'noise_rms'), [1.0, 'a', 3]),
        (('format',), 'astro_wgan detector 99'),
        (('format',), {}),
        (('encoder',), 'yes'),
    ],
)
def test_descriptions_that_cannot_be_are_refused(folder, path, value):
    as_former(folder)
    values = json.loads((folder / 'detector.json').read_text())
    inner = values
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (folder / 'detector.json').write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r'^The detector in .*damaged \(its file detector\.json'):
        AnomalyDetector.load(folder)


def test_every_flipped_bit_is_noticed(folder):
    rng = np.random.default_rng(3)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for bit in rng.integers(8 * len(whole), size=8):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            with pytest.raises(ValueError, match=f'^The detector in .*its file {path.name}'):
                AnomalyDetector.load(folder)
        path.write_bytes(whole)


def test_a_model_saved_over_a_detector_is_none(detector, folder):
    detector.wgan.save(folder)
    with pytest.raises(FileNotFoundError, match='no detector in'):
        AnomalyDetector.load(folder)
    assert not (folder / 'search_encoder.keras').exists()


def test_a_detector_without_an_own_encoder_takes_the_place_of_one_with(detector, folder):
    other = AnomalyDetector(detector.wgan, search=LatentSearchConfig(max_iterations=5))
    other.save(folder)
    assert AnomalyDetector.load(folder).search == other.search
    assert not (folder / 'search_encoder.keras').exists()


def test_files_of_others_are_not_replaced(detector, tmp_path):
    (tmp_path / 'history.ecsv').write_text('mine')
    with pytest.raises(
        FileExistsError, match=r'holds a file history\.ecsv that is not of an earlier'
    ):
        detector.save(tmp_path)
    assert os.listdir(tmp_path) == ['history.ecsv']
