"""`GrowingArrays`: zarr arrays on disk to which rows are added whole or not at all."""

import json
import os
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np
import zarr

from astro_wgan.files import replaced
from astro_wgan.stamps.store_files import (
    LOCK,
    DurableStore,
    StampStoreError,
    create_array,
    file_rows,
    flush_folder,
    locked,
    open_array,
)

__all__ = ['GrowingArrays']

#: Arrays that are written at the same time: most of it is waiting for the disk.
_THREADS = 8

_FORMAT = 'astro_wgan stamps'
_VERSION = 1

#: Attribute of the root group that holds the lengths that count.
_KEY = 'astro_wgan'


class GrowingArrays:
    """
    Arrays that grow along their first axis, and a header, in one zarr group.

    Parameters
    ----------
    path : path-like
        Folder of the zarr group.
    mode : {'r', 'a'}
        ``'a'`` removes what an interrupted writer left, and keeps other writers out.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    StampStoreError
        If there is something else, a file of an array is missing, or another writer is at work.

    Notes
    -----
    How many rows of each array count is written in the attributes of the group, in the one file
    ``zarr.json``, which is replaced in a single step after all else has reached the disk. Rows
    beyond are invisible, and overwritten by the next `append`. A last shard that is not full is
    written anew beside the former one and then takes its place, so that a kill in between does
    not touch the rows that are in it already.
    """

    def __init__(self, path, *, mode='r'):
        self.path = Path(os.path.abspath(path))
        self.mode = mode
        _read_state(self.path)  # before a lock is taken in a folder that is no store
        if mode == 'a':
            # Closed, and so unlocked, also when nobody closes the store.
            self._unlock = weakref.finalize(self, os.close, locked(self.path))
        try:
            state = _read_state(self.path)
            self.header = state['header']
            self.lengths = state['lengths']
            self._store = DurableStore(self.path, read_only=mode == 'r')
            self._arrays = {name: self._opened(name) for name in self.lengths}
            if mode == 'a':
                self._tidy()
            self._check_files()
        except BaseException:
            self.close()
            raise

    @classmethod
    @contextmanager
    def created(cls, path, *, header, overwrite=False):
        """
        New arrays that appear at ``path`` when the block ends without an error.

        Parameters
        ----------
        path : path-like
            A folder that does not exist, or is empty, or holds a store and may be overwritten.
        header : dict
            Plain values (as JSON holds) that describe the store.
        overwrite : bool, optional
            Replace a store that is there.

        Yields
        ------
        `GrowingArrays`
        """
        path = Path(path)
        _check_free(path, overwrite)
        temporary = path.with_name(f'.{os.getpid()}-{path.name}')
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            (temporary / LOCK).parent.mkdir(parents=True)
            _write_state(temporary, {'header': header, 'lengths': {}})
            arrays = cls(temporary, mode='a')
            yield arrays
            arrays.append({})
            arrays.close()
            if path.is_dir():
                _remove(path)
            os.rename(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def close(self):
        """Let other writers in; these arrays can be read, no longer written."""
        if self.mode == 'a':
            self._unlock()
        self.mode = 'r'

    def __contains__(self, name):
        return name in self._arrays

    def __getitem__(self, name):
        """The zarr array of that name; it may have rows that do not count."""
        return self._arrays[name]

    def length(self, name):
        """How many rows of an array count."""
        return self.lengths.get(name, 0)

    def check_writable(self):
        """
        Make sure that rows can be added.

        Raises
        ------
        StampStoreError
            If the arrays were opened for reading, or closed.
        """
        if self.mode != 'a':
            raise StampStoreError(
                f"The store {self.path} is open for reading only: open it with `mode` 'a'."
            )

    def add(self, name, *, dtype, shape=(), chunk, shard=None, compression='lz4', first=0):
        """
        Add an array, which counts from the next `append` with rows for it.

        Parameters
        ----------
        name : str
            May have one ``/``: a group and a name in it.
        dtype : dtype
            Numbers, bool, or str.
        shape : tuple of int, optional
            Shape of a row.
        chunk, shard : int
            Rows that are read at once at least, and rows in a file (by default ``chunk``).
        compression : {'lz4', 'zstd', None}, optional
            Of numbers; text is always compressed.
        first : int, optional
            Rows that the array shall have already; they hold zero, False or ''.
        """
        if '/' in name:
            zarr.open_group(self._store, mode='r+').require_group(name.split('/')[0])
        options = {'dtype': np.dtype(dtype), 'shape': (first, *shape), 'compression': compression}
        self._arrays[name] = create_array(self._store, name, chunk=chunk, shard=shard, **options)
        self.lengths[name] = first

    def append(self, values):
        """
        Add rows to several arrays in one step.

        Parameters
        ----------
        values : dict
            An array of new rows for each name.

        Raises
        ------
        StampStoreError
            If the arrays were opened for reading.
        OSError
            If they cannot be written; then nothing has changed for readers.
        """
        self.check_writable()
        values = {name: rows for name, rows in values.items() if len(rows)}
        lengths = {n: length + len(values.get(n, ())) for n, length in self.lengths.items()}
        try:
            with ThreadPoolExecutor(_THREADS) as threads:
                list(threads.map(self._write, values.keys(), values.values()))
            _write_state(self.path, {'header': self.header, 'lengths': lengths})
        except BaseException:
            # Ctrl-C may come after the new lengths were written.
            lengths = {**self.lengths, **_read_state(self.path)['lengths']}
            raise
        finally:
            self.lengths = lengths

    def read(self, name, rows):
        """
        Rows of an array.

        Parameters
        ----------
        name : str
            Which array.
        rows : `~numpy.ndarray` of int
            In increasing order; each must count.

        Returns
        -------
        `~numpy.ndarray`

        Raises
        ------
        StampStoreError
            If a file of the array is damaged.
        """
        array = self._arrays[name]
        step = file_rows(array)
        for k in np.unique(rows // step):
            self._check_file(name, int(k))
        if array.shards is None and array.ndim == 1:
            # Quicker for rows in many files; of more dimensions zarr would make huge index arrays.
            return self._checked(name, rows, lambda: array.oindex[rows])
        found = np.empty((len(rows), *array.shape[1:]), dtype=array.dtype)
        for first, last in _neighbours(rows, array.chunks[0], step):
            part = rows[first:last]
            whole = slice(int(part[0]), int(part[-1]) + 1)
            block = self._checked(name, part, lambda whole=whole: array[whole])
            found[first:last] = block if len(block) == len(part) else block[part - part[0]]
        return found

    def _checked(self, name, rows, read):
        """What ``read()`` gives, or an error that says what is damaged."""
        try:
            try:
                return read()
            except Exception:
                # A writer may have replaced the last shard between the reading of its index and
                # of a chunk; then it is whole the second time.
                return read()
        except MemoryError:
            raise
        except Exception as error:  # damaged bytes raise almost anything in zarr and its codecs
            raise StampStoreError(
                f'The array `{name}` of the store {self.path} is damaged between the rows '
                f'{rows[0]} and {rows[-1]}: {error}'
            ) from error

    def _check_file(self, name, k):
        """Raise if a file is not there: zarr would silently give the fill value in its place."""
        first = self._arrays[name].attrs['first']
        if self.lengths[name] == first or k < first // file_rows(self._arrays[name]):
            return  # rows that the array had from the first have no file
        file = self.path / name / self._file(name, k)
        if not file.exists() or file.stat().st_size == 0:
            raise StampStoreError(
                f'The array `{name}` of the store {self.path} is damaged: its file {file.name} is '
                'missing or empty.'
            )

    def _file(self, name, k):
        return '.'.join(['c', str(k), *['0'] * (self._arrays[name].ndim - 1)])

    def _write(self, name, rows):
        array, start = self._arrays[name], self.lengths[name]
        length = start + len(rows)
        if array.shape[0] != length:
            array.resize((length, *array.shape[1:]))
        # File by file: zarr would encode several at once, each in memory.
        edges = range(start - start % file_rows(array), length, file_rows(array))
        for first, last in pairwise([start, *edges[1:], length]):
            array[first:last] = rows[first - start : last - start]
        flush_folder(self.path / name)

    def _opened(self, name):
        try:
            return open_array(self._store, name)
        except Exception as error:
            raise StampStoreError(
                f'The array `{name}` of the store {self.path} is missing or damaged: {error}'
            ) from error

    def _tidy(self):
        """Remove what an interrupted writer has left."""
        for found in list(self.path.rglob('.[0-9]*-*')):
            shutil.rmtree(found) if found.is_dir() else found.unlink()
        for found in self.path.rglob('zarr.json'):
            name = found.parent.relative_to(self.path).as_posix()
            if json.loads(found.read_text())['node_type'] == 'array' and name not in self.lengths:
                _remove(found.parent)
        for name, array in self._arrays.items():
            if array.shape[0] != self.lengths[name]:
                array.resize((self.lengths[name], *array.shape[1:]))

    def _check_files(self):
        for name, length in self.lengths.items():
            there = set(os.listdir(self.path / name))
            for k in range(ceil(length / file_rows(self._arrays[name]))):
                if self._file(name, k) not in there:
                    self._check_file(name, k)


def _neighbours(rows, chunk, step):
    """First and last index of the runs of ``rows`` in one file with no chunk between them."""
    chunks = rows // chunk
    cut = (np.diff(chunks) > 1) | (np.diff(rows // step) > 0)
    edges = [0, *(np.flatnonzero(cut) + 1).tolist(), len(rows)]
    return list(pairwise(edges)) if len(rows) else []


def _read_state(path):
    if not path.exists():
        raise FileNotFoundError(f'There is no store of stamps at {path}.')
    try:
        state = json.loads((path / 'zarr.json').read_text())['attributes'][_KEY]
        found = state['format'], state['version']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StampStoreError(
            f'{path} is not a store of stamps, or its file zarr.json is damaged.'
        ) from error
    if found != (_FORMAT, _VERSION):
        raise StampStoreError(
            f'{path} is of format {found[0]!r}, version {found[1]}; this version of astro_wgan '
            f'reads {_FORMAT!r}, version {_VERSION}.'
        )
    return state


def _write_state(path, state):
    """Replace the metadata of the group, and with it the state, in one step."""
    state = {'format': _FORMAT, 'version': _VERSION, **state}
    group = {'zarr_format': 3, 'node_type': 'group', 'attributes': {_KEY: state}}
    with replaced(path / 'zarr.json') as temporary:
        temporary.write_text(json.dumps(group, indent=1))
    flush_folder(path)


def _check_free(path, overwrite):
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    try:
        _read_state(path)
    except StampStoreError as error:
        raise FileExistsError(
            f'{path} is there already and is no store of stamps: remove it, or name another place.'
        ) from error
    if not overwrite:
        raise FileExistsError(
            f'There is a store at {path} already: open it, or set `overwrite` to True.'
        )
    os.close(locked(path))  # raises if a writer is at work


def _remove(folder):
    """Remove a folder in one step for readers: under another name it is no store any more."""
    away = folder.with_name(f'.{os.getpid()}-removed-{folder.name}')
    os.rename(folder, away)
    shutil.rmtree(away)
