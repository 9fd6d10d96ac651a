"""Encoding and decoding of chunks, with checks of the decoded size before memory is allocated."""

import google_crc32c
import numpy as np
from numcodecs import blosc, zstd
from numcodecs.vlen import VLenUTF8

__all__ = ['CHECKSUM_BYTES', 'checksum', 'decoded', 'encoded', 'stored_checksum']

#: Number of bytes of the checksum at the end of a chunk.
CHECKSUM_BYTES = 4

#: Header of Blosc, and its numbers of compression formats.
_BLOSC_HEADER = np.dtype(
    [
        ('version', 'u1'),
        ('format_version', 'u1'),
        ('flags', 'u1'),
        ('typesize', 'u1'),
        ('size', '<u4'),
        ('block', '<u4'),
        ('compressed', '<u4'),
    ]
)
_BLOSC_FORMATS = {'lz4': 1, 'zstd': 4}

_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'


def checksum(content):
    """The crc32c checksum of an array of bytes."""
    return google_crc32c.value(content)


def stored_checksum(chunk):
    """The checksum at the end of a chunk, given as an array of bytes."""
    return int(chunk[-CHECKSUM_BYTES:].view('<u4')[0])


def encoded(rows, layout):
    """
    The bytes of a chunk, with their checksum.

    Parameters
    ----------
    rows : `~numpy.ndarray`
        All rows of the chunk.
    layout : `~astro_wgan.store.arrays.zarr_format.ArrayLayout`

    Returns
    -------
    content : `~numpy.ndarray` of uint8
        Without the checksum.
    checksum : int
    """
    if layout.is_text:
        text = VLenUTF8().encode(np.asarray(rows, dtype=object).reshape(-1))
        content = zstd.compress(text, level=1)
    else:
        content = np.ascontiguousarray(rows, dtype=layout.dtype.newbyteorder('<'))
        if layout.compression is not None:
            cname = layout.compression.encode()
            content = blosc.compress(content, cname, 1, blosc.SHUFFLE)
    content = np.frombuffer(content, dtype='u1')
    return content, checksum(content)


def decoded(chunk, layout, *, check_size):
    """
    The rows of a chunk, whose decoded size is checked before it is decompressed.

    Parameters
    ----------
    chunk : `~numpy.ndarray` of uint8
        Including the checksum at its end.
    layout : `~astro_wgan.store.arrays.zarr_format.ArrayLayout`
    check_size : callable
        Called with the size of decoded text before memory is allocated; the size of numbers
        follows from the layout.

    Returns
    -------
    `~numpy.ndarray`
        All rows of the chunk.

    Raises
    ------
    ValueError
        If the checksum or the size is wrong, or the bytes contradict the layout.
    """
    content = chunk[:-CHECKSUM_BYTES]
    if len(content) == 0 or checksum(content) != stored_checksum(chunk):
        raise ValueError('the checksum of a chunk is wrong')
    if layout.is_text:
        return _decoded_text(content, layout, check_size)
    if layout.compression is None:
        if len(content) != layout.chunk_bytes:
            raise ValueError(f'a chunk has {len(content)} bytes instead of {layout.chunk_bytes}')
        rows = content
    else:
        _check_blosc(content, layout)
        rows = np.empty(layout.chunk_bytes, dtype='u1')
        blosc.decompress(content, rows)
    if layout.dtype.kind == 'b' and rows.max() > 1:
        raise ValueError('a boolean chunk has values other than 0 and 1')
    rows = rows.view(layout.dtype.newbyteorder('<')).reshape(layout.chunk, *layout.shape)
    return rows.astype(layout.dtype, copy=False)


def _check_blosc(content, layout):
    """Make sure that a chunk has the right size after decompression."""
    if len(content) < _BLOSC_HEADER.itemsize:
        raise ValueError('a chunk is shorter than its header')
    header = content[: _BLOSC_HEADER.itemsize].view(_BLOSC_HEADER)[0]
    stated, has = int(header['size']), int(header['compressed'])
    if stated != layout.chunk_bytes:
        raise ValueError(f'a chunk would become {stated} bytes instead of {layout.chunk_bytes}')
    is_other = header['flags'] >> 5 != _BLOSC_FORMATS[layout.compression]
    if has != len(content) or header['typesize'] != layout.dtype.itemsize or is_other:
        raise ValueError('a chunk has an unexpected compression')


def _decoded_text(content, layout, check_size):
    count = layout.chunk_bytes // 8
    size = _zstd_size(content.tobytes()[:18])
    check_size(size)
    if size < 4 + 4 * count:
        raise ValueError(f'a chunk would become {size} bytes, too few for {count} texts')
    text = np.empty(size, dtype='u1')
    zstd.decompress(content, text)
    if int(text[:4].view('<u4')[0]) != count:
        raise ValueError(f'a chunk does not have {count} texts')
    return VLenUTF8().decode(text).reshape(layout.chunk, *layout.shape)


def _zstd_size(head):
    """The decoded size according to the header of a Zstandard frame (RFC 8878)."""
    if head[:4] != _ZSTD_MAGIC or len(head) < 6:
        raise ValueError('a chunk is not compressed with Zstandard')
    flags = head[4]
    is_single, dictionary = flags >> 5 & 1, flags & 3
    width = (is_single, 2, 4, 8)[flags >> 6]
    first = 5 if is_single else 6
    if dictionary or width == 0 or len(head) < first + width:
        raise ValueError('the decoded size of a chunk is not stated')
    size = int.from_bytes(head[first : first + width], 'little')
    return size + 256 if width == 2 else size
