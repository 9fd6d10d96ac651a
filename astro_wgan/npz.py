"""Arrays in a file as `numpy.savez` writes it, without trust in what the file says of itself."""

import os
import zipfile
from contextlib import contextmanager

import numpy as np

from astro_wgan.limits import check_size

__all__ = ['NpzError', 'read_npz']

_ENDING = '.npy'

#: Arrays in a file: far more than anything here has.
_MOST = 100_000

#: The end of a zip file without a comment, and where in it the number of its members is.
_END, _COUNT, _UNCOUNTED = 22, slice(10, 12), 0xFFFF


class NpzError(ValueError):
    """A file that `numpy.savez` has not written, or not so."""


def read_npz(file, names=None, *, max_size=None):
    """
    The arrays of an npz file.

    Parameters
    ----------
    file : file object
        Open for reading bytes.
    names : sequence of str, optional
        Which of them; the others are not read.
    max_size : number, optional
        Bytes that they may take together; see `~astro_wgan.limits.largest_size`.

    Returns
    -------
    dict of `~numpy.ndarray`

    Raises
    ------
    NpzError
        If it is no npz file, is damaged, or has what `numpy.savez` does not write: compressed
        arrays, arrays of objects, headers that say more than there is.
    KeyError
        If it has no array of a name.

    Notes
    -----
    Arrays are not compressed, so that none can be larger than its file; their checksums are
    verified. `numpy.load` would take the memory first that a header asks for.
    """
    with _npz_errors():
        archive = zipfile.ZipFile(file)
        members = _members(archive, max_size)
    wanted = {name: members[name] for name in (members if names is None else names)}
    with _npz_errors():
        return {name: _array(archive, member) for name, member in wanted.items()}


@contextmanager
def _npz_errors():
    """Whatever the parsers of zip and npy files raise on what is none, or is damaged."""
    try:
        yield
    except NpzError:
        raise
    except Exception as error:
        raise NpzError(str(error) or type(error).__name__) from error


def _members(archive, max_size):
    """By name of the array."""
    listed = archive.infolist()
    length = archive.fp.seek(0, os.SEEK_END)
    archive.fp.seek(-_END, os.SEEK_END)
    count = int.from_bytes(archive.fp.read(_END)[_COUNT], 'little')
    # A wrong length of one entry can hide the next ones.
    if count not in (len(listed), _UNCOUNTED):
        raise NpzError(f'it has {count} arrays, of which {len(listed)} are listed')
    if len(listed) > _MOST:
        raise NpzError(f'it has {len(listed)} arrays; at most {_MOST} are read')
    for member in listed:
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise NpzError(f'{member.filename!r} in it is compressed')
    # Members that overlap could be many times as long as the file.
    total = sum(member.file_size for member in listed)
    if total > length:
        raise NpzError(f'it says that {total} bytes are in it, and has {length}')
    check_size(total, 'it', max_size=max_size, error=NpzError)
    members = {member.filename.removesuffix(_ENDING): member for member in listed}
    if len(members) < len(listed):
        raise NpzError('two arrays in it have one name')
    return members


def _array(archive, member):
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise NpzError(f'{member.filename!r} in it is an array of version {version}')
        shape, in_fortran_order, dtype = read_header(file)
        if dtype.hasobject:
            raise NpzError(f'{member.filename!r} in it holds objects')
        count = 1
        for edge in shape:
            count *= edge
        found = member.file_size - file.tell()
        if min(shape, default=0) < 0 or count * dtype.itemsize != found:
            raise NpzError(
                f'{member.filename!r} in it says that it has the shape {shape} of {dtype}, and has '
                f'{found} bytes'
            )
        # To the end, where the checksum is verified; the copy can be written to.
        values = np.frombuffer(bytearray(file.read()), dtype=dtype, count=count)
    return values.reshape(shape, order='F' if in_fortran_order else 'C')
