"""`AppendableArrays`: zarr arrays on disk to which rows are appended atomically."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from astro_wgan.exceptions import StampStoreError
from astro_wgan.files.atomic import errors_name_file, flush_folder
from astro_wgan.files.limits import check_size, largest_size
from astro_wgan.remote.output_paths import output_path
from astro_wgan.store.arrays.array_state import (
    ArrayState,
    StoreState,
    read_state,
    write_group,
    write_layout,
    write_state,
)
from astro_wgan.store.arrays.chunk_files import read_sections
from astro_wgan.store.arrays.creation import find_again, free_place, made_folder, remove_leftovers
from astro_wgan.store.arrays.recovery import check_files, settled, tidy
from astro_wgan.store.arrays.row_files import file_name, file_parts, write_rows
from astro_wgan.store.arrays.writer_lock import WriterLock
from astro_wgan.store.arrays.zarr_format import ArrayLayout

__all__ = ['AppendableArrays']

#: Number of arrays that are written at the same time; most of the time is spent on the disk.
_THREADS = 8

#: Attempts to read a file that a writer may be replacing, and seconds between them.
_TRIES, _PAUSE = 6, 0.02


class AppendableArrays:
    """
    Arrays that can be extended along their first axis, and a header, in one zarr group.

    Parameters
    ----------
    path : path-like
        Folder of the zarr group.
    mode : {'r', 'a'}
        ``'a'`` removes the remains of an interrupted writer and locks out other writers.
    max_size : number, optional
        Maximum number of bytes to read at once; see `~astro_wgan.files.limits.largest_size`.
    lock : `~astro_wgan.store.arrays.writer_lock.WriterLock`, optional
        Lock of the folder, if it is held already.

    Raises
    ------
    FileNotFoundError
        If ``path`` does not exist.
    StampStoreError
        If it is not a store, a file of an array is missing, or another process is writing.

    Notes
    -----
    The number of valid rows of each array and the checksums of their chunks are in the attributes
    of the group, in its file ``zarr.json``, which is replaced atomically after everything else is
    on the disk. Further rows are invisible and are overwritten by the next `append`. A last file
    that is not full is rewritten under a temporary name and then renamed. Before that, the new
    checksum of its last chunk is added to the state, so that either version of the file is valid
    after a kill.
    """

    def __init__(self, path, *, mode='r', max_size=None, lock=None):
        self.path = Path(os.path.abspath(path))
        self.mode = mode
        self.max_size = max_size
        self._limit = largest_size(max_size)
        self._lock = lock
        find_again(self.path)
        self._state = self._newest = read_state(self.path, max_size=self._limit)
        try:
            if mode == 'a':
                # After reading the state: a folder that is no store must not be locked.
                self._lock = lock or WriterLock(self.path)
                self._state = read_state(self.path, max_size=self._limit)
            self._arrays = dict(self._state.arrays)
            check_files(self.path, self._arrays)
            if mode == 'a':
                remove_leftovers(self.path)
                tidy(self.path, self._arrays)
                self._settle()
        except BaseException:
            self.close()
            raise

    @classmethod
    @contextmanager
    def created(cls, path, *, header, overwrite=False):
        """
        Create arrays that appear at ``path`` when the block ends without an error.

        Parameters
        ----------
        path : path-like
            A folder that does not exist or is empty, or a store to overwrite.
        header : dict
            Description of the store as plain values, such as JSON supports.
        overwrite : bool, optional
            Replace a store at ``path``.

        Yields
        ------
        `AppendableArrays`
            Open for writing, also after the block.
        """
        path = Path(os.path.abspath(output_path(path, 'path')))
        place = Path(os.path.realpath(path))
        find_again(place)
        former = free_place(place, overwrite)
        try:
            with made_folder(place, former=former) as (folder, lock):
                write_state(folder, StoreState.new(header))
                arrays = cls(folder, mode='a', lock=lock)
                yield arrays
                arrays.append({})
            arrays.path = path
        finally:
            if former is not None:
                former.release()

    def close(self):
        """Release the lock for other writers; the arrays can still be read."""
        if self._lock is not None:
            self._lock.release()
        self.mode = 'r'

    def __contains__(self, name):
        return name in self._arrays

    def __getitem__(self, name):
        """The `~astro_wgan.store.arrays.zarr_format.ArrayLayout` of the array of that name."""
        return self._arrays[name].layout

    def __iter__(self):
        return iter(self._arrays)

    @property
    def header(self):
        """Description of the store."""
        return self._state.header

    @property
    def identity(self):
        """What no other store has; an empty text for one of version 1."""
        return self._state.identity

    def check_identity(self, identity):
        """
        Make sure that the store is the one that was opened.

        Raises
        ------
        StampStoreError
            If its identity is another one.
        """
        if identity != self.identity and self.identity:
            raise StampStoreError(
                f'The store {self.path} has been replaced by another one since it was opened: open '
                'it again.'
            )

    def length(self, name):
        """Number of valid rows of an array."""
        return self._arrays[name].length if name in self._arrays else 0

    def check_writable(self):
        """
        Make sure that rows can be appended.

        Raises
        ------
        StampStoreError
            If the arrays were opened for reading, closed, or opened before this process was
            forked.
        """
        if self.mode != 'a' or not self._lock.is_held:
            raise StampStoreError(
                f"The store {self.path} is open for reading only: open it with `mode` 'a'."
            )

    def check_size(self, name, size):
        """
        Make sure that as many bytes of an array may be read at once.

        Raises
        ------
        StampStoreError
            If they are more than ``max_size``.
        """
        if size > self._limit:
            what = f'The array `{name}` of the store {self.path}, read at once,'
            check_size(size, what, max_size=self._limit, error=StampStoreError)

    def add(self, name, *, dtype, shape=(), chunk, shard=None, compression='lz4', first=0):
        """
        Add an array, which becomes valid with the next `append` to it.

        ``name`` may include one group, as ``group/name``; for the other arguments see
        `~astro_wgan.store.arrays.zarr_format.ArrayLayout`.
        """
        layout = ArrayLayout(np.dtype(dtype), tuple(shape), chunk, shard, compression, first)
        folder = self.path / name
        if '/' in name and not (folder.parent / 'zarr.json').exists():
            folder.parent.mkdir(exist_ok=True)
            write_group(folder.parent)
        folder.mkdir(exist_ok=True)
        write_layout(folder, layout, first)
        self._arrays[name] = ArrayState(layout, first, np.zeros(0, dtype=np.uint32))

    def append(self, values):
        """
        Append rows to several arrays atomically.

        Parameters
        ----------
        values : dict
            New rows by name of the array.

        Raises
        ------
        StampStoreError
            If the arrays were opened for reading or have been changed by another writer, or the
            last rows are damaged.
        OSError
            If the rows cannot be written; then nothing has changed for readers.
        """
        self.check_writable()
        self._check_unchanged()
        values = {name: rows for name, rows in values.items() if len(rows)}
        written = {name: [] for name in values}
        arrays = self._arrays
        try:
            self._settle()
            with ThreadPoolExecutor(_THREADS) as threads:
                writing = threads.map(self._write, values, values.values(), written.values())
                grown = {
                    name: self._arrays[name].grown(len(values[name]), new)
                    for name, new in zip(values, writing, strict=True)
                }
                self._announce(grown)
                list(threads.map(self._replace, grown, grown.values(), written.values()))
            arrays = {**self._arrays, **grown}
            self._commit(arrays)
        except BaseException:
            # An interrupt may have come after the new state was written.
            arrays = {**self._arrays, **read_state(self.path, max_size=self._limit).arrays}
            raise
        finally:
            self._arrays = arrays
            for temporary, _ in chain(*written.values()):
                temporary.unlink(missing_ok=True)

    def read(self, name, rows):
        """
        Read rows of an array.

        Parameters
        ----------
        name : str
            Name of the array.
        rows : `~numpy.ndarray` of int
            Valid rows in increasing order.

        Returns
        -------
        `~numpy.ndarray`
            Text is returned as objects.

        Raises
        ------
        StampStoreError
            If a file of the array is damaged or is not the one that was written, or the rows need
            more memory than allowed.
        """
        if name not in self._arrays:
            raise StampStoreError(f'The store {self.path} is damaged: it has no array `{name}`.')
        array = self._arrays[name]
        layout = array.layout
        if len(rows) and not 0 <= rows[0] <= rows[-1] < array.length:
            raise StampStoreError(
                f'The store {self.path} is damaged: row {rows[-1]} of its array `{name}` is '
                f'needed, which has {array.length} rows.'
            )
        self.check_size(name, len(rows) * layout.row_bytes)
        found = np.empty((len(rows), *layout.shape), object if layout.is_text else layout.dtype)
        from_first = int(np.searchsorted(rows, layout.first))
        if from_first:
            found[:from_first] = layout.filled(1)
        for file, parts in file_parts(rows, from_first, layout):
            self._read_file(name, file, parts, found)
        return found

    def _read_file(self, name, number, parts, found):
        layout = self._arrays[name].layout
        path = self.path / name / file_name(layout, number)
        before = number * (layout.file_rows // layout.chunk)
        allowed = partial(self.check_size, name)
        for tries in range(_TRIES):
            # A writer may replace the last file at any time; the next attempt reads the new one.
            if tries > 0:  # since also a pause of no length gives the processor away
                time.sleep(_PAUSE * tries)
            try:
                checksums = read_sections(path, layout, parts, found, check_size=allowed)
            except (MemoryError, StampStoreError):
                raise
            except Exception as error:  # codecs raise various exceptions for damaged bytes
                problem = error
                if tries > 0:
                    break
                continue
            chunks = [before + part.chunk for part in parts]
            if all(map(partial(self._is_known, name), chunks, checksums)):
                return
            problem = ValueError('its content belongs to another file, version or store')
        self._look_again()
        raise StampStoreError(
            f'The array `{name}` of the store {self.path} is damaged in its file {path.name}: '
            f'{problem}.'
        ) from problem

    def _is_known(self, name, chunk, checksum):
        """Whether a chunk has the expected checksum, or a newer one from another writer."""
        array = self._arrays[name]
        if array.checksums is None:
            return True  # stores of version 1 have no checksums
        if checksum in array.known(chunk) or self._is_newer(name, chunk, checksum):
            return True
        self._look_again()
        return self._is_newer(name, chunk, checksum)

    def _look_again(self):
        """Read the current state, which another writer may have changed."""
        newest = read_state(self.path, max_size=self._limit)
        # Checksums of another store must not be known: the next read would return its rows.
        self.check_identity(newest.identity)
        self._newest = newest

    def _is_newer(self, name, chunk, checksum):
        array = self._newest.arrays.get(name)
        has_checksums = array is not None and array.checksums is not None
        return has_checksums and checksum in array.known(chunk)

    # Writing

    def _write(self, name, rows, written):
        """Write files with new rows under temporary names."""
        array = self._arrays[name]
        begin = array.length - array.length % array.layout.chunk
        return write_rows(
            self.path / name,
            array,
            rows,
            head=self.read(name, np.arange(begin, array.length)),
            written=written,
            check_size=partial(self.check_size, name),
        )

    def _announce(self, grown):
        """Add the new checksums of the last chunks to the state before these are replaced."""
        pending = {}
        for name, new in grown.items():
            array = self._arrays[name]
            last = len(array.checksums) - 1
            if last >= 0 and new.checksums[last] != array.checksums[last]:
                pending[name] = replace(array, pending=int(new.checksums[last]))
        if pending:
            counting = {name: self._arrays[name] for name in self._state.arrays}
            self._commit({**counting, **pending})

    def _replace(self, name, array, written):
        folder = self.path / name
        for temporary, path in written:
            with errors_name_file(path):
                os.replace(temporary, path)
        flush_folder(folder)
        write_layout(folder, array.layout, array.length)

    def _commit(self, arrays):
        self._state = self._state.with_arrays(arrays)
        self._seen = _write_state(self.path, self._state)

    def _settle(self):
        for name, array in self._arrays.items():
            if array.checksums is None or array.pending is not None:
                allowed = partial(self.check_size, name)
                self._arrays[name] = settled(self.path / name, array, check_size=allowed)
        self._seen = _file_identity(self.path / 'zarr.json')

    def _check_unchanged(self):
        # For file systems without working locks, such as some network file systems.
        if _file_identity(self.path / 'zarr.json') != self._seen:
            raise StampStoreError(
                f'The store {self.path} has been changed by another writer since it was opened: '
                'open it again.'
            )


def _write_state(path, state):
    """Write the state, which is valid from now on; returns the identity of its file."""
    write_state(path, state)
    return _file_identity(path / 'zarr.json')


def _file_identity(path):
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns
