"""`write_catalog`: sources and their scores as Parquet files that LSDB joins by position or id."""

import os
import shutil
from collections.abc import Iterator

import numpy as np

from astro_wgan.catalogs.parquet.arrow_writing import arrow_from_table
from astro_wgan.catalogs.parquet.hats_folders import SPATIAL_INDEX, find_properties
from astro_wgan.catalogs.parquet.hats_writing import (
    RowsInMemory,
    RowsOnDisk,
    write_hats,
    write_parquet,
)
from astro_wgan.catalogs.parquet.healpix_cells import spatial_index
from astro_wgan.catalogs.parquet.source_columns import check_unique, columns_to_keep, find_columns
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.files.atomic import atomic_write
from astro_wgan.files.temporary_names import temporary_path
from astro_wgan.optional import import_optional
from astro_wgan.remote.output_paths import output_path
from astro_wgan.validation.config_numbers import check_whole_number

__all__ = ['write_catalog']

__doctest_requires__ = {'*': ['pyarrow']}

#: Endings of the name of a single file; all other names are folders.
_FILES = ('.parquet', '.parq', '.pq')

#: Folder of parts that are not partitions yet.
_PARTS = 'parts'


def write_catalog(table, path, *, names=None, partition_rows=1_000_000, overwrite=False):
    """
    Write sources with ids, positions and scores as a Parquet file or a HATS catalog.

    Parameters
    ----------
    table : table or iterator of tables
        Any object with named columns: ids, positions, and other columns. Tables of an iterator,
        such as that of `catalog_parts`, are written one by one, so that all of them need not fit in
        memory.
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
        that occur twice in a table; if tables of an iterator have different columns or units.
    TypeError
        If a column cannot be written.
    ImportError
        If pyarrow or astropy-healpix (extra ``hats``) is not installed.

    Notes
    -----
    Columns are ``id``, ``ra``, ``dec``, ``_healpix_29`` (the HEALPix cell of order 29, by which
    rows are ordered), and the others. Units, descriptions and metadata with the provenance are in
    the schema: ``QTable.read`` of astropy, TOPCAT and `read_catalog` restore them; LSDB, pandas and
    others read the columns. Partitions are the largest cells with at most ``partition_rows`` rows;
    of an iterator, whose parts are first written beside them, not smaller than those of order 9.

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
    check_whole_number('partition_rows', partition_rows, 1)
    for package in ('pyarrow', 'astropy_healpix'):
        import_optional(package, purpose='Catalogs in Parquet need')
    path = output_path(path, 'path')
    is_file = path.suffix.lower() in _FILES
    _check_free(path, overwrite, is_file)
    if not is_file:
        _write_folder(table, path, names, partition_rows)
        return path
    if isinstance(table, Iterator):
        raise ValueError(f'Parts of `table` become a folder; got the name of a file, {path}.')
    arrow = arrow_from_table(_in_order(as_qtable(table), names))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        write_parquet(arrow, temporary)
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


def _write_folder(table, path, names, partition_rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path)
    try:
        if isinstance(table, Iterator):
            source = RowsOnDisk(temporary / _PARTS)
            # A part may be a tile without sources.
            for part in filter(len, map(as_qtable, table)):
                source.append(arrow_from_table(_in_order(part, names)))
            if not len(source):
                raise ValueError('`table` must have at least one part with rows; got none.')
            source.complete()
        else:
            source = RowsInMemory(arrow_from_table(_in_order(as_qtable(table), names)))
        write_hats(source, temporary, path.name, partition_rows)
        shutil.rmtree(temporary / _PARTS, ignore_errors=True)
        if path.is_dir() and any(path.iterdir()):
            former = temporary_path(path)
            os.rename(path, former)
            os.rename(temporary, path)
            shutil.rmtree(former)
        else:
            os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
