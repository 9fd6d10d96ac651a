"""WCS cards of headers: removal, selection and repair."""

import re

from astropy.io import fits

__all__ = [
    'WCS_CARDS',
    'has_leftover_sip',
    'header_without_sip',
    'header_without_tables',
    'header_without_wcs',
    'repaired_header',
    'only_tables',
    'only_wcs',
]

#: Cards of CTYPE, CDi_j, SIP, lookup tables, TNX, physical coordinates of IRAF and DS9, and plates
#: of the Digitized Sky Survey, including the alternate descriptions A to Z.
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

#: Other cards that wcslib uses: sizes, times, spectral systems, and names of plates.
_IS_BESIDE = re.compile(
    r'NAXIS\d*|(?:DATE|MJD|JD|TIME|OBSGEO|REST|SPECSYS|VEL|SSYS|ZSOURCE|PLT).*|PLATEID|REGION|'
    r'OBJECT|TELESCOP|INSTRUME'
).fullmatch

#: WCS cards with numbers.
_IS_NUMBER = re.compile(
    r'(?:CRVAL|CRPIX|CDELT|CROTA)\d+[A-Z]?|(?:CD|PC|PV)\d+_\d+[A-Z]?|(?:PC|CD)\d{6}|'
    r'(?:LONPOLE|LATPOLE|EQUINOX|EPOCH)[A-Z]?|(?:A|B|AP|BP)_(?:ORDER|\d+_\d+)'
).fullmatch

#: Celestial axis and projection, as in RA--TAN, that astropy would not recognize.
_PROJECTED = re.compile(r'(RA|DEC|[GES]L(?:ON|AT))-+([A-Z]{3}(?:-SIP)?)')

_IS_PLATE = re.compile(r'AMD[XY]\d+|PPO\d+|CNPIX\d|PLTRA[HMS]').fullmatch
_IS_TABLE = re.compile(
    r'(?:CPDIS|CPERR|DP|D2IMDIS|D2IMERR|D2IM)\d+(?:\..*)?|AXISCORR|D2IMEXT'
).fullmatch

_IS_SIP = re.compile(r'(?:A|B|AP|BP)_(?:ORDER|DMAX|\d+_\d+)').fullmatch


def header_without_wcs(header):
    """
    Remove all WCS cards from a header.

    Parameters
    ----------
    header : `~astropy.io.fits.Header` or dict

    Returns
    -------
    `~astropy.io.fits.Header` or dict
        The same object if there are none.
    """
    return _without(header, _IS_OF_WCS)


def repaired_header(header):
    """
    Repair WCS cards that astropy would misinterpret.

    Numbers written as text, which astropy would read as 0, are converted; the case and hyphens of
    CTYPE are corrected; of two descriptions of a photographic plate, which would crash wcslib, one
    is removed.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`

    Returns
    -------
    `~astropy.io.fits.Header`
        The same object if there is nothing to repair.

    Raises
    ------
    ValueError
        If a number is invalid, or all CDi_j are 0, which astropy would replace by 1.
    """
    right = {}
    for keyword, text in ((key, header[key]) for key in header if _IS_OF_WCS(key)):
        if isinstance(text, bool) and _IS_NUMBER(keyword):
            raise ValueError(f'its {keyword} is {text}, which is not a number')
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
        # Without it, wcslib would read the name from uninitialized memory; at the end, it fails.
        header = header.copy()
        header.insert(0, ('PLATEID', header.pop('PLATEID', '')))
    matrix = [header[key] for i in (1, 2) for j in (1, 2) if (key := f'CD{i}_{j}') in header]
    if matrix and not any(matrix):
        raise ValueError('its matrix CDi_j is 0')
    return header


def has_leftover_sip(header):
    """Whether there are SIP coefficients, but no -SIP in CTYPE."""
    names = [str(header[key]).strip() for key in ('CTYPE1', 'CTYPE2') if key in header]
    has_sip = 'A_ORDER' in header or 'B_ORDER' in header
    return has_sip and not all(name.endswith('-SIP') for name in names)


def header_without_sip(header):
    """Remove SIP coefficients from a header."""
    return _without(header, _IS_SIP)


def header_without_tables(header):
    """Remove cards of distortion lookup tables from a header."""
    return _without(header, _IS_TABLE)


def only_wcs(header):
    """The cards of a header that a WCS needs: astropy is slow with many others."""
    return fits.Header(
        [card for card in header.cards if _IS_OF_WCS(card.keyword) or _IS_BESIDE(card.keyword)]
    )


def only_tables(header):
    """The cards of distortion lookup tables of a header."""
    return fits.Header([card for card in header.cards if _IS_TABLE(card.keyword)])


def _without(header, is_left_out):
    if not any(is_left_out(key) for key in header):
        return header
    if isinstance(header, fits.Header):
        return fits.Header([card for card in header.cards if not is_left_out(card.keyword)])
    return type(header)((key, value) for key, value in header.items() if not is_left_out(key))


def _axis_name(text):
    """A CTYPE in capitals, with the correct number of hyphens."""
    found = _PROJECTED.fullmatch(text.strip().upper())
    return f'{found[1]:-<4}-{found[2]}' if found else text.upper()


def _number(keyword, text):
    plain = text.strip().upper()
    if keyword.startswith(('EQUINOX', 'EPOCH')):
        plain = plain.lstrip('BJ')
    try:
        return float(plain.replace('D', 'E'))
    except ValueError as error:
        raise ValueError(f'its {keyword} is {text!r}, which is not a number') from error
