"""Training, checkpoints and files of a WGAN."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import keras
import numpy as np
import pytest
from astropy import units as u

from astro_wgan import WGAN, StampSet, StampStore
from astro_wgan.exceptions import CheckpointError, NotFittedError, TrainingDivergedError
from astro_wgan.files.atomic import write_arrays
from astro_wgan.jobs import Fingerprint
from astro_wgan.wgan import TrainingConfig
from astro_wgan.wgan.serialization.checkpoint import is_finite, read_checkpoint, write_checkpoint

SEED = 5


@pytest.fixture(scope='module')
def stamps():
    """Noisy squares of several sizes: 40 stamps of 16 x 16 pixels."""
    rng = np.random.default_rng(1)
    y, x = np.indices((16, 16)) - 7.5
    edge = rng.uniform(2, 6, size=(40, 1, 1))
    pixels = 5.0 * (np.maximum(abs(x), abs(y)) < edge) + rng.normal(size=(40, 16, 16))
    return StampSet(pixels, unit='nJy', pixel_scale=0.06 * u.arcsec)


def new_wgan(**training):
    network = WGAN.preset('compact', size=16).network
    options = {'critic_steps': 2, 'batch_size': 8, 'augment': True, **training}
    return WGAN(network, TrainingConfig(**options))


def weights(wgan):
    return [*wgan.generator_.get_weights(), *wgan.critic_.get_weights()]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_training_teaches_the_critic_and_the_generator(stamps):
    wgan = new_wgan(learning_rate=1e-3).fit(stamps, iterations=60, seed=SEED, progress=False)
    history = wgan.history_
    assert history['wasserstein_distance'][-1] < 0.7 * history['wasserstein_distance'].max()
    # Real and made images have about the same mean flux, which they had not at the start.
    untrained = new_wgan(learning_rate=1e-9).fit(stamps, iterations=1, progress=False)
    mean = stamps.pixels.mean()
    made, before = (abs(w.generate(64).pixels.mean() - mean) for w in (wgan, untrained))
    assert made < 0.5 * before


@pytest.fixture(scope='module')
def whole(stamps):
    """A model after six iterations without an interruption."""
    return new_wgan().fit(stamps, iterations=6, seed=SEED, progress=False)


def test_weights_follow_the_seed(stamps, whole):
    again, other = (
        new_wgan().fit(stamps, iterations=6, seed=seed, progress=False) for seed in (SEED, 1)
    )
    assert same(weights(whole), weights(again))
    assert not same(weights(whole), weights(other))


# In the first epoch of 40 / 16 iterations, and in the second.
@pytest.mark.parametrize('stop', [1, 4])
def test_resumed_training_ends_as_the_uninterrupted_one(stamps, whole, tmp_path, stop):
    checkpoint = tmp_path / 'training.npz'
    new_wgan().fit(stamps, iterations=stop, seed=SEED, checkpoint=checkpoint, progress=False)
    resumed = new_wgan().fit(stamps, iterations=6, seed=SEED, checkpoint=checkpoint, progress=False)
    assert same(weights(whole), weights(resumed))
    assert resumed.provenance_['iterations'] == 6


def test_interrupt_leaves_a_checkpoint_to_go_on_from(stamps, whole, tmp_path):
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


def test_checkpoint_of_another_training_is_refused(stamps, tmp_path):
    checkpoint = tmp_path / 'training.npz'
    new_wgan().fit(stamps, iterations=1, checkpoint=checkpoint, progress=False)
    fit = partial(WGAN.fit, iterations=1, checkpoint=checkpoint, progress=False)
    with pytest.raises(
        CheckpointError, match=r'npz belongs to other settings: `seed` was 0 and is 9'
    ):
        fit(new_wgan(), stamps, seed=9)
    with pytest.raises(CheckpointError, match='other stamps: there were 40 of them, and are 39'):
        fit(new_wgan(), stamps[1:])
    with pytest.raises(CheckpointError, match=r'`training\.learning_rate` was .* and is 0\.5'):
        fit(new_wgan(learning_rate=0.5), stamps)
    # Stamps in the midst of the set, too.
    pixels = stamps.pixels.copy()
    pixels[20] += 1
    others = {
        'their pixels and stretch differ': {'pixels': pixels},
        'they had no masks, and have some': {'mask': pixels != stamps.pixels},
        "their unit was 'nJy' and is 'uJy'": {'unit': 'uJy'},
    }
    for what, change in others.items():
        values = {'pixels': stamps.pixels, 'unit': stamps.unit, 'pixel_scale': stamps.pixel_scale}
        with pytest.raises(CheckpointError, match=f'belongs to other stamps: .*{what}'):
            fit(new_wgan(), StampSet(**values | change))


def test_checkpoint_of_a_former_version_is_refused(stamps, tmp_path):
    checkpoint = tmp_path / 'training.npz'
    new_wgan().fit(stamps, iterations=1, checkpoint=checkpoint, progress=False)
    with np.load(checkpoint) as file:
        arrays = dict(file)
    header = json.loads(str(arrays['header']))
    header['fingerprint'] = {'network': {}, 'training': {}, 'seed': 0, 'stamps': 'ab12'}
    np.savez(checkpoint, **{**arrays, 'header': np.array(json.dumps(header))})
    with pytest.raises(CheckpointError, match=r'a former version .* remove this one to start anew'):
        new_wgan().fit(stamps, iterations=2, checkpoint=checkpoint, progress=False)


def test_damaged_checkpoint_is_refused(stamps, tmp_path):
    checkpoint = tmp_path / 'training.npz'
    new_wgan().fit(stamps, iterations=1, checkpoint=checkpoint, progress=False)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match='damaged'):
        new_wgan().fit(stamps, iterations=2, checkpoint=checkpoint, progress=False)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'progress': []}, 'or it is damaged'),
        ({'progress': {'seconds': 'x'}}, "its seconds is 'x'"),
        ({'progress': {'other': 1}}, 'its other is 1'),
        ({'progress': {'history': [5]}}, 'its history are not rows'),
        ({'progress': {'losses': [{'loss': 'x'}]}}, 'its losses are not rows'),
        ({'fingerprint': None}, 'its fingerprint is a NoneType'),
        ({'format': 5}, 'its format is 5'),
        ({'format': 'astro_wgan checkpoint 1'}, 'earlier version .* Finish its training'),
    ],
)
def test_checkpoints_that_say_something_else_are_refused(tmp_path, change, message):
    header = {'format': 'astro_wgan checkpoint 2', 'fingerprint': {}, 'progress': {}, **change}
    write_arrays(tmp_path / 'state.npz', header=np.array(json.dumps(header)))
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(tmp_path / 'state.npz', None, fingerprint=None)


class Trainer:
    """One variable."""

    def __init__(self, value):
        self.variable = keras.Variable([value], dtype='float32')

    def state_variables(self):
        return [('generator/0', self.variable)]


def test_a_checkpoint_with_weights_that_are_not_finite_is_refused(tmp_path):
    mark = Fingerprint({'initial model': {}})
    path, trainer = tmp_path / 'state.npz', Trainer(np.nan)
    assert not is_finite(trainer)
    write_checkpoint(path, trainer, fingerprint=mark, progress={})
    other = Trainer(1.0)
    with pytest.raises(CheckpointError, match='has values of generator/0 that are not finite'):
        read_checkpoint(path, other, fingerprint=mark)
    assert is_finite(other)


def test_divergence_stops_with_advice_and_keeps_the_last_good_state(stamps, tmp_path):
    checkpoint = tmp_path / 'training.npz'
    wgan = new_wgan(learning_rate=1e30)
    with pytest.raises(
        TrainingDivergedError, match=r'not finite at iteration.*lower learning rate'
    ):
        wgan.fit(stamps, iterations=50, checkpoint=checkpoint, progress=False)
    assert not wgan.is_fitted


def test_time_limit_ends_the_training(stamps):
    wgan = new_wgan().fit(stamps, minutes=0.02, progress=False)
    assert 1 <= wgan.provenance_['iterations'] < 10000


def test_epochs_are_iterations_in_another_unit(stamps):
    # 40 stamps, 16 images an iteration.
    wgan = new_wgan().fit(stamps, epochs=2, progress=False)
    assert wgan.provenance_['iterations'] == 5


def test_generated_images_are_in_the_unit_of_the_stamps(stamps, whole):
    made = whole.generate(3, seed=1)
    assert (made.unit, made.pixel_scale) == (stamps.unit, stamps.pixel_scale)
    np.testing.assert_array_equal(made.pixels, whole.generate(3, seed=1).pixels)
    assert len(whole.generate(latent=np.zeros((2, whole.network.latent_dim)))) == 2


def test_no_images_have_the_shape_of_some(stamps, whole):
    none, one = (whole.critic_features(stamps[:n]) for n in (0, 1))
    assert none.shape == (0, *one.shape[1:])
    none, one = (whole.images_from_latent(np.zeros((n, whole.network.latent_dim))) for n in (0, 1))
    assert none.shape == (0, *one.shape[1:])


def test_saved_model_is_the_same_when_it_is_loaded(stamps, whole, tmp_path):
    whole.save(tmp_path / 'model')
    again = WGAN.load(tmp_path / 'model')
    assert same(weights(whole), weights(again))
    assert (again.network, again.training) == (whole.network, whole.training)
    assert again.provenance_ == whole.provenance_
    np.testing.assert_array_equal(again.critic_value(stamps), whole.critic_value(stamps))
    np.testing.assert_array_equal(again.generate(2).pixels, whole.generate(2).pixels)


def test_damaged_model_is_refused(whole, tmp_path):
    whole.save(tmp_path)
    description = tmp_path / 'model.json'
    whole = description.read_text()
    description.write_text(whole[:50])
    with pytest.raises(ValueError, match='not of this version, or it is damaged'):
        WGAN.load(tmp_path)
    description.write_text(json.dumps({**json.loads(whole), 'format': 'another'}))
    with pytest.raises(ValueError, match='not of this version, or it is damaged'):
        WGAN.load(tmp_path)
    description.unlink()
    with pytest.raises(FileNotFoundError):
        WGAN.load(tmp_path)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'epochs': 1, 'iterations': 1}, '`epochs` or `iterations`, not both'),
        ({'epochs': 0}, '`epochs` must be above 0'),
        ({'minutes': -1}, '`minutes` must be above 0; got -1'),
    ],
)
def test_impossible_limits_are_refused(stamps, options, message):
    with pytest.raises(ValueError, match=message):
        new_wgan().fit(stamps, **options)


def test_stamps_may_be_fewer_than_a_batch(stamps):
    with pytest.raises(ValueError, match=r'at least 32 stamps; got 31'):
        new_wgan(batch_size=64).fit(stamps[:31], iterations=2, progress=False)
    wgan = new_wgan(batch_size=64).fit(stamps[:32], iterations=2, progress=False)
    assert np.isfinite(wgan.history_['critic_loss']).all()


def test_stamps_that_do_not_fit_are_refused(stamps):
    with pytest.raises(ValueError, match=r'at least 8 stamps; got 3'):
        new_wgan().fit(stamps[:3])
    with pytest.raises(ValueError, match=r'16 x 16 pixels.*got 32 x 32 and 1. Bin them by 2'):
        new_wgan().fit(StampSet(np.zeros((20, 32, 32))))
    with pytest.raises(TypeError, match=r'`stamps` must be a StampSet.*got ndarray'):
        new_wgan().fit(np.zeros((20, 16, 16)))


def test_a_store_is_learnt_from_by_its_path(stamps, tmp_path):
    StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps).close()
    by_path = new_wgan().fit(tmp_path / 'stamps.zarr', iterations=2, seed=5, progress=False)
    store = StampStore.open(tmp_path / 'stamps.zarr')
    expected = new_wgan().fit(store, iterations=2, seed=5, progress=False)
    for a, b in zip(by_path.generator_.weights, expected.generator_.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_unfitted_model_has_no_results(tmp_path):
    wgan = new_wgan()
    for call in (lambda: wgan.generate(1), lambda: wgan.save(tmp_path)):
        with pytest.raises(NotFittedError, match='has not been fitted'):
            call()
