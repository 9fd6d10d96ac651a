"""Detectors trained on stamps: the same as by a hunt, interruptions, what is refused."""

from dataclasses import fields, replace

import numpy as np
import pytest

from astro_wgan import AnomalyDetector, HuntConfig, StampSet, StampStore, hunt
from astro_wgan.anomaly import ClassifierConfig
from astro_wgan.detection import DetectionConfig
from astro_wgan.exceptions import DamagedFileError, HuntFolderError
from astro_wgan.hunting import CutConfig, DetectorConfig, detector_training, train_detector
from astro_wgan.hunting.detector_training import trained_rows
from astro_wgan.hunting.stamp_making import StampMaking, making_of_model, making_of_stamps
from astro_wgan.jobs import describe_detector

CLASSIFIER = ClassifierConfig(iterations=3, batch_size=8, channels=(4,))
CONFIG = DetectorConfig(iterations=2, classifier=CLASSIFIER, held_out_fraction=0.3, seed=1)
CUT = {'size': 16, 'detection': DetectionConfig(5.0)}


@pytest.fixture(scope='module')
def image(make_galaxy_field):
    return make_galaxy_field().astype(np.float32)


@pytest.fixture(scope='module')
def result(image, tmp_path_factory):
    """The hunt in the image, with the same settings."""
    settings = {f.name: getattr(CONFIG, f.name) for f in fields(CONFIG)}
    config = HuntConfig(**CUT, **settings)
    return hunt(image, output=tmp_path_factory.mktemp('hunt'), config=config, progress=False)


@pytest.fixture(scope='module')
def stamps(result):
    return StampStore.open(result.folder / 'stamps.zarr')


@pytest.fixture(scope='module')
def trained(stamps, tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained') / 'model'
    return folder, train_detector(stamps.path, output=folder, config=CONFIG, progress=False)


def test_it_is_the_detector_of_a_hunt(trained, result, stamps):
    folder, detector = trained
    known = AnomalyDetector.load(folder)
    ours, theirs = (describe_detector(each) for each in (known, result.detector))
    for name in ('generator', 'critic', 'encoder', 'classifier'):
        assert ours[name] == theirs[name]
    held_out = ~result.table['trained_on']
    scores = known.score(stamps, in_calibration=held_out, progress=False)['score']
    np.testing.assert_allclose(scores, result.table['score'], rtol=1e-5)
    assert making_of_model(known.wgan) == making_of_model(result.detector.wgan)
    assert not folder.with_name('model.unfinished').exists()
    assert detector.calibration_.training_scores is None


def test_it_knows_the_stamps_that_it_was_trained_on(trained, result, stamps):
    detector = AnomalyDetector.load(trained[0])
    np.testing.assert_array_equal(trained_rows(detector, stamps), result.table['trained_on'])
    of_hunt = AnomalyDetector.load(result.folder / 'model')
    np.testing.assert_array_equal(trained_rows(of_hunt, stamps), result.table['trained_on'])
    assert trained_rows(detector, stamps[1:]) is None
    assert trained_rows(detector, stamps[:].replace(pixels=stamps[:].pixels + 1)) is None
    detector.wgan.provenance_ = {'work': {'stamps': {}}}
    with pytest.raises(DamagedFileError, match='The training that the provenance of `model`'):
        trained_rows(detector, stamps)


def test_features_of_others_are_calibrated_with_the_held_out_stamps(stamps, tmp_path):
    random = np.random.default_rng(2)
    given = random.normal(size=(len(stamps), 3))
    config = replace(CONFIG, classifier=None)
    options = {'config': config, 'progress': False}
    found = train_detector(stamps, output=tmp_path / 'model', features=given, **options)
    score = found.score(stamps[:4], features=given[:4], progress=False)
    assert np.isfinite(score['score_features']).all()
    with pytest.raises(FileExistsError, match='to other features: their values differ'):
        train_detector(stamps, output=tmp_path / 'model', features=given + 1, **options)
    with pytest.raises(ValueError, match='`features` must have one row for each'):
        train_detector(stamps, output=tmp_path / 'b', features=given[1:], **options)


@pytest.mark.parametrize('where', ['WGAN.fit', 'train_classifier', 'measure'])
def test_an_interrupted_training_goes_on(trained, stamps, tmp_path, monkeypatch, where):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    target = where if '.' in where else f'AnomalyDetector.{where}'
    folder = tmp_path / 'model'
    with monkeypatch.context() as patch:
        patch.setattr(f'astro_wgan.{target}', interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_detector(stamps, output=folder, config=CONFIG, progress=False)
    assert not folder.exists()
    other = DetectorConfig(iterations=3, classifier=None)
    with pytest.raises(HuntFolderError, match=r'results of another training: .*`iterations` was 2'):
        train_detector(stamps, output=folder, config=other, progress=False)
    if where == 'measure':
        monkeypatch.setattr('astro_wgan.AnomalyDetector.train_classifier', interrupted)
    again = train_detector(stamps, output=folder, config=CONFIG, progress=False)
    assert describe_detector(again) == describe_detector(trained[1])
    assert [path.name for path in tmp_path.iterdir()] == ['model']


def test_a_complete_model_is_read_and_another_is_kept(trained, stamps, monkeypatch):
    folder, detector = trained
    monkeypatch.setattr(detector_training, 'train_networks', lambda *a: pytest.fail('trained'))
    again = train_detector(stamps, output=folder, config=CONFIG, progress=False)
    assert describe_detector(again) == describe_detector(detector)
    with pytest.raises(FileExistsError, match='belongs to other settings: `seed` was 1 and is 0'):
        train_detector(
            stamps,
            output=folder,
            config=DetectorConfig(iterations=2, classifier=CLASSIFIER, held_out_fraction=0.3),
            progress=False,
        )
    with pytest.raises(FileExistsError, match='is no model that can be read'):
        train_detector(stamps, output=stamps.path, config=CONFIG, progress=False)
    assert AnomalyDetector.load(folder).calibration_ is not None
    assert not folder.with_name('model.unfinished').exists()


def test_stores_that_do_not_fit_in_memory_are_divided_on_disk(
    trained, stamps, tmp_path, monkeypatch
):
    seen, train = [], detector_training.train_networks

    def training(part, *arguments):
        seen.append(part)
        return train(part[:], *arguments)

    monkeypatch.setattr(detector_training, 'train_networks', training)
    monkeypatch.setattr(detector_training, 'largest_size', lambda: 4e4)
    monkeypatch.setattr(detector_training, '_AT_ONCE', 16)
    again = train_detector(stamps, output=tmp_path / 'model', config=CONFIG, progress=False)
    assert isinstance(seen[0], StampStore)
    assert describe_detector(again) == describe_detector(trained[1])


@pytest.mark.parametrize(
    ('stamps', 'message'),
    [
        (np.ones((40, 16, 32)), '`stamps` must be square for the networks; got 16 x 32 pixels'),
        (np.ones((10, 16, 16)), '10 stamps are too few to train on'),
        (np.ones((90, 20, 20)), '16, 32, 64, 128 or 256 pixels; got 20'),
    ],
)
def test_stamps_that_cannot_be_trained_on(stamps, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        train_detector(StampSet(stamps), output=tmp_path / 'model', progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'size': 0}, '`size` must be at least 1 pixel; got 0'),
        ({'size': 7.5}, '`size` must be an integer; got 7.5'),
        ({'partial': 'keep'}, "`partial` must be 'drop' or 'fill'; got 'keep'"),
    ],
)
def test_settings_of_stamps_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        CutConfig(**options)
    assert CutConfig(size=100).size == 100


def test_stamps_say_how_they_were_made(stamps):
    assert making_of_stamps(stamps) == StampMaking.of(CutConfig(**CUT))
    assert making_of_stamps(StampSet(np.ones((2, 8, 8)))) is None
    several = StampSet(np.ones((2, 8, 8)), meta={'parts': [stamps.meta, {}]})
    assert making_of_stamps(several) is None
