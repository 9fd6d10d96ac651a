"""Tiles from paths, lists, dictionaries and patterns."""

import os

import pytest

from astro_wgan.exceptions import RemoteFileError
from astro_wgan.surveying.tiles.survey_tiles import as_tiles


def test_tiles_of_a_pattern_are_named_by_their_files(tmp_path):
    for name in ('b.fits.fz', 'a.fits.fz', 'c.txt'):
        (tmp_path / name).write_text('')
    tiles = as_tiles(str(tmp_path / '*.fits.fz'))
    assert [tile.name for tile in tiles] == ['a', 'b']
    assert tiles[0].images == ((None, str(tmp_path / 'a.fits.fz')),)
    assert tiles[0].bands is None


def test_paths_do_not_depend_on_the_folder_of_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert as_tiles(['a.fits', 's3://bucket/b.fits']) == as_tiles(
        {'a': os.path.join(tmp_path, 'a.fits'), 'b': 's3://bucket/b.fits'}
    )


@pytest.mark.parametrize('images', [{'r': 'a_r.fits', 'g': 'a_g.fits'}, ['a_g.fits', 'a_r.fits']])
def test_images_are_in_the_order_of_the_bands(images):
    (tile,) = as_tiles({'a': images}, bands=['g', 'r'])
    assert tile.bands == ['g', 'r']
    assert [os.path.basename(path) for _, path in tile.images] == ['a_g.fits', 'a_r.fits']


@pytest.mark.parametrize(
    ('tiles', 'bands', 'error', 'match'),
    [
        ({'a/b': 'x.fits'}, None, ValueError, 'letters, digits and .*; got .a/b'),
        ({'.a': 'x.fits'}, None, ValueError, 'letters, digits and'),
        ({'a': {'g': 'x.fits'}}, ['g', 'r'], ValueError, 'Tile a has no image of band r; it has g'),
        ({'a': {}}, None, ValueError, 'Tile a has no image of band any; it has none'),
        ({'a': 'x.fits'}, ['g', 'r'], ValueError, 'Tile a has one image, but there are'),
        ({'a': ['x', 'y']}, None, ValueError, 'Tile a must be a path, a dictionary'),
        ({'a': 5}, None, ValueError, 'Tile a must be a path'),
        ({'a': {'g': 5}}, None, TypeError, 'Tile a, band g: the image must be a path; got int'),
        ({'a': 'x', 'b': './x'}, None, ValueError, 'x is given twice: a and b'),
        ({'a': {'g': 'x'}, 'b': {'r': 'y'}}, None, ValueError, 'a has .*g.*, b has .*r'),
        (['a.fits', {'g': 'b'}], None, TypeError, 'given as a dictionary'),
        (5, None, TypeError, 'a list or a dictionary; got int'),
        (['a.fits'], 'gr', TypeError, '`bands` must be a list of names'),
    ],
)
def test_what_cannot_be_tiles(tiles, bands, error, match):
    with pytest.raises(error, match=match):
        as_tiles(tiles, bands)


def test_a_pattern_can_have_the_names_of_bands(tmp_path):
    for name in ('p0_g_v1.fits', 'p0_r_v1.fits', 'p1_g_v1.fits', 'p1_r_v1.fits', 'p1_z_v1.fits'):
        (tmp_path / name).write_text('')
    tiles = as_tiles(tmp_path / 'p*_{band}_v?.fits', bands=['r', 'g'])
    assert [tile.name for tile in tiles] == ['p0_v1', 'p1_v1']
    assert tiles[1].images == (
        ('r', str(tmp_path / 'p1_r_v1.fits')),
        ('g', str(tmp_path / 'p1_g_v1.fits')),
    )
    with pytest.raises(ValueError, match='Tile p0_v1 has no image of band z; it has g'):
        as_tiles(tmp_path / 'p*_{band}_v?.fits', bands=['g', 'z'])
    with pytest.raises(ValueError, match='`bands` must name what'):
        as_tiles(tmp_path / '*_{band}.fits')


def test_a_list_can_have_patterns(tmp_path):
    for name in ('a0_g', 'a1_g', 'b0_g', 'a0_r', 'a1_r', 'b0_r'):
        (tmp_path / f'{name}.fits').write_text('')
    tiles = as_tiles([str(tmp_path / 'a*_g.fits'), tmp_path / 'b0_g.fits'])
    assert [tile.name for tile in tiles] == ['a0_g', 'a1_g', 'b0_g']
    patterns = [str(tmp_path / f'{name}*_{{band}}.fits') for name in 'ba']
    tiles = as_tiles(patterns, bands=['r', 'g'])
    assert [tile.name for tile in tiles] == ['b0', 'a0', 'a1']
    assert tiles[0].images == (
        ('r', str(tmp_path / 'b0_r.fits')),
        ('g', str(tmp_path / 'b0_g.fits')),
    )
    with pytest.raises(ValueError, match=r'no file matches .*c\*'):
        as_tiles([str(tmp_path / 'a*'), str(tmp_path / 'c*')])
    with pytest.raises(ValueError, match='`bands` must name what'):
        as_tiles(patterns)


def test_the_band_can_be_a_folder(tmp_path):
    for band in 'gr':
        (tmp_path / band).mkdir()
        (tmp_path / band / 'p0.fits').write_text('')
    (tile,) = as_tiles(str(tmp_path / '{band}' / '*.fits'), bands=['g', 'r'])
    assert (tile.name, tile.bands) == ('p0', ['g', 'r'])


@pytest.fixture
def bucket():
    """Names of files in the memory of this process, as in a bucket."""
    filesystem = pytest.importorskip('fsspec').filesystem('memory')
    for name in ('a0_g', 'a1_g', 'b0_g', 'a0_r', 'a1_r'):
        filesystem.pipe(f'/tiles/{name}.fits', b'')
        filesystem.pipe(f'/tiles/deep/{name[0]}/{name}.fits', b'')
    yield 'memory://tiles'
    filesystem.rm('/tiles', recursive=True)


def test_patterns_of_uris_are_expanded(bucket):
    tiles = as_tiles(f'{bucket}/a*_g.fits')
    assert [tile.images for tile in tiles] == [
        ((None, f'{bucket}/a0_g.fits'),),
        ((None, f'{bucket}/a1_g.fits'),),
    ]
    tiles = as_tiles([f'{bucket}/deep/*/*_g.fits', f'{bucket}/missing.fits'])
    assert [tile.name for tile in tiles] == ['a0_g', 'a1_g', 'b0_g', 'missing']
    tiles = as_tiles(f'{bucket}/a*_{{band}}.fits', bands=['r', 'g'])
    assert [tile.name for tile in tiles] == ['a0', 'a1']
    assert tiles[1].images == (('r', f'{bucket}/a1_r.fits'), ('g', f'{bucket}/a1_g.fits'))
    (tile,) = as_tiles('https://host/[2]/p0_{band}.fits?a=*', bands=['g'])
    assert (tile.name, tile.images[0][1]) == ('p0', 'https://host/[2]/p0_g.fits?a=*')
    with pytest.raises(ValueError, match=r'no file matches memory://tiles/c\*'):
        as_tiles(f'{bucket}/c*')


def test_patterns_of_file_uris_are_those_of_paths(tmp_path):
    for name in ('a_g.fits', 'b_g.fits'):
        (tmp_path / name).write_text('')
    assert as_tiles(f'file://{tmp_path}/*_g.fits') == as_tiles(str(tmp_path / '*_g.fits'))
    bands = {'bands': ['g']}
    assert as_tiles(f'file://{tmp_path}/*_{{band}}.fits', **bands) == as_tiles(
        str(tmp_path / '*_{band}.fits'), **bands
    )


@pytest.mark.parametrize(
    'pattern',
    [
        'https://me:secret@host/tiles/*.fits',
        'zip://*.fits::s3://bucket/a.zip',
        's3://bucket*/a.fits',
    ],
)
def test_patterns_of_uris_that_cannot_be_listed_are_refused(pattern):
    with pytest.raises(ValueError, match=r'cannot be expanded: .* Give the URI of each') as caught:
        as_tiles([pattern])
    assert 'secret' not in str(caught.value)


def test_a_list_that_is_refused_is_no_empty_one(bucket, monkeypatch):
    def refused(*_, **__):
        raise PermissionError

    monkeypatch.setattr('fsspec.implementations.memory.MemoryFileSystem.glob', refused)
    with pytest.raises(RemoteFileError, match=r'tiles/\*\.fits cannot be expanded: .* access is'):
        as_tiles(f'{bucket}/*.fits')


def test_credentials_of_uris_are_not_shown():
    tiles = as_tiles(['https://me:secret@host/a.fits?signature=0f3', 's3://bucket/b.fits.fz'])
    assert [tile.name for tile in tiles] == ['a', 'b']
    (tile,) = as_tiles('https://host/a.fits?signature=0f3')
    assert tile.images == ((None, 'https://host/a.fits?signature=0f3'),)
    with pytest.raises(ValueError, match=r'Two tiles .* https://host/a\.fits and') as caught:
        as_tiles(['https://me:secret@host/a.fits?signature=0f3', 'https://host/b/a.fits'])
    assert 'secret' not in str(caught.value)
    with pytest.raises(ValueError, match=r'The file https://host/a\.fits is given twice') as caught:
        as_tiles(dict.fromkeys('ab', 'https://me:secret@host/a.fits?signature=0f3'))
    assert 'secret' not in str(caught.value)
