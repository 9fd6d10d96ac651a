"""Columns of tables as they come from archives: text and numbers in object columns, missing ids."""

import warnings
from itertools import chain, count

import numpy as np
from astropy.table import Column
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.validation.masked import without_mask

__all__ = [
    'check_ids',
    'make_room',
    'named_rows',
    'numbers_or_nan',
    'plain_values',
    'text_without_unit',
]

#: Rows that an error names.
_NAMED = 5

#: Names of the types of pandas' own marks of what is missing.
_MISSING = ('NAType', 'NaTType')


def plain_values(values, mask=None):
    """
    Text or numbers of an array of objects.

    Parameters
    ----------
    values : `~numpy.ndarray`
        Of any dtype; returned as it is, unless that is object.
    mask : `~numpy.ndarray` of bool, optional
        True for what is missing in any case.

    Returns
    -------
    values : `~numpy.ndarray`
        Text, truth values, whole or real numbers; of dtype object where it is none of these.
    mask : `~numpy.ndarray` of bool, or None
        True where there is no value; None where there is one everywhere.
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
    if made.dtype.kind == 'O':  # whole numbers beyond 64 bits
        return values, mask
    plain = np.zeros(values.shape, dtype=made.dtype)
    plain[~missing] = made
    return plain, missing if missing.any() else None


def numbers_or_nan(values):
    """
    The numbers of a column, NaN where they are masked or missing.

    Parameters
    ----------
    values : array_like
        A column, a Quantity (without its unit), a masked array, a pandas Series, or any array.

    Returns
    -------
    `~numpy.ndarray`
        Of the dtype of the values where none is missing, otherwise of floats. What holds no
        numbers is returned as it is.

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
        raise ValueError(f'What must be one array of numbers is none: {error}') from error
    values, mask = plain_values(values, mask)
    if mask is None or values.dtype.kind not in 'biuf':
        return values
    return np.where(mask, np.nan, values.astype(float))


def check_ids(ids, *, unique=True):
    """
    Make sure that a column names each stamp.

    Parameters
    ----------
    ids : `~astropy.table.Column` or array_like
        The column ``id``.
    unique : bool, optional
        Whether an id must not occur twice.

    Raises
    ------
    ValueError
        If an id is masked, occurs twice, as NaN does, too, or is no single value.

    Warns
    -----
    `~astropy.utils.exceptions.AstropyUserWarning`
        If one id is NaN, which equals none, itself included.
    """
    ids, mask = without_mask(ids)
    ids = np.asarray(ids)
    unknown = np.isnan(ids) if ids.dtype.kind == 'f' else np.zeros(ids.shape, dtype=bool)
    # One that is NaN is told from the others, two are not.
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
            'stamp an id, or leave the column out.'
        )
    if unknown.any():
        warnings.warn(
            f'Column `id` is not a number in {named_rows(np.flatnonzero(unknown))}: no other '
            'table can name this stamp.',
            AstropyUserWarning,
            stacklevel=4,
        )
    ids = np.sort(ids)
    if unique and (ids[1:] == ids[:-1]).any():
        raise ValueError('Column `id` of `table` must hold a different value for each stamp.')


def make_room(table, names):
    """
    Rename columns of a table in whose place others will be.

    Parameters
    ----------
    table : `~astropy.table.Table`
        Changed in place: its column ``peak`` becomes ``peak_input``, or where that is there, too,
        ``peak_input_2``.
    names : sequence of str
        Of the columns to come.
    """
    for name in names:
        if name in table.colnames:
            numbers = chain([''], (f'_{k}' for k in count(2)))
            table.rename_column(
                name,
                next(own for k in numbers if (own := f'{name}_input{k}') not in table.colnames),
            )


def named_rows(rows):
    """Rows in words, the first few by their numbers."""
    if len(rows) == 1:
        return f'row {rows[0]}'
    named = ', '.join(str(row) for row in rows[:_NAMED])
    more = f' and {len(rows) - _NAMED} more' if len(rows) > _NAMED else ''
    return f'rows {named}{more}'


def text_without_unit(column):
    """
    A column of text without a unit, which no Quantity can have; any other column as it is.

    Sexagesimal coordinates have one. The description keeps it, where there is no other.
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
