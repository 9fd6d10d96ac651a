"""An encoder that learns beside generator and critic to give real images back."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

from astro_wgan import WGAN, AnomalyDetector, StampSet
from astro_wgan.exceptions import DriftWarning
from astro_wgan.wgan import NetworkConfig, TrainingConfig
from astro_wgan.wgan.losses import latent_divergence, reconstruction_loss


def blobs(n, *, seed):
    """Round blobs of many widths and brightnesses on white noise of variance 1."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((16, 16)) - 7.5
    width, peak = rng.uniform(1.2, 2.5, (n, 1, 1)), rng.uniform(5, 30, (n, 1, 1))
    pixels = peak * np.exp(-(x**2 + y**2) / 2 / width**2) + rng.normal(size=(n, 16, 16))
    return StampSet(pixels, unit='nJy')


def new_wgan(**training):
    network = replace(NetworkConfig.preset('compact', size=16), noise=True, latent_dim=4)
    # Not the preset's, which may change; in float32, the same on every machine.
    known = {'critic_steps': 1, 'learning_rate': 1e-3, 'augment': True, 'ema_decay': 0.995}
    return WGAN(network, TrainingConfig(**{**known, 'reconstruction_weight': 0.05, **training}))


@pytest.fixture(scope='module')
def stamps():
    return blobs(300, seed=1)


@pytest.fixture(scope='module')
def wgan(stamps):
    return new_wgan(reconstruction_weight=0.1).fit(stamps, iterations=150, seed=1, progress=False)


# Losses


def test_reconstruction_loss_is_minus_the_log_likelihood():
    rng = np.random.default_rng(1)
    images, closest = rng.normal(size=(2, 5, 4, 4, 2)).astype(np.float32)
    variance = np.array([0.5, 2.0], np.float32)
    found = reconstruction_loss(images, closest, variance)
    spread = np.sqrt(variance)
    likelihood = norm.logpdf(images, closest, spread) - norm.logpdf(0, 0, spread)
    assert float(found) == pytest.approx(-likelihood.sum(axis=(1, 2, 3)).mean(), rel=1e-5)


def test_divergence_is_that_of_samples():
    rng = np.random.default_rng(2)
    mean, log_sigma = rng.normal(size=(3, 2)), rng.normal(scale=0.3, size=(3, 2))
    spread = np.exp(log_sigma)
    samples = mean + spread * rng.normal(size=(200_000, 3, 2))
    ratio = norm.logpdf(samples, mean, spread) - norm.logpdf(samples)
    found = latent_divergence(tf.constant(mean), tf.constant(log_sigma))
    assert float(found) == pytest.approx(ratio.sum(axis=2).mean(), rel=0.01)
    assert float(latent_divergence(tf.zeros((2, 4)), tf.zeros((2, 4)))) == 0


# Training


def test_real_images_are_given_back(wgan, stamps):
    """What is left of fresh ones is little more than noise; the mean image leaves far more."""
    fresh = blobs(100, seed=2)
    images = wgan.images_from_stamps(fresh)[0]
    given_back = wgan.images_from_latent(wgan.encoder_(images).numpy())
    noise = np.sum(wgan.noise_.get_layer('correlation').get_weights()[0] ** 2)
    mean = wgan.images_from_stamps(stamps)[0].mean(axis=0)
    left = [np.mean((images - other) ** 2) / noise for other in (given_back, mean)]
    assert left[0] - 1 < 0.25 * (left[1] - 1)


def test_the_history_has_the_terms(wgan):
    history = wgan.history_
    assert history['reconstruction_chi2'][-1] < 0.5 * history['reconstruction_chi2'][0]
    assert 0 < history['kl_divergence'][-1] < 50


def test_a_training_that_goes_on_is_that_which_was_not_interrupted(stamps, tmp_path):
    checkpoint = tmp_path / 'training.npz'
    config = {'reconstruction_weight': 0.1}
    whole = new_wgan(**config).fit(stamps, iterations=6, seed=3, progress=False)
    for iterations in (3, 6):
        parted = new_wgan(**config).fit(
            stamps, iterations=iterations, seed=3, checkpoint=checkpoint, progress=False
        )
    for name in ('generator_', 'encoder_', 'critic_'):
        weights = [getattr(model, name).get_weights() for model in (whole, parted)]
        for one, other in zip(*weights, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_the_encoder_is_saved_with_the_model(wgan, stamps, tmp_path):
    wgan.save(tmp_path)
    images = wgan.images_from_stamps(stamps[:5])[0]
    again = WGAN.load(tmp_path)
    np.testing.assert_allclose(again.encoder_(images), wgan.encoder_(images), rtol=1e-5, atol=1e-6)


def test_a_detector_starts_from_the_encoder_of_its_model(wgan, stamps, tmp_path):
    detector = AnomalyDetector(wgan)
    assert detector.search.start == 'encoder'
    assert detector.encoder_ is wgan.encoder_
    table = detector.calibrate(blobs(100, seed=4), progress=False).score(stamps[:9], progress=False)
    detector.save(tmp_path)
    assert not (tmp_path / 'search_encoder.keras').exists()
    again = AnomalyDetector.load(tmp_path).score(stamps[:9], progress=False)
    np.testing.assert_allclose(again['score'], table['score'], rtol=1e-3)


def test_two_in_one_stamp_are_strange(wgan):
    """A model that has seen single blobs alone cannot draw a pair."""
    detector = AnomalyDetector(wgan).calibrate(blobs(200, seed=5), progress=False)
    fresh, pairs = blobs(50, seed=6), blobs(50, seed=7)
    pairs.pixels[:, :, 5:] += blobs(50, seed=8).pixels[:, :, :11]
    scores = detector.score(fresh, progress=False)['score']
    # The sum of two stamps has the noise of both.
    with pytest.warns(DriftWarning, match='the median noise of a pixel'):
        strange = detector.score(pairs, progress=False)['score']
    assert np.mean(strange > np.median(scores)) > 0.9
    assert np.mean(scores > detector.calibration_.thresholds()[90]) < 0.25


@pytest.mark.parametrize(
    'network', [{'noise': False}, {'noise': True, 'latent_distribution': 'uniform'}]
)
def test_an_encoder_needs_noise_apart_and_a_normal_z(stamps, network):
    wgan = new_wgan(reconstruction_weight=0.1)
    wgan.network = replace(wgan.network, **network)
    with pytest.raises(ValueError, match='`reconstruction` of the training needs a network with'):
        wgan.fit(stamps, iterations=1, progress=False)


def test_a_negative_weight_is_an_error():
    with pytest.raises(ValueError, match='`reconstruction` must not be negative; got -1'):
        new_wgan(reconstruction_weight=-1)
