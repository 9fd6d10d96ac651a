"""
Reading of untrusted HDF5 files in another process.

Damaged files can make the HDF5 library hang or crash, which the calling process cannot prevent.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from math import prod
from pathlib import Path

import numpy as np

from astro_wgan.exceptions import HDF5Error
from astro_wgan.files.limits import check_file, check_size, largest_size
from astro_wgan.optional import find_optional

__all__ = ['HDF5File', 'open_hdf5']

_SCRIPT = Path(__file__).with_name('hdf5_process.py')

#: Seconds to wait for an answer, plus one for each of these bytes; disks and networks are faster.
_PATIENCE = 20
_BYTES_PER_SECOND = 5e6

#: Address space that Python, NumPy and h5py take.
_OWN_MEMORY = 4 * 2**30


def open_hdf5(path, *, extra='particles', max_size=None):
    """
    Open an HDF5 file for reading, as a context manager.

    Parameters
    ----------
    path : path-like
    extra : str, optional
        Extra of this package to suggest if h5py is not installed.
    max_size : number, optional
        Maximum number of bytes to read; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    `HDF5File`

    Raises
    ------
    ImportError
        If h5py is not installed.
    FileNotFoundError
        If there is no such file.
    HDF5Error
        If it is not an HDF5 file, or truncated.
    """
    find_optional('h5py', purpose='Reading HDF5 files needs', extra=extra)
    check_file(path, error=HDF5Error)
    return HDF5File(path, max_size=max_size)


class _Node:
    """A group or dataset, as described by the other process."""

    def __init__(self, file, name, words):
        self.name = name
        self.attrs = words['attributes']
        self._file = file


class _Group(_Node, Mapping):
    """A group: a mapping of names to groups and datasets."""

    def __init__(self, file, name, words):
        super().__init__(file, name, words)
        self._names = words['names']

    def __iter__(self):
        return iter(self._names)

    def __len__(self):
        return len(self._names)

    def __contains__(self, name):
        return self._file.find(f'{self.name}/{name}') is not None

    def __getitem__(self, name):
        found = self._file.find(f'{self.name}/{name}')
        if found is None:
            raise KeyError(name)
        return found


class _Dataset(_Node):
    """A dataset of numbers, of which all or one column is read on indexing."""

    def __init__(self, file, name, words):
        super().__init__(file, name, words)
        self.shape, self.dtype = tuple(words['shape']), np.dtype(words['type'])
        self._chunk = words['chunk']

    def __getitem__(self, index):
        column = None
        if isinstance(index, tuple) and len(index) == 2 and index[0] == slice(None):
            column = index[1]
        elif index != () and index is not ...:
            raise TypeError(f'A dataset can be read as a whole or by column; got {index!r}.')
        shape = self.shape if column is None else self.shape[:1]
        if column is not None and not (len(self.shape) == 2 and 0 <= column < self.shape[1]):
            raise HDF5Error(
                f'{self.name} of {self._file.path} must have two axes and more than {column} '
                f'columns; its shape is {self.shape}.'
            )
        return self._file.read(self.name, shape, self.dtype, column, chunk=self._chunk)


class HDF5File(Mapping):
    """
    An HDF5 file that another process has open, which ends with the context.

    It maps paths to groups and datasets, as in h5py. Links to other files are refused.

    Parameters
    ----------
    path : path-like
    max_size : number, optional
        As in `open_hdf5`.
    """

    def __init__(self, path, *, max_size=None):
        self.path = os.fspath(path)
        self._max_size, self._taken = max_size, 0
        most = min(_OWN_MEMORY + 2 * largest_size(max_size), 2**62)
        self._process = subprocess.Popen(
            # Without the folder of the script, whose modules would shadow others.
            [sys.executable, '-P', str(_SCRIPT)]
            + [os.path.abspath(self.path), str(int(most)), str(_PATIENCE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                'PYTHONPATH': os.pathsep.join(part for part in sys.path if part),
                # Keep HDF5 from loading plug-ins that a file names.
                'HDF5_PLUGIN_PRELOAD': '::',
                'OPENBLAS_NUM_THREADS': '1',
            },
        )
        try:
            self._hear(_PATIENCE)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __iter__(self):
        return iter(self._root)

    def __len__(self):
        return len(self._root)

    def __contains__(self, name):
        return self.find(name) is not None

    def __getitem__(self, name):
        return self._root[name]

    @property
    def _root(self):
        return self.find('')

    def close(self):
        """End the other process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            # A question that a dead process was not given is written once more when it is closed.
            with suppress(BrokenPipeError):
                stream.close()

    def find(self, name):
        """A group or dataset by name, or None if there is none."""
        words = self._ask(name)
        if words['kind'] == 'nothing':
            return None
        if words['kind'] in ('group', 'dataset'):
            return (_Group if words['kind'] == 'group' else _Dataset)(self, name, words)
        raise HDF5Error(f'{name} of {self.path} must be numbers; it is a {words["kind"]}.')

    def read(self, name, shape, dtype, column=None, *, chunk=0):
        """Read a dataset, or one of its columns. ``chunk`` is the size of its chunks in bytes."""
        size = prod(shape) * dtype.itemsize
        # The other process holds a whole chunk in memory.
        needed = self._taken + max(size, chunk)
        check_size(needed, self.path, max_size=self._max_size, error=HDF5Error)
        self._taken += size
        patience = _PATIENCE + size / _BYTES_PER_SECOND
        self._ask(name, read=True, column=column, seconds=patience)
        values = np.empty(shape, dtype=dtype)
        rest = memoryview(values.reshape(-1).view(np.uint8))
        with self._impatience(patience):
            while len(rest):
                count = self._process.stdout.readinto(rest)
                if not count:
                    self._complain(patience)
                rest = rest[count:]
        return values

    def _ask(self, name, *, read=False, column=None, seconds=None):
        question = {'name': name, 'read': read, 'column': column}
        question['seconds'] = _PATIENCE if seconds is None else seconds
        try:
            self._process.stdin.write(json.dumps(question).encode() + b'\n')
            self._process.stdin.flush()
        except OSError:
            self._complain(_PATIENCE)
        return self._hear(_PATIENCE)

    def _hear(self, patience):
        with self._impatience(patience):
            line = self._process.stdout.readline()
        if not line:
            self._complain(patience)
        words = json.loads(line)
        if 'error' in words:
            raise HDF5Error(f'{self.path} {words["error"]}.')
        return words

    def _impatience(self, patience):
        return _Ended(self._process, patience)

    def _complain(self, patience):
        code = self._process.wait()
        raise HDF5Error(
            f'{self.path} is damaged: HDF5 did not read it within {patience:.0f} s, or failed '
            f'(code {code}).'
        )


class _Ended:
    """A context after whose time limit the other process is killed."""

    def __init__(self, process, seconds):
        self._timer = threading.Timer(seconds, process.kill)
        self._timer.daemon = True

    def __enter__(self):
        self._timer.start()

    def __exit__(self, *exception):
        self._timer.cancel()
