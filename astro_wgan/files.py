"""Files that appear whole or not at all."""

import os
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

__all__ = ['DamagedFileError', 'read_arrays', 'replaced', 'write_arrays']


class DamagedFileError(ValueError):
    """A file that does not hold what it should."""


@contextmanager
def replaced(path):
    """
    A temporary path beside ``path`` that takes its place when the block ends without an error.

    A kill at any moment leaves either the former file or the new one.

    Parameters
    ----------
    path : path-like
        File to write or to replace.

    Yields
    ------
    `~pathlib.Path`
        Where to write.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from astro_wgan.files import replaced
    >>> path = Path(mkdtemp()) / 'answer.txt'
    >>> with replaced(path) as temporary:
    ...     _ = temporary.write_text('42')
    >>> path.read_text()
    '42'
    """
    path = Path(path)
    # The ending is kept: some writers choose the format by it.
    temporary = path.with_name(f'.{os.getpid()}-{path.name}')
    try:
        yield temporary
        with open(temporary, 'rb+') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(path, **arrays):
    """Write arrays by name into one file, NumPy's npz, which appears whole or not at all."""
    with replaced(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, **arrays)


def read_arrays(path, names=None):
    """
    The arrays that `write_arrays` wrote, as a dictionary.

    Parameters
    ----------
    path : path-like
        The file.
    names : sequence of str, optional
        Which of them; the others are not read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it is truncated, or no such file at all.
    KeyError
        If it has no array of a name.
    """
    with open(path, 'rb') as opened:
        try:
            with np.load(opened) as file:
                return {name: file[name] for name in (file.files if names is None else names)}
        except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
            raise DamagedFileError(f'The file {path} holds no arrays ({error}).') from error
