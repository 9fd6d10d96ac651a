"""The classifier of injected anomalies: what it sees, learns and leaves in tables and folders."""

import pickle

import numpy as np
import pytest

from astro_wgan import AnomalyDetector
from astro_wgan.anomaly import ClassifierConfig, LatentSearchConfig
from astro_wgan.anomaly.classifier.classifier_inputs import (
    classifier_inputs,
    classifier_shape,
    in_all_orientations,
)
from astro_wgan.exceptions import NotFittedError
from astro_wgan.injection import InjectionConfig, inject_anomalies

SEARCH = LatentSearchConfig(max_iterations=3)
CONFIG = ClassifierConfig(
    InjectionConfig(('trail',), max_count=1, brightest=2.0),
    iterations=60,
    batch_size=16,
    channels=(8, 8),
)


@pytest.fixture(scope='module')
def detector(wgan, stamps):
    found = AnomalyDetector(wgan, search=SEARCH)
    return found.train_classifier(stamps[:80], config=CONFIG, seed=1, progress=False)


@pytest.fixture(scope='module')
def table(detector, stamps):
    return detector.measure(stamps[80:], progress=False)


def test_inputs_are_the_binned_image_residual_and_difference_from_the_rotated_image():
    rng = np.random.default_rng(1)
    images, closest = rng.normal(size=(2, 3, 8, 8, 2))
    found = classifier_inputs(images, closest, np.ones_like(images), binning=2)
    assert found.shape == (3, *classifier_shape((8, 8, 2), 2))
    whole = np.concatenate([images, images - closest, images - closest[:, ::-1, ::-1]], axis=-1)
    assert found[1, 2, 3] == pytest.approx(whole[1, 4:6, 6:8].mean(axis=(0, 1)), rel=1e-5)


def test_masked_pixels_are_those_of_the_closest_image():
    rng = np.random.default_rng(1)
    images, closest = rng.normal(size=(2, 1, 8, 8, 1))
    weights = np.ones_like(images)
    weights[0, 2:4, 2:4] = 0
    inputs = [
        classifier_inputs(np.where(weights > 0, images, value), closest, weights)
        for value in (0.0, 99.0)
    ]
    assert np.array_equal(*inputs)
    assert inputs[0][0, 1, 1, 1] == 0


def test_there_are_eight_orientations():
    inputs = np.arange(16.0, dtype=np.float32).reshape(1, 4, 4, 1)
    found = [view.tobytes() for view in in_all_orientations(inputs)]
    assert len({*found}) == 8
    assert found[0] == inputs.tobytes()


def test_it_finds_what_it_was_trained_on_in_other_stamps(detector, stamps, table):
    closest = detector.closest_images(table)
    config = InjectionConfig(('trail',), max_count=1, faintest=10.0, brightest=2.0)
    strange = inject_anomalies(stamps[80:], closest, config=config, seed=9)
    found = detector.measure(strange, progress=False)['injection_log_odds']
    pairs = np.asarray(found)[:, np.newaxis] > np.asarray(table['injection_log_odds'])
    assert pairs.mean() > 0.8


def test_log_odds_do_not_depend_on_the_orientation(detector, stamps, table):
    turned = np.ascontiguousarray(np.rot90(stamps.pixels[80:], axes=(1, 2)))
    turned = stamps[80:].replace(pixels=turned)
    images = [detector.wgan.images_from_stamps(s) for s in (stamps[80:], turned)]
    closest = detector.wgan.images_from_latent(np.asarray(table['latent'], np.float32))
    found = [
        detector.classifier_.log_odds(images[0][0], closest, images[0][1]),
        detector.classifier_.log_odds(images[1][0], np.rot90(closest, axes=(1, 2)), images[1][1]),
    ]
    assert found[1] == pytest.approx(found[0], abs=1e-4)


def test_a_stamp_without_a_valid_pixel_has_no_log_odds(detector, stamps):
    pixels = stamps.pixels[:3].copy()
    pixels[1] = np.nan
    table = detector.measure(stamps[:3].replace(pixels=pixels), progress=False)
    assert np.isnan(np.asarray(table['injection_log_odds'])).tolist() == [False, True, False]


def test_the_same_seed_gives_the_same_classifier(wgan, stamps, detector):
    again = AnomalyDetector(wgan, search=SEARCH)
    again.train_classifier(stamps[:80], config=CONFIG, seed=1, progress=False)
    for own, other in zip(
        again.classifier_.network.get_weights(),
        detector.classifier_.network.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(own, other)


def test_a_classifier_invalidates_the_calibration(wgan, stamps, detector):
    other = AnomalyDetector(wgan, search=SEARCH).calibrate(stamps[80:], progress=False)
    other.classifier_ = detector.classifier_
    with pytest.raises(NotFittedError, match='since its `classifier` was replaced'):
        other.score(stamps[:2], progress=False)
    other.classifier_ = None
    with pytest.raises(NotFittedError, match='no classifier: call `train_classifier`'):
        other.classifier_  # noqa: B018


def test_a_table_without_log_odds_is_of_another_detector(wgan, stamps, detector):
    plain = AnomalyDetector(wgan, search=SEARCH).measure(stamps[80:], progress=False)
    assert 'injection_log_odds' not in plain.colnames
    with pytest.raises(ValueError, match='`classifier_` than the detector has'):
        detector.calibrate(plain, progress=False)


def test_saved_loaded_and_pickled(detector, stamps, table, tmp_path):
    detector.save(tmp_path / 'model')
    for again in (AnomalyDetector.load(tmp_path / 'model'), pickle.loads(pickle.dumps(detector))):
        found = again.measure(stamps[80:], progress=False)
        np.testing.assert_allclose(
            found['injection_log_odds'], table['injection_log_odds'], atol=1e-5
        )


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'iterations': 0}, '`iterations` must be a whole number, at least 1; got 0'),
        ({'batch_size': 15}, '`batch_size` must be even'),
        ({'learning_rate': 0.0}, '`learning_rate` must be above 0'),
        ({'dropout': 1.0}, '`dropout` must lie between 0 and 1'),
        ({'host_fraction': 0.0}, '`host_fraction` must be above 0 and at most 1'),
        ({'channels': ()}, '`channels` must be numbers of at least 1'),
    ],
)
def test_configurations_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ClassifierConfig(**values)


def test_few_stamps_are_refused(detector, stamps, wgan):
    with pytest.raises(ValueError, match='`stamps` must hold at least 16 stamps; got 5'):
        AnomalyDetector(wgan, search=SEARCH).train_classifier(stamps[:5], progress=False)
