import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan import StampSet, StampStore
from astro_wgan.exceptions import SimulationStoreError
from astro_wgan.simulate import CLASSES, SIMULATION_CONFIGS, simulate, simulation
from astro_wgan.sources import measure_sources
from astro_wgan.testing import assert_stamps_equal

pytest.importorskip('galsim')


def without_noise(name='benchmark-1', **changes):
    config = SIMULATION_CONFIGS[name]
    quiet = {
        'noise': replace(config.noise, rms=1e-3, gain=1e9),
        'neighbors': replace(config.neighbors, mean_number=0.0),
    }
    return replace(config, name='quiet', **{**quiet, **changes})


# Sets


@pytest.mark.parametrize('name', SIMULATION_CONFIGS)
@pytest.mark.parametrize('class_name', CLASSES)
def test_each_class_of_each_configuration_is_simulated(class_name, name):
    stamps = simulate(class_name, 4, config=name, seed=1)
    assert stamps.pixels.shape == (4, 64, 64)
    assert stamps.pixels.dtype == np.float32
    assert stamps.mask is None
    assert stamps.unit == u.nJy
    assert stamps.pixel_scale == 0.06 * u.arcsec / u.pix
    assert stamps.psf.shape == (33, 33)
    assert set(stamps.table['class']) == {class_name}
    assert (stamps.table['artifact'] != '').all() == (class_name == 'artifact')


def test_stamps_depend_on_class_configuration_seed_and_number_alone():
    twenty = simulate('disturbed', 20, seed=3)
    assert_stamps_equal(simulate('disturbed', 8, seed=3), twenty[:8])
    assert not np.array_equal(simulate('disturbed', 8, seed=4).pixels, twenty[:8].pixels)
    assert not np.array_equal(simulate('normal', 8, seed=3).pixels, twenty[:8].pixels)
    assert len(set(twenty.ids)) == 20


def test_classes_follow_each_other_in_a_set(monkeypatch):
    monkeypatch.setattr(simulation, '_CHUNK', 3)
    both = simulate({'pair': 5, 'lens': 2}, seed=3)
    assert both.table['class'].tolist() == ['pair'] * 5 + ['lens'] * 2
    assert_stamps_equal(both[:5], simulate('pair', 5, seed=3))
    assert_stamps_equal(both[5:], simulate('lens', 2, seed=3))
    assert both.meta['simulation']['config'] == 'benchmark-1'


def test_zero_stamps_are_an_empty_set():
    empty = simulate('normal', 0)
    assert len(empty) == 0
    assert empty.table.colnames == simulate('normal', 1).table.colnames
    assert empty.table['flux'].unit == u.nJy


# True parameters


def test_flux_of_a_stamp_is_the_true_flux():
    stamps = simulate('normal', 40, config=without_noise(), seed=2)
    inside = stamps.table['half_light_radius'] < 0.35 * u.arcsec
    flux = stamps.pixels.sum(axis=(1, 2))[inside]
    # The wings of bulges and of the PSF extend beyond the stamp.
    ratio = flux / stamps.table['flux'].value[inside]
    assert np.median(ratio) == pytest.approx(0.97, abs=0.02)
    assert (ratio < 1.001).all()
    assert (ratio > 0.85).all()


@pytest.mark.parametrize('class_name', ['disturbed', 'ring'])
def test_debris_and_rings_are_a_part_of_the_flux(class_name):
    stamps = simulate(class_name, 40, config=without_noise(), seed=2)
    ratio = stamps.pixels.sum(axis=(1, 2)) / stamps.table['flux'].value
    assert (ratio < 1.001).all()
    assert np.median(ratio) > 0.9


def test_pairs_have_the_positions_and_flux_ratios_that_sep_measures():
    base = SIMULATION_CONFIGS['benchmark-1']
    config = without_noise(
        pairs=replace(base.pairs, separation=(1.4, 1.6), tidal_amplitude=0.0),
        disks=replace(
            base.disks, spiral_fraction=0, bar_fraction=0, flocculent_amplitude=0, lopsidedness=0
        ),
        clumps=replace(base.clumps, mean_number=0),
    )
    stamps = simulate('pair', 130, config=config, seed=5)
    truth = stamps.table
    stamps = stamps[(truth['half_light_radius'] < 0.35 * u.arcsec) & (truth['flux_ratio'] > 1.3)]
    noise = 0.3 * np.random.default_rng(1).normal(size=stamps.pixels.shape)
    noisy = StampSet(stamps.pixels + noise, unit='nJy', table=stamps.table)
    sources = measure_sources(noisy, progress=False).sources
    offsets, ratios, places = [], [], []
    for row in stamps.table:
        found = sources[sources['id'] == row['id']]
        if len(found) < 2:
            continue
        bright, faint = found[np.argsort(-found['kron_flux'].value)[:2]]
        angle = row['companion_direction'].to_value(u.rad)
        x = row['x'].value + row['separation'].value / 0.06 * np.cos(angle)
        y = row['y'].value + row['separation'].value / 0.06 * np.sin(angle)
        places.append([bright['x'].value - row['x'].value, bright['y'].value - row['y'].value])
        offsets.append([faint['x'].value - x, faint['y'].value - y])
        ratios.append(bright['kron_flux'] / faint['kron_flux'] / row['flux_ratio'])
    assert len(ratios) >= 10
    assert np.abs(places).max() < 0.5
    assert np.median(np.abs(offsets)) < 0.2
    assert np.abs(offsets).max() < 1.5
    assert np.median(ratios) == pytest.approx(1, abs=0.1)


def test_true_parameters_are_in_the_documented_ranges():
    pairs = simulate('pair', 150, seed=7).table
    assert ((pairs['flux_ratio'] >= 1) & (pairs['flux_ratio'] <= 10)).all()
    assert ((pairs['separation'] >= 0.4 * u.arcsec) & (pairs['separation'] <= 2 * u.arcsec)).all()
    assert ((pairs['merger_time'] >= -1) & (pairs['merger_time'] < 0)).all()
    assert np.mean(pairs['flux_ratio'] < 2) == pytest.approx(0.67, abs=0.12)
    disturbed = simulate('disturbed', 100, seed=7).table
    after = disturbed['stage'] == 'post-merger'
    assert (after == (disturbed['merger_time'] > 0)).all()
    assert 0 < after.sum() < 100
    assert np.isnan(disturbed['flux_ratio']).all()


# Stores


def test_store_is_the_same_for_any_number_of_processes(tmp_path, monkeypatch):
    # Small pieces, so that both processes simulate each class.
    monkeypatch.setattr(simulation, '_CHUNK', 12)
    counts = {'normal': 70, 'pair': 8}
    alone = simulate(counts, output=tmp_path / 'a.zarr', seed=5, progress=False)
    together = simulate(counts, output=tmp_path / 'b.zarr', seed=5, processes=2, progress=False)
    assert_stamps_equal(alone[:], together[:])
    assert_stamps_equal(alone[70:], simulate('pair', 8, seed=5))
    files = sorted(path.name for path in (alone.path / 'pixels').glob('c.*'))
    assert files
    for name in files:
        first, second = (store.path / 'pixels' / name for store in (alone, together))
        assert first.read_bytes() == second.read_bytes()


def test_store_is_extended_from_its_first_stamps(tmp_path):
    path = tmp_path / 'stamps.zarr'
    simulate({'normal': 20, 'lens': 3}, output=path, progress=False)
    grown = simulate({'normal': 20, 'lens': 6, 'ring': 2}, output=path, progress=False)
    fresh = simulate({'normal': 20, 'lens': 6, 'ring': 2}, output=tmp_path / 'f.zarr')
    assert_stamps_equal(grown[:], fresh[:])


_KILLED = """
import os, signal
import astro_wgan.store.stampstore as store
from astro_wgan.simulate import simulate
from astro_wgan.simulate import simulation
# Small parts, so that stamps are written before the kill.
store._EXTEND_BYTES, simulation._CHUNK = 2**14, 8
append = store.StampStore._write
def write(self, *args):
    append(self, *args)
    if len(self) >= 16:
        os.kill(os.getpid(), signal.SIGKILL)
store.StampStore._write = write
like = store.StampStore.create
store.StampStore.create = lambda path, **kw: like(path, **{**kw, 'chunk': 8, 'shard': 8})
simulate({'normal': 80}, output=PATH, seed=9, progress=False)
"""


def test_killed_store_is_completed_with_the_same_stamps(tmp_path):
    path = tmp_path / 'stamps.zarr'
    code = _KILLED.replace('PATH', repr(str(path)))
    killed = subprocess.run([sys.executable, '-c', code], timeout=120)
    assert killed.returncode == -signal.SIGKILL
    begun = len(StampStore.open(path))
    assert 16 <= begun < 80
    store = simulate({'normal': 80}, output=path, seed=9, progress=False)
    assert_stamps_equal(store[:], simulate('normal', 80, seed=9))
    assert store.meta['simulation']['seed'] == 9


# Bad input


@pytest.mark.parametrize(
    ('arguments', 'options', 'error', 'message'),
    [
        (('comet', 3), {}, ValueError, r"among \['normal', .*got 'comet'"),
        (('normal',), {}, ValueError, '`n` must be the number of stamps'),
        (({'normal': 3}, 3), {}, ValueError, '`n` must not be given'),
        (({'normal': -3},), {}, ValueError, 'A number in `classes` must not be negative; got -3'),
        (('normal', -1), {}, ValueError, '`n` must not be negative; got -1'),
        (('normal', 2.5), {}, TypeError, '`n` must be an integer; got 2.5'),
        (('normal', True), {}, TypeError, '`n` must be an integer'),
        (('normal', 1), {'seed': -2}, ValueError, '`seed` must not be negative'),
        (('normal', 1), {'config': 'soup'}, ValueError, r"`config` .*\['benchmark-1', .*'soup'"),
        (
            ('normal', 1),
            {'config': 7},
            TypeError,
            '`config` must be a SimulationConfig .*got int',
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        simulate(*arguments, **options)


def test_nothing_is_written_for_bad_arguments(tmp_path):
    path = tmp_path / 'stamps.zarr'
    with pytest.raises(ValueError, match='comet'):
        simulate({'normal': 3, 'comet': 3}, output=path)
    with pytest.raises(ValueError, match='`processes` must be a whole number, at least 1; got 0'):
        simulate({'normal': 3}, output=path, processes=0)
    assert not path.exists()


def test_store_of_other_simulations_is_refused_unchanged(tmp_path):
    path = tmp_path / 'stamps.zarr'
    simulate({'normal': 4, 'pair': 2}, output=path, seed=1, progress=False)
    for counts, options, message in [
        (
            {'normal': 4, 'pair': 2},
            {'seed': 2},
            r'belongs to other settings: `seed` was 1 and is 2\. Choose',
        ),
        (
            {'normal': 4},
            {'seed': 1, 'config': 'benchmark-2'},
            r'settings: `config` was .benchmark-1. and is .benchmark-2., .*, and \d+ more',
        ),
        ({'normal': 5, 'pair': 2}, {'seed': 1}, 'does not hold the first of'),
        ({'normal': 4}, {'seed': 1}, 'holds 6 stamps, more than the 4'),
    ]:
        with pytest.raises(SimulationStoreError, match=message):
            simulate(counts, output=path, **options)
    assert len(StampStore.open(path)) == 6


def test_store_of_a_development_version_is_refused(tmp_path):
    path = tmp_path / 'stamps.zarr'
    old = simulate('normal', 2)
    meta = {'simulation': {'recipe': 'benchmark-1', 'seed': 0, 'fingerprint': 'f00'}}
    StampStore.from_stamps(path, old.replace(meta=meta)).close()
    with pytest.raises(SimulationStoreError, match=r'development version .* simulate it again'):
        simulate({'normal': 4}, output=path)


def test_store_without_simulations_is_refused_unchanged(tmp_path):
    path = tmp_path / 'stamps.zarr'
    StampStore.from_stamps(
        path, StampSet(np.ones((3, 64, 64)), table=QTable({'id': [1, 2, 3]}))
    ).close()
    with pytest.raises(SimulationStoreError, match='contains no simulations'):
        simulate({'normal': 4}, output=path)
    assert len(StampStore.open(path)) == 3


def test_error_without_galsim_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, 'galsim', None)
    with pytest.raises(ImportError, match=r'pip install "astro_wgan\[sim\]"'):
        simulate('normal', 1)
