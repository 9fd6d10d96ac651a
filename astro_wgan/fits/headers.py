"""Headers of images: what extensions inherit, and what is no part of an image's description."""

import re

from astro_wgan.fits.wcs_cards import WCS_CARDS

__all__ = ['describes_one_hdu', 'inherited_header', 'without_pixel_cards']

#: Cards that describe one HDU's data, its place in the file or its WCS, and none other's.
_OF_ONE_HDU = re.compile(
    r'SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|NEXTEND|PCOUNT|GCOUNT|GROUPS|END|INHERIT|TFIELDS|'
    r'EXTNAME|EXTVER|EXTLEVEL|EXTTYPE|HDUNAME|HDUVER|CHECKSUM|DATASUM|ZHECKSUM|ZDATASUM|'
    r'BSCALE|BZERO|BLANK|BOFFSET|BSOFTEN|DATAMIN|DATAMAX|'
    r'Z(?:IMAGE|SIMPLE|EXTEND|TENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TILE\d+|CMPTYPE|NAME\d+|'
    r'VAL\d+|QUANTIZ|DITHER0|BLANK|SCALE|ZERO|BLOCKED|MASKCMP)|'
    r'T(?:TYPE|FORM|UNIT|NULL|SCAL|ZERO|DISP|DIM|BCOL)\d+|' + WCS_CARDS
)

#: What only an extension that says ``INHERIT = T`` takes from the primary header.
_OF_ITS_PIXELS = ('BUNIT',)

_COMMENTARY = ('COMMENT', 'HISTORY', '')


def describes_one_hdu(key):
    """Whether a card describes one HDU's data, its place in the file or its WCS."""
    return _OF_ONE_HDU.fullmatch(key) is not None


def inherited_header(header, primary):
    """
    The header of an image, with the cards of the primary header that hold for its extensions, too.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        That of the image.
    primary : `~astropy.io.fits.Header` or None
        The primary one of the file, where it is another.

    Returns
    -------
    `~astropy.io.fits.Header`
        A copy. The image's own cards come first; cards that describe data, and comments, are not
        inherited, and none are where the extension says ``INHERIT = F``.
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
    """The header without the cards that say how and where pixels are stored, in place."""
    for key in ('BSCALE', 'BZERO', 'BLANK', 'INHERIT', 'EXTNAME', 'EXTVER', 'EXTLEVEL', 'EXTTYPE'):
        header.remove(key, ignore_missing=True, remove_all=True)
    return header
