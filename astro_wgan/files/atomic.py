"""Files that appear whole or not at all, and files that are read as a whole."""

import os
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


@contextmanager
def atomic_write(path):
    """
    A temporary path beside ``path`` that takes its place when the block ends without an error.

    A kill at any moment leaves either the former file or the new one, and perhaps a hidden
    temporary file, which the next call removes.

    Parameters
    ----------
    path : path-like
        File to write or to replace.

    Yields
    ------
    `~pathlib.Path`
        Where to write.

    Raises
    ------
    OSError
        If it cannot be written, as on a full disk or in a read-only folder; the former file stays.

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
    """Make sure that what was written into a file is on the disk."""
    with open(path, 'rb+') as file:
        os.fsync(file.fileno())


def flush_folder(path):
    """Make sure that new names of files are on the disk."""
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
    Errors of the system while a file is written, as a sentence that names it.

    They keep their class and number. Errors that are sentences already pass.
    """
    try:
        yield
    except OSError as error:
        # Astropy and NumPy count what was written, in errors without a number.
        says_nothing = type(error) is OSError and 'The file' not in str(error)
        if error.strerror is None and not says_nothing:
            raise
        reason = error.strerror or ' '.join(str(error).split())
        failure = type(error)(f'The file {path} cannot be written: {reason.rstrip(".")}.')
        failure.errno = error.errno
        raise failure from error


def read_bytes(path, *, max_size=None):
    """
    What a file holds.

    Parameters
    ----------
    path : path-like
        The file; a link to one is followed.
    max_size : number, optional
        Bytes that it may have; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    bytes

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it is a folder, a pipe or a device, or it is longer.
    """
    size = check_file(path, error=DamagedFileError).st_size
    check_size(size, f'The file {path}', max_size=max_size, error=DamagedFileError)
    with open(path, 'rb') as file:
        # A file that grows meanwhile is not read without end.
        return file.read(size)


def write_arrays(path, **arrays):
    """Write arrays by name into one file, NumPy's npz, which appears whole or not at all."""
    with atomic_write(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, **arrays)


def read_arrays(path, names=None, *, max_size=None):
    """
    The arrays that `write_arrays` wrote, as a dictionary.

    Parameters
    ----------
    path : path-like
        The file.
    names : sequence of str, optional
        Which of them; the others are not read.
    max_size : number, optional
        Bytes that they may take together; see `~astro_wgan.files.limits.largest_size`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it is truncated, or no such file at all; or if an array in it is compressed, of objects
        or said to be longer than what is there of it, which `write_arrays` does not write.
    KeyError
        If it has no array of a name.
    """
    check_file(path, error=DamagedFileError)
    with open(path, 'rb') as opened:
        try:
            return read_npz(opened, names, max_size=max_size)
        except ZipError as error:
            raise DamagedFileError(f'The file {path} holds no arrays ({error}).') from error
