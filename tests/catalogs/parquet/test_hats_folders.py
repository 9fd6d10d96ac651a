"""HATS folders: properties and partitions, of several versions, damaged, or of another kind."""

import shutil

import numpy as np
import pytest

from astro_wgan.catalogs import SkyCone, catalog_parts, read_catalog, write_catalog
from astro_wgan.catalogs.parquet.hats_folders import HatsFolder

pytest.importorskip('pyarrow')


@pytest.fixture(scope='module')
def original(tmp_path_factory):
    rng = np.random.default_rng(4)
    table = {'id': np.arange(60), 'ra': rng.uniform(50, 60, 60), 'dec': rng.uniform(-30, -20, 60)}
    return write_catalog(table, tmp_path_factory.mktemp('a') / 'small', partition_rows=20)


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / 'small')


def change(folder, old, new):
    for name in ('properties', 'hats.properties'):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))


def n_sources(path):
    return len(read_catalog(path))


def test_either_file_of_properties_is_read(folder):
    (folder / 'hats.properties').unlink()
    assert n_sources(folder) == 60
    (folder / 'properties').rename(folder / 'hats.properties')
    assert n_sources(folder) == 60


def test_partitions_are_found_without_a_list(folder):
    listed = HatsFolder.open(folder)
    (folder / 'partition_info.csv').unlink()
    found = HatsFolder.open(folder)
    assert (found.cells == listed.cells).all()
    assert (found.orders == listed.orders).all()
    # A catalog without list of which no partition is there.
    shutil.rmtree(folder / 'dataset')
    with pytest.raises(ValueError, match='is an empty catalog: it has no partitions'):
        read_catalog(folder)


def test_partitions_may_lie_beside_the_properties(folder):
    for path in (folder / 'dataset').glob('Norder=*'):
        path.rename(folder / path.name)
    shutil.rmtree(folder / 'dataset')
    assert n_sources(folder) == 60


def test_partitions_may_be_folders(folder):
    change(folder, 'hats_npix_suffix=.parquet', 'hats_npix_suffix=/')
    for path in (folder / 'dataset').glob('*/*/*.parquet'):
        path.with_suffix('').mkdir()
        path.rename(path.with_suffix('') / 'part0.parquet')
    assert n_sources(folder) == 60
    next((folder / 'dataset').glob('*/*/*/part0.parquet')).unlink()
    with pytest.raises(FileNotFoundError, match=r'The partition .* has no files'):
        read_catalog(folder)


def test_a_collection_has_the_catalog_beside_it(folder):
    properties = folder.parent / 'collection.properties'
    properties.write_text('#HATS\nobs_collection=a\nhats_primary_table_url=small\n')
    assert n_sources(folder.parent) == 60
    for elsewhere in ('/etc', '../small', 'https\\://example.org/a', ''):
        properties.write_text(f'hats_primary_table_url={elsewhere}\n')
        with pytest.raises(ValueError, match='must name a folder beside it'):
            read_catalog(folder.parent)
    properties.write_text('hats_primary_table_url=other\n')
    with pytest.raises(ValueError, match='its catalog other is not in the folder'):
        read_catalog(folder.parent)


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('hats_version=v1.0', 'hats_version=v2.0', 'is of HATS v2.0; known are versions up to 1'),
        ('=object', '=margin', "of type 'margin', which has no row for each source"),
        ('hats_col_ra=ra\n', '', r'do not name the columns of the positions \(hats_col_ra'),
        ('hats_col_ra=ra', 'hats_col_ra=alpha', "has no column 'alpha'; it has id, ra"),
        ('suffix=.parquet', 'suffix=/../../a', r"'/\.\./\.\./a' is not a suffix"),
    ],
)
def test_properties_that_cannot_be_used_are_named(folder, old, new, words):
    change(folder, old, new)
    with pytest.raises(ValueError, match=words):
        read_catalog(folder)


@pytest.mark.parametrize('version', ['v1.3', '1.0', 'v0.1', ''])
def test_other_versions_are_read(folder, version):
    change(folder, 'hats_version=v1.0', f'hats_version={version}')
    assert n_sources(folder) == 60


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('Norder,Npix\n', 'is an empty catalog: it has no partitions'),
        ('', 'must list the columns Norder and Npix'),
        ('Norder,Npix\n3\n', 'must list the columns Norder and Npix'),
        ('Norder,Npix\n3,x\n', 'must list the columns Norder and Npix'),
        ('Norder,Npix\n3,99999999999999999999999\n', 'must list the columns Norder and Npix'),
        ('Norder,Npix\n40,1\n', 'no HEALPix cell: order 40, cell 1'),
        ('Norder,Npix\n0,12\n', 'no HEALPix cell: order 0, cell 12'),
        ('Norder,Npix\n3,-1\n', 'no HEALPix cell: order 3, cell -1'),
        ('Norder,Npix\n3,5\n3,5\n', 'lists a partition twice'),
    ],
)
def test_lists_of_partitions_that_cannot_be_used_are_named(folder, text, words):
    (folder / 'partition_info.csv').write_text(text)
    with pytest.raises(ValueError, match=words):
        read_catalog(folder)


def test_a_partition_that_is_missing_or_truncated_is_named(folder):
    first = HatsFolder.open(folder).files(0)[0]
    first.write_bytes(first.read_bytes()[:-30])
    with pytest.raises(ValueError, match=f'{first.name} contains no catalog'):
        read_catalog(folder)
    first.unlink()
    with pytest.raises(FileNotFoundError, match=f'The partition .*{first.name} .* is not there'):
        read_catalog(folder)


def test_a_truncated_partition_outside_of_a_region_is_not_opened(folder):
    catalog = HatsFolder.open(folder)
    last = catalog.files(-1)[0]
    ra, dec = (read_catalog(last)[name].value.mean() for name in ('ra', 'dec'))
    last.write_bytes(last.read_bytes()[:-30])
    first = read_catalog(catalog.files(0)[0])
    region = SkyCone(first['ra'][0], first['dec'][0], 1e-3)
    assert len(read_catalog(folder, region=region)) == 1
    with pytest.raises(ValueError, match=f'{last.name} contains no catalog'):
        read_catalog(folder, region=SkyCone(ra, dec, 1))


def test_properties_that_are_no_text_are_refused(folder):
    (folder / 'hats.properties').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match='contains no properties of a catalog'):
        read_catalog(folder)


def test_partitions_that_are_not_listed_are_named(folder):
    listed = folder / 'partition_info.csv'
    names, first, *others = listed.read_text().splitlines()
    listed.write_text('\n'.join([names, *others]))
    order, cell = first.split(',')
    with pytest.raises(ValueError, match=rf'lacks 1 partitions .*Norder={order}/.*/Npix={cell}:'):
        read_catalog(folder)


@pytest.mark.parametrize('n_rows', [None, 7])
@pytest.mark.parametrize('stated', [59, 61])
def test_a_catalog_with_other_rows_than_it_states_is_refused(folder, stated, n_rows):
    """Whether it is read as a whole or in parts, of which the last rows are not yielded."""
    change(folder, 'hats_nrows=60', f'hats_nrows={stated}')
    with pytest.raises(ValueError, match=f'has 60 rows, and {stated} by its properties'):
        list(catalog_parts(folder, n_rows=n_rows) if n_rows else read_catalog(folder))
    # Of a region it is not known.
    assert len(read_catalog(folder, region=SkyCone(55, -25, 20))) == 60


def test_a_number_of_rows_may_be_left_out_and_must_be_one(folder):
    change(folder, 'hats_nrows=60', 'hats_nrows=')
    assert n_sources(folder) == 60
    change(folder, 'hats_nrows=', 'hats_nrows=many')
    with pytest.raises(ValueError, match="'many' is not a number of rows"):
        read_catalog(folder)
