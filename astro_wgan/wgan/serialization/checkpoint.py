"""Checkpoints of a training: one file, replaced in one piece, so that a kill leaves the last."""

import json

import numpy as np

from astro_wgan.exceptions import CheckpointError
from astro_wgan.files.atomic import read_arrays, write_arrays
from astro_wgan.files.json_text import parse_json
from astro_wgan.jobs import describe_settings
from astro_wgan.wgan.config import TrainingConfig

__all__ = ['HELD_OUT', 'is_finite', 'read_checkpoint', 'write_checkpoint']

#: What of a fingerprint may come and go: the weights do not depend on it.
HELD_OUT = 'held-out stamps'

_FORMAT = 'astro_wgan checkpoint 2'
#: In these some settings and columns have other names.
_FORMER = 'astro_wgan checkpoint 1'

#: What a training keeps beside the weights.
_PROGRESS = {
    'seconds': (int, float),
    'history': list,
    'losses': list,
    'best': (int, float),
    'waited': int,
}


def write_checkpoint(path, trainer, *, fingerprint, progress):
    """
    Write the whole state of a training.

    Parameters
    ----------
    path : path-like
        File to write (NumPy's npz). It is replaced only when the new one is on the disk.
    trainer : `~astro_wgan.wgan.trainer.AdversarialTrainer`
        Networks, optimizers and iteration.
    fingerprint : `~astro_wgan.jobs.Fingerprint`
        What makes a training this one: configuration, seed, stamps, start, and with which held-out
        stamps it is compared.
    progress : dict
        Plain values beside the weights: seconds trained, history.
    """
    header = {'format': _FORMAT, 'fingerprint': fingerprint.to_dict(), 'progress': progress}
    arrays = {name: v.numpy() for name, v in trainer.state_variables()}
    write_arrays(path, header=np.array(json.dumps(header)), **arrays)


def is_finite(trainer):
    """Whether the state of a training is worth to be kept."""
    return all(np.isfinite(variable.numpy()).all() for _, variable in trainer.state_variables())


def read_checkpoint(path, trainer, *, fingerprint):
    """
    Put a trainer into the state that a checkpoint holds.

    Parameters
    ----------
    path : path-like
        File written by `write_checkpoint`.
    trainer : `~astro_wgan.wgan.trainer.AdversarialTrainer`
        Built from the same configuration.
    fingerprint : `~astro_wgan.jobs.Fingerprint`
        As given to `write_checkpoint`.

    Returns
    -------
    dict
        The ``progress`` that was written.

    Raises
    ------
    CheckpointError
        If the file is damaged, is no checkpoint, or belongs to another training; the trainer is
        then as it was.
    """
    header, arrays = _load(path)
    other = fingerprint.mismatch(header['fingerprint'], optional=[HELD_OUT])
    if other:
        raise CheckpointError(
            f'The checkpoint {path} {other}. Name another checkpoint file, or remove this one to '
            'start anew.'
        )
    variables = trainer.state_variables()
    for name, variable in variables:
        if name not in arrays or arrays[name].shape != tuple(variable.shape):
            raise CheckpointError(f'The checkpoint {path} lacks {name} in the shape needed.')
        if arrays[name].dtype.kind not in 'biuf' or not np.isfinite(arrays[name]).all():
            raise CheckpointError(
                f'The checkpoint {path} has values of {name} that are not finite.'
            )
    for name, variable in variables:
        variable.assign(arrays[name])
    return header['progress']


def _load(path):
    try:
        arrays = read_arrays(path)
        # The losses of a history may be NaN where an epoch was not whole.
        header = parse_json(str(arrays.pop('header')).encode(), finite=False)
        if header['format'] == _FORMER:
            raise CheckpointError(
                f'The checkpoint {path} is of an earlier version of astro_wgan: finish its '
                'training with that version, or name another file, or remove this one to start '
                'anew.'
            )
        if header['format'] != _FORMAT:
            raise ValueError(f'it is of the format {header["format"]!r:.60}')
        for name in ('fingerprint', 'progress'):
            if not isinstance(header[name], dict):
                raise ValueError(f'its {name} is a {type(header[name]).__name__}')
        _check_progress(header['progress'])
        # What it knew nothing of was as it is by default.
        if 'settings' in header['fingerprint']:
            defaults = describe_settings({'training': TrainingConfig()})
            header['fingerprint']['settings'] = defaults | header['fingerprint']['settings']
    except CheckpointError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f'The file {path} is not a checkpoint of this version, or it is damaged ({error}).'
        ) from error
    return header, arrays


def _check_progress(progress):
    """Refuse what no training has written: it is looked at long after the checkpoint is read."""
    for name, value in progress.items():
        if name not in _PROGRESS or not isinstance(value, _PROGRESS[name]):
            raise ValueError(f'its {name!s:.40} is {value!r:.40}')
        rows = value if isinstance(value, list) else []
        if not all(isinstance(row, dict) and _are_numbers(row.values()) for row in rows):
            raise ValueError(f'its {name} are no rows of numbers')


def _are_numbers(values):
    return all(isinstance(value, (int, float)) for value in values)
