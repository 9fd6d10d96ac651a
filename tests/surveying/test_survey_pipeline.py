"""The whole way: tiles, catalog and model to ranked scores; interruptions and failures."""

import errno
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import vstack
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan import AnomalyDetector, StampSet, StampStore, SurveyConfig
from astro_wgan.anomaly import q_values
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky
from astro_wgan.catalogs import read_catalog, write_catalog
from astro_wgan.exceptions import DamagedFileError
from astro_wgan.surveying import SurveyResult, rank_survey
from astro_wgan.surveying.part_tables import read_part
from astro_wgan.surveying.tiles import tile_scoring

CONFIG = SurveyConfig(keep_stamps=5, batch_size=32)


@pytest.fixture(scope='module')
def result(tiles, catalog, run, tmp_path_factory):
    return run(tiles, catalog, tmp_path_factory.mktemp('survey') / 'out')


def parts_of(result):
    return {path.stem: read_part(path) for path in sorted((result.folder / 'parts').glob('p*'))}


def together(result):
    return vstack(list(parts_of(result).values()), metadata_conflicts='silent')


def test_each_source_is_scored_once_where_it_is(result, catalog):
    table = together(result)
    order = np.argsort(table['id'])
    table = table[order]
    np.testing.assert_array_equal(table['id'], catalog['id'])
    for name in ('ra', 'dec'):
        assert table[name].unit == u.deg
        np.testing.assert_allclose(table[name], catalog[name], rtol=0, atol=1e-9 * u.deg)
    assert np.isfinite(table['score']).all()


def test_sources_in_two_tiles_are_cut_from_the_one_with_the_farther_border(result, sky_wcs):
    at = {name: part['ra', 'dec'] for name, part in parts_of(result).items()}
    x = {n: sky_wcs.world_to_pixel(SkyCoord(t['ra'], t['dec']))[0] for n, t in at.items()}
    # The tiles share columns 100 to 130 and 190 to 220.
    assert x['p00'].max() < 114.6
    assert x['p01'].min() > 114.4
    assert x['p01'].max() < 204.6
    assert x['p02'].min() > 204.4


def test_scores_are_those_of_the_detector(result, tiles, catalog, detector):
    part = parts_of(result)['p01']
    known = catalog[np.isin(catalog['id'], part['id'])]
    stamps = StampSet.from_image(tiles['p01'], positions=known, size=16, partial='fill')
    table = detector.score(stamps, progress=False)
    np.testing.assert_array_equal(part['id'], table['id'])
    for name in ('score', 'p_value', 'noise_rms', 'x'):
        np.testing.assert_allclose(part[name], table[name], rtol=1e-4)
    assert part['noise_rms'].unit == u.nJy
    assert part.meta['thresholds'] == table.meta['thresholds']
    assert part.meta['tile']['images'] == {'': tiles['p01']}
    assert 'astropy' in part.meta['provenance']['versions']


def test_ranks_and_q_values_are_those_of_all_sources(result):
    table = together(result)
    ranks = [read_part(path) for path in sorted((result.folder / 'ranks').glob('p*'))]
    ranks = vstack(ranks, metadata_conflicts='silent')
    np.testing.assert_array_equal(ranks['id'], table['id'])
    score = np.asarray(table['score'])
    expected = 1 + (score[np.newaxis] > score[:, np.newaxis]).sum(axis=1)
    np.testing.assert_array_equal(ranks['rank'], expected)
    np.testing.assert_allclose(ranks['q_value'], q_values(table['p_value']), rtol=1e-12)


def test_the_ranked_table_has_the_strangest_first(result):
    table = together(result)
    ranked = result.table(10)
    assert (np.diff(ranked['score']) <= 0).all()
    assert ranked['score'][0] == table['score'].max()
    assert ranked['rank'][0] == 1
    assert ranked.meta['survey'] == {'tiles': 3, 'sources': 120, 'scored': 120}
    tile = parts_of(result)[ranked['tile'][0]]
    assert ranked['id'][0] in tile['id']


def test_all_parts_become_one_catalog(result, catalog, tmp_path):
    path = write_catalog(result.parts(), tmp_path / 'scores')
    table = read_catalog(path, columns=['rank', 'score', 'tile'])
    assert sorted(table['id']) == sorted(catalog['id'])
    best = result.table(1)[0]
    row = table[table['rank'] == 1][0]
    assert (row['id'], row['tile'], row['score']) == (best['id'], best['tile'], best['score'])


@pytest.mark.parametrize('n', [-1, 2.5, 'all', True])
def test_numbers_of_rows_are_whole(n, result):
    with pytest.raises(ValueError, match='`n` must be a whole number, at least 0, or None; got'):
        result.table(n)
    with pytest.raises(ValueError, match='`n_ranked` must be a whole number, at least 1; got'):
        rank_survey(result.folder, n_ranked=n)


def test_more_rows_than_are_ranked_can_be_had(result, tmp_path, tiles, catalog, run):
    few = run(tiles, catalog, tmp_path, config=replace(CONFIG, n_ranked=3, keep_stamps=0))
    assert len(few.table()) == 3
    np.testing.assert_array_equal(few.table(7)['id'], result.table(7)['id'])


def test_stamps_of_the_strangest_are_kept(result, tiles):
    best = result.table(5)
    with StampStore.open(result.folder / 'strangest.zarr') as store:
        kept = store[:]
    np.testing.assert_array_equal(kept.ids, best['id'])
    for k in range(2):
        x, y = (int(np.floor(best[name][k].value - 7.5 + 0.5)) for name in ('x', 'y'))
        own = StampSet.from_image(tiles[best['tile'][k]], positions=best[[k]], size=16)
        np.testing.assert_array_equal(kept.pixels[k], own.pixels[0])
        assert own.geometry.corner.tolist() == [[x, y]]


def test_status_counts_sources(result):
    status = result.status()
    assert status['tile'].tolist() == ['p00', 'p01', 'p02']
    assert set(status['state']) == {'done'}
    assert status['scored'].sum() == status['sources'].sum() == 120
    assert status['seconds'].unit == u.s


def test_a_second_call_does_nothing_again(result, tiles, catalog, run):
    before = {path: path.stat().st_mtime_ns for path in (result.folder / 'parts').iterdir()}
    again = run(tiles, catalog, result.folder, config=replace(CONFIG, batch_size=7))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    np.testing.assert_array_equal(again.table()['id'], result.table()['id'])


_KILLED = """
import os, signal, sys
from astropy.table import QTable
from astro_wgan import SurveyConfig, survey
from astro_wgan.surveying.survey_folder import SurveyFolder

record = SurveyFolder.record

def kill(self, states):
    # After the first part has been written, and before this is said.
    if any(state.state == 'done' for state in states):
        os.kill(os.getpid(), signal.SIGKILL)
    record(self, states)

SurveyFolder.record = kill
tiles, catalog, model, output = sys.argv[1:]
survey(tiles, QTable.read(catalog), model=model, output=output, progress=False,
       config=SurveyConfig(keep_stamps=5, batch_size=32))
"""


def test_a_killed_survey_goes_on(assert_same_survey, tiles, catalog, model, tmp_path, run):
    catalog.write(tmp_path / 'catalog.ecsv')
    output = tmp_path / 'out'
    pattern = str(Path(tiles['p00']).with_name('p*.fits'))
    arguments = [pattern, str(tmp_path / 'catalog.ecsv'), str(model), str(output)]
    killed = subprocess.run([sys.executable, '-c', _KILLED, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in (output / 'parts').iterdir()] == ['p00.parquet']
    half = SurveyResult(output)
    assert half.status()['state'].tolist() == ['done', 'waiting', 'waiting']
    assert len(rank_survey(output)) == 48
    written = (output / 'parts' / 'p00.parquet').stat().st_mtime_ns
    with open(output / 'tiles.jsonl', 'ab') as file:
        file.write(b'{"tile": "p0')
    whole = run(tiles, catalog, output, model=model)
    assert (output / 'parts' / 'p00.parquet').stat().st_mtime_ns == written
    assert_same_survey(whole, run(tiles, catalog, tmp_path / 'whole', model=model))
    assert set(whole.status()['state']) == {'done'}


def test_tiles_can_be_added(assert_same_survey, result, tiles, catalog, tmp_path, run):
    first = run({name: tiles[name] for name in ('p00', 'p02')}, catalog, tmp_path)
    outside = read_part(tmp_path / 'outside.parquet')
    assert 0 < len(outside) < 40
    assert len(outside) + first.status()['sources'].sum() == 120
    assert_same_survey(run(tiles, catalog, tmp_path), result)
    assert not (tmp_path / 'outside.parquet').exists()
    with pytest.raises(OSError, match='has 1 tiles that are not among `tiles`, such as p01'):
        run({name: tiles[name] for name in ('p00', 'p02')}, catalog, tmp_path)


def test_a_broken_tile_is_named_and_tried_again(
    assert_same_survey, result, catalog, tmp_path, run, write_tiles
):
    tiles = write_tiles(tmp_path)
    whole = Path(tiles['p01']).read_bytes()
    Path(tiles['p01']).write_bytes(whole[:6000])
    with pytest.warns(AstropyUserWarning, match='1 of 3 tiles are not complete: p01 failed: '):
        broken = run(tiles, catalog, tmp_path / 'out')
    status = broken.status()
    assert dict(zip(status['tile'], status['state'], strict=True)) == {
        'p00': 'done',
        'p01': 'failed',
        'p02': 'done',
    }
    assert 'p01' in status['reason'][status['tile'] == 'p01'][0]
    Path(tiles['p01']).write_bytes(whole)
    assert_same_survey(run(tiles, catalog, tmp_path / 'out'), result)


def test_a_tile_that_was_scored_must_stay_readable(catalog, tmp_path, run, write_tiles):
    tiles = write_tiles(tmp_path, ['p00', 'p01'])
    run(tiles, catalog, tmp_path / 'out')
    Path(tiles['p01']).unlink()
    with pytest.raises(ValueError, match='Tile p01 has been scored, and can no longer be read'):
        run(tiles, catalog, tmp_path / 'out')
    # Also if a process that was killed could not report that.
    states = (tmp_path / 'out' / 'tiles.jsonl').read_text().splitlines()
    (tmp_path / 'out' / 'tiles.jsonl').write_text('\n'.join(states[:2]))
    with pytest.raises(ValueError, match='Tile p01 has been scored, and can no longer be read'):
        run(tiles, catalog, tmp_path / 'out')


def test_a_stamp_that_fails_is_named_and_tried_again(
    assert_same_survey, result, tiles, catalog, tmp_path, run, monkeypatch
):
    score, poisoned = AnomalyDetector.score, int(parts_of(result)['p01']['id'][3])

    def fail(self, stamps, **options):
        if poisoned in stamps.ids:
            raise ZeroDivisionError('a poisoned stamp')
        return score(self, stamps, **options)

    with monkeypatch.context() as patch:
        patch.setattr(AnomalyDetector, 'score', fail)
        with pytest.warns(AstropyUserWarning, match=f'p01: 1 sources failed, {poisoned}: a poi'):
            short = run(tiles, catalog, tmp_path)
    status = short.status()
    row = status[status['tile'] == 'p01'][0]
    assert (row['state'], row['sources'] - row['scored']) == ('incomplete', 1)
    assert row['reason'] == f'source {poisoned}: a poisoned stamp'
    assert poisoned not in together(short)['id']
    assert_same_survey(run(tiles, catalog, tmp_path), result)


def test_a_tile_of_which_all_fails_is_given_up(tiles, catalog, tmp_path, run, monkeypatch):
    def fail(self, stamps, **options):
        raise ZeroDivisionError('nothing works')

    monkeypatch.setattr(AnomalyDetector, 'score', fail)
    with pytest.warns(AstropyUserWarning, match='3 of 3 tiles.*p00 failed: nothing works'):
        none = run(tiles, catalog, tmp_path)
    assert len(none.table()) == 0


def test_a_full_disk_loses_nothing(
    assert_same_survey, result, tiles, catalog, tmp_path, run, monkeypatch
):
    write = tile_scoring.write_part

    def write_one(path, table):
        if path.stem != 'p00':
            raise OSError(errno.ENOSPC, 'No space left on device')
        write(path, table)

    with monkeypatch.context() as patch:
        patch.setattr(tile_scoring, 'write_part', write_one)
        with pytest.raises(OSError, match='No space left on device'):
            run(tiles, catalog, tmp_path)
    written = (tmp_path / 'parts' / 'p00.parquet').stat().st_mtime_ns
    assert_same_survey(run(tiles, catalog, tmp_path), result)
    assert (tmp_path / 'parts' / 'p00.parquet').stat().st_mtime_ns == written


@pytest.mark.parametrize('keep_stamps', [4, 'all'])
def test_sources_are_detected_without_a_catalog(keep_stamps, tiles, catalog, tmp_path, run):
    result = run(tiles, None, tmp_path, config=replace(CONFIG, keep_stamps=keep_stamps))
    table = together(result)
    assert len(set(table['id'])) == len(table)
    found = SkyCoord(table['ra'], table['dec'])
    known = SkyCoord(catalog['ra'], catalog['dec'])
    nearest, apart, _ = known.match_to_catalog_sky(found)
    assert np.median(apart) < 0.02 * u.arcsec
    is_found = apart < 0.2 * u.arcsec
    assert is_found.sum() > 110
    # Each once, also in the columns that two tiles share.
    assert len(set(nearest[is_found])) == is_found.sum()
    _, apart, _ = found.match_to_catalog_sky(found, nthneighbor=2)
    assert apart.min() > 0.3 * u.arcsec
    for name in tiles:
        with StampStore.open(tmp_path / 'stamps' / f'{name}.zarr') as store:
            assert all(each.startswith(f'{name}-') for each in store.ids)
            assert keep_stamps == 'all' or len(store) == keep_stamps
    if keep_stamps != 'all':
        with StampStore.open(tmp_path / 'strangest.zarr') as store:
            assert store.ids.tolist() == result.table(4)['id'].tolist()


def test_a_tile_without_sources_is_done(tiles, catalog, sky_wcs, tmp_path, run):
    header = fits.getheader(tiles['p00'])
    noise = np.random.default_rng(1).normal(size=(100, 100)).astype(np.float32)
    fits.writeto(tmp_path / 'noise.fits', noise, header)
    result = run(tmp_path / 'noise.fits', None, tmp_path / 'out')
    assert result.status()['tile', 'state', 'sources'].as_array().tolist() == [('noise', 'done', 0)]
    assert len(result.table()) == 0
    # Nor are those done again of which no stamp lies inside.
    at_border = pixel_to_sky(np.array([3.0]), np.array([4.0]), sky_wcs)
    for _ in range(2):
        config = SurveyConfig(partial='drop')
        result = run(tmp_path / 'noise.fits', at_border, tmp_path / 'drop', config=config)
        assert result.status()['at_border'].tolist() == [1]
    states = (tmp_path / 'drop' / 'tiles.jsonl').read_text().splitlines()
    assert len(states) == 2


def test_tiles_can_be_at_uris(result, tiles, catalog, tmp_path, run):
    pytest.importorskip('fsspec')
    known = parts_of(result)['p02']
    catalog = catalog[np.isin(catalog['id'], known['id'])]
    at_uri = run([Path(tiles['p02']).as_uri()], catalog, tmp_path)
    part = parts_of(at_uri)['p02']
    np.testing.assert_array_equal(part['id'], known['id'])
    np.testing.assert_allclose(part['score'], known['score'], rtol=1e-4)


@pytest.mark.parametrize('keep_stamps', [3, 'all'])
def test_stamps_that_were_removed_are_cut_again(keep_stamps, tiles, catalog, tmp_path, run):
    config = replace(CONFIG, keep_stamps=keep_stamps)
    run(tiles, catalog, tmp_path, config=config)
    shutil.rmtree(tmp_path / 'stamps' / 'p01.zarr')
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / 'parts').iterdir()}
    result = run(tiles, catalog, tmp_path, config=config)
    again = [path.stem for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert again == ['p01']
    with StampStore.open(tmp_path / 'stamps' / 'p01.zarr') as store:
        assert len(store) == (3 if keep_stamps == 3 else len(parts_of(result)['p01']))


def test_a_part_that_is_damaged_is_named(tiles, catalog, tmp_path, run):
    tiles = {'p00': tiles['p00']}
    whole = run(tiles, catalog, tmp_path).table()
    path = tmp_path / 'parts' / 'p00.parquet'
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedFileError, match=r'p00\.parquet is damaged .*: remove it, and'):
        rank_survey(tmp_path)
    path.unlink()
    again = run(tiles, catalog, tmp_path).table()
    np.testing.assert_array_equal(again['id'], whole['id'])


def test_photometry_is_beside_the_scores(tiles, catalog, tmp_path, run):
    config = SurveyConfig(photometry=True, batch_size=10)
    tiles = {'first': tiles['p00']}
    table = read_part(run(tiles, catalog, tmp_path, config=config).folder / 'parts/first.parquet')
    assert table['kron_flux'].unit == u.nJy
    flux = 40 * 2 * np.pi * 2**2
    assert np.nanmedian(table['kron_flux'].value) == pytest.approx(flux, rel=0.1)
    assert {'noise_rms', 'photometry_noise_rms'} <= {*table.colnames}


def test_tiles_of_other_units_that_convert_have_the_results_of_the_same(
    tiles, catalog, tmp_path, run
):
    config = replace(CONFIG, photometry=True)
    mixed = dict(tiles)
    mixed['p01'] = str(tmp_path / 'p01.fits')
    pixels, header = fits.getdata(tiles['p01'], header=True)
    header['BUNIT'] = 'uJy'
    fits.writeto(mixed['p01'], pixels / 1e3, header)
    known = run(tiles, catalog, tmp_path / 'known', config=config)
    result = run(mixed, catalog, tmp_path / 'mixed', config=config)
    for one, other in ((result.table(), known.table()), (together(result), together(known))):
        # Rounding may change the order of similar scores.
        one.sort('id')
        other.sort('id')
        np.testing.assert_array_equal(one['id'], other['id'])
        assert one['kron_flux'].unit == u.nJy
        np.testing.assert_allclose(one['score'], other['score'], atol=0.02)
        for name in ('kron_flux', 'magnitude'):
            np.testing.assert_allclose(one[name].value, other[name].value, rtol=1e-4)
    stores = [StampStore.open(each.folder / 'strangest.zarr') for each in (result, known)]
    np.testing.assert_allclose(stores[0][:].pixels, stores[1][:].pixels, rtol=1e-5)


def test_stamps_that_cannot_be_joined_lose_no_result(tiles, catalog, tmp_path, run):
    mixed = dict(tiles)
    mixed['p01'] = str(tmp_path / 'p01.fits')
    pixels, header = fits.getdata(tiles['p01'], header=True)
    errors = fits.ImageHDU(np.ones_like(pixels), name='ERR')
    fits.HDUList([fits.PrimaryHDU(pixels, header), errors]).writeto(mixed['p01'])
    config = replace(CONFIG, keep_stamps=len(catalog))
    with pytest.warns(AstropyUserWarning, match='cannot be joined .*stamps, by tile: Uncertainty'):
        result = run(mixed, catalog, tmp_path / 'out', config=config)
    assert len(result.table()) == len(catalog)
    assert not (tmp_path / 'out' / 'strangest.zarr').exists()
    assert sum(len(StampStore.open(p)) for p in (tmp_path / 'out/stamps').iterdir()) == len(catalog)


@pytest.mark.parametrize(('partial', 'scored', 'at_border'), [('fill', 2, 0), ('drop', 1, 1)])
def test_stamps_beyond_the_border_are_masked_or_left_out(
    partial, scored, at_border, tiles, sky_wcs, tmp_path, run
):
    catalog = pixel_to_sky(np.array([3.0, 30.0, -9.0]), np.array([4.0, 30.0, 9.0]), sky_wcs)
    config = SurveyConfig(partial=partial)
    result = run({'first': tiles['p00']}, catalog, tmp_path, config=config)
    status = result.status()[0]
    assert (status['sources'], status['scored'], status['at_border']) == (2, scored, at_border)
    assert read_part(tmp_path / 'outside.parquet')['id'].tolist() == [2]
    incomplete = together_of_one(result)['valid_fraction'] < 1
    assert incomplete.sum() == (partial == 'fill')


def together_of_one(result):
    return read_part(result.folder / 'parts' / 'first.parquet')
