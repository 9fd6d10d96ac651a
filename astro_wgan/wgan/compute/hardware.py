"""Properties of the machine: GPU, bfloat16 units, and the precision that is fastest on it."""

from dataclasses import replace
from pathlib import Path

import tensorflow as tf

__all__ = ['has_gpu', 'has_bfloat16_units', 'resolve_precision']

_CPU_INFO = Path('/proc/cpuinfo')


def has_gpu():
    """
    Whether TensorFlow uses a GPU.

    Returns
    -------
    bool
    """
    return bool(tf.config.list_physical_devices('GPU'))


def has_bfloat16_units():
    """
    Whether the CPU has units for matrix products in bfloat16.

    Returns
    -------
    bool
        True for CPUs with Intel AMX under Linux; False on other systems.
    """
    try:
        return ' amx_bf16' in _CPU_INFO.read_text()
    except OSError:
        return False


def resolve_precision(training):
    """
    The configuration of a training with ``precision='auto'`` resolved for this machine.

    Parameters
    ----------
    training : `~astro_wgan.wgan.TrainingConfig`
        Any configuration.

    Returns
    -------
    `~astro_wgan.wgan.TrainingConfig`
        For ``precision='auto'`` bfloat16 throughout if the CPU has units for it, and float32
        otherwise, on a GPU, with ``jit_compile``, and under a strategy, whose machines may differ.
        Other configurations are returned unchanged.
    """
    if training.precision != 'auto':
        return training
    plain_cpu = not (has_gpu() or training.jit_compile or tf.distribute.has_strategy())
    if plain_cpu and has_bfloat16_units():
        return replace(training, precision='mixed_bfloat16', penalty_in_float32=False)
    return replace(training, precision='float32')
