"""`zero_point_of`: AB magnitude of a pixel value of 1, from the cards of a header."""

import math
import warnings
from numbers import Real

from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

__all__ = ['zero_point_of']

#: AB magnitude of 1 erg/s/cm2/Angstrom at 1 Angstrom, with the speed of light in Angstrom/s.
_AB_PER_ANGSTROM = 2.5 * math.log10(2.99792458e18) - 48.60

#: Units that count something.
_COUNTS = frozenset((u.electron, u.ct, u.adu, u.DN, u.ph))


def zero_point_of(layout, header, unit, where):
    """
    AB magnitude of a pixel value of 1.

    Parameters
    ----------
    layout : `~astro_wgan.images.Layout`
        Layout of the file, which names the cards.
    header : `~astropy.io.fits.Header`
        Header of the image, with inherited cards.
    unit : unit or None
        Unit of the image.
    where : str
        Name of the file, for the warning.

    Returns
    -------
    float or None
        None if the layout has no zero point, the card does not exist or holds no number, or pixels
        are no counts: the unit of others states their flux. Also if it is that of counts per
        second, and the unit of the image is unknown.

    Warns
    -----
    AstropyUserWarning
        If the zero point is that of counts per second, and the exposure time is unknown.
    """
    value = _value(layout.zero_point, header)
    is_rate = _is_rate(unit)
    if value is None or is_rate is None:
        return None
    if not layout.per_second or is_rate:
        return value
    if unit in (None, u.dimensionless_unscaled):
        return None
    time = _number(header, 'EXPTIME')
    if time is None or time <= 0:
        warnings.warn(
            f'{where} has no zero point: it is in counts, and EXPTIME, their exposure time, is '
            'unknown.',
            AstropyUserWarning,
            stacklevel=4,
        )
        return None
    return value + 2.5 * math.log10(time)


def _value(zero_point, header):
    if zero_point is None or isinstance(zero_point, Real):
        return None if zero_point is None else float(zero_point)
    for key in zero_point:
        number = _number(header, key)
        if key in ('PHOTFLAM', 'FLUXMAG0'):
            number = _converted(key, number, header)
        if number is not None:
            return number
    return None


def _converted(key, number, header):
    if number is None or number <= 0:
        return None
    if key == 'FLUXMAG0':
        return 2.5 * math.log10(number)
    wavelength = _number(header, 'PHOTPLAM')
    if wavelength is None or wavelength <= 0:
        return None
    return _AB_PER_ANGSTROM - 2.5 * math.log10(number) - 5 * math.log10(wavelength)


def _number(header, key):
    """The number of a card, which may be written as text."""
    try:
        number = float(header[key])
    except (KeyError, TypeError, ValueError):
        return None
    return None if isinstance(header[key], bool) or not math.isfinite(number) else number


def _is_rate(unit):
    """True for counts per second, False for counts, and None for anything else."""
    if unit is None:
        return False
    if not isinstance(unit, u.UnitBase):
        return None
    powers = dict(zip(unit.bases, unit.powers, strict=True))
    time = powers.pop(u.s, 0)
    powers.pop(u.pix, None)
    is_counts = all(base in _COUNTS and power == 1 for base, power in powers.items())
    return bool(time) if is_counts and time in (0, -1) and unit.scale == 1 else None
