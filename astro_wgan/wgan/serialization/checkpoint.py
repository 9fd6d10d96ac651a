"""Checkpoints: weights, optimizers and history of a training in one file, replaced atomically."""

import json

import numpy as np

from astro_wgan.exceptions import CheckpointError
from astro_wgan.files.atomic import read_arrays, write_arrays
from astro_wgan.files.json_text import parse_json
from astro_wgan.jobs import describe_settings
from astro_wgan.wgan.config.training_config import TrainingConfig

__all__ = ['HELD_OUT', 'is_finite', 'read_checkpoint', 'write_checkpoint']

#: Group of the fingerprint that may be missing, since the weights do not depend on it.
HELD_OUT = 'held-out stamps'

_FORMAT = 'astro_wgan checkpoint 2'
#: Earlier format, with other names of settings and columns.
_FORMER = 'astro_wgan checkpoint 1'

#: Types of the fields of `~astro_wgan.wgan.callbacks.TrainingState`.
_PROGRESS = {
    'seconds': (int, float),
    'history': list,
    'losses': list,
    'best': (int, float),
    'waited': int,
}


def write_checkpoint(path, trainer, *, fingerprint, progress):
    """
    Write the state of a training.

    Parameters
    ----------
    path : path-like
        File to write, in NumPy's npz format; replaced once the new one is on disk.
    trainer : `~astro_wgan.wgan.trainer.AdversarialTrainer`
        Networks, optimizers and iteration.
    fingerprint : `~astro_wgan.jobs.Fingerprint`
        Configuration, seed, stamps, initial model and held-out stamps.
    progress : dict
        Fields of the `~astro_wgan.wgan.callbacks.TrainingState`.
    """
    header = {'format': _FORMAT, 'fingerprint': fingerprint.to_dict(), 'progress': progress}
    arrays = {name: v.numpy() for name, v in trainer.state_variables()}
    write_arrays(path, header=np.array(json.dumps(header)), **arrays)


def is_finite(trainer):
    """Whether all values of the state of a training are finite."""
    return all(np.isfinite(variable.numpy()).all() for _, variable in trainer.state_variables())


def read_checkpoint(path, trainer, *, fingerprint):
    """
    Restore the state of a trainer from a checkpoint.

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
        The ``progress`` in the checkpoint.

    Raises
    ------
    CheckpointError
        If the file is damaged, not a checkpoint of this version, or belongs to another training;
        the trainer is then unchanged.
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
            raise CheckpointError(
                f'The checkpoint {path} has no {name} of shape {tuple(variable.shape)}.'
            )
        if arrays[name].dtype.kind not in 'biuf' or not np.isfinite(arrays[name]).all():
            raise CheckpointError(
                f'The checkpoint {path} has values of {name} that are not finite.'
            )
    for name, variable in variables:
        variable.assign(arrays[name])
    return header['progress']


def _load(path):
    """Header and arrays of a checkpoint, checked as far as possible without a trainer."""
    try:
        arrays = read_arrays(path)
        # Losses of an incomplete epoch in the history may be NaN.
        header = parse_json(str(arrays.pop('header')).encode(), finite=False)
        if header['format'] != _FORMER:
            _check_header(header)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f'The file {path} is not a checkpoint of this version, or it is damaged ({error}).'
        ) from error
    if header['format'] == _FORMER:
        raise CheckpointError(
            f'The checkpoint {path} is of an earlier version of astro_wgan. Finish its training '
            'with that version, name another file, or remove this one to start anew.'
        )
    return header, arrays


def _check_header(header):
    if header['format'] != _FORMAT:
        raise ValueError(f'its format is {header["format"]!r:.60}')
    for name in ('fingerprint', 'progress'):
        if not isinstance(header[name], dict):
            raise ValueError(f'its {name} is a {type(header[name]).__name__}')
    _check_progress(header['progress'])
    # Settings that were added later have their defaults.
    if 'settings' in header['fingerprint']:
        defaults = describe_settings({'training': TrainingConfig()})
        header['fingerprint']['settings'] = defaults | header['fingerprint']['settings']


def _check_progress(progress):
    """Raise a ValueError for values that no training writes, since they are used much later."""
    for name, value in progress.items():
        if name not in _PROGRESS or not isinstance(value, _PROGRESS[name]):
            raise ValueError(f'its {name!s:.40} is {value!r:.40}')
        rows = value if isinstance(value, list) else []
        if not all(isinstance(row, dict) and _are_numbers(row.values()) for row in rows):
            raise ValueError(f'its {name} are not rows of numbers')


def _are_numbers(values):
    return all(isinstance(value, (int, float)) for value in values)
