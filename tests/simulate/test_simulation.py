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
from astro_wgan.simulate import KINDS, RECIPES, simulate, simulate_store, simulation
from astro_wgan.sources import measure_sources

pytest.importorskip('galsim')


def without_noise(name='benchmark-1', **changes):
    recipe = RECIPES[name]
    quiet = {
        'noise': replace(recipe.noise, rms=1e-3, gain=1e9),
        'crowding': replace(recipe.crowding, number=0.0),
    }
    return replace(recipe, name='quiet', **{**quiet, **changes})


def assert_same(first, second):
    assert np.array_equal(first.pixels, second.pixels)
    for name in first.table.colnames:
        assert np.array_equal(
            np.asarray(first.table[name]).astype(str), np.asarray(second.table[name]).astype(str)
        )


# What is made


@pytest.mark.parametrize('name', RECIPES)
@pytest.mark.parametrize('kind', KINDS)
def test_each_class_of_each_recipe_is_made(kind, name):
    stamps = simulate(kind, 4, recipe=name, seed=1)
    assert stamps.pixels.shape == (4, 64, 64)
    assert stamps.pixels.dtype == np.float32
    assert stamps.mask is None
    assert stamps.unit == u.nJy
    assert stamps.pixel_scale == 0.06 * u.arcsec / u.pix
    assert stamps.psf.shape == (33, 33)
    assert set(stamps.table['kind']) == {kind}
    assert (stamps.table['artefact'] != '').all() == (kind == 'artefact')


def test_stamps_depend_on_class_recipe_seed_and_number_alone():
    twenty = simulate('disturbed', 20, seed=3)
    assert_same(simulate('disturbed', 8, seed=3), twenty[:8])
    assert not np.array_equal(simulate('disturbed', 8, seed=4).pixels, twenty[:8].pixels)
    assert not np.array_equal(simulate('normal', 8, seed=3).pixels, twenty[:8].pixels)
    assert len(set(twenty.ids)) == 20


def test_no_stamps_are_a_set_too():
    empty = simulate('normal', 0)
    assert len(empty) == 0
    assert empty.table.colnames == simulate('normal', 1).table.colnames
    assert empty.table['flux'].unit == u.nJy


# Truth and image


def test_flux_of_a_stamp_is_that_of_the_truth():
    stamps = simulate('normal', 40, recipe=without_noise(), seed=2)
    inside = stamps.table['effective_radius'] < 0.35 * u.arcsec
    flux = stamps.pixels.sum(axis=(1, 2))[inside]
    # Some of the light lies outside of the stamp, in the wings of bulges and of the PSF.
    ratio = flux / stamps.table['flux'].value[inside]
    assert np.median(ratio) == pytest.approx(0.97, abs=0.02)
    assert (ratio < 1.001).all()
    assert (ratio > 0.85).all()


@pytest.mark.parametrize('kind', ['disturbed', 'ring'])
def test_debris_and_rings_are_a_part_of_the_flux(kind):
    stamps = simulate(kind, 40, recipe=without_noise(), seed=2)
    ratio = stamps.pixels.sum(axis=(1, 2)) / stamps.table['flux'].value
    assert (ratio < 1.001).all()
    assert np.median(ratio) > 0.9


def test_magnitude_is_ab():
    table = simulate('normal', 5).table
    expected = (table['magnitude'].value * u.ABmag).to_value(u.nJy)
    np.testing.assert_allclose(table['flux'].value, expected, rtol=1e-3)


def test_pairs_are_where_and_as_bright_as_sep_measures():
    base = RECIPES['benchmark-1']
    recipe = without_noise(
        pairs=replace(base.pairs, separations=(1.4, 1.6), tide=0.0),
        discs=replace(base.discs, spirals=0, bars=0, texture=0, lopsidedness=0),
        clumps=replace(base.clumps, number=0),
    )
    stamps = simulate('pair', 130, recipe=recipe, seed=5)
    truth = stamps.table
    stamps = stamps[(truth['effective_radius'] < 0.35 * u.arcsec) & (truth['flux_ratio'] > 1.3)]
    noise = 0.3 * np.random.default_rng(1).normal(size=stamps.pixels.shape)
    noisy = StampSet(stamps.pixels + noise, unit='nJy', table=stamps.table)
    sources = measure_sources(noisy, progress=False).sources
    offsets, ratios, places = [], [], []
    for row in stamps.table:
        found = sources[sources['id'] == row['id']]
        if len(found) < 2:
            continue
        bright, faint = found[np.argsort(-found['kron_flux'].value)[:2]]
        angle = row['separation_angle'].to_value(u.rad)
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


def test_truth_lies_in_the_ranges_that_are_documented():
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


def test_galaxies_follow_the_relations_of_mass_size_and_redshift():
    table = simulate('normal', 400, seed=1).table
    assert table['magnitude'].max() < 22.8 * u.mag
    mass, redshift = np.log10(table['mass'].value), table['redshift']
    assert mass.min() >= 10
    assert 0.5 <= redshift.min() < redshift.max() < 3
    late = table['bulge_fraction'] < 0.5
    assert np.corrcoef(table['magnitude'].value[late], redshift[late])[0, 1] > 0.3
    # The scale of a disc's inclination: thin discs seen at random have a uniform cosine.
    assert np.mean(table['axis_ratio'][late] < 0.5) == pytest.approx(0.47, abs=0.1)


# Stores


def test_store_is_the_same_for_any_number_of_processes(tmp_path, monkeypatch):
    # Small pieces, so that both processes have some of each class.
    monkeypatch.setattr(simulation, '_CHUNK', 12)
    counts = {'normal': 70, 'pair': 8}
    alone = simulate_store(tmp_path / 'a.zarr', counts, seed=5, progress=False)
    together = simulate_store(tmp_path / 'b.zarr', counts, seed=5, processes=2, progress=False)
    assert_same(alone[:], together[:])
    assert_same(alone[70:], simulate('pair', 8, seed=5))
    files = sorted(path.name for path in (alone.path / 'pixels').glob('c.*'))
    assert files
    for name in files:
        first, second = (store.path / 'pixels' / name for store in (alone, together))
        assert first.read_bytes() == second.read_bytes()


def test_store_grows_from_what_is_there(tmp_path):
    path = tmp_path / 'stamps.zarr'
    simulate_store(path, {'normal': 20, 'lens': 3}, progress=False)
    grown = simulate_store(path, {'normal': 20, 'lens': 6, 'ring': 2}, progress=False)
    fresh = simulate_store(tmp_path / 'f.zarr', {'normal': 20, 'lens': 6, 'ring': 2})
    assert_same(grown[:], fresh[:])


_KILLED = """
import os, signal
import astro_wgan.store.stampstore as store
from astro_wgan.simulate import simulate_store
from astro_wgan.simulate import simulation
# Small parts, so that something is written before the kill.
store._EXTEND_BYTES, simulation._CHUNK = 2**14, 8
append = store.StampStore._write
def write(self, *args):
    append(self, *args)
    if len(self) >= 16:
        os.kill(os.getpid(), signal.SIGKILL)
store.StampStore._write = write
like = store.StampStore.create
store.StampStore.create = lambda path, **kw: like(path, **{**kw, 'chunk': 8, 'shard': 8})
simulate_store(PATH, {'normal': 80}, seed=9, progress=False)
"""


def test_store_goes_on_after_a_kill_with_the_same_stamps(tmp_path):
    path = tmp_path / 'stamps.zarr'
    code = _KILLED.replace('PATH', repr(str(path)))
    killed = subprocess.run([sys.executable, '-c', code], timeout=120)
    assert killed.returncode == -signal.SIGKILL
    begun = len(StampStore.open(path))
    assert 16 <= begun < 80
    store = simulate_store(path, {'normal': 80}, seed=9, progress=False)
    assert_same(store[:], simulate('normal', 80, seed=9))
    assert store.meta['simulation']['seed'] == 9


# Bad input


@pytest.mark.parametrize(
    ('arguments', 'options', 'error', 'message'),
    [
        (('comet', 3), {}, ValueError, r"one of \['normal', .*got 'comet'"),
        (('normal', -1), {}, ValueError, '`n` must not be negative; got -1'),
        (('normal', 2.5), {}, TypeError, '`n` must be a whole number; got 2.5'),
        (('normal', True), {}, TypeError, '`n` must be a whole number'),
        (('normal', 1), {'seed': -2}, ValueError, '`seed` must not be negative'),
        (('normal', 1), {'recipe': 'soup'}, ValueError, r"`recipe` .*\['benchmark-1', .*'soup'"),
        (('normal', 1), {'recipe': 7}, TypeError, '`recipe` must be a Recipe or .*got int'),
    ],
)
def test_bad_arguments_are_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        simulate(*arguments, **options)


def test_nothing_is_written_for_bad_arguments(tmp_path):
    path = tmp_path / 'stamps.zarr'
    with pytest.raises(ValueError, match='comet'):
        simulate_store(path, {'normal': 3, 'comet': 3})
    with pytest.raises(ValueError, match='`processes` must be at least 1; got 0'):
        simulate_store(path, {'normal': 3}, processes=0)
    assert not path.exists()


def test_store_of_other_simulations_is_left_alone(tmp_path):
    path = tmp_path / 'stamps.zarr'
    simulate_store(path, {'normal': 4, 'pair': 2}, seed=1, progress=False)
    for counts, options, message in [
        (
            {'normal': 4, 'pair': 2},
            {'seed': 2},
            r'belongs to other settings: `seed` was 1 and is 2\. Choose',
        ),
        (
            {'normal': 4},
            {'seed': 1, 'recipe': 'benchmark-2'},
            r'settings: `recipe` was .benchmark-1. and is .benchmark-2., .*, and \d+ more',
        ),
        ({'normal': 5, 'pair': 2}, {'seed': 1}, 'does not hold the first of'),
        ({'normal': 4}, {'seed': 1}, 'holds 6 stamps, more than the 4'),
    ]:
        with pytest.raises(SimulationStoreError, match=message):
            simulate_store(path, counts, **options)
    assert len(StampStore.open(path)) == 6


def test_store_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / 'stamps.zarr'
    StampStore.from_stamps(
        path, StampSet(np.ones((3, 64, 64)), table=QTable({'id': [1, 2, 3]}))
    ).close()
    with pytest.raises(SimulationStoreError, match='holds no simulations'):
        simulate_store(path, {'normal': 4})
    assert len(StampStore.open(path)) == 3


def test_without_galsim_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'galsim', None)
    with pytest.raises(ImportError, match=r'pip install "astro_wgan\[sim\]"'):
        simulate('normal', 1)
