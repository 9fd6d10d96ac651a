"""Catalogs of any origin: what is read of them, in parts and regions, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, QTable
from astropy.time import Time

from astro_wgan.catalogs import SkyBox, SkyCone, catalog_parts, read_catalog, write_catalog
from astro_wgan.catalogs.parquet import parquet_files
from astro_wgan.catalogs.parquet.arrow_writing import arrow_from_table

pa = pytest.importorskip('pyarrow')
pq = pytest.importorskip('pyarrow.parquet')

#: 60 sources as LSDB 0.11.1 wrote them: a collection with one catalog in four partitions.
BY_LSDB = Path(__file__).with_name('written_by_lsdb')

N = 300


@pytest.fixture(scope='module')
def table():
    rng = np.random.default_rng(1)
    return QTable(
        {
            'id': np.arange(N) * 3,
            'ra': rng.uniform(-4, 6, N) % 360 * u.deg,
            'dec': rng.uniform(-3, 5, N) * u.deg,
            'flux': rng.normal(size=N) * u.nJy,
            'name': [f'galaxy {k}' for k in range(N)],
        }
    )


@pytest.fixture(scope='module')
def folder(table, tmp_path_factory):
    return write_catalog(table, tmp_path_factory.mktemp('hats') / 'small', partition_rows=40)


def write(path, columns, metadata=None):
    pq.write_table(pa.table(columns, metadata=metadata), path)
    return path


def in_order(table):
    return table[np.argsort(table['id'])]


def assert_same(first, second):
    first, second = in_order(first), in_order(second)
    assert first.colnames == second.colnames
    for name in first.colnames:
        assert getattr(first[name], 'unit', None) == getattr(second[name], 'unit', None)
        np.testing.assert_array_equal(first[name], second[name])


def test_a_catalog_of_lsdb_is_read():
    found = read_catalog(BY_LSDB)
    # Nested columns, and those that follow from the others, are not read.
    assert found.colnames == ['id', 'ra', 'dec', 'mag', 'band']
    assert found['id'].tolist() != sorted(found['id'])
    assert sorted(found['id']) == list(range(1000, 1180, 3))
    assert found['ra'].unit == found['dec'].unit == u.deg
    assert found['mag'].dtype == np.float32
    assert found['id'][found['mag'].mask].tolist() == [1015]
    assert {*found['band']} == {'g', 'r'}
    assert_same(read_catalog(BY_LSDB / 'objects'), found)


@pytest.mark.parametrize(
    'region',
    [SkyCone(0, 0, 1), SkyBox((359, 1), (-2, 2)), SkyBox((-1, 1), (-2, 2)), SkyCone(1, 1, 20)],
)
def test_the_sources_of_a_region_are_those_inside(folder, table, tmp_path, region):
    expected = table[region.contains(table['ra'].value, table['dec'].value)]
    assert len(expected) > 10
    file = write_catalog(table, tmp_path / 'a.parquet')
    table.write(tmp_path / 'a.ecsv')
    for source in (folder, file, tmp_path / 'a.ecsv', table):
        assert_same(read_catalog(source, region=region), expected)


def test_right_ascensions_may_be_negative(table, tmp_path):
    ra = table['ra'].value
    ra = np.where(ra > 180, ra - 360, ra)
    path = write(tmp_path / 'a.parquet', {'id': table['id'], 'ra': ra, 'dec': table['dec'].value})
    region = SkyBox((358, 2), (-1, 1))
    assert len(read_catalog(path, region=region)) == region.contains(ra, table['dec'].value).sum()


def test_only_partitions_that_may_overlap_a_region_are_opened(folder, monkeypatch):
    opened = []
    batches = parquet_files.ParquetFiles._batches

    def watched(self, file, *arguments):
        opened.append(file)
        return batches(self, file, *arguments)

    monkeypatch.setattr(parquet_files.ParquetFiles, '_batches', watched)
    read_catalog(folder)
    n_all = len(opened)
    assert n_all > 8
    opened.clear()
    assert len(read_catalog(folder, region=SkyCone(5, 4, 0.5))) > 0
    assert 1 <= len(opened) <= 3
    opened.clear()
    assert len(read_catalog(folder, region=SkyCone(200, 4, 0.5))) == 0
    assert opened == []


def test_parts_are_partitions_and_make_up_the_whole(folder, table):
    parts = list(catalog_parts(folder))
    assert len(parts) > 8
    assert max(map(len, parts)) <= 40
    assert sum(map(len, parts)) == N
    smaller = list(catalog_parts(folder, n_rows=7, columns=['flux']))
    assert max(map(len, smaller)) == 7
    assert sorted(np.concatenate([part['id'] for part in smaller])) == table['id'].tolist()
    assert smaller[0].colnames == ['id', 'ra', 'dec', 'flux']
    # Without other columns, too.
    assert sum(map(len, catalog_parts(folder, columns=[]))) == N


def test_files_of_a_folder_are_one_catalog(table, tmp_path):
    for k in range(3):
        (tmp_path / f'year={k}').mkdir()
        write_catalog(table[k::3], tmp_path / f'year={k}' / 'part.parquet')
    (tmp_path / '_metadata').write_bytes(b'nothing')
    (tmp_path / 'notes.txt').write_text('nothing')
    assert_same(read_catalog(tmp_path), table)
    assert [len(part) for part in catalog_parts(tmp_path)] == [N // 3] * 3


@pytest.mark.parametrize(
    ('key', 'ra', 'dec'),
    [
        ('objectId', 'coord_ra', 'coord_dec'),
        ('object_id', 'right_ascension', 'declination'),
        ('source_id', 'RA_ICRS', 'DE_ICRS'),
        ('NUMBER', 'ALPHA_J2000', 'DELTA_J2000'),
    ],
)
def test_names_of_surveys_are_known(tmp_path, key, ra, dec):
    path = write(tmp_path / 'a.parquet', {'mag': [1.0], ra: [20.0], dec: [-5.0], key: [2**60 + 1]})
    found = read_catalog(path)
    assert found.colnames == ['id', 'ra', 'dec', 'mag']
    assert found['id'].tolist() == [2**60 + 1]
    assert found['dec'].to_value(u.deg).tolist() == [-5]


def test_names_can_be_given(tmp_path):
    columns = {'id': [1, 1], 'ra': [0.0, 0.0], 'key': ['a', 'b'], 'l': [10.0, 11.0], 'b': [1.0, 2]}
    path = write(tmp_path / 'a.parquet', columns)
    found = read_catalog(path, names={'id': 'key', 'ra': 'l', 'dec': 'b'})
    assert found['id'].tolist() == ['a', 'b']
    assert found['ra'].value.tolist() == [10, 11]
    # What has the names of positions is kept under another.
    assert found.colnames == ['id', 'ra', 'dec', 'id_input', 'ra_input']
    without = read_catalog(path, names={'id': None, 'ra': 'l', 'dec': 'b'}, columns=['key'])
    assert without.colnames == ['ra', 'dec', 'key']


def test_units_of_columns_are_read(tmp_path):
    radians, flux = ({'unit': text} for text in ('rad', 'nJy'))
    schema = pa.schema(
        [
            pa.field('coord_ra', pa.float64(), metadata=radians),
            pa.field('coord_dec', pa.float64(), metadata=radians),
            pa.field('flux', pa.float32(), metadata={**flux, 'description': 'of the galaxy'}),
        ]
    )
    rows = {'coord_ra': np.radians([20.0, 40]), 'coord_dec': np.radians([1.0, 2]), 'flux': [1, 2.0]}
    pq.write_table(pa.table(rows, schema=schema), tmp_path / 'a.parquet')
    found = read_catalog(tmp_path / 'a.parquet', region=SkyCone(20, 1, 1))
    np.testing.assert_allclose(found['ra'].to_value(u.deg), [20])
    assert found['flux'].unit == u.nJy
    assert found['flux'].info.description == 'of the galaxy'


def test_what_astropy_wrote_is_restored(tmp_path):
    pytest.importorskip('pandas')
    table = QTable({'id': [1, 2], 'sky': SkyCoord([1, 2], [3, 4], unit='deg', frame='galactic')})
    table['when'] = Time([55000.25, 56000], format='mjd')
    table.meta['survey'] = 'mine'
    table.write(tmp_path / 'a.parquet')
    assert_restored(read_catalog(tmp_path / 'a.parquet'), table)


def test_what_was_written_is_restored(tmp_path):
    table = QTable({'id': [1, 2], 'sky': SkyCoord([1, 2], [3, 4], unit='deg', frame='galactic')})
    table['when'] = Time([55000.25, 56000], format='mjd')
    table.meta['survey'] = 'mine'
    write_catalog(table, tmp_path / 'a.parquet')
    found = read_catalog(tmp_path / 'a.parquet')
    assert_restored(found, table)
    assert read_catalog(found, columns=['when'])['when'].mjd.tolist() == table['when'].mjd.tolist()


def assert_restored(found, table):
    found = in_order(found)
    assert found['when'].mjd.tolist() == [55000.25, 56000]
    np.testing.assert_allclose(found['ra'].value, table['sky'].icrs.ra.deg)
    np.testing.assert_allclose(found['dec'].value, table['sky'].icrs.dec.deg)
    assert found.meta['survey'] == 'mine'


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        (pa.array([3, None], pa.int16()), np.ma.array([3, 0], mask=[False, True])),
        (pa.array([True, None]), np.ma.array([True, False], mask=[False, True])),
        (pa.array(['a', 'bcd']).dictionary_encode(), np.array(['a', 'bcd'])),
        (pa.array([b'a', None]), np.ma.array(['a', ''], mask=[False, True])),
        (pa.array([1.25, 2.5]).cast(pa.decimal128(5, 2)), np.array([1.25, 2.5])),
        (pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2)), np.array([[1, 2], [3, 4]])),
        (pa.array([1, 2], pa.uint64()), np.array([1, 2], dtype=np.uint64)),
        (pa.array([None, None]), np.ma.array([0, 0], mask=[True, True])),
    ],
)
def test_types_of_columns(tmp_path, values, expected):
    write(tmp_path / 'a.parquet', {'ra': [1.0, 2.0], 'dec': [1.0, 2.0], 'a': values})
    found = read_catalog(tmp_path / 'a.parquet')['a']
    mask = np.ma.getmaskarray(expected)
    np.testing.assert_array_equal(np.ma.getmaskarray(found), mask)
    np.testing.assert_array_equal(np.asarray(found)[~mask], np.asarray(expected)[~mask])


def test_times_are_read(tmp_path):
    when = pa.array(np.array(['2026-01-02T03:04:05'], 'M8[us]'))
    write(tmp_path / 'a.parquet', {'ra': [1.0], 'dec': [1.0], 'when': when})
    assert read_catalog(tmp_path / 'a.parquet')['when'].isot.tolist() == ['2026-01-02T03:04:05.000']


POSITIONS = {'ra': [1.0, 2.0, 3.0], 'dec': [4.0, 5.0, 6.0]}


@pytest.mark.parametrize(
    ('columns', 'options', 'words'),
    [
        ({'id': [5, 6, 5], **POSITIONS}, {}, r'ids in column id must be unique; 1 occur .* 5:'),
        ({'id': [5, None, 6], **POSITIONS}, {}, r'column id: .* no value in row 1'),
        ({'a': [1.0], 'b': [2.0]}, {}, r'no columns of positions on the sky.*columns: a, b'),
        ({'ra': [1.0, np.nan], 'dec': [0.0, 1.0]}, {}, r'masked or NaN in 1 of 2 rows.*row 1'),
        ({'ra': [1.0, 2.0], 'dec': [None, 1.0]}, {}, r'masked or NaN in 1 of 2 rows.*row 0'),
        ({'ra': [1.0, 2.0], 'dec': [95.0, 1.0]}, {}, r'not a position on the sky in 1 rows'),
        ({'ra': [True], 'dec': [1.0]}, {}, r'no positions that can be read: Column ra'),
        ({'ra': [], 'dec': []}, {}, 'is an empty catalog'),
        (POSITIONS, {'columns': ['mag', 'ra']}, r'`columns`: .* has no mag; it has ra, dec'),
        (POSITIONS, {'names': {'id': 'key'}}, r"has no column 'key'; it has ra, dec"),
        (POSITIONS, {'names': {'ra': 'ra'}}, 'must have both ra and dec'),
        (POSITIONS, {'names': {'x': 'ra'}}, 'may have the keys id, ra, dec'),
        (POSITIONS, {'max_size': 20}, r'allowed are 20 bytes \(`max_size`\)'),
    ],
)
def test_rows_and_columns_that_cannot_be_used_are_named(tmp_path, columns, options, words):
    path = write(tmp_path / 'a.parquet', columns)
    with pytest.raises(ValueError, match=words):
        read_catalog(path, **options)
    with pytest.raises(ValueError, match=words):
        list(catalog_parts(path, **options))
    if 'max_size' not in options:
        with pytest.raises(ValueError, match=words):
            read_catalog(columns, **options)


def test_rows_without_position_lie_in_no_region():
    catalog = {'ra': [1.0, np.nan], 'dec': [0.0, 1.0]}
    assert len(read_catalog(catalog, region=SkyCone(1, 0, 30))) == 1


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'columns': 'flux'}, '`columns` must be a list of names'),
        ({'names': ['id']}, '`names` must be a dictionary'),
        ({'region': (1, 2)}, '`region` must be a SkyCone or a SkyBox; got tuple'),
    ],
)
def test_arguments_of_another_type_are_refused(options, words):
    with pytest.raises(TypeError, match=words):
        read_catalog(POSITIONS, **options)
    with pytest.raises(TypeError, match=r'^The catalog must have named columns; got ndarray'):
        read_catalog(np.zeros((3, 2)))


def test_parts_are_checked_before_they_are_read():
    with pytest.raises(ValueError, match='`n_rows` must be a whole number, at least 1'):
        catalog_parts(POSITIONS, n_rows=0)
    with pytest.raises(ValueError, match='has no mag'):
        catalog_parts(POSITIONS, columns=['mag'])


@pytest.mark.parametrize('end', [0, 4, 100, -20, -1])
def test_truncated_files_are_named(tmp_path, end):
    path = write(tmp_path / 'a.parquet', POSITIONS)
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match=r'a\.parquet contains no catalog that can be read'):
        read_catalog(path)


def test_damaged_pages_are_named(folder, tmp_path):
    path = write(tmp_path / 'a.parquet', {'ra': np.arange(99.0), 'dec': np.arange(99.0) / 2})
    content = bytearray(path.read_bytes())
    content[4:40] = bytes(36)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.parquet contains no catalog that can be read'):
        read_catalog(path)


def test_files_of_other_columns_are_named(tmp_path):
    write(tmp_path / 'a.parquet', {**POSITIONS, 'mag': [1, 2, 3]})
    write(tmp_path / 'b.parquet', POSITIONS)
    with pytest.raises(ValueError, match=r'b\.parquet contains .* it lacks the columns mag'):
        read_catalog(tmp_path)
    assert len(read_catalog(tmp_path, columns=[])) == 6
    write(tmp_path / 'b.parquet', {**POSITIONS, 'mag': [0.5, 1.5, 2.5]})
    with pytest.raises(ValueError, match='its column mag is double; that of the first file int64'):
        read_catalog(tmp_path)


def test_a_column_has_the_type_and_unit_of_the_first_file_that_has_values(tmp_path):
    nothing = pa.nulls(3)
    write(tmp_path / 'a.parquet', {**POSITIONS, 'flux': nothing, 'note': nothing, 'none': nothing})
    texts = {'flux': nothing, 'note': ['a', None, 'b'], 'none': nothing}
    write(tmp_path / 'b.parquet', {**POSITIONS, **texts})
    fluxes = pa.array([1.0, 2.0, None], pa.float32())
    arrow = pa.table({**POSITIONS, 'note': nothing, 'none': nothing})
    in_njy = pa.field('flux', fluxes.type, metadata={b'unit': b'nJy'})
    pq.write_table(arrow.append_column(in_njy, fluxes), tmp_path / 'c.parquet')
    found = read_catalog(tmp_path)
    assert (found['flux'].unit, found['flux'].dtype) == (u.nJy, np.float32)
    assert found['flux'][6:8].value.tolist() == [1, 2]
    hidden = np.r_[np.ones(6, dtype=bool), False, False, True]
    np.testing.assert_array_equal(found['flux'].mask, hidden)
    assert found['note'].tolist() == [None] * 3 + ['a', None, 'b'] + [None] * 3
    assert found['none'].mask.all()
    # Positions, too, of which rows are chosen as they are read.
    write(tmp_path / 'a.parquet', {**POSITIONS, 'dec': nothing, 'flux': nothing, 'note': nothing})
    assert len(read_catalog(tmp_path, columns=['flux'], region=SkyCone(0, 0, 180))) == 6


@pytest.mark.parametrize('by_astropy', [True, False])
@pytest.mark.parametrize(
    ('units', 'words'),
    [
        (('mJy', 'uJy'), 'its column flux is in uJy; that of the first file is in mJy'),
        ((None, 'uJy'), 'its column flux is in uJy; that of the first file has no unit'),
        (('mJy', 'mJy'), None),
        (('mJy', None), None),
    ],
)
def test_files_of_other_units_are_named(tmp_path, units, words, by_astropy):
    for name, unit in zip('ab', units, strict=True):
        table = QTable({**POSITIONS, 'flux': Column([1.0, 2.0, 3.0], unit=unit)})
        arrow = arrow_from_table(table)
        if by_astropy:
            fields = [field.remove_metadata() for field in arrow.schema]
            arrow = arrow.cast(pa.schema(fields, metadata=arrow.schema.metadata))
        else:
            arrow = arrow.replace_schema_metadata(None)
        pq.write_table(arrow, tmp_path / f'{name}.parquet')
    if words is None:
        assert read_catalog(tmp_path)['flux'].unit == units[0]
        return
    with pytest.raises(ValueError, match=rf'b\.parquet contains .* {words}'):
        read_catalog(tmp_path)
    assert len(read_catalog(tmp_path, columns=[])) == 6


def test_a_description_of_astropy_is_not_trusted(tmp_path):
    path = write(tmp_path / 'a.parquet', POSITIONS, metadata={'table_meta_yaml': '[&a [*a]'})
    with pytest.raises(ValueError, match='its description by astropy is damaged'):
        read_catalog(path)
    unit = [pa.field('ra', pa.float64(), metadata={'unit': '10**9999999 m'})]
    schema = pa.schema([*unit, pa.field('dec', pa.float64())])
    pq.write_table(pa.table(POSITIONS, schema=schema), path)
    with pytest.raises(ValueError, match='is not a unit'):
        read_catalog(path)


def test_what_is_no_catalog_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'is no catalog: it has neither Parquet files'):
        read_catalog(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_catalog(tmp_path / 'nothing')
    with pytest.raises(FileNotFoundError):
        read_catalog(tmp_path / 'nothing.parquet')
    (tmp_path / 'a.txt').write_text('a,b\n1,2\n')
    with pytest.raises(ValueError, match='no columns of positions'):
        read_catalog(tmp_path / 'a.txt')
