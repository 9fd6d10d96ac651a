"""Catalogs that are written: as pyarrow, astropy, TOPCAT and HATS read them."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.utils.masked import Masked

from astro_wgan.catalogs import catalog_parts, read_catalog, write_catalog
from astro_wgan.catalogs.parquet.healpix_cells import spatial_index

pq = pytest.importorskip('pyarrow.parquet')

N = 200


@pytest.fixture(scope='module')
def scores():
    rng = np.random.default_rng(2)
    table = QTable(
        {
            'id': [f'object {k}' for k in range(N)],
            'sky': SkyCoord(rng.uniform(-3, 3, N), rng.uniform(50, 54, N), unit='deg'),
            'score': rng.normal(size=N).astype('>f4'),
            'closest_flux': rng.normal(size=N) * u.nJy,
            'latent': rng.normal(size=(N, 3)),
            'incomplete': rng.random(N) < 0.1,
        },
        meta={'model': {'name': 'a'}},
    )
    table['rank'] = np.ma.array(np.arange(N), mask=np.arange(N) == 7)
    table['score'].info.description = 'of anomalies'
    return table


def test_names_in_capitals_are_files_and_folders_are_made_for_them(scores, tmp_path):
    path = write_catalog(scores, tmp_path / 'new' / 'SCORES.PARQUET')
    assert path.is_file()
    assert len(read_catalog(path.parent)) == len(scores)


def test_a_file_has_the_columns_of_hats_in_its_order(scores, tmp_path):
    path = write_catalog(scores, tmp_path / 'scores.parquet')
    table = pq.read_table(path)
    assert table.column_names == [
        *('id', 'ra', 'dec', '_healpix_29'),
        *('score', 'closest_flux', 'latent', 'incomplete', 'rank'),
    ]
    cells = table['_healpix_29'].to_numpy()
    assert cells.dtype == np.int64
    assert (np.diff(cells) >= 0).all()
    ra, dec = table['ra'].to_numpy(), table['dec'].to_numpy()
    np.testing.assert_array_equal(spatial_index(ra, dec), cells)
    assert ra.min() >= 0
    assert table['rank'].null_count == 1
    assert table.schema.field('closest_flux').metadata == {b'unit': b'nJy'}
    assert table.schema.field('score').metadata == {b'description': b'of anomalies'}
    provenance = json.loads(table.schema.metadata[b'astro_wgan.provenance'])
    assert 'astropy' in provenance['versions']


def test_values_belong_to_their_ids(scores, tmp_path):
    write_catalog(scores, tmp_path / 'scores', partition_rows=30)
    found = read_catalog(tmp_path / 'scores')
    rows = [int(name.split()[1]) for name in found['id']]
    assert sorted(rows) == list(range(N))
    for name in ('score', 'closest_flux', 'latent', 'incomplete'):
        np.testing.assert_array_equal(found[name], scores[name][rows])
    np.testing.assert_allclose(found['dec'].value, scores['sky'].dec.deg[rows], atol=1e-12)
    assert found['rank'].mask.sum() == 1
    assert found['closest_flux'].unit == u.nJy
    assert found['score'].info.description == 'of anomalies'
    assert found.meta['model'] == {'name': 'a'}
    assert 'astropy' in found.meta['provenance']['versions']


def test_astropy_restores_the_table(scores, tmp_path):
    pytest.importorskip('pandas')
    write_catalog(scores, tmp_path / 'scores.parquet')
    found = QTable.read(tmp_path / 'scores.parquet')
    assert found['closest_flux'].unit == u.nJy
    assert found['latent'].shape == (N, 3)
    assert found.meta['model'] == {'name': 'a'}


def test_columns_are_described_for_topcat(scores, tmp_path):
    path = write_catalog(scores, tmp_path / 'scores.parquet')
    metadata = pq.read_schema(path).metadata
    assert metadata[b'IVOA.VOTable-Parquet.version'] == b'1.0'
    root = ElementTree.fromstring(metadata[b'IVOA.VOTable-Parquet.content'])
    fields = [each for each in root.iter() if each.tag.endswith('FIELD')]
    assert [each.get('name') for each in fields] == pq.read_schema(path).names
    by_name = {each.get('name'): each for each in fields}
    assert by_name['ra'].get('unit') == 'deg'
    assert by_name['ra'].get('ucd') == 'pos.eq.ra;meta.main'
    types = [by_name[name].get('datatype') for name in ('id', 'score', 'latent', 'rank')]
    assert types == ['unicodeChar', 'float', 'double', 'long']
    assert by_name['latent'].get('arraysize') == '3'
    assert by_name['score'][0].text == 'of anomalies'


def test_partitions_are_the_largest_cells_with_so_many_rows(scores, tmp_path):
    path = write_catalog(scores, tmp_path / 'scores', partition_rows=30)
    files = sorted((path / 'dataset').glob('Norder=*/Dir=*/Npix=*.parquet'))
    listed = (path / 'partition_info.csv').read_text().split()[1:]
    assert len(listed) == len(files) > 6
    sizes = {}
    for file in files:
        order, cell = (int(file.parts[k].split('=')[1].split('.')[0]) for k in (-3, -1))
        assert file.parts[-2] == f'Dir={cell // 10_000 * 10_000}'
        assert f'{order},{cell}' in listed
        cells = pq.read_table(file, columns=['_healpix_29'])['_healpix_29'].to_numpy()
        assert (cells >> 2 * (29 - order) == cell).all()
        sizes[order, cell] = len(cells)
    assert max(sizes.values()) <= 30
    assert sum(sizes.values()) == N
    for order, cell in sizes:
        # With its three neighbors in the same cell there would be too many.
        siblings = [
            size
            for (finer, other), size in sizes.items()
            if finer >= order and other >> 2 * (finer - order + 1) == cell >> 2
        ]
        assert order == 0 or sum(siblings) > 30
    assert pq.read_metadata(path / 'dataset' / '_metadata').num_rows == N
    properties = (path / 'hats.properties').read_text()
    assert properties == (path / 'properties').read_text()
    assert f'hats_nrows={N}\nhats_col_ra=ra\nhats_col_dec=dec\n' in properties


def test_parts_are_written_as_the_whole(scores, tmp_path):
    whole = write_catalog(scores, tmp_path / 'whole', partition_rows=30)
    parts = (scores[k : k + 70] for k in (0, 70, N, 140))
    path = write_catalog(parts, tmp_path / 'parts', partition_rows=30)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith('.')] == []
    files = [sorted(f.relative_to(p) for f in p.rglob('*') if f.is_file()) for p in (whole, path)]
    assert files[0] == files[1]
    assert (whole / 'partition_info.csv').read_text() == (path / 'partition_info.csv').read_text()
    first, second = (read_catalog(p) for p in (whole, path))
    assert first.colnames == second.colnames
    assert (first['id'] == second['id']).all()
    assert (first['latent'] == second['latent']).all()
    assert second['closest_flux'].unit == u.nJy
    # The text of the first part is shorter than that of all.
    schema = pq.read_schema(path / 'dataset' / '_common_metadata')
    assert schema.metadata[b'table::len::id'] == b'10'
    again = write_catalog(catalog_parts(path, n_rows=11), tmp_path / 'again', partition_rows=30)
    assert (read_catalog(again)['id'] == first['id']).all()


@pytest.mark.parametrize(
    ('second', 'words'),
    [
        ({'ra': [1.0], 'dec': [2.0]}, r'Part 1 of `table` must have the columns of the first: ra'),
        ({'ra': [1.0], 'dec': [2.0], 'a': [1.0] * u.Jy}, r'a is in nJy; got Jy'),
        ({'ra': [1.0], 'dec': [2.0], 'a': ['x']}, r'Part 1 .*a is in nJy; got no unit'),
        ({'ra': [np.nan], 'dec': [2.0], 'a': [1.0] * u.nJy}, 'masked or NaN'),
    ],
)
def test_parts_that_do_not_fit_are_named(tmp_path, second, words):
    first = {'ra': [1.0], 'dec': [2.0], 'a': [1.0] * u.nJy}
    with pytest.raises(ValueError, match=words):
        write_catalog(iter([first, second]), tmp_path / 'a')
    with pytest.raises(ValueError, match='at least one part with rows'):
        write_catalog(iter([]), tmp_path / 'a')
    with pytest.raises(ValueError, match='Parts of `table` become a folder'):
        write_catalog(iter([first]), tmp_path / 'a.parquet')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('is_masked', [(True, False), (False, True)])
def test_values_are_masked_in_any_part(tmp_path, is_masked):
    parts = []
    for k, masked in enumerate(is_masked):
        flux, rank = np.array([1.0, 2.0]) * u.nJy, np.array([k, 5])
        if masked:
            flux, rank = Masked(flux, [False, True]), np.ma.array(rank, mask=[False, True])
        part = {'id': [2 * k, 2 * k + 1], 'ra': [1.0, 2.0], 'dec': [3.0, 4.0]}
        parts.append(QTable({**part, 'flux': flux, 'rank': rank}))
    found = read_catalog(write_catalog(iter(parts), tmp_path / 'a'))
    found.sort('id')
    expected = [masked and k == 1 for masked in is_masked for k in range(2)]
    assert found['rank'].mask.tolist() == expected
    assert found['flux'].unit == u.nJy
    # The columns are what they were in the first part: masked, or NaN.
    flux = found['flux']
    missing = flux.mask if is_masked[0] else np.isnan(flux)
    assert missing.tolist() == expected
    assert flux[~missing].value.sum() == 4


def test_a_crowded_place_is_one_partition(tmp_path):
    table = {'ra': np.full(50, 10.0), 'dec': np.full(50, -20.0)}
    path = write_catalog(table, tmp_path / 'a', partition_rows=10)
    assert (path / 'partition_info.csv').read_text().split()[1].startswith('29,')
    assert len(read_catalog(path)) == 50


def test_what_exists_is_replaced_only_on_demand(scores, tmp_path):
    for path in (tmp_path / 'a.parquet', tmp_path / 'a'):
        write_catalog(scores[:5], path)
        with pytest.raises(FileExistsError, match='set `overwrite` to True'):
            write_catalog(scores, path)
        assert len(read_catalog(path)) == 5
        write_catalog(scores, path, overwrite=True)
        assert len(read_catalog(path)) == N
    (tmp_path / 'b').mkdir()
    write_catalog(scores, tmp_path / 'b')
    (tmp_path / 'c').mkdir()
    (tmp_path / 'c' / 'letter.txt').write_text('mine')
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match='choose another path'):
            write_catalog(scores, tmp_path / 'c', overwrite=overwrite)
    # Nothing else is left behind.
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a', 'a.parquet', 'b', 'c']


def test_a_failure_leaves_the_former_catalog(scores, tmp_path, monkeypatch):
    write_catalog(scores[:5], tmp_path / 'a')

    def fail(*arguments, **options):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(pq, 'write_table', fail)
    with pytest.raises(OSError, match='No space left'):
        write_catalog(scores, tmp_path / 'a', overwrite=True)
    assert len(read_catalog(tmp_path / 'a')) == 5
    assert [path.name for path in tmp_path.iterdir()] == ['a']


@pytest.mark.parametrize(
    ('table', 'words'),
    [
        ({'ra': [], 'dec': []}, '`table` must have at least one row'),
        ({'id': [1]}, '`table` has no columns of positions'),
        ({'id': [1, 1], 'ra': [1.0, 2.0], 'dec': [0.0, 0.0]}, 'ids in column id must be unique'),
        ({'ra': [1.0, np.nan], 'dec': [0.0, 0.0]}, 'masked or NaN in 1 of 2 rows'),
        ({'ra': [1.0], 'dec': [0.0], 'a': np.zeros((1, 2, 2))}, r"'a' .* arrays of shape \(2, 2\)"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_there(tmp_path, table, words):
    for name in ('a', 'a.parquet'):
        with pytest.raises(ValueError, match=words):
            write_catalog(table, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match='`partition_rows` must be a whole number'):
        write_catalog({'ra': [1.0], 'dec': [0.0]}, tmp_path / 'a', partition_rows=0)
    with pytest.raises(TypeError, match="Column 'a' of `table` has dtype object"):
        write_catalog({'ra': [1.0], 'dec': [0.0], 'a': [{}]}, tmp_path / 'a')
