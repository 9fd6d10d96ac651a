"""`as_qtable`: tables from data frames, records, dictionaries and results of archives."""

import warnings
from collections.abc import Mapping

import numpy as np
from astropy.coordinates import BaseCoordinateFrame, SkyCoord
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable, Row, Table
from astropy.time import Time
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.catalogs.columns import plain_values
from astro_wgan.fits.hdu_tables import table_of_hdu
from astro_wgan.validation.masked import without_mask

__all__ = ['as_qtable', 'table_of', 'table_of_rows']


def as_qtable(table, *, name='`table`'):
    """
    Convert a table to a new QTable, with text or numbers instead of objects.

    Parameters
    ----------
    table : `~astropy.table.Table` or other columns
        Anything that `table_of` accepts. Columns of dtype object, as of pyvo, astroquery and
        pandas, are converted to text, booleans, integers or floats if possible, with missing
        values (None, NaN, NA) masked; dates become `~astropy.time.Time`.
    name : str, optional
        What it is called in errors.

    Returns
    -------
    `~astropy.table.QTable`

    Raises
    ------
    TypeError
        If there are no named columns.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import Table
    >>> from astro_wgan.catalogs.qtable import as_qtable
    >>> as_qtable(Table({'name': np.array(['M 31', 'M 33'], dtype=object)}))['name'].dtype
    dtype('<U4')
    """
    # Slicing is the fastest copy of a QTable.
    table = table[:] if type(table) is QTable else _converted(table, name)
    for name, column in list(table.columns.items()):
        if not isinstance(column, Column) or column.dtype.kind not in 'MOT':
            continue
        if column.dtype.kind == 'M':
            table[name] = _as_time(*without_mask(column))
        else:
            values, mask = plain_values(*without_mask(column.copy()))
            about = {key: getattr(column, key) for key in ('unit', 'description', 'format', 'meta')}
            if mask is not None:
                table[name] = MaskedColumn(values, mask=mask, **about)
            elif values.dtype.kind not in 'OT':
                table[name] = Column(values, **about)
    return table


def table_of(columns):
    """
    Convert an object with named columns to a table.

    Parameters
    ----------
    columns : object
        A `~astropy.table.Table` or a row of it, a data frame (of pandas, whose index is a column if
        it has a name, polars or pyarrow), a dictionary of columns, a structured array, the data or
        HDU of a FITS table, or an object with ``to_table``, such as results of pyvo.

    Returns
    -------
    `~astropy.table.Table` or None
        None if there are no named columns.

    Examples
    --------
    >>> from astro_wgan.catalogs.qtable import table_of
    >>> table_of({'x': [1, 2], 'y': [3, 4]}).colnames
    ['x', 'y']
    """
    if isinstance(columns, Table):
        return columns
    if isinstance(columns, Row):
        return columns.table[columns.index : columns.index + 1]
    if isinstance(columns, (fits.BinTableHDU, fits.TableHDU)):
        return table_of_hdu(columns)
    if isinstance(columns, Mapping):
        return _of_mapping(columns)
    if isinstance(columns, fits.FITS_rec):
        return table_of_hdu(fits.BinTableHDU(columns))
    if isinstance(columns, np.ndarray):
        return None if columns.dtype.names is None else Table(columns)
    if isinstance(columns, (SkyCoord, BaseCoordinateFrame)):
        return None
    if hasattr(columns, 'to_table'):
        return table_of(columns.to_table())
    columns = _with_named_index(columns)
    names = _frame_names(columns)
    if names is None:
        return None
    return Table([_frame_column(columns[name], name) for name in names])


def table_of_rows(rows):
    """
    Convert a row with named values, or a list of such rows, to a table.

    Parameters
    ----------
    rows : object
        A row of a `~astropy.table.Table`, structured array or FITS table, a pandas Series with text
        labels, a dictionary of scalars or a named tuple; or a list of them.

    Returns
    -------
    `~astropy.table.Table` or None
        None if values have no names, or rows have different ones.

    Examples
    --------
    >>> from astro_wgan.catalogs.qtable import table_of_rows
    >>> table_of_rows([{'y': 3, 'x': 1}, {'y': 4, 'x': 2}]).colnames
    ['y', 'x']
    """
    rows = rows if isinstance(rows, list) else [rows]
    names = _names_of_row(rows[0]) if rows else None
    if not names or any(_names_of_row(row) != names for row in rows):
        return None
    return Table({name: [_value(row, name) for row in rows] for name in names})


def _converted(columns, name):
    table = table_of(columns)
    if table is None:
        raise TypeError(f'{name} must have named columns; got {type(columns).__name__}.')
    with warnings.catch_warnings():
        # Text, and columns with unknown units, are kept as columns.
        warnings.filterwarnings('ignore', 'column .* has a unit but is kept', AstropyUserWarning)
        return QTable(table, copy=False)


def _names_of_row(row):
    """Names of the values of a row, or None if it is not a row."""
    if isinstance(row, Row):
        return row.colnames
    if isinstance(row, Mapping):
        is_row = all(np.ndim(getattr(v, 'value', v)) == 0 for v in row.values())
        return list(row) if is_row else None
    if isinstance(row, np.void):
        return list(row.dtype.names or ())
    if isinstance(row, fits.FITS_record):
        return list(row.array.names)
    if isinstance(row, tuple):
        return list(getattr(row, '_fields', ()))
    # A Series of pandas.
    labels = getattr(row, 'index', None)
    if not hasattr(row, 'to_frame') or labels is None:
        return None
    return list(labels) if all(isinstance(label, str) for label in labels) else None


def _value(row, name):
    return getattr(row, name) if isinstance(row, tuple) else row[name]


def _of_mapping(columns):
    if not columns or any(np.ndim(getattr(c, 'value', c)) == 0 for c in columns.values()):
        return None
    try:
        return Table(dict(columns))
    except ValueError as error:  # such as columns of different lengths
        raise ValueError(f'A dictionary of columns cannot be made a table: {error}.') from error


def _with_named_index(frame):
    """A pandas data frame with its named index, which may hold the ids, as columns."""
    index = getattr(frame, 'index', None)
    named = [name for name in getattr(index, 'names', None) or () if name is not None]
    if not named or not hasattr(frame, 'reset_index') or set(named) & {*frame.columns}:
        return frame
    return frame.reset_index()


def _frame_names(frame):
    """Names of the columns of a data frame, or None."""
    if not hasattr(frame, '__getitem__') or isinstance(frame, (list, tuple, str)):
        return None
    names = getattr(frame, 'column_names', getattr(frame, 'columns', None))
    if names is None or callable(names):
        return None
    return list(names)


def _frame_column(series, name):
    values, mask = plain_values(_frame_values(series))
    if values.dtype.kind == 'M':
        time = _as_time(values, mask)
        time.info.name = str(name)
        return time
    if mask is None:
        return Column(values, name=str(name))
    return MaskedColumn(values, mask=mask, name=str(name))


def _frame_values(series):
    values = np.asarray(series)
    kind = str(getattr(series, 'dtype', getattr(series, 'type', ''))).casefold()
    if values.dtype.kind != 'f' or 'int' not in kind:
        return values
    # Integers with missing values would lose digits as floats.
    values = np.empty(len(series), dtype=object)
    values[:] = [v.as_py() if hasattr(v, 'as_py') else v for v in series]
    return values


def _as_time(values, mask):
    missing = np.isnat(values)
    missing = missing if mask is None else missing | mask
    # Nanoseconds are the finest precision that Time reads.
    values = np.where(missing, np.datetime64(0, 'ns'), values.astype('M8[ns]'))
    time = Time(values, format='datetime64')
    time.format = 'isot'
    if missing.any():
        time[missing] = np.ma.masked
    return time
