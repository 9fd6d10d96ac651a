"""Training on two devices and by two processes, beside the same training by one."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from small_trainings import distributed_training
from small_trainings.distributed_training import (
    NETWORK,
    OPTIONS,
    TRAINING,
    CopyThirdCheckpoint,
    noise_stamps,
)

from astro_wgan import WGAN

# Seconds after which a process that should have come to its end is taken to hang.
PATIENCE = 150


# After two convolutions. Their gradient is that of real less that of generated images, which may
# be zero but for rounding, and Adam makes whole steps along such a one, too.
DENSE_BIASES = ('critic/5', 'critic/7')


def start(mode, folder, *arguments):
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'TF_CPP_MIN_LOG_LEVEL': '3'}
    command = [sys.executable, distributed_training.__file__, mode, folder, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def stop(*processes):
    for process in processes:
        process.kill()
        process.communicate()


def new_wgan(**training):
    return WGAN(NETWORK, replace(TRAINING, **training))


def content(path):
    """Header and arrays of a checkpoint."""
    with np.load(path) as file:
        arrays = dict(file)
    return json.loads(str(arrays.pop('header'))), arrays


def assert_same_training(path, other):
    """Losses, weights and the averages that Adam keeps are those of the other, but for rounding."""
    (header, found), (expected_header, expected) = content(path), content(other)
    assert found.keys() == expected.keys()
    assert found['iteration/0'] == expected['iteration/0']
    for name, values in expected.items():
        if name not in DENSE_BIASES:
            atol = 2e-5 * abs(values).max()
            np.testing.assert_allclose(found[name], values, rtol=0, atol=atol, err_msg=name)
    losses, expected_losses = (measured(x['progress']) for x in (header, expected_header))
    assert len(losses) == len(expected_losses) > 0
    for found_loss, loss in zip(losses, expected_losses, strict=True):
        for name, value in loss.items():
            assert found_loss[name] == pytest.approx(value, rel=1e-5, abs=2e-4), name


def measured(progress):
    """What was measured in each iteration of an epoch that is not yet whole."""
    assert not progress['history']
    return progress['losses']


@pytest.fixture(scope='module')
def stamps():
    return noise_stamps()


@pytest.fixture(scope='module')
def alone(stamps, tmp_path_factory):
    """Folder with the checkpoints that one process has after three and after five iterations."""
    folder = tmp_path_factory.mktemp('alone')
    copy = CopyThirdCheckpoint(folder / 'fifth.npz', folder / 'third.npz')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('astro_wgan.wgan.callbacks._CHECKPOINT_SECONDS', 0.0)
        options = {'checkpoint': folder / 'fifth.npz', 'callbacks': [copy], **OPTIONS}
        new_wgan().fit(stamps, iterations=5, **options)
    return folder


@pytest.fixture(scope='module')
def by_replicas(tmp_path_factory):
    """What two replicas in one process leave."""
    folder = tmp_path_factory.mktemp('replicas')
    process = start('replicas', folder)
    try:
        assert process.wait(PATIENCE) == 0
    finally:
        stop(process)
    return folder


@pytest.fixture(scope='module')
def by_workers(tmp_path_factory):
    """Folder of two processes of which the second was killed, and what the first said."""
    folder = tmp_path_factory.mktemp('workers')
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(('127.0.0.1', 0))
        addresses = json.dumps([f'127.0.0.1:{s.getsockname()[1]}' for s in (one, two)])
    workers = [start('worker', folder, str(k), addresses) for k in range(2)]
    try:
        deadline = time.monotonic() + PATIENCE
        while not (folder / 'third-by-0.npz').exists():
            assert time.monotonic() < deadline
            assert [w.poll() for w in workers] == [None, None]
            time.sleep(0.05)
        workers[1].send_signal(signal.SIGKILL)
        said, _ = workers[0].communicate(timeout=60)
    finally:
        stop(*workers)
    return folder, said


def test_two_replicas_train_as_one_device(alone, by_replicas):
    assert_same_training(by_replicas / 'state.npz', alone / 'third.npz')


def test_two_replicas_begin_with_the_weights_of_another_model(stamps, by_replicas, tmp_path):
    start = WGAN.load(by_replicas / 'model')
    checkpoint = tmp_path / 'state.npz'
    new_wgan().fit(stamps, iterations=2, checkpoint=checkpoint, initial_model=start, **OPTIONS)
    assert_same_training(by_replicas / 'tuned.npz', checkpoint)


def test_model_of_two_replicas_is_an_ordinary_one(by_replicas):
    wgan = WGAN.load(by_replicas / 'model')
    assert wgan.provenance_['replicas'] == 2
    assert np.isfinite(wgan.generate(3).pixels).all()
    weights = content(by_replicas / 'state.npz')[1]
    for k, weight in enumerate(wgan.generator_.get_weights()):
        np.testing.assert_array_equal(weight, weights[f'ema_generator/{k}'])


def test_two_workers_train_as_one_process(alone, by_workers):
    folder, _ = by_workers
    assert_same_training(folder / 'third-by-0.npz', alone / 'third.npz')


def test_only_the_first_worker_has_the_callbacks(by_workers):
    folder, _ = by_workers
    assert sorted(p.name for p in folder.iterdir()) == ['state.npz', 'third-by-0.npz']


def test_lost_worker_ends_the_training_with_a_usable_checkpoint(by_workers, stamps):
    folder, said = by_workers
    checkpoint = folder / 'state.npz'
    assert 'Another worker was lost after iteration' in said
    assert f'The last good state is kept in {checkpoint}.' in said
    done = int(content(checkpoint)[1]['iteration/0'])
    wgan = new_wgan().fit(stamps, iterations=done, checkpoint=checkpoint, **OPTIONS)
    assert wgan.provenance_['iterations'] == done >= 3
    assert np.isfinite(wgan.generate(3).pixels).all()


def test_one_process_goes_on_where_two_workers_were(alone, by_workers, stamps, tmp_path):
    folder, _ = by_workers
    path = tmp_path / 'state.npz'
    shutil.copy(folder / 'third-by-0.npz', path)
    new_wgan().fit(stamps, iterations=5, checkpoint=path, **OPTIONS)
    assert_same_training(path, alone / 'fifth.npz')


@pytest.mark.parametrize(
    ('training', 'message'),
    [
        ({'jit_compile': True}, '`jit_compile` of the training must be False under a `strategy`'),
        ({'precision': 'mixed_float16'}, r"`precision`.*got 'mixed_float16'"),
    ],
)
def test_what_no_strategy_can_train_is_refused(stamps, training, message):
    strategy = tf.distribute.OneDeviceStrategy('/cpu:0')
    with pytest.raises(ValueError, match=message):
        new_wgan(**training).fit(stamps, iterations=1, strategy=strategy)


def test_what_is_no_strategy_is_refused(stamps):
    with pytest.raises(ValueError, match=r"`strategy` must be a tf.distribute.Strategy; got 'gpu'"):
        new_wgan().fit(stamps, iterations=1, strategy='gpu')
    strategy = tf.distribute.OneDeviceStrategy('/cpu:0')
    with strategy.scope(), pytest.raises(ValueError, match='pass it as `strategy`'):
        new_wgan().fit(stamps, iterations=1)
