"""`walk_hdus`: validation of the structure of FITS files before astropy reads them."""

import re
from dataclasses import dataclass, field
from string import ascii_uppercase

from astro_wgan.exceptions import ImageError

__all__ = ['RawHDU', 'bytes_of_pixel', 'check_wcs_cards', 'walk_hdus']

_BLOCK, _CARD = 2880, 80
_EXTENSION = b'XTENSION'

#: Limits far above what surveys write; astropy takes seconds for as many.
_MOST_CARDS = 50_000
_MOST_CARDS_OF_FILE = 10 * _MOST_CARDS
_MOST_CONTINUED = 1000
_MOST_HDUS = 10_000

#: Maximum number of axes of a NumPy array, and of columns of a FITS table.
_MOST_AXES = 64
_MOST_FIELDS = 999

#: Highest order of SIP coefficients, as in ``A_9_0``.
_HIGHEST_ORDER = 9
_ORDERS = ('A_ORDER', 'B_ORDER', 'AP_ORDER', 'BP_ORDER')

#: Of the WCS and of alternate ones.
_NUMBERS_OF_AXES = tuple(f'WCSAXES{letter}' for letter in ('', *ascii_uppercase))

#: Numbers and a sign of photographic plates: wcslib crashes if they have other types.
_SIGN_OF_PLATES = 'PLTDECSN'
_OF_PLATES = (
    *('CNPIX1', 'CNPIX2', 'XPIXELSZ', 'YPIXELSZ'),
    *(f'PPO{k}' for k in range(1, 7)),
    *(f'PLT{name}' for name in ('RAH', 'RAM', 'RAS', 'DECD', 'DECM', 'DECS')),
    *(f'AMD{axis}{k}' for axis in 'XY' for k in range(1, 21)),
)

_BITPIX = (8, 16, 32, 64, -32, -64)

#: Cards on the size and compression of data.
_WANTED = re.compile(
    rb'(?:HIERARCH +)?(XTENSION|BITPIX|NAXIS\d*|[PG]COUNT|GROUPS|TFIELDS|THEAP|'
    rb'TTYPE\d+|TFORM\d+|Z(?:IMAGE|CMPTYPE|BITPIX|QUANTIZ|DITHER0|NAXIS\d*|TILE\d+|'
    rb'NAME\d+|VAL\d+))\s*=\s*(.*)',
    re.IGNORECASE | re.DOTALL,
)
_FIRST_LETTERS = frozenset(b'XEBNPGTZHxebnpgtzh')
_BLANK = ord(' ')
_WHOLE = re.compile(rb'([+-]?\d{1,30})\s*(?:/.*)?', re.DOTALL)
_TEXT = re.compile(rb"'((?:[^']|'')*)'")
_END = re.compile(rb'END(?![A-Za-z0-9_-])')


@dataclass(frozen=True)
class RawHDU:
    """An HDU before it is parsed by astropy: position of its data, and cards on their size."""

    where: str
    data_start: int
    data_size: int
    cards: dict = field(repr=False)

    def whole(self, name, default=None):
        """The integer value of a card."""
        value = self.cards.get(name)
        if value is None:
            if default is None:
                raise ImageError(f'{self.where} has no {name}.')
            return default
        match = _WHOLE.fullmatch(value)
        if match is None:
            raise ImageError(f'{name} of {self.where} must be an integer; got {_shown(value)!r}.')
        return int(match[1])

    @property
    def bytes_as_image(self):
        """Approximate memory of its pixels, if it is an image."""
        if self.text('XTENSION', 'IMAGE') != 'IMAGE':
            return 0
        stored = abs(self.whole('BITPIX')) // 8
        return self.data_size // stored * bytes_of_pixel(stored)

    def text(self, name, default=''):
        """The text of a card, without trailing blanks."""
        match = _TEXT.match(self.cards.get(name, b''))
        return default if match is None else match[1].decode('latin-1').rstrip()

    def is_true(self, name):
        """Whether the value of a card is T."""
        return self.cards.get(name, b'').startswith(b'T')


def bytes_of_pixel(stored):
    """Approximate memory of a pixel: as stored, as float, and its mask."""
    return stored + max(4, stored) + 1


def walk_hdus(file, where):
    """
    Iterate over the HDUs of an open FITS file, and validate their headers.

    Parameters
    ----------
    file : binary file
        Its position is changed.
    where : str
        Name of the file, for errors.

    Yields
    ------
    `RawHDU`

    Raises
    ------
    ImageError
        If a header has too many cards, data of impossible size, or is truncated.
    """
    start = cards = 0
    for number in range(_MOST_HDUS + 1):
        file.seek(start)
        header = _read_header(file, f'HDU {number} of {where}')
        if header is None:
            return
        cards += len(header) // _CARD
        if number == _MOST_HDUS or cards > _MOST_CARDS_OF_FILE:
            raise ImageError(
                f'{where} has more than {_MOST_HDUS:,} HDUs, or {_MOST_CARDS_OF_FILE:,} cards.'
            )
        name = f'HDU {number} of {where}'
        hdu = RawHDU(name, start + len(header), 0, _wanted_cards(header, name))
        if number and 'XTENSION' not in hdu.cards:
            # Bytes after the last HDU, of which astropy still parses the axes.
            _axes(hdu)
            return
        hdu = RawHDU(name, hdu.data_start, _data_size(hdu), hdu.cards)
        if hdu.data_size and len(header) % _BLOCK:
            # Astropy would ignore the HDU.
            raise ImageError(f'{name} is truncated: the file ends with its header.')
        yield hdu
        start = hdu.data_start + -(-hdu.data_size // _BLOCK) * _BLOCK


def check_wcs_cards(header):
    """
    Raise an error for cards with which a WCS takes minutes to create, or wcslib crashes.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`

    Raises
    ------
    ImageError
        If a SIP order is above 9, there are too many axes, or a card of a photographic plate is not
        a number.
    """
    for name in _ORDERS:
        order = header.get(name, 0)
        if not isinstance(order, (int, float)) or not order <= _HIGHEST_ORDER:
            raise ImageError(f'{name} must be at most {_HIGHEST_ORDER}; got {order!r}')
    for name in _NUMBERS_OF_AXES:
        if name not in header:
            continue
        if not isinstance(header[name], int) or not 0 <= header[name] <= _MOST_AXES:
            raise ImageError(f'{name} must lie from 0 to {_MOST_AXES}; got {header[name]!r}')
    for name in _OF_PLATES:
        if name in header and type(header[name]) not in (int, float):
            raise ImageError(f'{name} must be a number; got {header[name]!r}')
    if not isinstance(header.get(_SIGN_OF_PLATES, ''), str):
        raise ImageError(f'{_SIGN_OF_PLATES} must be text; got {header[_SIGN_OF_PLATES]!r}')


def _read_header(file, where):
    """The blocks up to the card END, or None if there is no header."""
    blocks = []
    while len(blocks) * _BLOCK < _MOST_CARDS * _CARD:
        block = file.read(_BLOCK)
        if len(block) < _BLOCK:
            # Astropy accepts a header with an incomplete last block.
            blocks.append(block)
            header = b''.join(blocks)
            if _has_end(block):
                return header
            if header and _EXTENSION.startswith(header[: len(_EXTENSION)]):
                # Astropy would ignore this HDU, which may be a mask.
                raise ImageError(f'{where} is truncated: its header has no card END.')
            return None
        blocks.append(block)
        if _has_end(block):
            return b''.join(blocks)
    raise ImageError(f'{where} has more than {_MOST_CARDS:,} cards, or no card END.')


def _has_end(block):
    return any(match.start() % _CARD == 0 for match in _END.finditer(block))


def _wanted_cards(header, where):
    """Values of cards on the size and compression of data, as bytes, by keyword."""
    cards, continued = {}, 0
    for at in range(0, len(header), _CARD):
        if header[at] not in _FIRST_LETTERS:
            if header[at] == _BLANK:
                continue
            continued = continued + 1 if header.startswith(b'CONTINUE', at) else 0
            if continued > _MOST_CONTINUED:
                raise ImageError(
                    f'{where} has a text value on more than {_MOST_CONTINUED:,} cards.'
                )
            continue
        continued = 0
        match = _WANTED.match(header, at, at + _CARD)
        if match is None:
            continue
        name, value = match[1].decode().upper(), match[2].rstrip()
        if _shown(cards.setdefault(name, value)) != _shown(value):
            # Readers differ in which of them they use.
            raise ImageError(
                f'{where} has two cards {name}: {_shown(cards[name])!r} and {_shown(value)!r}.'
            )
    return cards


def _axes(hdu, name='NAXIS'):
    axes = hdu.whole(name, 0)
    if not 0 <= axes <= _MOST_AXES:
        raise ImageError(f'{name} of {hdu.where} must lie from 0 to {_MOST_AXES}; got {axes}.')
    return axes


def _data_size(hdu):
    """Size of the data in bytes, from the formula of the FITS standard."""
    if 'NAXIS' not in hdu.cards:
        raise ImageError(f'{hdu.where} has no NAXIS.')
    axes = [hdu.whole(f'NAXIS{k}') for k in range(1, _axes(hdu) + 1)]
    bitpix = hdu.whole('BITPIX')
    if bitpix not in _BITPIX:
        raise ImageError(f'BITPIX of {hdu.where} must be one of {_BITPIX}; got {bitpix}.')
    groups, parameters = hdu.whole('GCOUNT', 1), hdu.whole('PCOUNT', 0)
    if min([*axes, groups, parameters]) < 0:
        raise ImageError(f'NAXISn, GCOUNT and PCOUNT of {hdu.where} must be 0 or more.')
    fields = hdu.whole('TFIELDS', 0)
    if not 0 <= fields <= _MOST_FIELDS:
        raise ImageError(f'TFIELDS of {hdu.where} must lie from 0 to {_MOST_FIELDS}; got {fields}.')
    elements = 1 if axes else 0
    for length in axes[1:] if hdu.is_true('GROUPS') and axes and not axes[0] else axes:
        elements *= length
    size = abs(bitpix) // 8 * groups * (parameters + elements)
    if size >= 2**62:
        raise ImageError(
            f'{hdu.where} gives {size:.1e} bytes as the size of its data, which is not valid.'
        )
    return size


def _shown(value):
    return value.split(b'/')[0].decode('latin-1').strip()[:40]
