"""Atomic writing of files, flushing to disk, and reading of whole files."""

import errno
import os
import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from astro_wgan.exceptions import DamagedFileError, ZipError
from astro_wgan.files.limits import check_file, check_size
from astro_wgan.files.npz import read_npz
from astro_wgan.files.temporary_names import remove_abandoned, temporary_path

__all__ = [
    'flush_file',
    'flush_folder',
    'errors_name_file',
    'read_arrays',
    'read_bytes',
    'atomic_write',
    'write_arrays',
]

#: What astropy and NumPy say of a full disk.
_FULL = re.compile(r'Not enough space on disk|\d+ requested and \d+ written')


@contextmanager
def atomic_write(path):
    """
    Write to a temporary path that replaces ``path`` if the block ends without an error.

    If the process is killed, either the former or the new file exists, and perhaps a hidden
    temporary file, which the next call removes.

    Parameters
    ----------
    path : path-like
        File to write or replace.

    Yields
    ------
    `~pathlib.Path`
        Temporary path to write to.

    Raises
    ------
    OSError
        If the file cannot be written, as on a full disk. The former file stays.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from astro_wgan.files.atomic import atomic_write
    >>> path = Path(mkdtemp()) / 'answer.txt'
    >>> with atomic_write(path) as temporary:
    ...     _ = temporary.write_text('42')
    >>> path.read_text()
    '42'
    """
    path = Path(path)
    remove_abandoned(path)
    temporary = temporary_path(path)
    with errors_name_file(path):
        try:
            yield temporary
            flush_file(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def flush_file(path):
    """Flush the content of a file to disk."""
    with open(path, 'rb+') as file:
        os.fsync(file.fileno())


def flush_folder(path):
    """Flush the entries of a folder to disk."""
    if os.name != 'posix':
        return
    with errors_name_file(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def errors_name_file(path):
    """
    Turn operating system errors while a file is written into sentences that name the file.

    Their class and errno are kept; the error of a full disk by astropy and NumPy, which has none,
    gets that of the operating system. Errors that are sentences already are not changed.
    """
    try:
        yield
    except OSError as error:
        # Astropy and NumPy raise errors without errno, with the number of bytes written.
        says_nothing = type(error) is OSError and 'The file' not in str(error)
        if error.strerror is None and not says_nothing:
            raise
        reason, number = error.strerror or ' '.join(str(error).split()), error.errno
        if number is None and _FULL.search(reason):
            reason, number = os.strerror(errno.ENOSPC), errno.ENOSPC
        failure = type(error)(f'The file {path} cannot be written: {reason.rstrip(".")}.')
        failure.errno = number
        raise failure from error


def read_bytes(path, *, max_size=None):
    """
    Read the content of a file.

    Parameters
    ----------
    path : path-like
        The file. Symbolic links are followed.
    max_size : number, optional
        Maximum number of bytes; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    bytes

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it is a folder, pipe or device, or larger than allowed.
    """
    size = check_file(path, error=DamagedFileError).st_size
    check_size(size, f'The file {path}', max_size=max_size, error=DamagedFileError)
    with open(path, 'rb') as file:
        # At most `size` bytes, since the file may be growing.
        return file.read(size)


def write_arrays(path, **arrays):
    """Write arrays by name atomically into a file of NumPy's npz format."""
    with atomic_write(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, **arrays)


def read_arrays(path, names=None, *, max_size=None):
    """
    Read arrays written by `write_arrays`, as a dictionary.

    Parameters
    ----------
    path : path-like
        The file.
    names : sequence of str, optional
        Names of the arrays to read; all by default.
    max_size : number, optional
        Maximum number of bytes of all arrays; see `~astro_wgan.files.limits.largest_size`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it is truncated or not an npz file; or if an array is compressed, has dtype object or
        a header that does not match its data, none of which `write_arrays` writes.
    KeyError
        If there is no array of a given name.
    """
    check_file(path, error=DamagedFileError)
    with open(path, 'rb') as opened:
        try:
            return read_npz(opened, names, max_size=max_size)
        except ZipError as error:
            raise DamagedFileError(f'The file {path} contains no arrays ({error}).') from error
