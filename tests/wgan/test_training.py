"""Resumed and interrupted trainings, an initial model, and the training of an encoder."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import keras
import numpy as np
import pytest
from astropy import units as u
from small_trainings.weights import same, weights

from astro_wgan import WGAN, AnomalyDetector, StampSet
from astro_wgan.exceptions import CheckpointError, DriftWarning, TrainingDivergedError
from astro_wgan.wgan import NetworkConfig, TrainingConfig

SEED = 5


def test_weights_follow_the_seed(stamps, whole, new_wgan):
    again, other = (
        new_wgan().fit(stamps, iterations=6, seed=seed, progress=False) for seed in (SEED, 1)
    )
    assert same(weights(whole), weights(again))
    assert not same(weights(whole), weights(other))


# In the first epoch of 40 / 16 iterations, and in the second.
@pytest.mark.parametrize('stop', [1, 4])
def test_resumed_training_ends_as_the_uninterrupted_one(stamps, whole, tmp_path, stop, new_wgan):
    checkpoint = tmp_path / 'training.npz'
    new_wgan().fit(stamps, iterations=stop, seed=SEED, checkpoint=checkpoint, progress=False)
    resumed = new_wgan().fit(stamps, iterations=6, seed=SEED, checkpoint=checkpoint, progress=False)
    assert same(weights(whole), weights(resumed))
    assert resumed.provenance_['iterations'] == 6


def test_interrupt_leaves_a_checkpoint_to_resume_from(stamps, whole, tmp_path, new_wgan):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.iteration.numpy()) == 3:
                raise KeyboardInterrupt

    checkpoint = tmp_path / 'training.npz'
    options = {'seed': SEED, 'checkpoint': checkpoint, 'progress': False}
    with pytest.raises(KeyboardInterrupt):
        new_wgan().fit(stamps, iterations=6, callbacks=[Interrupt()], **options)
    resumed = new_wgan().fit(stamps, iterations=6, **options)
    assert same(weights(whole), weights(resumed))


KILLED = """
import numpy as np
import astro_wgan.wgan.callbacks as callbacks
from astro_wgan import StampSet, WGAN

callbacks._CHECKPOINT_SECONDS = 0.0
stamps = StampSet(np.random.default_rng(1).normal(size=(32, 16, 16)))
WGAN.preset('compact', size=16).fit(
    stamps, iterations=100000, checkpoint={path!r}, progress=False
)
"""


def test_killed_process_leaves_a_checkpoint_that_can_be_read(tmp_path):
    path = tmp_path / 'training.npz'
    process = subprocess.Popen([sys.executable, '-c', KILLED.format(path=str(path))])
    try:
        deadline = time.monotonic() + 120
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        # Writing goes on all the time: this falls into the middle of it.
        time.sleep(0.5)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    stamps = StampSet(np.random.default_rng(1).normal(size=(32, 16, 16)))
    wgan = WGAN.preset('compact', size=16)
    wgan.fit(stamps, iterations=1, checkpoint=path, progress=False)
    assert wgan.provenance_['iterations'] >= 1


def test_divergence_stops_with_advice_and_keeps_the_last_good_state(stamps, tmp_path, new_wgan):
    checkpoint = tmp_path / 'training.npz'
    wgan = new_wgan(learning_rate=1e30)
    with pytest.raises(
        TrainingDivergedError, match=r'not finite at iteration.*lower learning rate'
    ):
        wgan.fit(stamps, iterations=50, checkpoint=checkpoint, progress=False)
    assert not wgan.is_fitted


def test_time_limit_ends_the_training(stamps, new_wgan):
    wgan = new_wgan().fit(stamps, minutes=0.02, progress=False)
    assert 1 <= wgan.provenance_['iterations'] < 10000


def test_epochs_are_iterations_in_another_unit(stamps, new_wgan):
    # 40 stamps, 16 images an iteration.
    wgan = new_wgan().fit(stamps, epochs=2, progress=False)
    assert wgan.provenance_['iterations'] == 5


# Initial model


def squares(n, *, edge, seed):
    rng = np.random.default_rng(seed)
    y, x = np.indices((16, 16)) - 7.5
    edges = edge + rng.uniform(-1, 1, size=(n, 1, 1))
    pixels = 5.0 * (np.maximum(abs(x), abs(y)) < edges) + rng.normal(size=(n, 16, 16))
    return StampSet(pixels, unit='nJy', pixel_scale=0.06 * u.arcsec)


NETWORK = WGAN.preset('compact', size=16).network


def new_with_encoder(**training):
    options = {'critic_steps': 2, 'batch_size': 8, 'reconstruction_weight': 0.05, **training}
    return WGAN(NETWORK, TrainingConfig(**options))


def mean_residual(wgan, stamps):
    """Mean absolute difference of stamps to what the encoder and the generator make of them."""
    images, _ = wgan.images_from_stamps(stamps)
    latent = wgan.encoder_(images, training=False).numpy()
    return np.abs(images - wgan.images_from_latent(latent)).mean()


@pytest.fixture(scope='module')
def fitted():
    return new_with_encoder(learning_rate=2e-3).fit(
        squares(40, edge=3, seed=1), iterations=200, seed=1, progress=False
    )


@pytest.fixture(scope='module')
def other():
    return squares(16, edge=5, seed=2)


def test_a_training_starts_from_the_initial_model(fitted, other):
    kept = new_with_encoder(learning_rate=1e-12).fit(
        other, initial_model=fitted, iterations=1, progress=False
    )
    for name in ('generator_', 'critic_', 'encoder_'):
        networks = (getattr(fitted, name), getattr(kept, name))
        for a, b in zip(*(network.get_weights() for network in networks), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    assert kept.provenance_['initial_model'] == fitted.provenance_
    # The field is its own: the stretch is that of the new stamps.
    assert kept.stretch_ != fitted.stretch_


def test_with_few_stamps_a_warm_start_beats_random_weights(fitted):
    few, fresh = squares(16, edge=3.5, seed=5), squares(64, edge=3.5, seed=4)
    options = {'iterations': 2, 'seed': 3, 'progress': False}
    tuned = new_with_encoder(learning_rate=2e-3).fit(few, initial_model=fitted, **options)
    new = new_with_encoder(learning_rate=2e-3).fit(few, **options)
    assert mean_residual(tuned, fresh) < 0.9 * mean_residual(new, fresh)


def test_the_initial_model_is_not_changed(fitted, other):
    before = fitted.generator_.get_weights()
    new_with_encoder(learning_rate=1e-2).fit(
        other, initial_model=fitted, iterations=2, progress=False
    )
    for a, b in zip(before, fitted.generator_.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_belongs_to_its_initial_model(fitted, other, tmp_path):
    options = {'checkpoint': tmp_path / 'checkpoint', 'progress': False}
    whole = new_with_encoder().fit(other, initial_model=fitted, iterations=4, progress=False)
    new_with_encoder().fit(other, initial_model=fitted, iterations=2, **options)
    resumed = new_with_encoder().fit(other, initial_model=fitted, iterations=4, **options)
    for a, b in zip(whole.generator_.get_weights(), resumed.generator_.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    with pytest.raises(
        CheckpointError,
        match='belongs to another initial model: its generator was given and is not there',
    ):
        new_with_encoder().fit(other, iterations=4, **options)


# Encoder


def gaussian_stamps(n, *, seed):
    """Gaussian sources of many widths and brightnesses on white noise of variance 1."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((16, 16)) - 7.5
    width, peak = rng.uniform(1.2, 2.5, (n, 1, 1)), rng.uniform(5, 30, (n, 1, 1))
    pixels = peak * np.exp(-(x**2 + y**2) / 2 / width**2) + rng.normal(size=(n, 16, 16))
    return StampSet(pixels, unit='nJy')


def new_autoencoder(**training):
    network = replace(NetworkConfig.preset('compact', size=16), noise=True, latent_dim=4)
    # Not the preset's, which may change; in float32, the same on every machine.
    known = {'critic_steps': 1, 'learning_rate': 1e-3, 'augment': True, 'ema_decay': 0.995}
    return WGAN(network, TrainingConfig(**{**known, 'reconstruction_weight': 0.05, **training}))


@pytest.fixture(scope='module')
def gaussians():
    return gaussian_stamps(300, seed=1)


@pytest.fixture(scope='module')
def autoencoder(gaussians):
    return new_autoencoder(reconstruction_weight=0.1).fit(
        gaussians, iterations=150, seed=1, progress=False
    )


def test_real_images_are_reconstructed(autoencoder, gaussians):
    """Residuals of new images are little more than noise; those of the mean image are larger."""
    fresh = gaussian_stamps(100, seed=2)
    images = autoencoder.images_from_stamps(fresh)[0]
    reconstructed = autoencoder.images_from_latent(autoencoder.encoder_(images).numpy())
    noise = np.sum(autoencoder.noise_.get_layer('correlation').get_weights()[0] ** 2)
    mean = autoencoder.images_from_stamps(gaussians)[0].mean(axis=0)
    left = [np.mean((images - other) ** 2) / noise for other in (reconstructed, mean)]
    assert left[0] - 1 < 0.25 * (left[1] - 1)


def test_the_history_has_the_terms_of_the_encoder(autoencoder):
    history = autoencoder.history_
    assert history['reconstruction_chi2'][-1] < 0.5 * history['reconstruction_chi2'][0]
    assert 0 < history['kl_divergence'][-1] < 50


def test_a_resumed_training_with_encoder_is_the_uninterrupted_one(gaussians, tmp_path):
    checkpoint = tmp_path / 'training.npz'
    config = {'reconstruction_weight': 0.1}
    whole = new_autoencoder(**config).fit(gaussians, iterations=6, seed=3, progress=False)
    for iterations in (3, 6):
        parted = new_autoencoder(**config).fit(
            gaussians, iterations=iterations, seed=3, checkpoint=checkpoint, progress=False
        )
    for name in ('generator_', 'encoder_', 'critic_'):
        weights = [getattr(model, name).get_weights() for model in (whole, parted)]
        for one, other in zip(*weights, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_the_encoder_is_saved_with_the_model(autoencoder, gaussians, tmp_path):
    autoencoder.save(tmp_path)
    images = autoencoder.images_from_stamps(gaussians[:5])[0]
    again = WGAN.load(tmp_path)
    np.testing.assert_allclose(
        again.encoder_(images), autoencoder.encoder_(images), rtol=1e-5, atol=1e-6
    )


def test_a_detector_starts_from_the_encoder_of_its_model(autoencoder, gaussians, tmp_path):
    detector = AnomalyDetector(autoencoder)
    assert detector.search.init == 'encoder'
    assert detector.encoder_ is autoencoder.encoder_
    detector.calibrate(gaussian_stamps(100, seed=4), progress=False)
    table = detector.score(gaussians[:9], progress=False)
    detector.save(tmp_path)
    assert not (tmp_path / 'search_encoder.keras').exists()
    again = AnomalyDetector.load(tmp_path).score(gaussians[:9], progress=False)
    np.testing.assert_allclose(again['score'], table['score'], rtol=1e-3)


def test_two_sources_in_one_stamp_are_anomalous(autoencoder):
    """A model trained on single sources cannot reproduce a pair."""
    detector = AnomalyDetector(autoencoder).calibrate(gaussian_stamps(200, seed=5), progress=False)
    fresh, pairs = gaussian_stamps(50, seed=6), gaussian_stamps(50, seed=7)
    pairs.pixels[:, :, 5:] += gaussian_stamps(50, seed=8).pixels[:, :, :11]
    scores = detector.score(fresh, progress=False)['score']
    # The sum of two gaussians has the noise of both.
    with pytest.warns(DriftWarning, match='the median noise of a pixel'):
        anomalous = detector.score(pairs, progress=False)['score']
    assert np.mean(anomalous > np.median(scores)) > 0.9
    assert np.mean(scores > detector.calibration_.thresholds()[90]) < 0.25
