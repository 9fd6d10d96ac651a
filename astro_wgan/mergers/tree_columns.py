"""From the columns of a table to plain arrays, with a word about each value that cannot be."""

import numpy as np
from astropy import units as u

__all__ = ['bad_rows', 'integers', 'masses', 'quantity', 'require']


def require(table, names):
    """Complain of columns that a table of galaxies lacks."""
    missing = [name for name in names if name not in table.colnames]
    if missing:
        raise ValueError(f'`table` lacks the columns {missing}; it has {table.colnames}.')


def integers(table, name, *, fill=None):
    """
    A column as an array of int64.

    Parameters
    ----------
    table : `~astropy.table.Table`
    name : str
        Of the column.
    fill : int, optional
        Value of masked entries; an error where it is not given.
    """
    values, mask = _unmasked(table[name])
    values = np.asarray(values)
    if values.dtype.kind not in 'iu' or values.ndim != 1:
        raise TypeError(
            f'Column `{name}` must hold one integer per row; '
            f'got dtype {values.dtype}, shape {values.shape}.'
        )
    if mask is not None and mask.any():
        if fill is None:
            raise ValueError(f'Column `{name}` is masked in {bad_rows(mask)}.')
        values = np.where(mask, fill, values)
    return values.astype(np.int64, copy=False)


def quantity(table, name, unit):
    """
    A column as a `~astropy.units.Quantity` of floats in its own unit; masked entries are NaN.

    Parameters
    ----------
    table : `~astropy.table.Table`
    name : str
        Of the column.
    unit : unit-like
        Unit that its own must be convertible to.
    """
    values, mask = _unmasked(table[name])
    own = getattr(values, 'unit', None) or u.dimensionless_unscaled
    if not own.is_equivalent(unit):
        raise u.UnitConversionError(
            f'Column `{name}` must have a unit that converts to {u.Unit(unit)}; '
            f'got {str(own) or "none"}.'
        )
    values = np.asarray(values)
    if values.dtype.kind not in 'fiu':
        raise TypeError(f'Column `{name}` must hold numbers; got dtype {values.dtype}.')
    if values.dtype.kind != 'f':
        values = values.astype(float)
    if mask is not None and mask.any():
        values = np.where(mask, np.nan, values)
    return u.Quantity(values, own, copy=False)


def masses(table, name):
    """A column of masses: 0 or more, NaN where unknown."""
    found = quantity(table, name, u.Msun)
    wrong = (found.value < 0) | np.isinf(found.value)
    if wrong.any():
        raise ValueError(
            f'Column `{name}` must hold masses of 0 or more, NaN where unknown; '
            f'negative or infinite in {bad_rows(wrong)}.'
        )
    return found


def bad_rows(bad, limit=5):
    """Text that names the rows where ``bad`` is true: their number and the first few."""
    rows = np.flatnonzero(bad)
    named = ', '.join(str(row) for row in rows[:limit])
    more = ', ...' if len(rows) > limit else ''
    return f'{len(rows)} rows ({named}{more})'


def _unmasked(column):
    """Values and mask (or None) of a Column, a Quantity, or either of them masked."""
    mask = getattr(column, 'mask', None)
    if mask is None:
        return column, None
    values = column.unmasked if hasattr(column, 'unmasked') else column.data.data
    if getattr(column, 'unit', None) is not None and not isinstance(values, u.Quantity):
        values = u.Quantity(values, column.unit, copy=False)
    return values, np.asarray(mask)
