import json
from functools import partial

import keras
import numpy as np
import pytest

from astro_wgan import WGAN, StampSet
from astro_wgan.exceptions import CheckpointError
from astro_wgan.files.atomic import write_arrays
from astro_wgan.jobs import Fingerprint
from astro_wgan.wgan.serialization.checkpoint import is_finite, read_checkpoint, write_checkpoint


def test_checkpoint_of_another_training_is_refused(stamps, tmp_path, new_wgan):
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


def test_checkpoint_of_a_former_version_is_refused(stamps, tmp_path, new_wgan):
    checkpoint = tmp_path / 'training.npz'
    new_wgan().fit(stamps, iterations=1, checkpoint=checkpoint, progress=False)
    with np.load(checkpoint) as file:
        arrays = dict(file)
    header = json.loads(str(arrays['header']))
    header['fingerprint'] = {'network': {}, 'training': {}, 'seed': 0, 'stamps': 'ab12'}
    np.savez(checkpoint, **{**arrays, 'header': np.array(json.dumps(header))})
    with pytest.raises(CheckpointError, match=r'a former version .* remove this one to start anew'):
        new_wgan().fit(stamps, iterations=2, checkpoint=checkpoint, progress=False)


def test_damaged_checkpoint_is_refused(stamps, tmp_path, new_wgan):
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
