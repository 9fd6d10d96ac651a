"""Sources of a catalog by tile, in little memory, and however the catalog is divided."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astro_wgan.catalogs import catalog_parts, write_catalog
from astro_wgan.surveying import survey_sources
from astro_wgan.surveying.survey_sources import Sources, catalog_blocks, sources_of_tiles
from astro_wgan.surveying.tiles.footprints import Footprint
from astro_wgan.surveying.tiles.source_assignment import assign_sources
from astro_wgan.testing import make_wcs

N = 101


@pytest.fixture(scope='module')
def tiles():
    """Two tiles beside each other."""
    centers = SkyCoord([150, 150.002], 2, unit='deg')
    return [Footprint.of((120, 120), make_wcs((120, 120), center=each)) for each in centers]


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    return QTable(
        {
            'id': rng.permutation(N) * 10**15,
            'ra': rng.uniform(149.998, 150.004, N) * u.deg,
            'dec': rng.uniform(1.999, 2.001, N) * u.deg,
            'mag': rng.normal(size=N),
        }
    )


@pytest.fixture(params=[7, 1000])
def block(request, monkeypatch):
    """Sources that are assigned at a time."""
    monkeypatch.setattr(survey_sources, '_BLOCK', request.param)
    return request.param


def found_in(catalog, tiles, **options):
    return sources_of_tiles(catalog_blocks(catalog, **options), tiles)


def test_sources_are_those_of_their_tiles_in_the_order_of_the_catalog(table, tiles, block):
    found = found_in(table, tiles)
    tile = assign_sources(table['ra'].value, table['dec'].value, tiles)
    assert set(tile) == {-1, 0, 1}
    for own, place in ((found.outside, -1), *zip(found.by_tile, (0, 1), strict=True)):
        for name, column in (('ids', 'id'), ('ra', 'ra'), ('dec', 'dec')):
            np.testing.assert_array_equal(getattr(own, name), table[column][tile == place].value)
    assert found.about['length'] == N
    assert found.outside.table().colnames == ['id', 'ra', 'dec']


def test_text_is_kept_as_bytes(table, tiles, block):
    names = np.array([f'{"M" * (k % 5)} {k} \u03b1' for k in range(N)])
    table['id'] = names
    found = found_in(table, tiles)
    assert found.outside.ids.dtype.kind == 'S'
    ids = np.concatenate([own.table()['id'] for own in (found.outside, *found.by_tile)])
    assert sorted(ids) == sorted(names)
    table['id'][N - 1] = names[0]
    with pytest.raises(ValueError, match=f'unique; 1 occur more than once, such as {names[0]}:'):
        found_in(table, tiles)


def test_digests_do_not_depend_on_how_a_catalog_is_divided(table, tiles, monkeypatch):
    monkeypatch.setattr(survey_sources, '_BLOCK', 64)
    about = found_in(table, tiles).about
    monkeypatch.setattr(
        survey_sources,
        'catalog_parts',
        lambda *given, **options: catalog_parts(*given, **options | {'n_rows': 20}),
    )
    assert found_in(table, tiles).about == about
    table['dec'][70] += 1e-12 * u.deg
    assert found_in(table, tiles).about['ids'] == about['ids']
    assert found_in(table, tiles).about['positions'] != about['positions']


def test_sources_of_a_file_are_those_of_the_table(table, tiles, tmp_path):
    path = write_catalog(table, tmp_path / 'catalog', partition_rows=30)
    ids = [sorted(own.ids) for own in found_in(path, tiles).by_tile]
    assert ids == [sorted(own.ids) for own in found_in(table, tiles).by_tile]


def test_sources_without_ids_are_numbered(table, tiles, block):
    for catalog in (table['ra', 'dec'], SkyCoord(table['ra'], table['dec'])):
        found = found_in(catalog, tiles)
        ids = [own.ids for own in (found.outside, *found.by_tile)]
        assert sorted(np.concatenate(ids)) == list(range(N))
        first = found.by_tile[0]
        np.testing.assert_array_equal(first.ra, table['ra'].value[first.ids])


def test_one_position_and_positions_of_any_shape_are_sources(table, tiles):
    sky = SkyCoord(table['ra'], table['dec'])
    assert found_in(sky[0], tiles).about['length'] == 1
    one = found_in(sky[:100].reshape(20, 5), tiles)
    assert one.about == found_in(sky[:100], tiles).about


def test_ids_are_unique_in_all_blocks_together(table, tiles, block):
    table['id'][100] = table['id'][0]
    with pytest.raises(ValueError, match='ids in column id must be unique; 1 occur more than once'):
        found_in(table, tiles)


def test_ids_are_unique_in_all_partitions_together(table, tiles, tmp_path):
    for k in range(2):
        write_catalog(table[50 * k : 50 * k + 51], tmp_path / f'{k}.parquet')
    with pytest.raises(ValueError, match=f'1 occur more than once, such as {table["id"][50]}'):
        found_in(tmp_path, tiles)


def test_what_is_wrong_with_columns_is_said_before_rows_are_read(table):
    with pytest.raises(ValueError, match='no columns of positions'):
        catalog_blocks(table[['id', 'mag']])


def test_no_sources_are_none_of_any_tile():
    assert len(Sources.joined([])) == 0


def test_columns_can_be_named(table, tiles):
    others = QTable({'NUMBER': np.ones(N, dtype=int), 'key': table['id'], 'l': table['ra']})
    others['b'] = table['dec']
    position = {'ra': 'l', 'dec': 'b'}
    with pytest.raises(
        ValueError, match=r"column NUMBER must be unique; .*names={'id': \.\.\.} of"
    ):
        found_in(others, tiles, names=position)
    found = found_in(others, tiles, names={'id': 'key', **position})
    np.testing.assert_array_equal(found.outside.ids, found_in(table, tiles).outside.ids)
    numbered = found_in(others, tiles, names={'id': None, **position})
    everywhere = np.concatenate([own.ids for own in (numbered.outside, *numbered.by_tile)])
    np.testing.assert_array_equal(np.sort(everywhere), np.arange(N))
    with pytest.raises(ValueError, match='`names` are those of the columns of `catalog`'):
        catalog_blocks(None, names=position)
