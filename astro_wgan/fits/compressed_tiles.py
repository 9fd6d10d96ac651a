"""Tile-compressed images: checks that keep damaged files from crashing the interpreter."""

import re
import threading
import zlib
from contextlib import contextmanager
from functools import cache
from gzip import BadGzipFile
from math import prod

import numpy as np
from astropy.io.fits.hdu.compressed import _codecs

from astro_wgan.exceptions import ImageError

__all__ = ['check_tiles', 'guarded_decoders']

_ALGORITHMS = (
    'RICE_1',
    'RICE_ONE',
    'GZIP_1',
    'GZIP_2',
    'PLIO_1',
    'HCOMPRESS_1',
    'NOCOMPRESS',
)
_DITHERED = ('SUBTRACTIVE_DITHER_1', 'SUBTRACTIVE_DITHER_2')
_QUANTIZED = ('NONE', 'NO_DITHER', *_DITHERED)

#: Bytes of an integer of RICE_1, and maximum pixels of its blocks; the standard has 16 and 32.
_BYTES_OF_PIXEL = (1, 2, 4)
_MOST_IN_BLOCK = 1024

#: The decoders count pixels of a tile, and their bytes, with a C int.
_MOST_TILE_PIXELS = 2**31 // 8

#: Bytes of an element of a column, by format letter.
_WIDTHS = {'L': 1, 'B': 1, 'I': 2, 'J': 4, 'K': 8, 'A': 1, 'E': 4, 'D': 8, 'C': 8, 'M': 16}
_DESCRIPTORS = {'P': 4, 'Q': 8}
_FORMAT = re.compile(r'(\d{0,9})([LXBIJKAEDCMPQ])([LXBIJKAEDCM]?)')

#: Columns with pointers into the heap.
_POINTING = ('COMPRESSED_DATA', 'GZIP_COMPRESSED_DATA', 'UNCOMPRESSED_DATA')

#: Padding after the bytes of a tile, since the decoders read beyond the end of damaged ones: it
#: ends a block of RICE_1, and starts no code of HCOMPRESS_1.
_PAD = b'\x88'
#: Maximum bytes of a RICE_1 block per pixel, and of its beginning.
_RICE_PIXEL, _RICE_BLOCK = 4, 64

#: Header of HCOMPRESS_1: two magic bytes, edges, scale, sum, and numbers of bit planes.
_HCOMPRESS_BEGIN = np.dtype(
    [('magic', 'S2'), ('edges', '>i4', 2), ('scale', '>i4'), ('sum', '>i8'), ('planes', 'u1', 3)]
)
_MOST_PLANES = 63


def check_tiles(hdu, file):
    """
    Validate the cards and heap pointers of a tile-compressed image.

    Parameters
    ----------
    hdu : `~astro_wgan.fits.header_checks.RawHDU`
        Any HDU; others are ignored.
    file : binary file
        The file of the HDU.

    Returns
    -------
    int
        Maximum size of a decompressed tile in bytes, 0 without tiles.

    Raises
    ------
    ImageError
        If a card is invalid, or a tile is outside of the heap.
    """
    if 'ZIMAGE' not in hdu.cards and 'ZCMPTYPE' not in hdu.cards:
        return 0
    _check_cards(hdu)
    tiles, pixels = _tiles(hdu)
    width, rows = hdu.whole('NAXIS1'), hdu.whole('NAXIS2')
    if rows < tiles:
        raise ImageError(f'{hdu.where} has {rows} rows for {tiles} tiles.')
    columns = _pointing_columns(hdu, width)
    heap = width * rows + hdu.whole('PCOUNT', 0) - hdu.whole('THEAP', width * rows)
    if not hdu.whole('THEAP', width * rows) - width * rows >= 0 or heap < 0:
        raise ImageError(f'THEAP of {hdu.where} must lie after the rows and within the data.')
    file.seek(0, 2)
    if file.tell() < hdu.data_start + width * rows:
        raise ImageError(f'{hdu.where} is truncated.')
    file.seek(hdu.data_start)
    table = np.frombuffer(file.read(width * rows), dtype=np.uint8).reshape(rows, width)
    for start, size, item in columns:
        pointers = np.ascontiguousarray(table[:, start : start + 2 * size]).view(f'>i{size}')
        count, offset = pointers.astype(np.int64).T
        # Divided, since the product may overflow 64 bits.
        outside = (count < 0) | (offset < 0) | (offset > heap) | (count > (heap - offset) // item)
        if outside.any():
            raise ImageError(
                f'Tile {int(np.argmax(outside))} of {hdu.where} lies outside of its heap of '
                f'{heap} bytes.'
            )
    return 8 * pixels


#: Sizes of the files that are open, and the decoders that are replaced meanwhile.
_most_bytes, _former = [], {}
_LOCK = threading.Lock()


@contextmanager
def guarded_decoders(most_bytes):
    """
    Make damaged tiles raise an error instead of crashing the interpreter.

    The C decoders of astropy read beyond the end of a damaged stream, and HCOMPRESS_1 writes as
    many pixels as the stream claims. Here streams are padded, and those with a wrong size are
    rejected.

    Parameters
    ----------
    most_bytes : number
        Maximum size of a decompressed tile of GZIP_1 or GZIP_2. While several files are open, the
        largest of theirs.
    """
    with _LOCK:
        if not _most_bytes:
            _install()
        _most_bytes.append(most_bytes)
    try:
        yield
    finally:
        with _LOCK:
            _most_bytes.remove(most_bytes)
            if not _most_bytes:
                for name in list(_former):
                    setattr(_codecs, name, _former.pop(name))


def _install():
    """Replace the decoders, once for all files that are open."""
    guards = {
        'decompress_rice_1_c': _guarded_rice,
        'decompress_plio_1_c': _guarded_plio,
        'decompress_hcompress_1_c': _guarded_hcompress,
        'gzip_decompress': lambda _: lambda tile: _bounded_gzip(tile, max(_most_bytes)),
    }
    _former.update({name: getattr(_codecs, name) for name in guards if hasattr(_codecs, name)})
    for name, decode in _former.items():
        setattr(_codecs, name, guards[name](decode))


def _check_cards(hdu):
    where = hdu.where
    for name, value, allowed in (
        ('ZCMPTYPE', hdu.text('ZCMPTYPE'), _ALGORITHMS),
        ('ZQUANTIZ', hdu.text('ZQUANTIZ', 'NO_DITHER'), _QUANTIZED),
        ('ZBITPIX', hdu.whole('ZBITPIX'), (8, 16, 32, 64, -32, -64)),
        ('BITPIX', hdu.whole('BITPIX'), (8,)),
        ('NAXIS', hdu.whole('NAXIS'), (2,)),
    ):
        if value not in allowed:
            raise ImageError(f'{name} of {where} must be one of {allowed}; got {value!r}.')
    if hdu.text('ZQUANTIZ') in _DITHERED:
        # The seed is an index into a table of 10,000 random numbers.
        _check_range(hdu, 'ZDITHER0', hdu.whole('ZDITHER0'), 1, 10_000)
    if hdu.text('ZCMPTYPE').startswith('RICE'):
        settings = _settings(hdu)
        size = hdu.whole(settings['BYTEPIX'], 4) if 'BYTEPIX' in settings else 4
        if size not in _BYTES_OF_PIXEL:
            raise ImageError(f'BYTEPIX of {where} must be one of {_BYTES_OF_PIXEL}; got {size}.')
        if 'BLOCKSIZE' in settings:
            _check_range(hdu, 'BLOCKSIZE', hdu.whole(settings['BLOCKSIZE']), 1, _MOST_IN_BLOCK)


def _check_range(hdu, name, value, least, most):
    if not least <= value <= most:
        raise ImageError(f'{name} of {hdu.where} must lie from {least} to {most}; got {value}.')


def _settings(hdu):
    """Card with the value of each setting of the algorithm, by name."""
    found = {}
    for k in range(1, 1000):
        if f'ZNAME{k}' not in hdu.cards:
            break
        found.setdefault(hdu.text(f'ZNAME{k}').upper(), f'ZVAL{k}')
    return found


def _shapes(hdu):
    """Shapes of the image and of its tiles, in the order of FITS."""
    axes = hdu.whole('ZNAXIS')
    _check_range(hdu, 'ZNAXIS', axes, 1, 64)
    image = [hdu.whole(f'ZNAXIS{k}') for k in range(1, axes + 1)]
    tile = [hdu.whole(f'ZTILE{k}', image[0] if k == 1 else 1) for k in range(1, axes + 1)]
    for k, (edge, part) in enumerate(zip(image, tile, strict=True), 1):
        _check_range(hdu, f'ZNAXIS{k}', edge, 0, 2**31 - 1)
        _check_range(hdu, f'ZTILE{k}', part, 1, 2**31 - 1)
    return image, tile


def _tiles(hdu):
    """Number of tiles, and number of pixels of the largest."""
    image, tile = _shapes(hdu)
    pixels = prod(min(pair) for pair in zip(image, tile, strict=True))
    if pixels > _MOST_TILE_PIXELS:
        raise ImageError(
            f'A tile of {hdu.where} must have at most {_MOST_TILE_PIXELS:,} pixels; got {pixels:,}.'
        )
    return prod(-(-edge // part) for edge, part in zip(image, tile, strict=True)), pixels


def _pointing_columns(hdu, width):
    """Offset in a row, bytes of a pointer, and bytes of an item of columns with heap pointers."""
    start, found = 0, []
    for k in range(1, hdu.whole('TFIELDS') + 1):
        name, text = hdu.text(f'TTYPE{k}').upper(), hdu.text(f'TFORM{k}').strip()
        match = _FORMAT.match(text)
        if match is None:
            raise ImageError(f'TFORM{k} of {hdu.where} is not a column format: {text[:40]!r}.')
        repeat, letter, of = int(match[1] or 1), match[2], match[3]
        if letter in _DESCRIPTORS and repeat:
            if name in _POINTING:
                if of not in _WIDTHS:
                    raise ImageError(
                        f'TFORM{k} of {hdu.where} must name the data type of its arrays; got '
                        f'{text[:40]!r}.'
                    )
                found.append((start, _DESCRIPTORS[letter], _WIDTHS[of]))
            start += repeat * 2 * _DESCRIPTORS[letter]
        else:
            start += -(-repeat // 8) if letter == 'X' else repeat * _WIDTHS.get(letter, 0)
    if start != width:
        raise ImageError(f'The columns of {hdu.where} take {start} bytes, but a row has {width}.')
    return found


def _padded(tile, padding):
    # The decoders do not accept a memoryview.
    return np.frombuffer(tile + padding, np.uint8, len(tile))


def _guarded_rice(decode):
    def guarded(tile, pixels_of_block, *settings):
        padding = _rice_padding(pixels_of_block)
        return decode(_padded(tile, padding), pixels_of_block, *settings)

    return guarded


@cache
def _rice_padding(pixels_of_block):
    return _PAD * (_RICE_PIXEL * pixels_of_block + _RICE_BLOCK)


def _guarded_plio(decode):
    def guarded(tile, pixels):
        words = np.frombuffer(tile[: len(tile) // 2 * 2], dtype=np.int16)
        if len(words) < 3:
            raise ValueError('A PLIO_1 tile is truncated.')
        old = words[2] > 0
        if not old and len(words) < 5:
            raise ValueError('A PLIO_1 tile is truncated.')
        length = int(words[2]) if old else (int(words[4]) << 15) + int(words[3])
        if not 0 <= length <= len(words) or (not old and not 0 <= words[1] <= len(words)):
            raise ValueError('A PLIO_1 tile is shorter than its header says.')
        return decode(_padded(tile, _PAD * 64), pixels)

    return guarded


def _guarded_hcompress(decode):
    def guarded(tile, nx, ny, *settings):
        if len(tile) < _HCOMPRESS_BEGIN.itemsize:
            raise ValueError('An HCOMPRESS_1 tile is truncated.')
        begin = np.frombuffer(tile, dtype=_HCOMPRESS_BEGIN, count=1)[0]
        edges = begin['edges'].tolist()
        if min(edges) < 1 or prod(edges) != nx * ny or begin['planes'].max() > _MOST_PLANES:
            raise ValueError(
                'An HCOMPRESS_1 tile does not have the shape given in the header of the image.'
            )
        # At most one bit plane is read there: the next one cannot start with the padding.
        return decode(_padded(tile, _PAD * (nx * ny // 2 + 4096)), nx, ny, *settings)

    return guarded


def _bounded_gzip(tile, most_bytes):
    """As `gzip.decompress`, but with a maximum size."""
    parts, size = [], 0
    while tile:
        member = zlib.decompressobj(wbits=31)
        part = member.decompress(tile, int(min(most_bytes - size + 1, 2**62)))
        size += len(part)
        if size > most_bytes:
            raise ValueError(f'A GZIP tile has more than {most_bytes} bytes.')
        if not member.eof:
            raise BadGzipFile('a tile is truncated')
        parts.append(part)
        tile = member.unused_data.lstrip(b'\0')
    return parts[0] if len(parts) == 1 else b''.join(parts)
