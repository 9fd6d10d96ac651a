"""What a machine can do, and the precision that comes of it."""

from dataclasses import replace

import pytest
import tensorflow as tf

from astro_wgan.wgan import TrainingConfig
from astro_wgan.wgan.compute import hardware
from astro_wgan.wgan.compute.hardware import has_bfloat16_units, resolve_precision


@pytest.fixture
def processors(monkeypatch, tmp_path):
    """A file in the place of the system's, to write flags to."""
    path = tmp_path / 'cpuinfo'
    monkeypatch.setattr(hardware, '_CPU_INFO', path)
    return path


@pytest.mark.parametrize(
    ('flags', 'expected'),
    [('fpu amx_bf16 avx512_fp16', True), ('fpu avx512_bf16', False), (None, False)],
)
def test_units_for_bfloat16_are_those_the_system_names(processors, flags, expected):
    if flags is not None:
        processors.write_text(f'processor\t: 0\nflags\t\t: {flags}\n')
    assert has_bfloat16_units() is expected


@pytest.mark.parametrize('units', [True, False])
def test_auto_is_bfloat16_where_there_are_units(processors, monkeypatch, units):
    processors.write_text('flags : amx_bf16' if units else 'flags : fpu')
    training = replace(TrainingConfig.preset('compact'), reconstruction_weight=0.1)
    assert training.precision == 'auto'
    found = resolve_precision(training)
    expected = {'precision': 'mixed_bfloat16', 'penalty_in_float32': False}
    assert found == replace(training, **(expected if units else {'precision': 'float32'}))
    monkeypatch.setattr(hardware, 'has_gpu', lambda: True)
    assert resolve_precision(training).precision == 'float32'


def test_auto_is_float32_compiled_and_under_a_strategy(processors):
    processors.write_text('flags : amx_bf16')
    training = TrainingConfig(precision='auto')
    assert resolve_precision(replace(training, jit_compile=True)).precision == 'float32'
    with tf.distribute.MirroredStrategy(['CPU:0']).scope():
        assert resolve_precision(training).precision == 'float32'
    assert resolve_precision(training).precision == 'mixed_bfloat16'


@pytest.mark.parametrize('precision', ['float32', 'mixed_bfloat16', 'mixed_float16'])
def test_a_given_precision_is_kept(processors, precision):
    processors.write_text('flags : amx_bf16')
    training = TrainingConfig(precision=precision)
    assert resolve_precision(training) == training
