"""Stamps cut by the command: the same as by the library, of images, bands and tiles."""

import numpy as np
import pytest
from astropy.nddata import CCDData
from astropy.table import QTable

from astro_wgan import StampSet, StampStore
from astro_wgan.detection import DetectionConfig
from astro_wgan.hunting import CutConfig
from astro_wgan.hunting.stamp_making import StampMaking, making_of_stamps
from astro_wgan.surveying import cut_tiles
from astro_wgan.testing import assert_stamps_equal

FOUND = DetectionConfig(5.0, min_area=40)


def same(first, second):
    assert_stamps_equal(first[:].replace(meta={}), second[:].replace(meta={}))


@pytest.fixture
def positions(tmp_path):
    table = QTable({'id': [7, 8], 'x': [43, 71], 'y': [15, 99]})
    table.write(tmp_path / 'positions.ecsv')
    return tmp_path / 'positions.ecsv'


@pytest.mark.parametrize('name', ['stamps.zarr', 'stamps.fits'])
def test_stamps_are_those_of_the_library_in_each_format(field, tmp_path, answer, name):
    path = tmp_path / name
    options = ['--size', '20', '--threshold', '5', '--neighbors', 'mask']
    code, said = answer('cut', field, '--output', path, *options)
    expected = StampSet.from_image(
        field,
        size=20,
        detection=FOUND,
        neighbors=StampMaking().changed(neighbors='mask', detection=FOUND).removal,
    )
    found = StampSet.read(path)
    same(found, expected)
    assert (code, said['n_stamps'], said['size'], said['unit']) == (0, 36, [20, 20], 'nJy')
    making = StampMaking.of(CutConfig(size=20, neighbors='mask', detection=FOUND))
    assert making_of_stamps(found) == making
    # What is written beside or into them repeats it.
    again = tmp_path / f'again{path.suffix}'
    assert answer('cut', '--config', path, '--output', again)[0] == 0
    same(StampSet.read(again), expected)


def test_no_input_is_replaced(field, positions, tmp_path, answer):
    image = tmp_path / 'field.fits'
    image.write_bytes(field.read_bytes())
    table = tmp_path / 'positions.fits'
    QTable.read(positions).write(table)
    contents = [path.read_bytes() for path in (image, table)]
    for output in (image, table):
        options = ['--positions', table, '--size', '8', '--overwrite']
        code, said = answer('cut', image, *options, '--output', output)
        assert code == 2
        assert '`--output` must be another file than' in said['error']
    assert [path.read_bytes() for path in (image, table)] == contents


def test_stamps_at_positions_and_of_several_bands(field, positions, tmp_path, answer):
    image = CCDData.read(field)
    for band, factor in (('g', 1), ('r', 2)):
        image.multiply(factor).write(tmp_path / f'{band}.fits')
    path = tmp_path / 'stamps.zarr'
    images = [tmp_path / 'g.fits', tmp_path / 'r.fits']
    options = ['--positions', positions, '--partial', 'fill', '--size', '32']
    code, said = answer('cut', *images, '--output', path, *options)
    assert (code, said['bands'], said['n_stamps']) == (0, ['g', 'r'], 2)
    expected = StampSet.from_images(
        dict(zip('gr', images, strict=True)), positions=positions, partial='fill', size=32
    )
    same(StampStore.open(path), expected)


def test_tiles_are_cut_as_by_the_library(field, positions, tmp_path, answer):
    (tmp_path / 'tiles').mkdir()
    tile = tmp_path / 'tiles' / 'a.fits'
    tile.write_bytes(field.read_bytes())
    path, pattern = tmp_path / 'stamps.zarr', f'{tmp_path}/tiles/*.fits'
    code, said = answer('cut', pattern, '--tiles', '--output', path, '--size', '16')
    assert (code, said['n_stamps']) == (0, 36)
    same(
        StampStore.open(path),
        cut_tiles(pattern, output=tmp_path / 'b.zarr', size=16, partial='drop', progress=False),
    )
    # The same command reads what is complete.
    assert answer('cut', pattern, '--tiles', '--output', path, '--size', '16')[0] == 0
    code, said = answer('cut', pattern, '--tiles', '--output', path, '--size', '18')
    assert code == 2
    assert '`size` was 16 and is 18' in said['error']
    assert np.array_equal(np.unique(StampStore.open(path).table['tile']), ['a'])


def test_sources_of_a_catalog_are_cut_in_tiles(field, tmp_path, answer):
    image = CCDData.read(field)
    x, y = np.array([43.0, 71.0, 2000.0]), np.array([15.0, 99.0, 15.0])
    sky = image.wcs.pixel_to_world(x, y)
    catalog = tmp_path / 'catalog.ecsv'
    QTable({'NUMBER': [7, 8, 9], 'alpha': sky.ra, 'delta': sky.dec}).write(catalog)
    names = 'id=NUMBER,ra=alpha,dec=delta'
    path = tmp_path / 'stamps.zarr'
    options = ['--catalog', catalog, '--names', names, '--size', '16', '--output', path]
    code, said = answer('cut', field, *options)
    assert (code, said['n_stamps']) == (0, 2)
    stamps = StampStore.open(path)
    assert stamps.ids.tolist() == [7, 8]
    np.testing.assert_allclose(stamps.table['x'].value, x[:2], atol=1e-3)
    # The record in the store repeats it.
    again = tmp_path / 'again.zarr'
    assert answer('cut', '--config', path, '--output', again)[0] == 0
    same(StampStore.open(again), stamps)


def test_what_extends_beyond_a_tile_is_dropped_or_masked_as_a_file_says(field, tmp_path, answer):
    sky = CCDData.read(field).wcs.pixel_to_world([2.0, 71.0], [15.0, 99.0])
    catalog, config = tmp_path / 'catalog.ecsv', tmp_path / 'cut.toml'
    QTable({'id': [1, 2], 'ra': sky.ra, 'dec': sky.dec}).write(catalog)
    options = ['--catalog', catalog, '--size', '16']
    for partial, ids in (('drop', [2]), ('fill', [1, 2])):
        config.write_text(f'[cut]\npartial = "{partial}"\n')
        path = tmp_path / f'{partial}.zarr'
        assert answer('cut', field, *options, '--config', config, '--output', path)[0] == 0
        assert StampStore.open(path).ids.tolist() == ids


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (['--output', 'stamps.txt'], '`--output` must be stamps by the ending'),
        (['--output', 'no/stamps.zarr'], 'There is no folder'),
        (['--output', 'a.zarr', '--tiles', '--catalog', 'c.csv'], 'Give `--tiles` to detect'),
        (['--output', 'a.fits', '--tiles'], '`--output` must be a store for tiles'),
        (['--output', 'a.zarr', '--tiles', '--positions', 'p.csv'], '`--positions` are those in'),
        (['--output', 'a.zarr', '--names', 'id='], '`--names` are columns of a `--catalog`'),
        (['--output', 'a.zarr', '--processes', '2'], '`--processes` and `--scheduler` share tiles'),
        (['--output', 'a.zarr', '--tiles', '--overwrite'], '`--overwrite` is for images'),
    ],
)
def test_what_does_not_fit_together_is_said_before_work_starts(
    field, tmp_path, answer, monkeypatch, options, words
):
    monkeypatch.chdir(tmp_path)
    code, said = answer('cut', field, *options)
    assert code == 2
    assert words in said['error']
    assert not list(tmp_path.iterdir())


def test_stamps_are_replaced_only_if_that_is_asked_for(field, tmp_path, answer):
    path = tmp_path / 'stamps.zarr'
    for size, options, expected in ((16, [], 0), (20, [], 2), (20, ['--overwrite'], 0)):
        command = ('cut', field, '--output', path, '--size', str(size), *options)
        code, said = answer(*command)
        assert code == expected
        if code:
            assert 'give `--overwrite`' in said['error']
    assert StampStore.open(path).shape == (20, 20)
    (tmp_path / 'work.zarr').mkdir()
    (tmp_path / 'work.zarr' / 'thesis.txt').write_text('')
    code, said = answer('cut', field, '--output', tmp_path / 'work.zarr', '--overwrite')
    assert code == 2
    assert 'is kept' in said['error']
