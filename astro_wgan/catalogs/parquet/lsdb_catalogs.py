"""`LsdbCatalog`: a catalog of LSDB in its partitions, without importing LSDB."""

from dataclasses import dataclass

import numpy as np

from astro_wgan.catalogs.parquet.healpix_cells import cells_in_region
from astro_wgan.catalogs.qtable import as_qtable

__all__ = ['LsdbCatalog', 'is_lsdb']


@dataclass(frozen=True, eq=False)
class LsdbCatalog:
    """
    A catalog of LSDB, as it is after filters and joins.

    Attributes
    ----------
    catalog : ``lsdb.Catalog``
    """

    catalog: object

    @property
    def empty(self):
        """A table without rows that has the columns, but nested ones."""
        nested = {*getattr(self.catalog, 'nested_columns', ())}
        columns = [name for name in self.catalog.columns if name not in nested]
        return _table(self.catalog.meta[columns])

    @property
    def positions(self):
        """Columns of right ascension and declination."""
        about = self.catalog.hc_structure.catalog_info
        return about.ra_column, about.dec_column

    def tables(self, columns, *, positions=None, region=None, n_rows=None, max_size=None):
        """As `~astro_wgan.catalogs.parquet.parquet_files.ParquetFiles.tables`."""
        wanted = self.catalog[columns]
        if region is None and n_rows is None:
            # All partitions at once, by Dask.
            found = _table(wanted.compute())
            if len(found):
                yield found
            return
        pixels = list(wanted.get_healpix_pixels())
        orders, cells = (
            np.array([getattr(each, name) for each in pixels], dtype=np.int64)
            for name in ('order', 'pixel')
        )
        keep = np.ones(len(pixels), dtype=bool)
        if region is not None:
            keep = cells_in_region(orders, cells, region)
        for row in np.flatnonzero(keep):
            table = _table(wanted.get_partition(orders[row], cells[row]).compute())
            step = n_rows or max(len(table), 1)
            yield from (table[first : first + step] for first in range(0, len(table), step))


def is_lsdb(source):
    """Whether an object has what is needed of a catalog of LSDB."""
    needed = ('hc_structure', 'get_partition', 'get_healpix_pixels', 'compute', 'meta')
    return all(hasattr(source, name) for name in needed)


def _table(frame):
    # The index is the spatial index.
    return as_qtable(frame.reset_index(drop=True))
