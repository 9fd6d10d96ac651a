"""Ids and positions of catalogs."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astro_wgan.catalogs import write_catalog
from astro_wgan.surveying import survey_sources
from astro_wgan.surveying.survey_sources import sources_of


@pytest.fixture
def table():
    return QTable(
        {'id': ['a', 'b', 'ccc'], 'ra': [1, 2, 3] * u.deg, 'dec': [4, 5, 6] * u.deg, 'mag': [7] * 3}
    )


def test_sources_of_a_file_are_those_of_the_table(table, tmp_path):
    path = write_catalog(table, tmp_path / 'catalog.parquet')
    sources = sources_of(path)
    order = np.argsort(sources.ids)
    assert sources.ids[order].tolist() == ['a', 'b', 'ccc']
    assert sources[order].ra.tolist() == [1, 2, 3]
    assert sources[order].dec.tolist() == [4, 5, 6]
    assert sources[order[:2]].table().colnames == ['id', 'ra', 'dec']


def test_sources_without_ids_are_numbered(table):
    for catalog in (table['ra', 'dec'], SkyCoord(table['ra'], table['dec'])):
        sources = sources_of(catalog)
        assert sources.ids.tolist() == [0, 1, 2]
        np.testing.assert_allclose(sources.ra, [1, 2, 3])


def test_ids_are_unique_in_all_parts_together(table, monkeypatch):
    read = survey_sources.catalog_parts
    monkeypatch.setattr(
        survey_sources, 'catalog_parts', lambda *given, **options: read(*given, **options, n_rows=2)
    )
    assert sources_of(table).ids.tolist() == ['a', 'b', 'ccc']
    table['id'][2] = 'a'
    with pytest.raises(ValueError, match='`catalog`: ids in column id must be unique; 1 occur'):
        sources_of(table)
