"""Checkpoints of a training: one file, replaced in one piece, so that a kill leaves the last."""

import json

import numpy as np

from astro_wgan.files import read_arrays, write_arrays
from astro_wgan.wgan.config import TrainingConfig, to_dict

__all__ = ['CheckpointError', 'read_checkpoint', 'write_checkpoint']

_FORMAT = 'astro_wgan checkpoint 1'


class CheckpointError(ValueError):
    """A checkpoint that cannot be used: damaged, or of another training."""


def write_checkpoint(path, trainer, *, fingerprint, progress):
    """
    Write the whole state of a training.

    Parameters
    ----------
    path : path-like
        File to write (NumPy's npz). It is replaced only when the new one is on the disk.
    trainer : `~astro_wgan.wgan.adversarial.AdversarialTrainer`
        Networks, optimizers and iteration.
    fingerprint : dict
        What makes a training this one: configuration, seed, data. Compared when it is read.
    progress : dict
        Plain values beside the weights: seconds trained, history.
    """
    header = {'format': _FORMAT, 'fingerprint': fingerprint, 'progress': progress}
    arrays = {name: v.numpy() for name, v in trainer.state_variables()}
    write_arrays(path, header=np.array(json.dumps(header)), **arrays)


def read_checkpoint(path, trainer, *, fingerprint):
    """
    Put a trainer into the state that a checkpoint holds.

    Parameters
    ----------
    path : path-like
        File written by `write_checkpoint`.
    trainer : `~astro_wgan.wgan.adversarial.AdversarialTrainer`
        Built from the same configuration.
    fingerprint : dict
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
    if header['fingerprint'] != fingerprint:
        known = header['fingerprint']
        names = sorted(k for k in known | fingerprint if known.get(k) != fingerprint.get(k))
        raise CheckpointError(
            f'The checkpoint {path} belongs to another training: {", ".join(names)} differ. '
            'Name another checkpoint file, or remove this one to start anew.'
        )
    variables = trainer.state_variables()
    for name, variable in variables:
        if name not in arrays or arrays[name].shape != tuple(variable.shape):
            raise CheckpointError(f'The checkpoint {path} lacks {name} in the shape needed.')
    for name, variable in variables:
        variable.assign(arrays[name])
    return header['progress']


def _load(path):
    try:
        arrays = read_arrays(path)
        header = json.loads(str(arrays.pop('header')))
        if header['format'] != _FORMAT:
            raise KeyError('format')
        # What it knew nothing of was as it is by default.
        training = header['fingerprint']['training']
        header['fingerprint']['training'] = to_dict(TrainingConfig()) | training
    except (ValueError, KeyError) as error:
        raise CheckpointError(
            f'The file {path} is not a checkpoint of this version, or it is damaged ({error}).'
        ) from error
    return header, arrays
