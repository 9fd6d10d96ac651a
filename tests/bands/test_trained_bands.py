"""Models know the bands that they were trained on, and refuse others and other orders."""

import json
import shutil
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan import WGAN, AnomalyDetector, StampSet
from astro_wgan.anomaly import ScoringConfig, train_encoder
from astro_wgan.bands.trained_bands import check_weights_of_bands, trained_bands
from astro_wgan.exceptions import DriftWarning
from astro_wgan.hunting.detector_training import start_of_training
from astro_wgan.hunting.hunt_config import HuntConfig
from astro_wgan.hunting.pipeline import _choose_training
from astro_wgan.stamps import Band, Stretch
from astro_wgan.wgan import NetworkConfig, TrainingConfig, build_critic, build_generator
from astro_wgan.wgan.noise_layer import build_white_noise

GRI = (Band('g', wavelength=480 * u.nm), Band('r', wavelength=620 * u.nm), Band('i'))


def stamps_in(bands, n=3):
    shape = (n, 16, 16) if bands is None else (n, 16, 16, len(bands))
    return StampSet(np.random.default_rng(1).normal(size=shape), bands=bands)


def made_model(bands):
    """Without a training."""
    network = NetworkConfig.preset('compact', size=16, bands=len(bands))
    wgan = WGAN(network, TrainingConfig(batch_size=4))
    wgan.stretch_ = Stretch(sky=0.0, noise_rms=1.0, peak=10.0)
    wgan.generator_, wgan.critic_ = build_generator(network), build_critic(network)
    wgan.noise_ = build_white_noise(network, wgan.stretch_)
    wgan.unit_ = wgan.pixel_scale_ = None
    wgan.history_, wgan.provenance_ = QTable({'iteration': [1], 'time': [1] * u.s}), {}
    wgan.bands_ = bands
    return wgan


@pytest.fixture(scope='module')
def wgan():
    return made_model(GRI)


OTHERS = {
    'another order': (['g', 'i', 'r'], r"g, r, i; got g, i, r. Take `stamps\[\['g', 'r', 'i'\]\]`"),
    'another band': (['g', 'r', 'z'], r'no band i.*`stamps.replace\(bands=.*gives these'),
    'too many bands': (['g', 'r', 'z', 'i'], r"got 16 x 16 and 4. Take `stamps\[\['g', 'r', 'i'\]"),
    'too few bands': (['g', 'r'], r'got 16 x 16 and 2. There is no band i\.$'),
}


@pytest.mark.parametrize(('bands', 'message'), OTHERS.values(), ids=OTHERS)
def test_other_bands_are_refused_with_how_to_get_the_right_ones(wgan, bands, message):
    stamps, detector = stamps_in(bands), AnomalyDetector(wgan)
    calls = {
        'input': lambda: wgan.images_from_stamps(stamps),
        'critic': lambda: wgan.critic_value(stamps),
        'measure': lambda: detector.measure(stamps, progress=False),
        'calibrate': lambda: detector.calibrate(stamps, progress=False),
        'encoder': lambda: train_encoder(wgan, stamps, progress=False),
        'hunt': lambda: _choose_training(stamps, wgan.network, detector),
    }
    for call in calls.values():
        with pytest.raises(ValueError, match=message):
            call()


def test_nothing_is_measured_of_other_bands(wgan, tmp_path):
    with pytest.raises(ValueError, match='in their order'):
        AnomalyDetector(wgan).measure(stamps_in(['i', 'r', 'g']), output=tmp_path / 'kept')
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize('bands', [None, ['g', 'r', 'i'], ['0', '1', '2']])
def test_the_same_bands_and_those_without_names_pass(wgan, bands):
    stamps = StampSet(stamps_in(['g', 'r', 'i']).pixels, bands=bands)
    images, _ = wgan.images_from_stamps(stamps)
    np.testing.assert_array_equal(images, wgan.stretch_.transform(stamps))
    assert wgan.stamps_from_images(images, like=stamps).bands == GRI


def test_models_that_know_no_names_take_any(wgan):
    named = stamps_in(['i', 'r', 'g'])
    nameless = made_model(trained_bands(StampSet(named.pixels)) or (Band('0'),) * 3)
    nameless.bands_ = ()
    assert len(nameless.images_from_stamps(named)[0]) == 3


def test_closest_images_are_those_of_stamps_in_the_same_bands(wgan):
    detector, stamps = AnomalyDetector(wgan), stamps_in(['g', 'r', 'i'])
    table = QTable({'id': stamps.ids, 'latent': np.zeros((3, wgan.network.latent_dim))})
    assert detector.residual(stamps, table).bands == GRI
    assert detector.anomaly_map(stamps, table).bands == stamps.bands
    with pytest.raises(ValueError, match=r'`like` must have the bands of the model'):
        detector.residual(stamps[['r', 'g', 'i']], table)


def test_bands_are_saved_with_the_model(wgan, tmp_path):
    wgan.save(tmp_path / 'model')
    assert WGAN.load(tmp_path / 'model').bands_ == GRI
    # As models were before: without bands, and without a manifest.
    former = shutil.copytree(tmp_path / 'model', tmp_path / 'former')
    (former / 'manifest.json').unlink()
    described = json.loads((former / 'model.json').read_text())
    described |= {'format': 'astro_wgan model 2'}
    for bands, message in (
        ([{'name': 'g'}], 'lacks'),
        ([{'name': n, 'wavelength': None, 'zero_point': None} for n in 'gr'], 'must be 3'),
        ('gri', 'string indices'),
        (None, None),
    ):
        (former / 'model.json').write_text(json.dumps({**described, 'bands': bands}))
        if message is not None:
            with pytest.raises(ValueError, match=message):
                WGAN.load(former)
    assert WGAN.load(former).bands_ == ()


def test_a_training_starts_from_the_same_order_of_bands(wgan):
    with pytest.raises(ValueError, match=r'`initial_model` has the bands g, r, i, `stamps`.*r, g'):
        check_weights_of_bands(stamps_in(['r', 'g', 'i']), wgan.bands_)
    for bands in (['g', 'r', 'i'], ['Y', 'J', 'H'], ['0', '1', '2']):
        check_weights_of_bands(stamps_in(bands), wgan.bands_)
    stamps = stamps_in(['r', 'g', 'i'], n=8)
    with pytest.raises(ValueError, match='its weights are those of other bands'):
        start_of_training(wgan, stamps, HuntConfig(size=16), False)
    again = WGAN(wgan.network, wgan.training)
    with pytest.raises(ValueError, match='its weights are those of other bands'):
        again.fit(stamps, initial_model=wgan, iterations=1, progress=False)
    with pytest.raises(ValueError, match='`held_out` must have the bands of the model'):
        again.fit(stamps, held_out=stamps[['g', 'r', 'i']], iterations=1, progress=False)


def test_shifts_leave_pixels_to_compare(wgan):
    """The scoring of a shifted training, on images that are too small for all of its shifts."""
    shifted = copy(wgan)
    shifted.training = replace(wgan.training, max_shift=7)
    detector = AnomalyDetector(shifted)
    assert detector.scoring.rotation_shift == 5
    stamps = stamps_in(['g', 'r', 'i'])
    assert np.isfinite(detector.measure(stamps, progress=False)['rotation_residual']).all()
    for change in ({'rotation_shift': 8}, {'color_smoothing': 100.0}):
        detector.scoring = ScoringConfig(**change)
        with pytest.raises(ValueError, match=f'`{next(iter(change))}` of the scoring must be'):
            detector.measure(stamps, progress=False)


def test_stamps_of_another_filter_are_scored_with_a_warning():
    wgan = made_model((Band('F160W'),))
    stamps = StampSet(stamps_in(None).pixels, bands=['F606W'])
    with pytest.warns(DriftWarning, match='their band is F606W, that of the training set F160W'):
        AnomalyDetector(wgan).measure(stamps, progress=False)
