"""What the machine computes on, and what it is quickest in."""

from dataclasses import replace
from pathlib import Path

import tensorflow as tf

__all__ = ['has_gpu', 'has_bfloat16_units', 'resolve_precision']

_PROCESSORS = Path('/proc/cpuinfo')


def has_gpu():
    """
    Whether TensorFlow computes on a graphics card.

    Returns
    -------
    bool
    """
    return bool(tf.config.list_physical_devices('GPU'))


def has_bfloat16_units():
    """
    Whether the processor has units for products of matrices in bfloat16.

    Returns
    -------
    bool
        True for those of Intel that have AMX, under Linux, which names what a processor can do.
    """
    try:
        return ' amx_bf16' in _PROCESSORS.read_text()
    except OSError:
        return False


def resolve_precision(training):
    """
    A training's configuration with a definite precision.

    Parameters
    ----------
    training : `~astro_wgan.wgan.TrainingConfig`
        Any.

    Returns
    -------
    `~astro_wgan.wgan.TrainingConfig`
        For ``precision='auto'``, bfloat16 throughout where the processor has units for it, and
        float32 otherwise: on a graphics card, in what XLA compiles, and under a strategy, whose
        machines may differ. Unchanged for any other.
    """
    if training.precision != 'auto':
        return training
    elsewhere = has_gpu() or training.jit_compile or tf.distribute.has_strategy()
    if has_bfloat16_units() and not elsewhere:
        return replace(training, precision='mixed_bfloat16', penalty_in_float32=False)
    return replace(training, precision='float32')
