"""`Exposure`: how many electrons the pixels of an image stand for."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

__all__ = ['Exposure']

#: What cameras call the numbers they write; astropy keeps them apart.
_COUNTS = (u.ct, u.adu, u.DN)


@dataclass(frozen=True)
class Exposure:
    """
    What turns pixel values into electrons.

    Parameters
    ----------
    gain : float or `~astropy.units.Quantity`
        Electrons per count.
    exposure_time : `~astropy.units.Quantity`, optional
        Time over which electrons were collected: for pixels that are a rate or a flux density.
    zero_point : float or `~astropy.units.Quantity`, optional
        AB magnitude, or flux density, of one count per second: for pixels that are a flux density.

    Raises
    ------
    ValueError
        If a value is not above 0, or not finite.
    astropy.units.UnitsError
        If a unit does not convert.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.noise.exposure import Exposure
    >>> exposure = Exposure(gain=2 * u.electron / u.adu, exposure_time=600 * u.s)
    >>> exposure.electrons(u.adu), exposure.electrons(u.adu / u.s)
    (2.0, 1200.0)
    """

    gain: float = 1.0
    exposure_time: u.Quantity | None = None
    zero_point: float | u.Quantity | None = None

    def __post_init__(self):
        gain = self.gain
        if isinstance(gain, u.Quantity) and gain.unit != u.dimensionless_unscaled:
            gain = _counts_to_numbers(gain, 'gain', u.electron)
        object.__setattr__(self, 'gain', _positive(gain, 'gain'))
        if self.exposure_time is not None:
            time = _converted(u.Quantity(self.exposure_time), u.s, 'exposure_time')
            object.__setattr__(self, 'exposure_time', _positive(time, 'exposure_time') * u.s)
        if self.zero_point is not None:
            flux = u.Quantity(self.zero_point)
            if flux.unit == u.dimensionless_unscaled:
                flux = flux.value * u.ABmag
            flux = _converted(flux, u.nJy, 'zero_point')
            object.__setattr__(self, 'zero_point', _positive(flux, 'zero_point') * u.nJy)

    def electrons(self, unit):
        """
        Electrons that a pixel of one ``unit`` stands for.

        Parameters
        ----------
        unit : `~astropy.units.Unit` or None
            Counts, electrons, one of these per time, or a flux density. None means counts, or
            counts per second where there is an exposure time.

        Returns
        -------
        float

        Raises
        ------
        astropy.units.UnitsError
            If the unit is something else.
        ValueError
            If exposure time or zero point are needed and not given.
        """
        if unit is None or unit == u.dimensionless_unscaled:
            unit = u.ct if self.exposure_time is None else u.ct / u.s
        value = 1 * unit
        if unit.is_equivalent(u.nJy):
            if self.zero_point is None:
                raise ValueError(f'Pixels in {unit} need a `zero_point` to become counts.')
            value = (value / self.zero_point).to(u.dimensionless_unscaled) * u.ct / u.s
        if (value.unit * u.s).decompose().bases and _is_rate(value.unit):
            if self.exposure_time is None:
                raise ValueError(f'Pixels in {unit} need an `exposure_time` to become counts.')
            value = value * self.exposure_time
        if value.unit.is_equivalent(u.electron):
            return float(value.to_value(u.electron))
        return float(_counts_to_numbers(value, 'stamps', u.dimensionless_unscaled) * self.gain)

    def to_dict(self):
        """Plain values, for the provenance."""
        time, flux = self.exposure_time, self.zero_point
        return {
            'gain': self.gain,
            'exposure_time': None if time is None else float(time.value),
            'zero_point': None if flux is None else float(flux.value),
        }


def _is_rate(unit):
    return any((unit * u.s).is_equivalent(number) for number in (*_COUNTS, u.electron))


def _counts_to_numbers(value, name, unit):
    """A value in ``unit``, with counts of any name as pure numbers."""
    for power in (1, -1):
        for counts in _COUNTS:
            if (value * counts**power).unit.is_equivalent(unit):
                return (value * counts**power).to_value(unit)
    raise u.UnitConversionError(
        f'`{name}` in {value.unit} do not convert to electrons: allowed are counts (ct, adu, DN) '
        'and electrons, also per time, and flux densities; a gain is in electrons per count.'
    )


def _converted(value, unit, name):
    try:
        return value.to_value(unit)
    except u.UnitConversionError as error:
        raise u.UnitConversionError(f'`{name}` must convert to {unit}; got {value}.') from error


def _positive(value, name):
    value = np.asarray(value, dtype=float)
    if value.ndim or not 0 < value < np.inf:
        raise ValueError(f'`{name}` must be one number above 0; got {value}.')
    return float(value)
