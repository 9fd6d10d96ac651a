"""Columns of tables: object columns, missing values, ids and names."""

import warnings
from itertools import chain, count

import numpy as np
from astropy.table import Column
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.validation.masked import without_mask

__all__ = [
    'check_ids',
    'rename_conflicting_columns',
    'named_rows',
    'numbers_or_nan',
    'plain_values',
    'text_without_unit',
]

#: Maximum number of rows listed in an error.
_NAMED = 5

#: Types of missing values in pandas.
_MISSING = ('NAType', 'NaTType')


def plain_values(values, mask=None):
    """
    Convert an object array to text or numbers.

    Parameters
    ----------
    values : `~numpy.ndarray`
        Array of any dtype. Only those of dtype object are converted.
    mask : `~numpy.ndarray` of bool, optional
        True for missing values.

    Returns
    -------
    values : `~numpy.ndarray`
        Text, booleans, integers or floats; of dtype object if neither.
    mask : `~numpy.ndarray` of bool, or None
        True for missing values; None if there are none.
    """
    values = np.asarray(values)
    if values.dtype.kind == 'T':  # text of variable length
        values = values.astype(object)
    if values.dtype.kind != 'O':
        return values, mask
    missing = np.array([_is_missing(value) for value in values.flat], dtype=bool)
    missing = missing.reshape(values.shape)
    if mask is not None:
        missing |= mask
    there = list(values[~missing])
    for kinds, make in (
        ((str, bytes), _as_text),
        ((bool, np.bool_), np.array),
        ((int, np.integer), np.array),
        ((int, float, np.integer, np.floating), np.array),
    ):
        if all(isinstance(value, kinds) for value in there):
            made = make(there)
            break
    else:
        return values, mask
    if made.dtype.kind == 'O':  # integers beyond 64 bits
        return values, mask
    plain = np.zeros(values.shape, dtype=made.dtype)
    plain[~missing] = made
    return plain, missing if missing.any() else None


def numbers_or_nan(values):
    """
    The numbers of a column, with NaN for masked or missing ones.

    Parameters
    ----------
    values : array_like
        A column, Quantity (whose unit is dropped), masked array, pandas Series, or any array.

    Returns
    -------
    `~numpy.ndarray`
        Of the same dtype if none is missing, otherwise of floats. Arrays without numbers are
        returned unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.catalogs.columns import numbers_or_nan
    >>> numbers_or_nan(np.ma.array([1, 2], mask=[False, True]))
    array([ 1., nan])
    """
    values, mask = without_mask(values)
    try:
        values = np.asarray(getattr(values, 'value', values))
    except ValueError as error:  # lists of different lengths
        raise ValueError(f'The values do not form an array of numbers: {error}') from error
    values, mask = plain_values(values, mask)
    if mask is None or values.dtype.kind not in 'biuf':
        return values
    return np.where(mask, np.nan, values.astype(float))


def check_ids(ids, *, unique=True):
    """
    Validate a column of ids.

    Parameters
    ----------
    ids : `~astropy.table.Column` or array_like
        The column ``id``.
    unique : bool, optional
        Whether ids must be unique.

    Raises
    ------
    ValueError
        If ids are masked, repeated, NaN more than once, or not scalar.

    Warns
    -----
    `~astropy.utils.exceptions.AstropyUserWarning`
        If an id is NaN, which is not equal to itself.
    """
    ids, mask = without_mask(ids)
    ids = np.asarray(ids)
    unknown = np.isnan(ids) if ids.dtype.kind == 'f' else np.zeros(ids.shape, dtype=bool)
    # A single NaN is distinct from other ids.
    if mask is None and unknown.sum() > 1:
        mask = unknown
    if ids.ndim != 1 or ids.dtype.kind not in 'biufSU':
        raise ValueError(
            'Column `id` of `table` must hold one number or text for each stamp; got dtype '
            f'{ids.dtype} and shape {ids.shape}.'
        )
    if mask is not None:
        raise ValueError(
            f'Column `id` has no value in {named_rows(np.flatnonzero(mask))}: give each '
            'stamp an id, or leave out the column.'
        )
    if unknown.any():
        warnings.warn(
            f'Column `id` is NaN in {named_rows(np.flatnonzero(unknown))}: other tables cannot be '
            'matched with such a stamp.',
            AstropyUserWarning,
            stacklevel=4,
        )
    if not unique:
        return
    ids = np.sort(ids)
    if (ids[1:] == ids[:-1]).any():
        raise ValueError('Column `id` of `table` must hold a different value for each stamp.')


def rename_conflicting_columns(table, names):
    """
    Rename columns of a table whose names are needed for others.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Changed in place: a column ``peak`` becomes ``peak_input``, or ``peak_input_2`` if that
        exists, too.
    names : sequence of str
        Names of the new columns.
    """
    for name in names:
        if name in table.colnames:
            numbers = chain([''], (f'_{k}' for k in count(2)))
            table.rename_column(
                name,
                next(own for k in numbers if (own := f'{name}_input{k}') not in table.colnames),
            )


def named_rows(rows):
    """Rows as text, with the numbers of the first few."""
    if len(rows) == 1:
        return f'row {rows[0]}'
    named = ', '.join(str(row) for row in rows[:_NAMED])
    more = f' and {len(rows) - _NAMED} more' if len(rows) > _NAMED else ''
    return f'rows {named}{more}'


def text_without_unit(column):
    """
    Remove the unit of a text column, such as of sexagesimal coordinates.

    It is kept in the description if there is none. Other columns are returned unchanged.
    """
    if not isinstance(column, Column) or column.dtype.kind not in 'SU' or column.unit is None:
        return column
    description = column.description or f'in {column.unit}'
    column = column.copy()
    column.unit, column.description = None, description
    return column


def _is_missing(value):
    if value is None or value is np.ma.masked or type(value).__name__ in _MISSING:
        return True
    return isinstance(value, (float, np.floating)) and np.isnan(value)


def _as_text(values):
    return np.array([v.decode('utf-8') if isinstance(v, bytes) else v for v in values], dtype=str)
