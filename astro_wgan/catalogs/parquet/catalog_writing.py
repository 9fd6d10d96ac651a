"""`write_catalog`: sources and their scores as Parquet files that LSDB joins by position or id."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from astro_wgan.catalogs.parquet.arrow_writing import arrow_from_table
from astro_wgan.catalogs.parquet.hats_folders import SPATIAL_INDEX, find_properties, partition_path
from astro_wgan.catalogs.parquet.healpix_cells import DEEPEST, spatial_index
from astro_wgan.catalogs.parquet.source_columns import check_unique, columns_to_keep, find_columns
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.files.atomic import atomic_write, errors_name_file
from astro_wgan.files.temporary_names import temporary_path
from astro_wgan.jobs.provenance import versions
from astro_wgan.optional import import_optional
from astro_wgan.validation.config_numbers import check_whole_numbers

__all__ = ['write_catalog']

__doctest_requires__ = {'*': ['pyarrow']}

#: Rows of a group within a file, which are read or left out together.
_GROUP = 2**16

#: Endings of the name of a single file; all other names are folders.
_FILES = ('.parquet', '.parq', '.pq')


def write_catalog(table, path, *, names=None, partition_rows=1_000_000, overwrite=False):
    """
    Write sources with ids, positions and scores as a Parquet file or a HATS catalog.

    Parameters
    ----------
    table : table
        Any object with named columns: ids, positions, and other columns.
    path : path-like
        A file, if it ends in ``.parquet``; otherwise a folder, which becomes a HATS catalog.
    names : dict of str, optional
        Columns with ids and positions, as in `read_catalog`.
    partition_rows : int, optional
        Maximum number of rows of a partition of a HATS catalog.
    overwrite : bool, optional
        Whether a file or HATS catalog of that name is replaced.

    Returns
    -------
    `~pathlib.Path`
        The file or folder.

    Raises
    ------
    FileExistsError
        If there is something at ``path`` that may not be replaced.
    ValueError
        If there are no rows, no positions, positions that are missing or not on the sky, or ids
        that occur twice.
    TypeError
        If a column cannot be written.
    ImportError
        If pyarrow or astropy-healpix (extra ``hats``) is not installed.

    Notes
    -----
    Columns are ``id``, ``ra``, ``dec``, ``_healpix_29`` (the HEALPix cell of order 29, by which
    rows are ordered), and the others. Units, descriptions and metadata with the provenance are in
    the schema: ``QTable.read`` of astropy, TOPCAT and `read_catalog` restore them; LSDB, pandas and
    others read the columns. Partitions are the largest cells with at most ``partition_rows`` rows.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from astro_wgan.catalogs import read_catalog, write_catalog
    >>> scores = {'id': [7, 8], 'ra': [53.1, 53.2], 'dec': [-28.0, -27.9], 'score': [0.1, 3.0]}
    >>> with TemporaryDirectory() as folder:
    ...     path = write_catalog(scores, Path(folder) / 'scores')
    ...     read_catalog(path, columns=['score']).colnames
    ['id', 'ra', 'dec', 'score']
    """
    check_whole_numbers(SimpleNamespace(partition_rows=partition_rows), {'partition_rows': 1})
    for package in ('pyarrow', 'astropy_healpix'):
        import_optional(package, purpose='Catalogs in Parquet need')
    path = Path(path)
    is_file = path.suffix in _FILES
    _check_free(path, overwrite, is_file)
    table = _in_order(as_qtable(table), names)
    arrow = arrow_from_table(table)
    if is_file:
        with atomic_write(path) as temporary:
            _write_parquet(arrow, temporary)
    else:
        _write_folder(arrow, path, partition_rows, table)
    return path


def _check_free(path, overwrite, is_file):
    if not os.path.lexists(path) or (path.is_dir() and not is_file and not any(path.iterdir())):
        return
    if overwrite and (path.is_file() if is_file else path.is_dir() and find_properties(path)):
        return
    if overwrite:
        raise FileExistsError(
            f'{path} exists and is no catalog: remove it, or choose another path.'
        )
    raise FileExistsError(f'{path} exists: choose another path, or set `overwrite` to True.')


def _in_order(table, names):
    """Ids, positions, spatial index and other columns, in the order of the index."""
    where = '`table`'
    own = find_columns(table, where, names=names)
    others = [name for name in columns_to_keep(table, None, where) if name != own.sky]
    sources = own.table_of_sources(table, others, where)
    if not len(sources):
        raise ValueError('`table` must have at least one row; got none.')
    if own.id is not None:
        check_unique(sources['id'], own.id, where)
    sources['ra'] = sources['ra'] % (360 * sources['ra'].unit)
    cells = spatial_index(sources['ra'].value, sources['dec'].value)
    sources.add_column(cells, name=SPATIAL_INDEX, index=sources.colnames.index('dec') + 1)
    return sources[np.argsort(cells, kind='stable')]


def _write_parquet(arrow, path, written=None):
    import pyarrow.parquet

    with errors_name_file(path):
        pyarrow.parquet.write_table(
            arrow,
            path,
            row_group_size=_GROUP,
            compression='zstd',
            metadata_collector=written,
        )


def _write_folder(arrow, path, partition_rows, table):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        _write_hats(arrow, temporary, path.name, partition_rows, table)
        if path.is_dir() and any(path.iterdir()):
            former = temporary_path(path)
            os.rename(path, former)
            os.rename(temporary, path)
            shutil.rmtree(former)
        else:
            os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_hats(arrow, folder, name, partition_rows, table):
    import pyarrow.parquet

    index = np.asarray(table[SPATIAL_INDEX])
    partitions = _partitions(index, partition_rows)
    written = []
    for order, cell, rows in partitions:
        place = f'{partition_path(order, cell)}.parquet'
        file = folder / 'dataset' / place
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_parquet(arrow.slice(rows.start, rows.stop - rows.start), file, written)
        written[-1].set_file_path(place)
    base = folder / 'dataset'
    pyarrow.parquet.write_metadata(arrow.schema, base / '_common_metadata')
    pyarrow.parquet.write_metadata(arrow.schema, base / '_metadata', metadata_collector=written)
    listed = [f'{order},{cell}\n' for order, cell, _ in partitions]
    (folder / 'partition_info.csv').write_text('Norder,Npix\n' + ''.join(listed))
    text = _properties(name, folder, partitions, len(index))
    for file in ('hats.properties', 'properties'):
        (folder / file).write_text(text, encoding='utf-8')


def _partitions(index, largest):
    """Order, cell and rows of the largest cells with at most so many rows."""
    found, waiting = [], [(0, cell) for cell in reversed(range(12))]
    while waiting:
        order, cell = waiting.pop()
        shift = 2 * (DEEPEST - order)
        first, last = np.searchsorted(index, [cell << shift, (cell + 1) << shift])
        if last - first > largest and order < DEEPEST:
            waiting += [(order + 1, 4 * cell + part) for part in (3, 2, 1, 0)]
        elif last > first:
            found.append((order, cell, slice(int(first), int(last))))
    return found


def _properties(name, folder, partitions, n_rows):
    sizes = (file.stat().st_size for file in folder.rglob('*') if file.is_file())
    version = versions().get('astro_wgan', '')
    properties = {
        'obs_collection': name,
        'dataproduct_type': 'object',
        'hats_nrows': n_rows,
        'hats_col_ra': 'ra',
        'hats_col_dec': 'dec',
        'hats_col_healpix': SPATIAL_INDEX,
        'hats_col_healpix_order': DEEPEST,
        'hats_npix_suffix': '.parquet',
        'hats_order': max(order for order, _, _ in partitions),
        'hats_max_rows': max(rows.stop - rows.start for _, _, rows in partitions),
        'hats_estsize': sum(sizes) // 1024,
        'moc_sky_fraction': f'{sum(1 / (12 * 4**order) for order, _, _ in partitions):.7g}',
        'hats_builder': f'astro_wgan {version}'.strip(),
        'hats_creation_date': datetime.now(UTC).strftime('%Y-%m-%dT%H:%MUTC'),
        'hats_release_date': '2025-08-22',
        'hats_version': 'v1.0',
    }
    return '#HATS catalog\n' + ''.join(f'{key}={value}\n' for key, value in properties.items())
