from dataclasses import replace

import numpy as np
import pytest

from astro_wgan import StampSet
from astro_wgan.exceptions import BenchmarkError
from astro_wgan.simulate import (
    BENCHMARKS,
    SIMULATION_CONFIGS,
    benchmarks,
    load_benchmark,
    simulate,
    write_benchmark,
)
from astro_wgan.simulate.benchmarks import checksum, first_stamps, is_frozen

pytest.importorskip('galsim')

PARTS = ('train', 'normal', 'pair', 'disturbed', 'ring', 'lens', 'artifact')


# Frozen checksums: a change of the simulator needs a configuration of another name.
@pytest.mark.parametrize('name', BENCHMARKS)
@pytest.mark.parametrize('part', PARTS)
def test_benchmarks_have_their_frozen_checksums(name, part):
    assert is_frozen(first_stamps(name, part), name, part)


def test_other_stamps_have_other_checksums():
    stamps = first_stamps('benchmark-1', 'normal')
    assert not is_frozen(simulate('normal', 24, seed=99), 'benchmark-1', 'normal')
    assert not is_frozen(stamps, 'benchmark-1', 'train')
    assert not is_frozen(stamps[::-1], 'benchmark-1', 'normal')
    brighter = replaced(stamps, 1.01 * stamps.pixels)
    assert not is_frozen(brighter, 'benchmark-1', 'normal')
    config = SIMULATION_CONFIGS['benchmark-1']
    texture = 1.1 * config.disks.flocculent_amplitude
    other = replace(config, disks=replace(config.disks, flocculent_amplitude=texture))
    assert not is_frozen(simulate('normal', 24, config=other, seed=2), 'benchmark-1', 'normal')


def test_checksums_tolerate_rounding_errors():
    stamps = first_stamps('benchmark-1', 'ring')
    rng = np.random.default_rng(1)
    rounding = 1 + 1e-6 * rng.standard_normal(stamps.pixels.shape)
    assert is_frozen(replaced(stamps, stamps.pixels * rounding), 'benchmark-1', 'ring')
    # A few fine pixels in the adjacent bin of a tabulated profile, as rounding may cause.
    shifted = 1 + 0.001 * (rng.random(stamps.pixels.shape) < 0.001)
    assert is_frozen(replaced(stamps, stamps.pixels * shifted), 'benchmark-1', 'ring')


def replaced(stamps, pixels):
    return StampSet(pixels.astype(np.float32), unit=stamps.unit, table=stamps.table)


def test_checksum_depends_on_the_order():
    stamps = simulate('lens', 4, seed=1)
    assert checksum(stamps)['truth'] == pytest.approx(checksum(stamps[::-1])['truth'])
    assert not np.allclose(checksum(stamps)['pixels'], checksum(stamps[::-1])['pixels'], atol=1)


@pytest.fixture
def small(monkeypatch):
    """Benchmarks with few stamps."""
    monkeypatch.setattr(benchmarks, '_N_TRAIN', 26)
    monkeypatch.setattr(benchmarks, '_N_NORMAL', 25)
    monkeypatch.setattr(benchmarks, '_N_ANOMALIES', 24)


def test_written_benchmarks_are_loaded(tmp_path, small):
    write_benchmark('benchmark-2', output=tmp_path, progress=False)
    benchmark = load_benchmark(tmp_path, 'benchmark-2', check=True)
    assert benchmark.name == 'benchmark-2'
    assert (len(benchmark.train), len(benchmark.normal)) == (26, 25)
    assert {name: len(store) for name, store in benchmark.anomalies.items()} == dict.fromkeys(
        PARTS[2:], 24
    )
    # The training and the test set have no stamp in common.
    assert not set(benchmark.train.table['id']) & set(benchmark.normal.table['id'])


def test_incomplete_or_other_benchmarks_are_refused(tmp_path, small, monkeypatch):
    with pytest.raises(ValueError, match=r"one of .*'benchmark-1'.* got 'benchmark-3'"):
        load_benchmark(tmp_path, 'benchmark-3')
    with pytest.raises(FileNotFoundError):
        load_benchmark(tmp_path, 'benchmark-1')
    write_benchmark('benchmark-1', output=tmp_path, progress=False)

    def checksum_of_brighter(stamps):
        return checksum(replaced(stamps, 1.01 * stamps.pixels))

    monkeypatch.setattr(benchmarks, 'checksum', checksum_of_brighter)
    with pytest.raises(BenchmarkError, match='differ from those of benchmark-1'):
        load_benchmark(tmp_path, 'benchmark-1', check=True)
    monkeypatch.setattr(benchmarks, '_N_NORMAL', 26)
    with pytest.raises(BenchmarkError, match='holds 25 of 26 stamps'):
        load_benchmark(tmp_path, 'benchmark-1')
