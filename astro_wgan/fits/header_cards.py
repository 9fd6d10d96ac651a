"""`as_header`: conversion of any metadata to a valid FITS header."""

import json
import math
import re
from itertools import count

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.time import Time

from astro_wgan.fits.headers import describes_one_hdu
from astro_wgan.validation.masked import without_mask

__all__ = ['as_header', 'card_value']

#: Keywords with other meanings in a header.
_TAKEN = re.compile(
    'COMMENT|HISTORY|CONTINUE|HIERARCH|LONGSTRN|BUNIT|SOFTBIAS|PLTLABEL|PLTGRADE|PLTSIZEX|UTYPE|'
    'MJDREF[IF]?|HDU|HDUMASK|HDUWHT|HDUUNC|HDULEFT'
)

#: Maximum length of a text; longer ones are truncated.
_LONGEST = 8000

#: Maximum length of a text in a single card.
_ONE_CARD = 68

#: Characters of a card, and of its parts besides name and value of a HIERARCH card.
_CARD, _AROUND = 80, len("HIERARCH  = ''")


def as_header(meta, *, taken=()):
    """
    Convert metadata to a FITS header that can be written and read.

    Parameters
    ----------
    meta : dict or `~astropy.io.fits.Header`
        Metadata with any values. Unreadable cards of a header are omitted.
    taken : iterable of str, optional
        Names of cards that will be added, such as those of a WCS.

    Returns
    -------
    `~astropy.io.fits.Header`
        Names of more than 8 characters are HIERARCH cards. Names that describe data or WCS, such as
        NAXIS and CRVAL1, or differ only in case, are prefixed with an underscore, and the original
        name is in the comment. A long text with a long name is in a separate card, whose name is
        the value of the long one, as in CCDData. Units are in square brackets at the beginning of
        the comment.
    """
    if isinstance(meta, fits.Header):
        return _readable(meta)
    header, taken = fits.Header(), set(taken)
    for name, value in meta.items():
        key = _free_key(name, taken)
        taken.add(key)
        comment = '' if key == str(name).upper() else card_value(str(name))
        unit = getattr(value, 'unit', None)
        if unit is not None:
            comment = f'[{unit}] {comment}'.strip()
        _add(header, key, card_value(value), comment, taken)
    return header


def card_value(value):
    """
    Convert a value to one that a FITS card can hold.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    bool, int, float, complex, str or None
        None if masked; ``'nan'`` and ``'inf'`` as text; dates as ISO 8601; lists and dictionaries
        as JSON. Other than printable ASCII characters are escaped:
        ``text.encode().decode('unicode_escape')`` is the original.
    """
    value, mask = without_mask(value)
    if value is None or value is np.ma.masked or np.any(mask):
        return None
    if isinstance(value, Time) and value.isscalar:
        return value.isot
    if isinstance(value, u.Quantity):
        value = value.value
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, bytes):
        value = value.decode('utf-8', 'replace')
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, complex):
        return value if np.isfinite(value) else str(value)
    return _ascii(value if isinstance(value, str) else _as_text(value))


def _as_text(value):
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return str(value)


def _ascii(text):
    text = text.rstrip(' ')
    # Astropy loses quotes and ampersands at the end of a card of a long text.
    is_long = _quoted(text) > _ONE_CARD and ('&' in text or "'" in text)
    if is_long or not (text.isascii() and text.isprintable()):
        text = text.encode('unicode_escape').decode('ascii')
    if is_long:
        text = text.replace("'", r'\x27').replace('&', r'\x26')
    return text if len(text) <= _LONGEST else f'{text[: _LONGEST - 3]}...'


def _free_key(name, taken):
    key = re.sub('[^A-Z0-9_-]', '_', str(name).strip().upper()) or '_'
    key = key[: _CARD // 2]
    while _TAKEN.fullmatch(key) or describes_one_hdu(key) or key in taken:
        key = f'_{key}'
    return key


def _add(header, key, value, comment, taken):
    is_long = len(key) > 8
    if is_long and isinstance(value, str) and _AROUND + len(key) + _quoted(value) > _CARD:
        short = next(s for k in count(1) if (s := f'{key[:4]}{k:04d}') not in taken)
        taken.add(short)
        header[short] = (value, comment if _AROUND + len(comment) < _CARD else '')
        value, comment = short, ''
    # A comment that does not fit is cut with a warning.
    free = _CARD - _AROUND - 3 - len(key) - (_quoted(value) if isinstance(value, str) else 30)
    name = f'HIERARCH {key}' if is_long else key
    header[name] = (value, comment if len(comment) <= free else '')


def _quoted(text):
    return len(text) + text.count("'")


def _readable(header):
    """A copy with cards mended, and without those that astropy cannot read, and so not write."""
    readable = fits.Header()
    for card in header.copy().cards:
        try:
            card.verify('silentfix')
            card.verify('exception')
            readable.append(card, end=True)
        except (fits.VerifyError, ValueError):
            pass
    return readable
