"""Validation of the columns of merger trees, as plain arrays."""

import numpy as np
from astropy import units as u

__all__ = ['bad_rows', 'integers', 'masses', 'quantity', 'require']


def require(table, names):
    """Raise an error if a table lacks required columns."""
    missing = [name for name in names if name not in table.colnames]
    if missing:
        raise ValueError(f'`table` lacks the columns {missing}; it has {table.colnames}.')


def integers(table, name, *, fill=None):
    """
    Convert a column to int64.

    Parameters
    ----------
    table : `~astropy.table.Table`
    name : str
        Name of the column.
    fill : int, optional
        Value for masked entries. By default, they raise an error.
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
    Convert a column to a float `~astropy.units.Quantity` in its own unit, with NaN where masked.

    Parameters
    ----------
    table : `~astropy.table.Table`
    name : str
        Name of the column.
    unit : unit-like
        Unit to which it must be convertible.
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
    """Convert a column of masses, which must be non-negative or NaN."""
    found = quantity(table, name, u.Msun)
    wrong = (found.value < 0) | np.isinf(found.value)
    if wrong.any():
        raise ValueError(
            f'Column `{name}` must hold masses of 0 or more, NaN where unknown; '
            f'negative or infinite in {bad_rows(wrong)}.'
        )
    return found


def bad_rows(bad, limit=5):
    """Text with the number of rows where ``bad`` is true, and the first few of them."""
    rows = np.flatnonzero(bad)
    named = ', '.join(str(row) for row in rows[:limit])
    more = ', ...' if len(rows) > limit else ''
    return f'{len(rows)} rows ({named}{more})'


def _unmasked(column):
    """Values and mask (or None) of a Column or Quantity, masked or not."""
    mask = getattr(column, 'mask', None)
    if mask is None:
        return column, None
    values = column.unmasked if hasattr(column, 'unmasked') else column.data.data
    if getattr(column, 'unit', None) is not None and not isinstance(values, u.Quantity):
        values = u.Quantity(values, column.unit, copy=False)
    return values, np.asarray(mask)
