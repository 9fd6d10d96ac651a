"""Zero points, saturation and other numbers that come with a unit or without."""

import numpy as np
from astropy import units as u

__all__ = ['as_zero_point', 'value_in']


def as_zero_point(zero_point, unit):
    """
    AB magnitude of a flux of one unit of the pixels, or None where it is not known.

    Parameters
    ----------
    zero_point : `~astropy.units.Quantity`, float or None
        AB magnitudes; None where the unit of the pixels tells.
    unit : `~astropy.units.Unit` or None
        Unit of the pixels.

    Raises
    ------
    ValueError
        If it is not finite, or in a unit that is no AB magnitude.
    """
    if zero_point is None:
        known = unit is not None and unit.is_equivalent(u.Jy)
        return float((1 * unit).to_value(u.ABmag)) if known else None
    if hasattr(zero_point, 'unit'):
        if zero_point.unit not in (u.mag, u.ABmag):
            raise ValueError(f'`zero_point` must be in AB magnitudes; got {zero_point.unit}.')
        zero_point = zero_point.value
    if not (np.ndim(zero_point) == 0 and np.isfinite(zero_point)):
        raise ValueError(f'`zero_point` must be one finite number; got {zero_point}.')
    return float(zero_point)


def value_in(quantity, unit, name):
    """
    A value in the unit of the pixels; a plain number is in that already.

    Raises
    ------
    ValueError
        If it cannot be converted.
    """
    if quantity is None or not hasattr(quantity, 'unit'):
        return None if quantity is None else float(quantity)
    try:
        return float(quantity.to_value(unit or u.dimensionless_unscaled))
    except u.UnitConversionError as error:
        raise ValueError(f'`{name}` must be in the unit of the pixels: {error}.') from error
