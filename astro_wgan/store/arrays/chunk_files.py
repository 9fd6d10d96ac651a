"""Files of a store: reading chunks by their position, and writing files of chunks."""

import os
import stat
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from astro_wgan.exceptions import StampStoreError
from astro_wgan.store.arrays.chunk_codecs import (
    CHECKSUM_BYTES,
    checksum,
    decoded,
    encoded,
    stored_checksum,
)

__all__ = [
    'Part',
    'check_folder',
    'opened',
    'read_checksums',
    'read_chunks',
    'read_content',
    'read_sections',
    'write_chunks',
]

#: Offset of a chunk that is not in a file.
_MISSING = 2**64 - 1

_READING = os.O_RDONLY | getattr(os, 'O_BINARY', 0) | getattr(os, 'O_CLOEXEC', 0)
_READING |= getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_NONBLOCK', 0)


class Part(NamedTuple):
    """Rows of one chunk of a file, and the rows of the result to which they belong."""

    chunk: int
    inner: slice | np.ndarray
    outer: slice


@contextmanager
def opened(path):
    """
    A file of a store, open for reading, and its size.

    Stores consist of regular files: symbolic links, named pipes and devices are not read.

    Raises
    ------
    StampStoreError
        If it is not a regular file.
    OSError
        If it does not exist or cannot be read.
    """
    # Checked before it is opened, since opening has an effect on some devices.
    _check_kind(path, stat.S_ISREG, 'a file')
    with open(os.open(path, _READING), 'rb', buffering=0) as file:
        yield file, os.fstat(file.fileno()).st_size


def check_folder(path):
    """
    Make sure that a folder of a store is a folder, and no symbolic link.

    Raises
    ------
    StampStoreError
        If it is not, or does not exist.
    """
    try:
        _check_kind(path, stat.S_ISDIR, 'a folder')
    except FileNotFoundError as error:
        raise StampStoreError(f'The folder {path} of a store is missing.') from error


def read_content(path, *, check_size):
    """
    Read a small file of a store.

    Parameters
    ----------
    path : `~pathlib.Path`
    check_size : callable
        Called with the size of the file before it is read.
    """
    with opened(path) as (file, size):
        check_size(size)
        return _read_at(file, 0, size).tobytes()


def read_sections(path, layout, parts, out, *, check_size):
    """
    Read rows of a file into rows of ``out``.

    Parameters
    ----------
    path : `~pathlib.Path`
    layout : `~astro_wgan.store.arrays.zarr_format.ArrayLayout`
    parts : list of `Part`
        Rows to read; chunks are counted from the beginning of the file.
    out : `~numpy.ndarray`
    check_size : callable
        Called with the size of compressed data before memory is allocated.

    Returns
    -------
    list of int
        The checksum of the chunk of each part.

    Raises
    ------
    ValueError, OSError
        If the file is damaged or does not exist.
    """
    checksums = []
    with opened(path) as (file, size):
        places = _places(file, size, layout, check_size)
        for part in parts:
            rows = out[part.outer]
            offset, length = _place(places, part.chunk)
            is_plain = layout.compression is None and out.dtype.kind not in 'bO'
            if is_plain and _is_whole(part.inner, layout.chunk):
                checksums.append(_read_straight(file, offset, length, rows))
                continue
            check_size(length)
            chunk = _read_at(file, offset, length)
            rows[...] = decoded(chunk, layout, check_size=check_size)[part.inner]
            checksums.append(stored_checksum(chunk))
    return checksums


def read_chunks(path, layout, chunks, *, check_size):
    """Bytes and checksums of chunks of a file; the checksums are verified."""
    with opened(path) as (file, size):
        places = _places(file, size, layout, check_size)
        for chunk in chunks:
            offset, length = _place(places, chunk)
            check_size(length)
            found = _read_at(file, offset, length)
            checked = stored_checksum(found)
            if checksum(found[:-CHECKSUM_BYTES]) != checked:
                raise ValueError('the checksum of a chunk is wrong')
            yield found, checked


def read_checksums(path, layout, chunks, *, check_size):
    """Checksums at the ends of chunks of a file; the chunks are not read."""
    with opened(path) as (file, size):
        places = _places(file, size, layout, check_size)
        found = []
        for chunk in chunks:
            offset, length = _place(places, chunk)
            end = offset + length - CHECKSUM_BYTES
            found.append(stored_checksum(_read_at(file, end, CHECKSUM_BYTES)))
        return found


def write_chunks(path, layout, *, missing, kept, blocks):
    """
    Write a file of chunks and flush it to the disk.

    Parameters
    ----------
    path : `~pathlib.Path`
    layout : `~astro_wgan.store.arrays.zarr_format.ArrayLayout`
    missing : int
        Number of chunks at the beginning that are in no file.
    kept : iterable of `~numpy.ndarray`
        Bytes of the next chunks, as from `read_chunks`.
    blocks : iterable of `~numpy.ndarray`
        Rows of further chunks.

    Returns
    -------
    list of int
        Checksums of the further chunks.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    lengths, checksums = [], []
    with open(path, 'wb') as file:
        for content in kept:
            file.write(content)
            lengths.append(len(content))
        for rows in blocks:
            content, checked = encoded(rows, layout)
            file.write(content)
            file.write(_number(checked))
            lengths.append(len(content) + CHECKSUM_BYTES)
            checksums.append(checked)
        if layout.shard is not None:
            index = np.full((layout.shard // layout.chunk, 2), _MISSING, dtype='<u8')
            last = missing + len(lengths)
            index[missing:last, 0] = np.cumsum([0, *lengths[:-1]])
            index[missing:last, 1] = lengths
            content = index.reshape(-1).view('u1')
            file.write(content)
            file.write(_number(checksum(content)))
        file.flush()
        os.fsync(file.fileno())
    return checksums


def _check_kind(path, is_kind, name):
    mode = os.lstat(path).st_mode
    if not is_kind(mode):
        what = 'a symbolic link' if stat.S_ISLNK(mode) else 'something else'
        raise StampStoreError(f'{path} is {what}, not {name} of a store.')


def _places(file, size, layout, check_size):
    """Offset and length of each chunk of a file, and the end of the chunks."""
    if layout.shard is None:
        places = np.array([[0, size]], dtype=np.uint64)
        end = size
    else:
        count = layout.shard // layout.chunk
        end = size - 16 * count - CHECKSUM_BYTES
        if end < 0:
            raise ValueError('it is truncated')
        check_size(size - end)
        index = _read_at(file, end, size - end)
        if checksum(index[:-CHECKSUM_BYTES]) != stored_checksum(index):
            raise ValueError('the checksum of its index is wrong')
        places = index[:-CHECKSUM_BYTES].view('<u8').reshape(count, 2)
    return places, end


def _place(places, chunk):
    places, end = places
    offset, length = map(int, places[chunk])
    if length <= CHECKSUM_BYTES or offset + length > end:
        raise ValueError('a chunk is missing')
    return offset, length


def _is_whole(inner, chunk):
    return isinstance(inner, slice) and inner == slice(0, chunk)


def _read_straight(file, offset, length, rows):
    """Read a whole uncompressed chunk into the result, without a copy."""
    # Stored as little-endian; big-endian machines swap the bytes below.
    if length != rows.nbytes + CHECKSUM_BYTES:
        raise ValueError(f'a chunk has {length} bytes instead of {rows.nbytes + CHECKSUM_BYTES}')
    content, end = rows.reshape(-1).view('u1'), np.empty(CHECKSUM_BYTES, dtype='u1')
    _read_into(file, offset, content, end)
    found = checksum(content)
    if found != stored_checksum(end):
        raise ValueError('the checksum of a chunk is wrong')
    if not rows.dtype.newbyteorder('<').isnative:
        rows.byteswap(inplace=True)
    return found


def _read_at(file, offset, length):
    content = np.empty(length, dtype='u1')
    _read_into(file, offset, content)
    return content


def _read_into(file, offset, *contents):
    """Read consecutive bytes of a file into arrays of bytes."""
    # In one call where the system has it: other threads run meanwhile, and again after each call.
    if len(contents) > 1 and hasattr(os, 'preadv'):
        count = os.preadv(file.fileno(), contents, offset)
        if count == sum(map(len, contents)):
            return
    file.seek(offset)
    for content in contents:
        view, done = memoryview(content), 0
        while done < len(view):
            count = file.readinto(view[done:])
            if not count:
                raise ValueError('it is truncated')
            done += count


def _number(value):
    return int(value).to_bytes(CHECKSUM_BYTES, 'little')
