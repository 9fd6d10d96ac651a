"""`read_wcs` and `celestial_wcs`: reading and validation of the celestial WCS of an image."""

import math
import re
import warnings

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyDeprecationWarning, AstropyUserWarning
from astropy.wcs import WCS, FITSFixedWarning, SingularMatrixError
from astropy.wcs.wcsapi import SlicedLowLevelWCS

from astro_wgan.astrometry.lookup_tables import moved_wcs
from astro_wgan.astrometry.projections import centered, in_icrs
from astro_wgan.fits.header_checks import check_wcs_cards
from astro_wgan.fits.wcs_cards import (
    has_leftover_sip,
    header_without_sip,
    header_without_tables,
    only_wcs,
    repaired_header,
)

__all__ = ['celestial_wcs', 'has_celestial', 'read_wcs']

#: Values of RADESYS for which astropy has a frame.
_SYSTEMS = ('', 'ICRS', 'FK5', 'FK4', 'FK4-NO-E')

#: Equinoxes and realizations that some files have instead of a system.
_OTHER_NAMES = {'J2000': 'FK5', 'B1950': 'FK4', 'ICRF': 'ICRS'}

#: Relative determinant below which a matrix is singular.
_SINGULAR = 1e-9


def read_wcs(header, hdulist, where):
    """
    Read the WCS of a header, with distortion lookup tables from other HDUs.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
    hdulist : `~astropy.io.fits.HDUList` or list of HDU
    where : str
        Name of the file, for messages.

    Returns
    -------
    `~astropy.wcs.WCS` or None
        WCS of any axes; None, with a warning, if it cannot be read.

    Warns
    -----
    AstropyUserWarning
        If it cannot be read, or tables are missing.
    """
    others = hdulist if isinstance(hdulist, fits.HDUList) else None
    try:
        check_wcs_cards(header)
        header = repaired_header(only_wcs(header))
        # Before astropy reads the header, and applies the coefficients.
        is_left_over = has_leftover_sip(header)
        header = header_without_sip(header) if is_left_over else header
        with warnings.catch_warnings():
            # Warnings of corrections in older files of HST (AXISCORR), which are read.
            warnings.simplefilter('ignore', AstropyDeprecationWarning)
            warnings.simplefilter('ignore', FITSFixedWarning)
            wcs = _with_tables(header, others, where)
    except Exception as error:  # wcslib and astropy raise various errors
        _warn(
            f'The WCS of {where} cannot be read ({_reason(error)}); the image has no sky positions.'
        )
        return None
    if is_left_over:
        _warn_of_sip(where, header.get('CTYPE1'), header.get('CTYPE2'))
    return wcs


def has_celestial(wcs):
    """Whether a WCS has celestial axes, even if unusable."""
    try:
        return wcs.has_celestial
    except Exception:  # wcslib and astropy raise various errors
        return True


def celestial_wcs(wcs, shape=None):
    """
    The celestial WCS of the last two axes of an array, if valid.

    Parameters
    ----------
    wcs : `~astropy.wcs.WCS`, another of astropy's WCS, or None
    shape : tuple of int, optional
        ``(ny, nx)`` of the image.

    Returns
    -------
    `~astropy.wcs.WCS` or None
        WCS of two axes: the same object, or an equivalent one that astropy interprets correctly.
        None if the axes are not celestial.

    Warns
    -----
    AstropyUserWarning
        If the axes are celestial, but unusable, or SIP coefficients are left over.
    """
    if wcs is None:
        return None
    try:
        plane = _plane(wcs)
        return None if plane is None else _checked(plane, shape)
    except Exception as error:  # wcslib and astropy raise various errors
        _warn(
            f'The WCS of the image cannot be used ({_reason(error)}); the image has no sky '
            'positions.'
        )
        return None


def _with_tables(header, others, where):
    try:
        return _made(header, others)
    except Exception:
        plain = header_without_tables(header)
        if plain is header:
            raise
        wcs = _made(plain, others)
    _warn(
        f'The lookup tables of distortion (CPDIS, D2IM) of {where} are not in the file; sky '
        'positions are without them.'
    )
    return wcs


def _made(header, others):
    try:
        return WCS(header, fobj=others)
    except SingularMatrixError:
        # The image does not need a third axis with a step of 0, such as a single frequency.
        return WCS(header, fobj=others, naxis=2)


def _plane(wcs):
    """The WCS of the first two pixel axes, or None if they are not celestial."""
    low = getattr(wcs, 'low_level_wcs', wcs)
    if isinstance(low, SlicedLowLevelWCS):
        low = _of_slice(low)
    if not isinstance(low, WCS):
        raise TypeError(f'it is a {type(low).__name__}, and only a FITS WCS can follow a stamp')
    if low.naxis == 2:
        return low if low.has_celestial else None
    if not low.has_celestial:
        return None
    if {low.wcs.lng, low.wcs.lat} != {0, 1}:
        raise ValueError('its celestial axes are not the first two')
    return low.sub([1, 2])


def _of_slice(sliced):
    """The FITS WCS of a sliced WCS, for the slice."""
    whole, parts = sliced._wcs, sliced._slices_array[::-1]
    if not isinstance(whole, WCS):
        return whole
    kept = [axis for axis, part in enumerate(parts) if isinstance(part, slice)]
    part = whole.sub([axis + 1 for axis in kept]) if len(kept) < whole.naxis else whole.deepcopy()
    corner = np.array([parts[axis].start or 0 for axis in kept])
    return moved_wcs(part, corner) if part.naxis == 2 else part


def _checked(wcs, shape):
    """Validate a WCS, and return it or an equivalent one."""
    if any(name.endswith('-TAB') for name in wcs.wcs.ctype):
        raise ValueError('it is given as a table, -TAB')
    matrix = wcs.pixel_scale_matrix
    if not all(np.isfinite(values).all() for values in (wcs.wcs.crval, wcs.wcs.crpix, matrix)):
        raise ValueError('its numbers are not finite')
    (a, b), (c, d) = matrix.tolist()
    if abs(a * d - b * c) <= _SINGULAR * math.hypot(a, b) * math.hypot(c, d):
        raise ValueError('its matrix of pixel scales is singular')
    wcs.wcs.set()
    wcs = _without_false_name(wcs)
    wcs = _without_leftover_sip(wcs)
    wcs = _in_known_frame(wcs)
    return wcs if shape is None else centered(wcs, shape)


def _without_false_name(wcs):
    """Remove an invalid name, which wcslib reads from uninitialized memory for some plates."""
    try:
        if wcs.wcs.name.isascii() and wcs.wcs.name.isprintable():
            return wcs
    except UnicodeDecodeError:
        pass
    plain = wcs.deepcopy()
    plain.wcs.name = ''
    return plain


def _without_leftover_sip(wcs):
    if wcs.sip is None or all(name.endswith('-SIP') for name in wcs.wcs.ctype):
        return wcs
    _warn_of_sip('the image', *wcs.wcs.ctype)
    plain = wcs.deepcopy()
    plain.sip = None
    return plain


def _warn_of_sip(where, *names):
    warnings.warn(
        f'The WCS of {where} has coefficients of SIP, but its CTYPE is '
        f'{", ".join(map(str, names))}, without -SIP: they are left over, as in drizzled mosaics, '
        'and not applied.',
        AstropyUserWarning,
        stacklevel=3,
    )


def _in_known_frame(wcs):
    longitude = wcs.wcs.ctype[wcs.wcs.lng][:4]
    system = wcs.wcs.radesys
    if longitude in ('ELON', 'SLON'):
        # Astropy interprets the former as ICRS, and does not recognize the latter.
        return in_icrs(wcs)
    known = '' if longitude == 'GLON' else system.strip().upper()
    known = _OTHER_NAMES.get(known, known)
    if known != system:
        wcs = wcs.deepcopy()
        wcs.wcs.radesys = known
        wcs.wcs.set()
    if longitude not in ('RA--', 'RA', 'GLON'):
        raise ValueError(f'{longitude.rstrip("-")} is not a known longitude on the sky')
    if known not in _SYSTEMS:
        raise ValueError(f'its RADESYS {system!r} is none of {", ".join(_SYSTEMS[1:])}')
    return wcs


def _reason(error):
    """The message of an error, without references to the source code of wcslib."""
    text = re.sub(r'ERROR \d+ in \w+\(\) at line \d+ of file \S+:', '', str(error))
    lines = [line.strip().rstrip('.') for line in text.splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _warn(sentence):
    warnings.warn(sentence, AstropyUserWarning, stacklevel=3)
