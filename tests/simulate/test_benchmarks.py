from dataclasses import replace

import numpy as np
import pytest

from astro_wgan import StampSet
from astro_wgan.exceptions import BenchmarkError
from astro_wgan.simulate import (
    BENCHMARKS,
    RECIPES,
    benchmarks,
    load_benchmark,
    simulate,
    write_benchmark,
)
from astro_wgan.simulate.benchmarks import checksum, first_stamps, is_frozen

pytest.importorskip('galsim')

PARTS = ('train', 'normal', 'pair', 'disturbed', 'ring', 'lens', 'artefact')


# A regression test: whoever changes what is drawn must name the recipe anew, or freeze it again.
@pytest.mark.parametrize('name', BENCHMARKS)
@pytest.mark.parametrize('part', PARTS)
def test_benchmarks_are_what_was_frozen(name, part):
    assert is_frozen(first_stamps(name, part), name, part)


def test_other_stamps_are_not_what_was_frozen():
    stamps = first_stamps('benchmark-1', 'normal')
    assert not is_frozen(simulate('normal', 24, seed=99), 'benchmark-1', 'normal')
    assert not is_frozen(stamps, 'benchmark-1', 'train')
    assert not is_frozen(stamps[::-1], 'benchmark-1', 'normal')
    brighter = replaced(stamps, 1.01 * stamps.pixels)
    assert not is_frozen(brighter, 'benchmark-1', 'normal')
    recipe = RECIPES['benchmark-1']
    other = replace(recipe, discs=replace(recipe.discs, texture=1.1 * recipe.discs.texture))
    assert not is_frozen(simulate('normal', 24, recipe=other, seed=2), 'benchmark-1', 'normal')


def test_rounding_errors_are_forgiven():
    stamps = first_stamps('benchmark-1', 'ring')
    rng = np.random.default_rng(1)
    rounding = 1 + 1e-6 * rng.standard_normal(stamps.pixels.shape)
    assert is_frozen(replaced(stamps, stamps.pixels * rounding), 'benchmark-1', 'ring')
    # As if a few fine pixels, of four in a pixel, were looked up in the bin beside their own.
    slipped = 1 + 0.001 * (rng.random(stamps.pixels.shape) < 0.001)
    assert is_frozen(replaced(stamps, stamps.pixels * slipped), 'benchmark-1', 'ring')


def replaced(stamps, pixels):
    return StampSet(pixels.astype(np.float32), unit=stamps.unit, table=stamps.table)


def test_checksum_depends_on_the_order():
    stamps = simulate('lens', 4, seed=1)
    assert checksum(stamps)['truth'] == pytest.approx(checksum(stamps[::-1])['truth'])
    assert not np.allclose(checksum(stamps)['pixels'], checksum(stamps[::-1])['pixels'], atol=1)


@pytest.fixture
def small(monkeypatch):
    """Benchmarks of few stamps."""
    monkeypatch.setattr(benchmarks, '_TRAIN', 26)
    monkeypatch.setattr(benchmarks, '_FRESH', 25)
    monkeypatch.setattr(benchmarks, '_EACH', 24)


def test_what_is_written_is_loaded(tmp_path, small):
    write_benchmark(tmp_path, 'benchmark-2', progress=False)
    benchmark = load_benchmark(tmp_path, 'benchmark-2', check=True)
    assert benchmark.name == 'benchmark-2'
    assert (len(benchmark.train), len(benchmark.normal)) == (26, 25)
    assert {kind: len(store) for kind, store in benchmark.anomalies.items()} == dict.fromkeys(
        PARTS[2:], 24
    )
    # Those to train on are not among those to test with.
    assert not set(benchmark.train.table['id']) & set(benchmark.normal.table['id'])


def test_what_is_not_whole_or_not_the_benchmark_is_refused(tmp_path, small, monkeypatch):
    with pytest.raises(ValueError, match=r"one of .*'benchmark-1'.* got 'benchmark-3'"):
        load_benchmark(tmp_path, 'benchmark-3')
    with pytest.raises(FileNotFoundError):
        load_benchmark(tmp_path, 'benchmark-1')
    write_benchmark(tmp_path, 'benchmark-1', progress=False)

    def of_brighter(stamps):
        return checksum(replaced(stamps, 1.01 * stamps.pixels))

    monkeypatch.setattr(benchmarks, 'checksum', of_brighter)
    with pytest.raises(BenchmarkError, match='are not those of benchmark-1'):
        load_benchmark(tmp_path, 'benchmark-1', check=True)
    monkeypatch.setattr(benchmarks, '_FRESH', 26)
    with pytest.raises(BenchmarkError, match='holds 25 of 26 stamps'):
        load_benchmark(tmp_path, 'benchmark-1')
