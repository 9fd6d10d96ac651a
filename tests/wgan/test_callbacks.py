"""Callbacks of a training: held-out images, sample grids, patience, resuming."""

import csv
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image
from small_trainings import monitored_training
from small_trainings.monitored_training import fit, noisy_squares
from small_trainings.weights import same, weights

from astro_wgan import WGAN
from astro_wgan.exceptions import CheckpointError
from astro_wgan.wgan import TrainingConfig


@pytest.fixture(scope='module')
def whole():
    """A monitored training of two epochs of 25 iterations and five more."""
    return fit(55)


def test_history_has_a_row_per_epoch_and_one_for_the_rest(whole):
    history = whole.history_
    assert list(history['iteration']) == [25, 50, 55]
    assert np.isfinite(history['held_out_wasserstein_distance'][:2]).all()
    assert np.isnan(history['held_out_wasserstein_distance'][2])
    assert (history['critic_gradient_norm'] > 0).all()
    assert (history['generator_gradient_norm'] > 0).all()
    names = [name for name in history.colnames if name.startswith('ks_')]
    mean = np.mean([history[name][:2] for name in names], axis=0)
    np.testing.assert_allclose(history['ks_mean'][:2], mean)


def test_an_overfitted_critic_has_a_smaller_held_out_distance():
    """Trained on eight images for long, it sees a larger distance there than elsewhere."""
    few = noisy_squares(1)[:8]
    training = TrainingConfig(critic_steps=5, batch_size=8, learning_rate=1e-3)
    wgan = WGAN(WGAN.preset('compact', size=16).network, training)
    wgan.fit(few, held_out=noisy_squares(2), iterations=100, progress=False)
    last = wgan.history_[-1]
    assert last['wasserstein_distance'] > 1.5 * last['held_out_wasserstein_distance']


def test_sample_grids_show_the_same_samples_after_each_epoch(tmp_path):
    fit(50, sample_dir=tmp_path / 'samples')
    files = sorted((tmp_path / 'samples').iterdir())
    assert [file.name for file in files] == ['samples-000025.png', 'samples-000050.png']
    pictures = [np.array(Image.open(file)) for file in files]
    assert pictures[0].shape == (7 * 16, 7 * 16)
    assert not np.array_equal(*pictures)


def test_keras_callbacks_get_the_rows_of_the_history(tmp_path):
    pytest.importorskip('tensorboard')
    log = tmp_path / 'log.csv'
    board = keras.callbacks.TensorBoard(tmp_path / 'board', write_graph=False)
    wgan = fit(50, callbacks=[keras.callbacks.CSVLogger(log), board])
    rows = list(csv.DictReader(log.read_text().splitlines()))
    for name in ('wasserstein_distance', 'ks_mean', 'wasserstein_flux'):
        read = [float(row[name]) for row in rows]
        np.testing.assert_allclose(read, wgan.history_[name], rtol=1e-6)
    assert list((tmp_path / 'board').rglob('events*'))


def test_patience_ends_a_training_without_improvement():
    training = TrainingConfig(critic_steps=1, batch_size=8, learning_rate=1e-12)
    wgan = WGAN(WGAN.preset('compact', size=16).network, training)
    wgan.fit(
        noisy_squares(1), held_out=noisy_squares(2), iterations=1000, patience=2, progress=False
    )
    # The first epoch is the best so far, and two bring nothing.
    assert wgan.provenance_['iterations'] == 75


@pytest.mark.parametrize('stop', [20, 50])
def test_resumed_training_measures_as_the_uninterrupted_one(whole, tmp_path, stop):
    fit(stop, checkpoint=tmp_path / 'training.npz')
    resumed = fit(55, checkpoint=tmp_path / 'training.npz')
    assert same(weights(whole), weights(resumed))
    for name in whole.history_.colnames:
        if name != 'time':
            np.testing.assert_array_equal(whole.history_[name], resumed.history_[name])


def test_a_training_resumes_with_the_same_held_out_stamps_or_none(tmp_path):
    training = TrainingConfig(critic_steps=1, batch_size=8)
    options = {'checkpoint': tmp_path / 'training.npz', 'progress': False}

    def resume(iterations, held_out):
        wgan = WGAN(WGAN.preset('compact', size=16).network, training)
        return wgan.fit(noisy_squares(1), held_out=held_out, iterations=iterations, **options)

    resume(1, noisy_squares(2))
    with pytest.raises(CheckpointError, match='other held-out stamps: their pixels differ'):
        resume(2, noisy_squares(3))
    assert resume(2, None).provenance_['iterations'] == 2
    assert resume(3, noisy_squares(2)).provenance_['iterations'] == 3


def test_killed_at_random_it_ends_as_the_uninterrupted_one(whole, tmp_path):
    path = tmp_path / 'training.npz'
    rng = np.random.default_rng(7)
    process = subprocess.Popen([sys.executable, monitored_training.__file__, path])
    try:
        deadline = time.monotonic() + 120
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.5))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    reached = fit(1, checkpoint=path).provenance_['iterations']
    if reached > 55:
        pytest.skip(f'The machine was so fast that {reached} iterations were done.')
    assert same(weights(whole), weights(fit(55, checkpoint=path)))
