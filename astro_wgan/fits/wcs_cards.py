"""The cards of a header that describe where pixels are on the sky."""

import re

from astropy.io import fits

__all__ = [
    'WCS_CARDS',
    'has_leftover_sip',
    'header_without_sip',
    'header_without_tables',
    'header_without_wcs',
    'mended_header',
    'only_tables',
    'only_wcs',
]

#: What CTYPE, CDi_j, SIP, lookup tables, TNX, IRAF's and DS9's physical coordinates, and plates of
#: the Digitized Sky Survey are written in, in all of the alternate descriptions A to Z.
WCS_CARDS = (
    r'(?:WCSAXES|WCSNAME|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX|EPOCH)[A-Z]?|'
    r'(?:CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA|CNAME|CRDER|CSYER)\d+[A-Z]?|'
    r'(?:CD|PC|PV|PS)\d+_\d+[A-Z]?|(?:PC|CD)\d{6}|PROJP\d+|LONGPOLE|'
    r'(?:A|B|AP|BP)_(?:ORDER|DMAX|\d+_\d+)|'
    r'(?:CPDIS|CPERR|CQDIS|CQERR|DVERR|DP|DQ|D2IMDIS|D2IMERR|D2IM)\d+[A-Z]?(?:\..*)?|'
    r'AXISCORR|D2IMEXT|'
    r'WCSDIM|WAT\d_\d+|(?:LTV|ATV|DTV)\d+|(?:LTM|ATM|DTM)\d+_\d+|'
    r'AMD[XY]\d+|PPO\d+|CNPIX\d|[XY]PIXELSZ|PLTRA[HMS]|PLTDEC(?:SN|D|M|S)'
)

_IS_OF_WCS = re.compile(WCS_CARDS).fullmatch

#: What wcslib looks at beside: sizes, times, spectral systems, and what a plate is called.
_IS_BESIDE = re.compile(
    r'NAXIS\d*|(?:DATE|MJD|JD|TIME|OBSGEO|REST|SPECSYS|VEL|SSYS|ZSOURCE|PLT).*|PLATEID|REGION|'
    r'OBJECT|TELESCOP|INSTRUME'
).fullmatch

#: Which of them are numbers.
_IS_NUMBER = re.compile(
    r'(?:CRVAL|CRPIX|CDELT|CROTA)\d+[A-Z]?|(?:CD|PC|PV)\d+_\d+[A-Z]?|(?:PC|CD)\d{6}|'
    r'(?:LONPOLE|LATPOLE|EQUINOX|EPOCH)[A-Z]?|(?:A|B|AP|BP)_(?:ORDER|\d+_\d+)'
).fullmatch

#: Longitude or latitude and projection, as in RA--TAN, of which astropy would make nothing.
_PROJECTED = re.compile(r'(RA|DEC|[GES]L(?:ON|AT))-+([A-Z]{3}(?:-SIP)?)')

_IS_PLATE = re.compile(r'AMD[XY]\d+|PPO\d+|CNPIX\d|PLTRA[HMS]').fullmatch
_IS_TABLE = re.compile(
    r'(?:CPDIS|CPERR|DP|D2IMDIS|D2IMERR|D2IM)\d+(?:\..*)?|AXISCORR|D2IMEXT'
).fullmatch

_IS_SIP = re.compile(r'(?:A|B|AP|BP)_(?:ORDER|DMAX|\d+_\d+)').fullmatch


def header_without_wcs(header):
    """
    A header in which nothing can contradict a WCS that is held beside.

    Parameters
    ----------
    header : `~astropy.io.fits.Header` or dict

    Returns
    -------
    `~astropy.io.fits.Header` or dict
        The same, where there is no such card.
    """
    return _without(header, _IS_OF_WCS)


def mended_header(header):
    """
    A header of which astropy reads the WCS that is meant.

    Numbers that are written as text become numbers, which astropy would take for 0; CTYPE gets the
    capitals and hyphens that it should have; of two descriptions of a photographic plate, which
    crash wcslib, one stays.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`

    Returns
    -------
    `~astropy.io.fits.Header`
        The same, where there is nothing to mend.

    Raises
    ------
    ValueError
        If a number cannot be read, or the CDi_j are all 0, which astropy takes for 1.
    """
    right = {}
    for keyword, text in ((key, header[key]) for key in header if _IS_OF_WCS(key)):
        if isinstance(text, bool) and _IS_NUMBER(keyword):
            raise ValueError(f'its {keyword} is {text}, which is no number')
        if not isinstance(text, str):
            continue
        if _IS_NUMBER(keyword):
            right[keyword] = _number(keyword, text)
        elif keyword.startswith('CTYPE') and _axis_name(text) != text:
            right[keyword] = _axis_name(text)
    if right:
        header = header.copy()
        header.update(right)
    if 'AMDX1' in header and 'CQDIS1' in header:
        header = _without(header, _IS_PLATE)
    elif 'AMDX1' in header:
        # Without it, wcslib takes what lies in memory for the name; behind, it fails.
        header = header.copy()
        header.insert(0, ('PLATEID', header.pop('PLATEID', '')))
    matrix = [header[key] for i in (1, 2) for j in (1, 2) if (key := f'CD{i}_{j}') in header]
    if matrix and not any(matrix):
        raise ValueError('its matrix CDi_j is 0')
    return header


def has_leftover_sip(header):
    """Whether there are coefficients of SIP, but CTYPE does not say so."""
    names = [str(header[key]).strip() for key in ('CTYPE1', 'CTYPE2') if key in header]
    has_sip = 'A_ORDER' in header or 'B_ORDER' in header
    return has_sip and not all(name.endswith('-SIP') for name in names)


def header_without_sip(header):
    """A header without coefficients of SIP."""
    return _without(header, _IS_SIP)


def header_without_tables(header):
    """A header without the cards that name lookup tables of a distortion."""
    return _without(header, _IS_TABLE)


def only_wcs(header):
    """The cards of a header that a WCS is made of: astropy takes long for others."""
    return fits.Header(
        [card for card in header.cards if _IS_OF_WCS(card.keyword) or _IS_BESIDE(card.keyword)]
    )


def only_tables(header):
    """The cards of a header that name lookup tables of a distortion."""
    return fits.Header([card for card in header.cards if _IS_TABLE(card.keyword)])


def _without(header, is_left_out):
    if not any(is_left_out(key) for key in header):
        return header
    if isinstance(header, fits.Header):
        return fits.Header([card for card in header.cards if not is_left_out(card.keyword)])
    return type(header)((key, value) for key, value in header.items() if not is_left_out(key))


def _axis_name(text):
    """A CTYPE in capitals, with as many hyphens as belong between axis and projection."""
    found = _PROJECTED.fullmatch(text.strip().upper())
    return f'{found[1]:-<4}-{found[2]}' if found else text.upper()


def _number(keyword, text):
    plain = text.strip().upper()
    if keyword.startswith(('EQUINOX', 'EPOCH')):
        plain = plain.lstrip('BJ')
    try:
        return float(plain.replace('D', 'E'))
    except ValueError as error:
        raise ValueError(f'its {keyword} is {text!r}, which is no number') from error
