"""The classifier of a hunt: what it learns from, interruptions, hunts without one."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan import AnomalyDetector, HuntConfig, hunt
from astro_wgan.anomaly import ClassifierConfig
from astro_wgan.cli import main
from astro_wgan.detection import DetectionConfig
from astro_wgan.exceptions import HuntFolderError, TrainingDivergedError
from astro_wgan.hunting import summarize_hunt
from astro_wgan.hunting.hunt_classifier import kept_classifier, train_hunt_classifier

CLASSIFIER = ClassifierConfig(iterations=5, batch_size=8, channels=(4,))
CONFIG = HuntConfig(
    size=16, iterations=2, detection=DetectionConfig(5.0), classifier=CLASSIFIER, seed=1
)


@pytest.fixture(scope='module')
def image(make_galaxy_field):
    """A field of 90 round galaxies."""
    return make_galaxy_field().astype(np.float32)


@pytest.fixture(scope='module')
def result(image, tmp_path_factory):
    return hunt(image, output=tmp_path_factory.mktemp('hunt'), config=CONFIG, progress=False)


def weights_of(detector):
    return np.concatenate([w.ravel() for w in detector.classifier_.network.get_weights()])


def test_the_classifier_is_part_of_detector_table_page_and_summary(result):
    detector = AnomalyDetector.load(result.folder / 'model')
    np.testing.assert_array_equal(weights_of(detector), weights_of(result.detector))
    assert detector.calibration_ is not None
    assert np.isfinite(result.table['injection_log_odds']).all()
    told = QTable.read(result.folder / 'scores.ecsv').meta['hunt']
    assert told['seconds']['classifier'] > 0
    assert told['classifier']['iterations'] == 5
    assert 'There is a classifier of injected anom' in (result.folder / 'gallery.html').read_text()
    assert json.loads(json.dumps(summarize_hunt(result)))['classifier'] is True


def test_it_learns_from_the_training_stamps_alone(result, image, tmp_path, monkeypatch):
    given = []

    def stop(detector, stamps, **options):
        given.append((stamps, options))
        raise KeyboardInterrupt

    monkeypatch.setattr(AnomalyDetector, 'train_classifier', stop)
    with pytest.raises(KeyboardInterrupt):
        hunt(image, output=tmp_path, config=CONFIG, progress=False)
    ids = result.table['id'][result.table['trained_on']]
    assert given[0][0].ids.tolist() == ids.tolist()
    assert given[0][1] == {'config': CLASSIFIER, 'seed': 1, 'progress': False}


@pytest.mark.parametrize('where', ['during', 'after'])
def test_an_interrupted_hunt_trains_it_again_only_if_it_was_not_finished(
    result, image, tmp_path, monkeypatch, where
):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    target = {
        'during': 'astro_wgan.anomaly.classifier.classifier_training._fit',
        'after': 'astro_wgan.AnomalyDetector.measure',
    }[where]
    trained, train = [], AnomalyDetector.train_classifier

    def counted(detector, *arguments, **options):
        found = train(detector, *arguments, **options)
        trained.append(found)
        return found

    monkeypatch.setattr(AnomalyDetector, 'train_classifier', counted)
    with monkeypatch.context() as patch:
        patch.setattr(target, interrupted)
        with pytest.raises(KeyboardInterrupt):
            hunt(image, output=tmp_path, config=CONFIG, progress=False)
    assert len(trained) == (where == 'after')
    again = hunt(image, output=tmp_path, config=CONFIG, progress=False)
    assert len(trained) == 1
    assert ('classifier' in again.table.meta['hunt']['seconds']) == (where == 'during')
    np.testing.assert_allclose(weights_of(again.detector), weights_of(result.detector), atol=1e-5)
    np.testing.assert_allclose(again.table['score'], result.table['score'], rtol=0.01)


def test_a_classifier_of_other_networks_or_of_damaged_files_is_not_kept(result, image, tmp_path):
    folder = SimpleNamespace(model=result.folder / 'model')
    wgan = result.detector.wgan
    kept = kept_classifier(folder, wgan)
    np.testing.assert_array_equal(kept.network.get_weights()[0], weights_first(result.detector))
    result.detector.save(tmp_path / 'model')
    (tmp_path / 'model' / 'detector.json').write_text('{}')
    assert kept_classifier(SimpleNamespace(model=tmp_path / 'model'), wgan) is None
    assert kept_classifier(SimpleNamespace(model=tmp_path / 'none'), wgan) is None
    other = AnomalyDetector.load(folder.model).wgan
    other.generator_.set_weights([2 * w for w in other.generator_.get_weights()])
    assert kept_classifier(folder, other) is None


def weights_first(detector):
    return detector.classifier_.network.get_weights()[0]


def test_a_given_model_keeps_its_own(result, image, tmp_path, monkeypatch):
    monkeypatch.setattr(AnomalyDetector, 'train_classifier', lambda *a, **k: pytest.fail('trained'))
    again = hunt(image, output=tmp_path / 'a', config=CONFIG, model=result.folder, progress=False)
    np.testing.assert_array_equal(weights_of(again.detector), weights_of(result.detector))
    np.testing.assert_allclose(
        again.table['injection_log_odds'], result.table['injection_log_odds'], atol=1e-4
    )
    without = AnomalyDetector(result.detector.wgan)
    again = hunt(image, output=tmp_path / 'b', config=CONFIG, model=without, progress=False)
    assert 'injection_log_odds' not in again.table.colnames
    assert summarize_hunt(again)['classifier'] is False
    # Without its classifier it is another model.
    with pytest.raises(HuntFolderError, match='another model: its classifier was not there'):
        hunt(image, output=tmp_path / 'b', config=CONFIG, model=result.folder, progress=False)


@pytest.mark.parametrize('reason', ['few', 'diverged'])
def test_a_hunt_that_cannot_train_it_goes_on_without_and_says_so(
    result, tmp_path, monkeypatch, capsys, reason
):
    detector = AnomalyDetector(result.detector.wgan)
    stamps = result.stamps[:20]
    pixels = stamps.pixels.copy()
    if reason == 'few':
        pixels[15:] = np.nan
    else:

        def diverged(*arguments, **options):
            raise TrainingDivergedError('The loss is not finite.')

        monkeypatch.setattr(AnomalyDetector, 'train_classifier', diverged)
    folder = SimpleNamespace(model=tmp_path / 'model')
    said = train_hunt_classifier(detector, stamps.replace(pixels=pixels), CONFIG, folder)
    expected = {'few': '15 stamps are too few, 16 are', 'diverged': 'its training diverged'}[reason]
    assert said.startswith(f'There is no classifier of injected anomalies: {expected}')
    assert said in capsys.readouterr().err
    assert not hasattr(detector, 'classifier_')
    assert not folder.model.exists()


def test_a_page_without_it_says_why(result, image, tmp_path, monkeypatch):
    monkeypatch.setattr('astro_wgan.anomaly.classifier.classifier_training.MIN_STAMPS', 1000)
    without = hunt(image, output=tmp_path, config=CONFIG, progress=False)
    assert 'injection_log_odds' not in without.table.colnames
    assert 'stamps are too few, 1000 are needed.' in (tmp_path / 'gallery.html').read_text()


def test_a_classifier_must_be_a_configuration_or_none():
    with pytest.raises(ValueError, match="`classifier` must be a ClassifierConfig or None; got 'y"):
        HuntConfig(classifier='yes')
    assert replace(CONFIG, classifier=None).classifier is None


@pytest.mark.parametrize(
    ('arguments', 'expected'), [([], ClassifierConfig()), (['--no-classifier'], None)]
)
def test_the_command_trains_it_unless_told_not_to(monkeypatch, arguments, expected):
    given = []

    def stop(image, **options):
        given.append(options['config'].classifier)
        raise ValueError('far enough')

    monkeypatch.setattr('astro_wgan.hunting.hunt', stop)
    assert main(['hunt', 'hubble_xdf', *arguments]) == 2
    assert given == [expected]
