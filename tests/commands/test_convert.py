"""Stamps, tables and models in other formats: the same values, and what cannot be converted."""

import keras
import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import WGAN, AnomalyDetector, StampSet, StampStore
from astro_wgan.catalogs import read_table
from astro_wgan.datasets import load_model
from astro_wgan.jobs import describe_detector
from astro_wgan.testing import assert_stamps_equal


@pytest.fixture(scope='module')
def scores(tmp_path_factory):
    """Path of a table of scores."""
    table = QTable({'id': [3, 4, 5, 6], 'score': [0.1, 0.9, np.nan, 0.4], 'rank': [3, 1, 4, 2]})
    table['flux'] = [1.0, 2.0, 3.0, 4.0] * u.nJy
    table.meta = {'thresholds': {'90': 0.5}, 'command': {'command': 'score'}}
    path = tmp_path_factory.mktemp('scores') / 'scores.ecsv'
    table.write(path)
    return path


def test_stamps_pass_through_all_forms(field, tmp_path, answer):
    first = tmp_path / 'a.zarr'
    StampSet.from_image(field, size=16).write(first)
    previous = first
    for name, options in (
        ('a.fits', []),
        ('b.fits', ['--image-each']),
        ('cutouts/', []),
        ('b.zarr', ['--table', tmp_path / 'cutouts' / 'stamps.ecsv']),
    ):
        path = tmp_path / name
        code, said = answer('convert', previous, f'{tmp_path}/{name}', *options)
        assert (code, said['kind']) == (0, 'stamps'), said
        assert said['number'] == len(StampStore.open(first))
        previous = path
    expected = StampStore.open(first)[:]
    for name in ('a.fits', 'b.fits'):
        assert_stamps_equal(StampSet.read(tmp_path / name), expected)
    with fits.open(tmp_path / 'b.fits') as hdus:
        assert len(hdus) > len(expected)
    found = StampStore.open(tmp_path / 'b.zarr')[:]
    # In the order of the names of files.
    order = np.argsort(found.ids)
    np.testing.assert_array_equal(found.pixels[order], expected.pixels)
    np.testing.assert_array_equal(found.table['x'][order], expected.table['x'])
    assert found.unit == expected.unit


def test_each_band_has_a_cutout(stamps, tmp_path, answer):
    few = stamps[:3]
    bands = StampSet.from_bands({'g': few, 'r': few.replace(pixels=2 * few.pixels)})
    bands.write(tmp_path / 'bands.zarr')
    assert answer('convert', tmp_path / 'bands.zarr', tmp_path / 'files')[0] == 0
    names = sorted(path.name for path in (tmp_path / 'files').iterdir())
    files = [f'{row}_{band}.fits' for row in range(3) for band in 'gr']
    assert names == [*files, 'stamps.ecsv']
    found = fits.getdata(tmp_path / 'files' / '2_r.fits')
    np.testing.assert_array_equal(found, bands['r'].pixels[2])


@pytest.mark.parametrize('name', ['a.vot', 'a.fits', 'a.parquet', 'a.ecsv'])
def test_tables_keep_units_and_metadata(scores, tmp_path, answer, name):
    if name.endswith('parquet'):
        pytest.importorskip('pyarrow')
    code, said = answer('convert', scores, tmp_path / name)
    assert (code, said['number']) == (0, 4)
    found, expected = read_table(tmp_path / name), read_table(scores)
    assert found.colnames == expected.colnames
    np.testing.assert_array_equal(found['score'], expected['score'])
    np.testing.assert_array_equal(found['flux'], expected['flux'])
    # A catalog in Parquet says when it was written.
    assert expected.meta.items() <= found.meta.items()
    # And back.
    assert answer('convert', tmp_path / name, tmp_path / 'b.ecsv')[0] == 0
    assert expected.meta.items() <= read_table(tmp_path / 'b.ecsv').meta.items()


def test_the_highest_ranks_alone(scores, store, tmp_path, answer):
    assert answer('convert', scores, tmp_path / 'a.csv', '--number', '3')[0] == 0
    assert read_table(tmp_path / 'a.csv')['id'].tolist() == [4, 6, 3]
    table = read_table(scores)
    table.remove_column('rank')
    table.write(tmp_path / 'unranked.ecsv')
    assert (
        answer('convert', tmp_path / 'unranked.ecsv', tmp_path / 'b.csv', '--number', '9')[0] == 0
    )
    assert read_table(tmp_path / 'b.csv')['id'].tolist() == [4, 6, 3, 5]
    code, said = answer('convert', store, tmp_path / 'c.ecsv', '--number', '2')
    assert code == 2
    assert '`--number` needs a table with a column rank or score' in said['error']


def test_the_strangest_are_regions_of_ds9(scores, tmp_path, answer):
    table = read_table(scores)
    table['x'], table['y'] = [10.0, 20.0, 30.0, 40.0], [1.0, 2.0, 3.0, 4.0]
    table.write(tmp_path / 'a.ecsv')
    code, said = answer('convert', tmp_path / 'a.ecsv', tmp_path / 'a.reg', '--number', '2')
    assert (code, said['kind'], said['number']) == (0, 'regions', 2)
    circles = [line for line in (tmp_path / 'a.reg').read_text().splitlines() if 'circle' in line]
    assert [line.partition('{')[2][:4] for line in circles] == ['1: 4', '2: 6']
    code, said = answer('convert', scores, tmp_path / 'b.reg')
    assert code == 2
    # Of those with a position, in the order in which labels have left them.
    best = int(np.argmin(table['rank']))
    table['x'][best] = np.nan
    table['joined_rank'] = len(table) + 1 - table['rank']
    table.write(tmp_path / 'c.ecsv')
    code, said = answer('convert', tmp_path / 'c.ecsv', tmp_path / 'c.reg', '--number', '4')
    circles = [line for line in (tmp_path / 'c.reg').read_text().splitlines() if 'circle' in line]
    assert (code, said['number'], len(circles)) == (0, 3, 3)
    assert [line.partition('{')[2][:4] for line in circles[:2]] == ['1: 5', '2: 3']


def test_ids_that_are_no_names_of_files_pass_through_cutouts(stamps, tmp_path, answer):
    ids = ['../x', 'a/b', 'b c', '\u00fc', '100%', '0']
    odd = stamps[:6].replace(table=QTable({'id': ids, 'flux': np.arange(6.0)}))
    odd.write(tmp_path / 'a.zarr')
    folder = tmp_path / 'cutouts'
    assert answer('convert', tmp_path / 'a.zarr', f'{folder}/')[0] == 0
    assert {path.parent for path in tmp_path.rglob('*.fits')} == {folder}
    options = ['--table', folder / 'stamps.ecsv']
    assert answer('convert', folder, tmp_path / 'b.zarr', *options)[0] == 0
    found = StampSet.read(tmp_path / 'b.zarr')
    order = np.argsort(found.table['flux'])
    assert found.ids[order].tolist() == ids
    np.testing.assert_array_equal(found.pixels[order], odd.pixels)


@pytest.mark.parametrize('options', [[], ['--image-each']])
@pytest.mark.parametrize('output', ['a.csv', 'a.zarr'])
def test_a_truncated_file_of_stamps_is_no_table(store, tmp_path, answer, options, output):
    path = tmp_path / 'stamps.fits'
    assert answer('convert', store, path, *options)[0] == 0
    path.write_bytes(path.read_bytes()[:-2880])
    code, said = answer('convert', path, tmp_path / output)
    assert code == 2
    assert 'is truncated' in said['error']
    assert not (tmp_path / output).exists()


def test_the_table_of_stamps(store, stamps, tmp_path, answer):
    assert answer('convert', store, tmp_path / 'a.ecsv')[0] == 0
    assert read_table(tmp_path / 'a.ecsv')['id'].tolist() == stamps.ids.tolist()


def test_models_and_their_networks(model, tmp_path, answer):
    code, said = answer('convert', model, tmp_path / 'copy')
    assert (code, said['kind']) == (0, 'model')
    detector, found = (AnomalyDetector.load(path) for path in (model, tmp_path / 'copy'))
    assert describe_detector(found) == describe_detector(detector)
    code, said = answer('convert', model, tmp_path / 'copy')
    assert (code, 'give `--overwrite`' in said['error']) == (2, True)
    assert answer('convert', model, tmp_path / 'copy', '--overwrite')[0] == 0
    detector.wgan.save(tmp_path / 'wgan')
    assert answer('convert', tmp_path / 'wgan', tmp_path / 'again')[0] == 0
    assert WGAN.load(tmp_path / 'again').is_fitted
    assert answer('convert', model, tmp_path / 'generator.keras')[0] == 0
    network = keras.saving.load_model(tmp_path / 'generator.keras')
    for mine, other in zip(
        network.get_weights(), detector.wgan.generator_.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(mine, other)
    # The model of the package has a name.
    path = tmp_path / 'critic.keras'
    assert answer('convert', 'simulated_f160w', path)[0] == 0
    np.testing.assert_array_equal(
        keras.saving.load_model(path).get_weights()[0],
        load_model().wgan.critic_.get_weights()[0],
    )


def test_cutouts_that_cannot_be_read_are_left_out_and_named(stamps, tmp_path, answer):
    (tmp_path / 'cutouts').mkdir()
    for name in 'ab':
        stamps[0].to_ccddata()[0].write(tmp_path / 'cutouts' / f'{name}.fits')
    broken = tmp_path / 'cutouts' / 'c.fits'
    broken.write_text('no image')
    code, said = answer('convert', tmp_path / 'cutouts', tmp_path / 'a.zarr')
    assert (code, said['number'], [*said['left_out']]) == (
        1,
        2,
        [str(tmp_path / 'cutouts' / 'c.fits')],
    )
    assert StampStore.open(tmp_path / 'a.zarr').ids.tolist() == ['a', 'b']


def test_a_folder_of_results_is_its_table_or_its_stamps(store, scores, tmp_path, answer):
    (tmp_path / 'hunt').mkdir()
    (tmp_path / 'hunt' / 'scores.ecsv').write_bytes(scores.read_bytes())
    (tmp_path / 'hunt' / 'stamps.zarr').symlink_to(store)
    assert answer('convert', tmp_path / 'hunt', tmp_path / 'a.vot')[0] == 0
    assert read_table(tmp_path / 'a.vot')['id'].tolist() == [3, 4, 5, 6]
    assert answer('convert', tmp_path / 'hunt', tmp_path / 'a.zarr')[0] == 0
    assert len(StampStore.open(tmp_path / 'a.zarr')) == 60
    options = ['--output', tmp_path / 'photometry.ecsv']
    assert answer('measure', tmp_path / 'hunt', *options)[1]['n_stamps'] == 60
    code, said = answer('compare', tmp_path / 'hunt', scores, '--resamples', '5')
    assert (code, said['rows'][0]['n_first']) == (0, 3)


def test_what_cannot_be_converted_is_said(scores, store, model, tmp_path, answer):
    (tmp_path / 'there.vot').write_text('')
    for arguments, words in (
        ([scores, tmp_path / 'a.xyz'], 'OUTPUT must be a folder, or end in .zarr'),
        ([scores, tmp_path / 'a.zarr'], 'is a table, and OUTPUT'),
        ([scores, tmp_path / 'there.vot'], 'give `--overwrite`'),
        ([scores, tmp_path / 'no' / 'a.vot'], 'There is no folder'),
        ([scores, tmp_path / 'a.keras'], 'the input must be the folder of a model'),
        ([scores, scores, '--overwrite'], 'must be another file than'),
        ([store, tmp_path / 'a.zarr', '--number', '3'], '`--number` is for tables'),
        ([store, tmp_path / 'a.zarr', '--image-each'], '`--image-each` is for FITS files'),
        ([store, tmp_path / 'a.fits', '--number', '3'], '`--number` is for tables'),
        ([model, tmp_path / 'a.fits'], 'is a model: OUTPUT must be a folder'),
        ([model, tmp_path / 'decoder.keras'], 'one of the networks of the model, generator'),
        ([tmp_path / 'none.ecsv', tmp_path / 'a.vot'], 'none.ecsv'),
        ([store, model, '--overwrite'], 'is kept'),
        ([scores, tmp_path / 'a.csv', '--number', '0'], '`--number` must be at least 1'),
    ):
        code, said = answer('convert', *arguments)
        assert code == 2, arguments
        assert words in said['error']
    assert [path.name for path in tmp_path.iterdir()] == ['there.vot']
