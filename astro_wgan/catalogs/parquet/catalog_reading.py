"""`read_catalog` and `catalog_parts`: catalogs of any origin as tables of ids and positions."""

import os
from dataclasses import dataclass

from astropy.table import QTable, vstack

from astro_wgan.catalogs.parquet.lsdb_catalogs import LsdbCatalog, is_lsdb
from astro_wgan.catalogs.parquet.parquet_files import ParquetFiles, is_parquet
from astro_wgan.catalogs.parquet.sky_regions import check_region
from astro_wgan.catalogs.parquet.source_columns import check_unique, columns_to_keep, find_columns
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.files.limits import largest_size
from astro_wgan.remote.remote_files import as_remote_files
from astro_wgan.remote.uris import shown
from astro_wgan.validation.config_numbers import check_whole_number

__all__ = ['catalog_parts', 'is_catalog', 'read_catalog']


def read_catalog(source, *, columns=None, region=None, names=None, max_size=None, remote=None):
    """
    Read ids, positions and other columns of a catalog.

    Parameters
    ----------
    source : path-like, table or ``lsdb.Catalog``
        Parquet file or folder of such files, HATS folder, or table in FITS, ECSV or other text; an
        astropy table, data frame or other object with named columns; or a catalog of LSDB. Files
        and folders may be at URIs (:doc:`/user_guide/remote_images`); by HTTP, which knows no
        folders, only those of HATS with ``partition_info.csv``.
    columns : sequence of str, optional
        Columns to read beside ids and positions; by default all that are numbers or text.
    region : `SkyCone` or `SkyBox`, optional
        Only sources in this region. Of a HATS folder only partitions are opened whose HEALPix cell
        may overlap it, and of Parquet files only groups of rows are read whose positions may.
    names : dict of str, optional
        Names of the columns with ``'id'``, ``'ra'`` and ``'dec'``. By default positions are those
        that the properties of HATS name, columns such as ``ra`` and ``dec`` under the names that
        surveys give them, or a column of SkyCoord; ids are ``id``, ``object_id``, ``source_id`` and
        the like. ``'id': None`` if no column has unique ids.
    max_size : number, optional
        Maximum number of bytes of memory; see `~astro_wgan.files.limits.largest_size`.
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How files at URIs are read.

    Returns
    -------
    `~astropy.table.QTable`
        ``id`` if the catalog has ids, ``ra`` and ``dec`` (ICRS, in degrees), and the other columns
        under their own names, with units if the catalog has them.

    Raises
    ------
    ValueError
        If the source is no catalog, damaged, empty, or larger than allowed, ids occur twice,
        positions are missing or not on the sky, or there is no such column; if properties of HATS
        are of an unknown version.
    FileNotFoundError
        If there is no such path, or a partition is missing.
    TypeError
        If the source has no named columns.
    ImportError
        If pyarrow or astropy-healpix (extra ``hats``) is needed and not installed, or what a URI
        needs.
    RemoteFileError
        If a URI cannot be read.

    Examples
    --------
    >>> from astro_wgan.catalogs import SkyCone, read_catalog
    >>> catalog = {'objectId': [7, 8], 'coord_ra': [53.1, 53.2], 'coord_dec': [-28.0, -27.9]}
    >>> read_catalog(catalog, region=SkyCone(53.1, -28, 0.05))
    <QTable length=1>
      id     ra     dec
            deg     deg
    int64 float64 float64
    ----- ------- -------
        7    53.1   -28.0
    """
    found = _opened(source, columns, region, names, max_size, remote)
    tables = list(found.sources(None, max_size))
    if not tables:
        return found.empty
    table = tables[0] if len(tables) == 1 else vstack(tables, metadata_conflicts='silent')
    found.check_unique(table)
    return table


def catalog_parts(
    source,
    *,
    columns=None,
    region=None,
    names=None,
    n_rows=1_000_000,
    max_size=None,
    remote=None,
):
    """
    Read a catalog of any size part by part.

    Parameters
    ----------
    source, columns, region, names, max_size, remote
        As in `read_catalog`; ``max_size`` is that of a part.
    n_rows : int, optional
        Maximum number of rows of a part. Partitions of HATS, and files of a folder, are parts of
        their own, and divided if they have more.

    Returns
    -------
    iterator of `~astropy.table.QTable`
        As by `read_catalog`, each of at least one source; none if the region has no source. The
        partitions of HATS follow each other in the order of their HEALPix cells.

    Raises
    ------
    ValueError, FileNotFoundError, TypeError, ImportError, RemoteFileError
        As by `read_catalog`: those on columns and properties at once, those on rows as they are
        read. Ids must be unique in each part; whether parts have different ones is not examined.

    Examples
    --------
    >>> from astro_wgan.catalogs import catalog_parts
    >>> catalog = {'id': [1, 2, 3], 'ra': [10.0, 11.0, 12.0], 'dec': [0.0, 1.0, 2.0]}
    >>> [len(part) for part in catalog_parts(catalog, n_rows=2)]
    [2, 1]
    """
    check_whole_number('n_rows', n_rows, 1)
    return _parts(_opened(source, columns, region, names, max_size, remote), n_rows, max_size)


def is_catalog(source):
    """Whether a source is a Parquet file, a folder or a catalog of LSDB, read region by region."""
    return is_parquet(source) if isinstance(source, (str, os.PathLike)) else is_lsdb(source)


def _parts(found, n_rows, max_size):
    for table in found.sources(n_rows, max_size):
        found.check_unique(table)
        yield table


@dataclass(frozen=True, eq=False)
class _Opened:
    """A catalog whose columns are known, and what is to be read of it."""

    source: object
    where: str
    own: object
    columns: list
    region: object

    @property
    def empty(self):
        return self.own.table_of_sources(self.source.empty, self.columns, self.where)

    def sources(self, n_rows, max_size):
        wanted = list(dict.fromkeys([*self.own.names, *self.columns]))
        is_empty = True
        for table in self.source.tables(
            wanted,
            positions=self.own.pair,
            region=self.region,
            n_rows=n_rows,
            max_size=max_size,
        ):
            is_empty = False
            sources = self.own.table_of_sources(table, self.columns, self.where, region=self.region)
            if len(sources):
                yield sources
        if is_empty and self.region is None:
            raise ValueError(f'{self.where} is an empty catalog: it has no rows.')

    def check_unique(self, table):
        if self.own.id is not None:
            check_unique(table['id'], self.own.id, self.where)


@dataclass(frozen=True, eq=False)
class _InMemory:
    """A table as if it were read from files."""

    table: QTable
    positions = None

    @property
    def empty(self):
        return self.table[:0]

    def tables(self, columns, *, positions=None, region=None, n_rows=None, max_size=None):
        step = n_rows or max(len(self.table), 1)
        for first in range(0, len(self.table), step):
            yield self.table[first : first + step][columns]


def _opened(source, columns, region, names, max_size, remote):
    check_region(region)
    largest_size(max_size)
    remote = as_remote_files(remote)
    where = 'The catalog'
    if is_lsdb(source):
        opened = LsdbCatalog(source)
    elif isinstance(source, (str, os.PathLike)):
        where = shown(source)
        if is_parquet(source, remote):
            opened = ParquetFiles.open(source, remote)
        else:
            opened = _InMemory(read_table(source, max_size=max_size, remote=remote))
    else:
        opened = _InMemory(as_qtable(source, name=where))
    empty = opened.empty
    own = find_columns(empty, where, names=names, positions=opened.positions)
    return _Opened(opened, where, own, columns_to_keep(empty, columns, where), region)
