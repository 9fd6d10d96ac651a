"""`zero_point_of`: AB magnitude of a pixel value of 1, from the cards of a header."""

import math
import warnings
from numbers import Real

from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.images.layouts.rubin_calibration import rubin_zero_point
from astro_wgan.images.layouts.survey_layouts import ZERO_POINT_CARD
from astro_wgan.units.bunit import is_vega

__all__ = ['written_zero_point', 'zero_point_of']

#: AB magnitude of 1 erg/s/cm2/Angstrom at 1 Angstrom, with the speed of light in Angstrom/s.
_AB_PER_ANGSTROM = 2.5 * math.log10(2.99792458e18) - 48.60

#: Units that count something.
_COUNTS = frozenset((u.electron, u.ct, u.adu, u.DN, u.ph))


def zero_point_of(layout, header, unit, where, hdulist=()):
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
    hdulist : sequence of HDU, optional
        HDUs of the file, for a zero point in a table.

    Returns
    -------
    float or None
        None if the layout has no zero point, the card does not exist or holds no number, or pixels
        are no counts: the unit of others states their flux. Also if it is that of counts per
        second, and the unit of the image is unknown.

    Warns
    -----
    AstropyUserWarning
        If the zero point is that of counts per second, and the exposure time is unknown, if it is
        one of Vega magnitudes, or if its table cannot be read.
    """
    is_rate = _is_rate(unit)
    value = None if is_rate is None else _value(layout.zero_point, header, where, hdulist)
    if value is None:
        return None
    if is_vega(header):
        warnings.warn(
            f'{where} has no zero point: its magnitudes are of the Vega system, not AB.',
            AstropyUserWarning,
            stacklevel=4,
        )
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


def written_zero_point(meta):
    """The AB magnitude of a pixel value of 1 in the `meta` of an image that was read, or None."""
    value = meta.get(ZERO_POINT_CARD)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None


def _value(zero_point, header, where, hdulist):
    """The first number, or that of the first card or table that exists."""
    places = zero_point if isinstance(zero_point, tuple) else (zero_point,)
    for place in places:
        if isinstance(place, Real):
            return float(place)
        if place == 'PhotoCalib':
            number = rubin_zero_point(hdulist, header, where)
            if number is not None:
                return number
        elif place is not None and place in header:
            number = _number(header, place)
            is_flux = place in ('PHOTFLAM', 'FLUXMAG0')
            return _converted(place, number, header) if is_flux else number
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
