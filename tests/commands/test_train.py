"""Models that the command trains: the same as by the library, and resumed."""

import numpy as np
import pytest

from astro_wgan import AnomalyDetector
from astro_wgan.cli import main
from astro_wgan.hunting import DetectorConfig, train_detector
from astro_wgan.jobs import describe_detector

TRAINING = ['--iterations', '2', '--no-classifier', '--initial-model', 'none', '--seed', '3']


def test_the_model_is_that_of_the_library(model, stamps, tmp_path):
    config = DetectorConfig(iterations=2, classifier=None, seed=3)
    expected = train_detector(
        stamps, output=tmp_path / 'b', config=config, initial_model=None, progress=False
    )
    assert describe_detector(AnomalyDetector.load(model)) == describe_detector(expected)


def test_it_is_said_what_was_trained_and_the_same_command_reads_it(model, store, answer):
    code, said = answer('train', store, '--output', model, *TRAINING)
    detector = AnomalyDetector.load(model)
    assert (code, said['n_trained_on'], said['n_held_out'], said['iterations']) == (0, 48, 12, 2)
    thresholds = detector.calibration_.thresholds()
    assert said['thresholds'] == {str(p): pytest.approx(t) for p, t in thresholds.items()}
    assert not said['classifier']
    # The file in the model repeats it.
    assert answer('train', '--config', model, '--output', model)[0] == 0
    code, said = answer('train', '--config', model, '--output', model, '--seed', '4')
    assert code == 2
    assert '`seed` was 3 and is 4' in said['error']


def test_an_interrupted_command_goes_on(model, store, tmp_path, answer, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    command = ['train', store, '--output', tmp_path / 'model', *TRAINING]
    with monkeypatch.context() as patch:
        patch.setattr('astro_wgan.AnomalyDetector.measure', interrupted)
        assert main([*command, '--quiet']) == 130
    # What is trained is not trained again.
    monkeypatch.setattr('astro_wgan.wgan.trainer.AdversarialTrainer.train_step', interrupted)
    assert answer(*command)[0] == 0
    found, expected = (AnomalyDetector.load(path) for path in (tmp_path / 'model', model))
    assert describe_detector(found) == describe_detector(expected)
    assert [path.name for path in tmp_path.iterdir()] == ['model']


def test_cutouts_and_features_are_trained_on(stamps, tmp_path, answer):
    (tmp_path / 'cutouts').mkdir()
    for row, image in enumerate(stamps.to_ccddata()):
        image.write(tmp_path / 'cutouts' / f'{row:02d}.fits')
    np.save(tmp_path / 'f.npy', np.random.default_rng(1).normal(size=(60, 2)))
    model = tmp_path / 'model'
    options = ['--output', model, '--features', tmp_path / 'f.npy', *TRAINING]
    code, said = answer('train', f'{tmp_path}/cutouts/*.fits', *options)
    assert (code, said['n_trained_on']) == (0, 48)
    assert 'features' in AnomalyDetector.load(model).trends_
    code, said = answer('train', f'{tmp_path}/cutouts', '--size', '12', *options)
    assert code == 2
    assert '16, 32, 64, 128 or 256 pixels; got 12' in said['error']


def test_what_cannot_be_trained_on_is_said(store, tmp_path, answer):
    for arguments, words in (
        ([store, '--output', tmp_path / 'm', '--size', '32'], '`--size` is for cutouts'),
        ([store, '--output', tmp_path / 'm', '--features', 'none.npy'], 'no file of features'),
        ([store, '--output', tmp_path / 'm', '--held-out-fraction', '2'], '`held_out_fraction`'),
        ([tmp_path / 'none', '--output', tmp_path / 'm'], 'none'),
        ([store, '--output', store], 'is no model that can be read'),
    ):
        code, said = answer('train', *arguments)
        assert code == 2
        assert words in said['error']
    assert not list(tmp_path.iterdir())
