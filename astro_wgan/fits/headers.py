"""Headers of images: inherited cards, and removal of cards on stored pixels."""

import re

from astro_wgan.fits.wcs_cards import WCS_CARDS

__all__ = ['describes_one_hdu', 'inherited_header', 'without_pixel_cards']

#: Cards that describe the data, position in the file or WCS of a single HDU.
_OF_ONE_HDU = re.compile(
    r'SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|NEXTEND|PCOUNT|GCOUNT|GROUPS|END|INHERIT|TFIELDS|'
    r'EXTNAME|EXTVER|EXTLEVEL|EXTTYPE|HDUNAME|HDUVER|CHECKSUM|DATASUM|ZHECKSUM|ZDATASUM|'
    r'BSCALE|BZERO|BLANK|BOFFSET|BSOFTEN|DATAMIN|DATAMAX|'
    r'Z(?:IMAGE|SIMPLE|EXTEND|TENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TILE\d+|CMPTYPE|NAME\d+|'
    r'VAL\d+|QUANTIZ|DITHER0|BLANK|SCALE|ZERO|BLOCKED|MASKCMP)|'
    r'T(?:TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|DIM|BCOL)\d+|' + WCS_CARDS
)

#: Cards that are only inherited with an explicit ``INHERIT = T``.
_OF_ITS_PIXELS = ('BUNIT',)

_COMMENTARY = ('COMMENT', 'HISTORY', '')


def describes_one_hdu(key):
    """Whether a card describes the data, position in the file or WCS of a single HDU."""
    return _OF_ONE_HDU.fullmatch(key) is not None


def inherited_header(header, primary):
    """
    The header of an image, with inherited cards of the primary header.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Header of the image.
    primary : `~astropy.io.fits.Header` or None
        Primary header of the file; None if it is that of the image.

    Returns
    -------
    `~astropy.io.fits.Header`
        A copy. Cards of the image come first. Cards that describe data, and comments, are not
        inherited, and none are with ``INHERIT = F``.
    """
    header = header.copy()
    inherits = header.get('INHERIT')
    if primary is None or inherits is False:
        return header
    for card in primary.cards:
        if card.keyword in _COMMENTARY or card.keyword in header:
            continue
        if describes_one_hdu(card.keyword):
            continue
        if inherits is True or card.keyword not in _OF_ITS_PIXELS:
            header.append(card, end=True)
    return header


def without_pixel_cards(header):
    """Remove cards on how and where pixels are stored, in place."""
    for key in ('BSCALE', 'BZERO', 'BLANK', 'INHERIT', 'EXTNAME', 'EXTVER', 'EXTLEVEL', 'EXTTYPE'):
        header.remove(key, ignore_missing=True, remove_all=True)
    return header
