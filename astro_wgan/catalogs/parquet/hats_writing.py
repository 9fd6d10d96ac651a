"""`write_hats`: the files of a HATS catalog, from rows in memory or from more than fit there."""

from datetime import UTC, datetime

import numpy as np

from astro_wgan.catalogs.parquet.hats_folders import SPATIAL_INDEX, partition_path
from astro_wgan.catalogs.parquet.healpix_cells import DEEPEST
from astro_wgan.files.atomic import errors_name_file
from astro_wgan.jobs.provenance import versions

__all__ = ['RowsInMemory', 'RowsOnDisk', 'write_hats', 'write_parquet']

#: Rows of a group within a file, which are read or left out together.
_GROUP = 2**16

#: Order of the cells whose rows are counted as they are written to disk, and of the smallest
#: partitions of such catalogs: of 0.013 square degrees.
_COUNTED = 9


class RowsInMemory:
    """
    Rows in the order of their spatial index.

    Parameters
    ----------
    arrow : `pyarrow.Table`
    """

    deepest = DEEPEST

    def __init__(self, arrow):
        self._arrow = arrow
        self._index = arrow[SPATIAL_INDEX].to_numpy()
        self.schema = arrow.schema

    def __len__(self):
        return len(self._index)

    def count(self, first, last):
        """The number of rows with an index from one to another, the second one excluded."""
        begin, end = np.searchsorted(self._index, [first, last])
        return int(end - begin)

    def rows(self, first, last):
        """These rows."""
        begin, end = np.searchsorted(self._index, [first, last])
        return self._arrow.slice(int(begin), int(end - begin))


class RowsOnDisk:
    """
    Rows of which parts are kept in files.

    Parameters
    ----------
    folder : `~pathlib.Path`
        Folder for these files, which is created.
    """

    deepest = _COUNTED

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self._folder = folder
        self._counts = np.zeros(12 * 4**_COUNTED, dtype=np.int64)
        self._sums = None
        self._ranges = []
        self._lengths = {}
        self.schema = None

    def __len__(self):
        return int(self._counts.sum())

    def append(self, arrow):
        """
        Write a part, whose rows are in the order of their index.

        Raises
        ------
        ValueError
            If it has other columns or units than the first part, or values that its types cannot
            hold.
        """
        import pyarrow as pa

        number = len(self._ranges)
        if self.schema is None:
            self.schema = arrow.schema
        try:
            _check_columns(self.schema, arrow.schema)
            arrow = arrow.cast(pa.schema(list(self.schema), metadata=arrow.schema.metadata))
        except (pa.ArrowException, ValueError) as error:
            raise ValueError(
                f'Part {number} of `table` must have the columns of the first: {error}'
            ) from error
        for key, text in arrow.schema.metadata.items():
            if key.startswith(b'table::len::'):
                self._lengths[key] = max(self._lengths.get(key, 0), int(text))
        index = arrow[SPATIAL_INDEX].to_numpy()
        cells, counts = np.unique(index >> 2 * (DEEPEST - _COUNTED), return_counts=True)
        self._counts[cells] += counts
        file = self._folder / f'{number}.parquet'
        write_parquet(arrow, file)
        self._ranges.append((file, int(index[0]), int(index[-1])))

    def complete(self):
        """After the last part: text is as long as the longest of all parts."""
        metadata = dict(self.schema.metadata)
        metadata |= {key: str(length).encode() for key, length in self._lengths.items()}
        self.schema = self.schema.with_metadata(metadata)
        self._sums = np.concatenate([[0], np.cumsum(self._counts)])

    def count(self, first, last):
        """As `RowsInMemory.count`, for cells of up to order 9."""
        shift = 2 * (DEEPEST - _COUNTED)
        return int(self._sums[last >> shift] - self._sums[first >> shift])

    def rows(self, first, last):
        """As `RowsInMemory.rows`."""
        from pyarrow import dataset

        files = [file for file, low, high in self._ranges if high >= first and low < last]
        index = dataset.field(SPATIAL_INDEX)
        found = dataset.dataset(files, schema=self.schema, format='parquet').to_table(
            filter=(index >= first) & (index < last)
        )
        return found.sort_by(SPATIAL_INDEX).replace_schema_metadata(self.schema.metadata)


def write_parquet(arrow, path, written=None):
    """
    Write a Parquet file.

    Parameters
    ----------
    arrow : `pyarrow.Table`
    path : path-like
    written : list, optional
        The metadata of the file is appended to it.
    """
    import pyarrow.parquet

    with errors_name_file(path):
        pyarrow.parquet.write_table(
            arrow, path, row_group_size=_GROUP, compression='zstd', metadata_collector=written
        )


def write_hats(source, folder, name, partition_rows):
    """
    Write the files of a HATS catalog.

    Parameters
    ----------
    source : `RowsInMemory` or `RowsOnDisk`
    folder : `~pathlib.Path`
        A new folder.
    name : str
        Name of the catalog.
    partition_rows : int
        Maximum number of rows of a partition, if its cell can be divided.
    """
    import pyarrow.parquet

    partitions = _partitions(source, partition_rows)
    base = folder / 'dataset'
    written = []
    for order, cell, _ in partitions:
        place = f'{partition_path(order, cell)}.parquet'
        (base / place).parent.mkdir(parents=True, exist_ok=True)
        write_parquet(source.rows(*_index_range(order, cell)), base / place, written)
        written[-1].set_file_path(place)
    pyarrow.parquet.write_metadata(source.schema, base / '_common_metadata')
    pyarrow.parquet.write_metadata(source.schema, base / '_metadata', metadata_collector=written)
    listed = [f'{order},{cell}\n' for order, cell, _ in partitions]
    (folder / 'partition_info.csv').write_text('Norder,Npix\n' + ''.join(listed))
    text = _properties(name, folder, partitions)
    for file in ('hats.properties', 'properties'):
        (folder / file).write_text(text, encoding='utf-8')


def _index_range(order, cell):
    shift = 2 * (DEEPEST - order)
    return cell << shift, (cell + 1) << shift


def _partitions(source, largest):
    """Order, cell and number of rows of the largest cells with at most so many rows."""
    found, waiting = [], [(0, cell) for cell in reversed(range(12))]
    while waiting:
        order, cell = waiting.pop()
        n_rows = source.count(*_index_range(order, cell))
        if n_rows > largest and order < source.deepest:
            waiting += [(order + 1, 4 * cell + part) for part in (3, 2, 1, 0)]
        elif n_rows:
            found.append((order, cell, n_rows))
    return found


def _check_columns(first, other):
    if first.names != other.names:
        raise ValueError(f'{", ".join(first.names)}; got {", ".join(other.names)}')
    for name in first.names:
        units = [(schema.field(name).metadata or {}).get(b'unit') for schema in (first, other)]
        if units[0] != units[1]:
            own, given = (unit.decode() if unit else 'no unit' for unit in units)
            raise ValueError(f'{name} is in {own}; got {given}')


def _properties(name, folder, partitions):
    sizes = (file.stat().st_size for file in folder.rglob('*') if file.is_file())
    version = versions().get('astro_wgan', '')
    properties = {
        'obs_collection': name,
        'dataproduct_type': 'object',
        'hats_nrows': sum(n_rows for _, _, n_rows in partitions),
        'hats_col_ra': 'ra',
        'hats_col_dec': 'dec',
        'hats_col_healpix': SPATIAL_INDEX,
        'hats_col_healpix_order': DEEPEST,
        'hats_npix_suffix': '.parquet',
        'hats_order': max(order for order, _, _ in partitions),
        'hats_max_rows': max(n_rows for _, _, n_rows in partitions),
        'hats_estsize': sum(sizes) // 1024,
        'moc_sky_fraction': f'{sum(1 / (12 * 4**order) for order, _, _ in partitions):.7g}',
        'hats_builder': f'astro_wgan {version}'.strip(),
        'hats_creation_date': datetime.now(UTC).strftime('%Y-%m-%dT%H:%MUTC'),
        'hats_release_date': '2025-08-22',
        'hats_version': 'v1.0',
    }
    return '#HATS catalog\n' + ''.join(f'{key}={value}\n' for key, value in properties.items())
