"""Tables of the tiles of a survey: Parquet files with units and provenance, written atomically."""

from contextlib import contextmanager

import numpy as np

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.catalogs.parquet.arrow_tables import names_in_file, table_from_arrow
from astro_wgan.catalogs.parquet.arrow_writing import arrow_from_table
from astro_wgan.catalogs.parquet.hats_writing import write_parquet
from astro_wgan.exceptions import DamagedFileError
from astro_wgan.files.atomic import atomic_write
from astro_wgan.optional import import_optional

__all__ = [
    'check_parquet',
    'plain_column',
    'read_part',
    'read_plain_columns',
    'rows_of_part',
    'table_of_rows',
    'write_part',
]


def check_parquet():
    """Raise an ImportError that says how to install pyarrow, if it is missing."""
    import_optional('pyarrow', purpose='Surveys need')


def write_part(path, table):
    """
    Write a table as a Parquet file.

    Parameters
    ----------
    path : `~pathlib.Path`
    table : `~astropy.table.QTable`
        Units, descriptions and ``meta`` are in the metadata of the schema.
    """
    with atomic_write(path) as temporary:
        write_parquet(arrow_from_table(table), temporary)


def read_part(path, *columns):
    """
    Read a table that `write_part` wrote.

    Parameters
    ----------
    path : `~pathlib.Path`
    *columns : str
        All by default.

    Returns
    -------
    `~astropy.table.QTable`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it holds something else.
    """
    with _opened(path) as file:
        names = names_in_file(file.schema_arrow, columns) if columns else None
        return table_from_arrow(file.read(columns=names))


def read_plain_columns(path, *columns):
    """
    Read columns of numbers or text from a table that `write_part` wrote.

    To parse its metadata, which is left out, takes longer than to read thousands of rows.

    Parameters
    ----------
    path : `~pathlib.Path`
    *columns : str

    Returns
    -------
    `~astropy.table.QTable`
        Masked where values are missing.

    Raises
    ------
    FileNotFoundError, DamagedFileError
        As by `read_part`.
    """
    with _opened(path) as file:
        missing = [name for name in columns if name not in file.schema_arrow.names]
        if missing:
            raise KeyError(f'it has no column {missing[0]}')
        arrow = file.read(columns=[*columns])
        return table_from_arrow(arrow.replace_schema_metadata(None))


def rows_of_part(path, rows):
    """
    Read rows of a table that `write_part` wrote, for `table_of_rows`.

    Parameters
    ----------
    path : `~pathlib.Path`
    rows : `~numpy.ndarray` of int, shape (n,)

    Returns
    -------
    `pyarrow.Table`

    Raises
    ------
    FileNotFoundError, DamagedFileError
        As by `read_part`.
    """
    with _opened(path) as file:
        return file.read().take(rows)


def table_of_rows(parts):
    """
    Rows of several parts, one part after the other, with the metadata of the first.

    Parameters
    ----------
    parts : list of `pyarrow.Table`
        From `rows_of_part`.

    Returns
    -------
    `~astropy.table.QTable`
    """
    import pyarrow as pa

    # The same column may have single precision in one part, and double in another.
    return table_from_arrow(pa.concat_tables(parts, promote_options='permissive'))


@contextmanager
def _opened(path):
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # Not as a folder of many files, of whose names columns could be made.
        with parquet.ParquetFile(path) as file:
            yield file
    except FileNotFoundError:
        raise
    except (pa.ArrowException, LookupError, OSError, TypeError, ValueError) as error:
        raise DamagedFileError(
            f'The file {path} is damaged ({" ".join(str(error).split())[:200]}): remove it, and '
            'the next call of the survey makes it anew.'
        ) from error


def plain_column(table, name):
    """
    A column as an array of floats, NaN where masked.

    Parameters
    ----------
    table : `~astropy.table.QTable`
    name : str

    Returns
    -------
    `~numpy.ndarray`
    """
    return np.asarray(numbers_or_nan(table[name]), dtype=float)
