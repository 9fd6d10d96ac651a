"""Reading of untrusted npz files, as written by `numpy.savez`."""

import zipfile

import numpy as np

from astro_wgan.exceptions import ZipError
from astro_wgan.files.limits import check_size
from astro_wgan.files.stored_zip import as_zip_errors, stored_members

__all__ = ['read_npz']

_ENDING = '.npy'


def read_npz(file, names=None, *, max_size=None):
    """
    Read the arrays of an npz file.

    Parameters
    ----------
    file : file object
        Binary file, open for reading.
    names : sequence of str, optional
        Names of the arrays to read; all by default.
    max_size : number, optional
        Maximum number of bytes of all arrays; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    dict of `~numpy.ndarray`

    Raises
    ------
    ZipError
        If it is not an npz file, is damaged, or holds what `numpy.savez` does not write:
        compressed arrays, object arrays, headers that do not match the data.
    KeyError
        If there is no array of a given name.

    Notes
    -----
    Arrays are not compressed, so that none can be larger than its file, and checksums are
    verified. `numpy.load` would allocate whatever memory a header asks for.
    """
    with as_zip_errors():
        archive = zipfile.ZipFile(file)
        members = stored_members(archive)
        total = sum(member.file_size for member in members.values())
        check_size(total, 'it', max_size=max_size, error=ZipError)
    found = {name.removesuffix(_ENDING): member for name, member in members.items()}
    wanted = {name: found[name] for name in (found if names is None else names)}
    with as_zip_errors():
        return {name: _array(archive, member) for name, member in wanted.items()}


def _array(archive, member):
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise ZipError(f'{member.filename!r} in it is an array of version {version}')
        shape, in_fortran_order, dtype = read_header(file)
        if dtype.hasobject:
            raise ZipError(f'{member.filename!r} in it holds objects')
        count = 1
        for edge in shape:
            count *= edge
        found = member.file_size - file.tell()
        if min(shape, default=0) < 0 or count * dtype.itemsize != found:
            raise ZipError(
                f'{member.filename!r} in it says that it has the shape {shape} of {dtype}, and has '
                f'{found} bytes'
            )
        # Read to the end, where the checksum is verified. The bytearray makes it writable.
        values = np.frombuffer(bytearray(file.read()), dtype=dtype, count=count)
    return values.reshape(shape, order='F' if in_fortran_order else 'C')
