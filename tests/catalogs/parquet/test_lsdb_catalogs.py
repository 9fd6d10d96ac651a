"""Catalogs of LSDB: as objects like theirs, and, if it is installed, with LSDB itself."""

from types import SimpleNamespace

import numpy as np
import pytest

from astro_wgan.catalogs import SkyCone, catalog_parts, read_catalog, write_catalog
from astro_wgan.catalogs.parquet.healpix_cells import spatial_index

pytest.importorskip('pyarrow')


class Frame(dict):
    """A data frame."""

    def __getitem__(self, key):
        return (
            Frame({k: self[k] for k in key}) if isinstance(key, list) else super().__getitem__(key)
        )

    def reset_index(self, *, drop):
        assert drop
        return self

    def compute(self):
        return self


class Catalog:
    """What is needed of a catalog of LSDB, with partitions of order 3."""

    nested_columns = ('light_curve',)

    def __init__(self, frame, opened):
        self.frame, self.opened = frame, opened
        names = SimpleNamespace(ra_column='alpha', dec_column='delta')
        self.hc_structure = SimpleNamespace(catalog_info=names)

    def __getitem__(self, columns):
        return Catalog(self.frame[list(columns)], self.opened)

    @property
    def columns(self):
        return list(self.frame)

    @property
    def meta(self):
        return Frame({name: values[:0] for name, values in self.frame.items()})

    def _cells(self):
        return spatial_index(self.frame['alpha'], self.frame['delta'], order=3)

    def get_healpix_pixels(self):
        return [SimpleNamespace(order=3, pixel=cell) for cell in np.unique(self._cells())]

    def get_partition(self, order, pixel):
        self.opened.append(pixel)
        rows = self._cells() == pixel
        return Frame({name: values[rows] for name, values in self.frame.items()})

    def compute(self):
        return self.frame


def columns():
    rng = np.random.default_rng(1)
    alpha, delta = rng.uniform(100, 130, 80), rng.uniform(-30, 10, 80)
    return {'objectId': np.arange(80), 'alpha': alpha, 'delta': delta, 'mag': rng.random(80)}


def test_partitions_of_a_catalog_of_lsdb_are_computed_one_by_one():
    opened = []
    frame = Frame(columns(), light_curve=np.empty(80, dtype=object))
    catalog = Catalog(frame, opened)
    whole = read_catalog(catalog)
    assert whole.colnames == ['id', 'ra', 'dec', 'mag']
    assert whole['id'].tolist() == list(range(80))
    assert opened == []
    parts = list(catalog_parts(catalog, columns=[], n_rows=10))
    assert sum(map(len, parts)) == 80
    assert max(map(len, parts)) <= 10
    n_all = len(opened)
    assert len(parts) >= n_all > 10
    opened.clear()
    region = SkyCone(110, -10, 5)
    found = read_catalog(catalog, region=region)
    assert len(found) == region.contains(frame['alpha'], frame['delta']).sum() > 0
    assert 0 < len(opened) < n_all / 2


@pytest.fixture
def lsdb():
    return pytest.importorskip('lsdb')


@pytest.mark.filterwarnings('ignore')
def test_lsdb_opens_joins_and_crossmatches_what_is_written(lsdb, tmp_path):
    table = columns()
    path = write_catalog(
        table,
        tmp_path / 'scores',
        names={'ra': 'alpha', 'dec': 'delta'},
        partition_rows=20,
    )
    scores = lsdb.open_catalog(path)
    assert scores.hc_structure.catalog_info.total_rows == 80
    assert len(scores.get_healpix_pixels()) > 3
    cone = scores.cone_search(110, -10, 5 * 3600).compute()
    assert len(cone) == SkyCone(110, -10, 5).contains(table['alpha'], table['delta']).sum() > 0
    pd = pytest.importorskip('pandas')
    other = lsdb.from_dataframe(pd.DataFrame(table), ra_column='alpha', dec_column='delta')
    joined = other.join(scores, left_on='objectId', right_on='id').compute()
    assert len(joined) == len(other.crossmatch(scores, radius_arcsec=0.1).compute()) == 80
    # And back.
    region = SkyCone(110, -10, 5)
    found = read_catalog(other, region=region, columns=['mag'])
    assert sorted(found['id']) == sorted(read_catalog(path, region=region)['id'])
    assert len(read_catalog(other)) == sum(map(len, catalog_parts(other))) == 80


@pytest.mark.filterwarnings('ignore')
def test_hats_finds_what_is_written_valid(tmp_path):
    validation = pytest.importorskip('hats.io.validation')
    index = pytest.importorskip('hats.pixel_math.spatial_index')
    path = write_catalog(
        columns(), tmp_path / 'a', names={'ra': 'alpha', 'dec': 'delta'}, partition_rows=20
    )
    assert validation.is_valid_catalog(path, strict=True)
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 360, 10_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 10_000)))
    np.testing.assert_array_equal(spatial_index(ra, dec), index.compute_spatial_index(ra, dec))
