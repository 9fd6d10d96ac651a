"""Coordinates of one column: pixels, degrees, hours, or sexagesimal text."""

import numpy as np
from astropy import units as u
from astropy.coordinates import Angle

from astro_wgan.catalogs.columns import plain_values
from astro_wgan.validation.masked import without_mask

__all__ = ['degrees_of', 'pixels_of']

#: Spellings of units in catalogs. Hours of right ascension are angles.
_UNIT_WORDS = {
    **dict.fromkeys(('deg', 'degs', 'degree', 'degrees', 'd:m:s', 'dms', 'dd:mm:ss'), u.deg),
    **dict.fromkeys(('h', 'hr', 'hour', 'hours', 'h:m:s', 'hms', 'hh:mm:ss'), u.hourangle),
    **dict.fromkeys(('rad', 'radian', 'radians'), u.rad),
    **dict.fromkeys(('pix', 'pixel', 'pixels', 'px'), u.pix),
}

#: Missing values in a text column.
_NOTHING = ('', '-', '--', 'nan', 'none', 'null', 'n/a', 'na')


def pixels_of(column, name):
    """
    Pixel coordinates as floats, NaN if missing.

    Parameters
    ----------
    column : `~astropy.table.Column` or `~astropy.units.Quantity`
        In pixels or without unit; numbers, or numbers as text.
    name : str
        Name of the column.

    Raises
    ------
    ValueError
        If it has no numbers.
    astropy.units.UnitConversionError
        If it has another unit.
    """
    values, unit = _values(column, name)
    if unit not in (None, u.pix):
        raise u.UnitConversionError(
            f'Column {name} of `positions` must be in pixels (pix); got {unit}.'
        )
    return _decimals(values, name)


def degrees_of(column, name, *, in_hours=False):
    """
    Angles in degrees, NaN if missing.

    Parameters
    ----------
    column : `~astropy.table.Column` or `~astropy.units.Quantity`
        Numbers in an angular unit, or in degrees without unit; or text, decimal or sexagesimal.
    name : str
        Name of the column.
    in_hours : bool, optional
        Whether sexagesimal text without unit is in hours, as for right ascension.

    Raises
    ------
    ValueError
        If it has neither numbers nor angles.
    astropy.units.UnitConversionError
        If its unit is not an angle.
    """
    values, unit = _values(column, name)
    if unit is not None and not unit.is_equivalent(u.deg):
        raise u.UnitConversionError(
            f'Column {name} of `positions` must be an angle, in deg for example; got {unit}.'
        )
    try:
        return (unit or u.deg).to(u.deg, _decimals(values, name))
    except ValueError:
        if values.dtype.kind != 'U':
            raise
    if unit is None:
        unit = u.hourangle if in_hours else u.deg
    return _sexagesimal(values, unit, name)


def _values(column, name):
    """An array of numbers or text, with NaN or empty text for masked values, and its unit."""
    values, mask = without_mask(column)
    unit = _known_unit(getattr(column, 'unit', None), name)
    values = values.value if isinstance(values, u.Quantity) else values
    values, mask = plain_values(np.asarray(values), mask)
    if values.dtype.kind == 'S':
        values = np.char.decode(values, 'utf-8')
    if mask is not None:
        values = np.where(mask, '' if values.dtype.kind == 'U' else np.nan, values)
    return values, unit


def _known_unit(unit, name):
    if unit is None or unit == u.dimensionless_unscaled:
        return None
    if unit == u.hour:
        return u.hourangle
    if not isinstance(unit, u.UnrecognizedUnit):
        return unit
    word = str(unit).strip('"\' ').casefold()
    if word not in _UNIT_WORDS:
        raise ValueError(
            f'Column {name} of `positions` is in {str(unit)!r}, which astropy does not recognize: '
            'give it a unit such as deg, hourangle or pix.'
        )
    return _UNIT_WORDS[word]


def _decimals(values, name):
    # NumPy would convert booleans, complex numbers and records.
    if values.ndim != 1 or values.dtype.kind not in 'iufU':
        raise ValueError(
            f'Column {name} of `positions` must hold one real number per row; got dtype '
            f'{values.dtype} and shape {values.shape}.'
        )
    if values.dtype.kind == 'U':
        values = [np.nan if _is_nothing(text) else text for text in values]
    try:
        return np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f'Column {name} of `positions` must hold numbers.') from error


def _sexagesimal(values, unit, name):
    degrees = np.full(len(values), np.nan)
    there = np.array([not _is_nothing(text) for text in values], dtype=bool)
    try:
        degrees[there] = Angle(values[there], unit=unit).deg
    except ValueError as error:
        hint = ' Text in degrees needs the unit deg.' if unit == u.hourangle else ''
        raise ValueError(
            f'Column {name} of `positions` must hold numbers, or text such as 10h01m19.2s, '
            f'10:01:19.2 (right ascension in hours) or +2d04m13s; got: {error}{hint}'
        ) from error
    return degrees


def _is_nothing(text):
    return text.strip().casefold() in _NOTHING
