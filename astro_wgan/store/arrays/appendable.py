"""`AppendableArrays`: zarr arrays on disk to which rows are added whole or not at all."""

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

#: Arrays that are written at the same time: most of it is waiting for the disk.
_THREADS = 8

#: How often a file is read that a writer may have replaced in the meantime, and seconds between.
_TRIES, _PAUSE = 6, 0.02


class AppendableArrays:
    """
    Arrays that grow along their first axis, and a header, in one zarr group.

    Parameters
    ----------
    path : path-like
        Folder of the zarr group.
    mode : {'r', 'a'}
        ``'a'`` removes what an interrupted writer left, and keeps other writers out.
    max_size : number, optional
        Bytes that may be read at once, as for `~astro_wgan.files.limits.largest_size`.
    lock : `~astro_wgan.store.arrays.writer_lock.WriterLock`, optional
        Held on the folder already.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    StampStoreError
        If there is something else, a file of an array is missing, or another writer is at work.

    Notes
    -----
    How many rows of each array count, and the checksum of each chunk that holds them, is written
    in the attributes of the group, in the one file ``zarr.json``, which is replaced in a single
    step after all else has reached the disk. Rows beyond are invisible, and overwritten by the
    next `append`. A last file that is not full is written anew beside the former one and then
    takes its place; before it does, the state says which checksum its last chunk will have, so
    that the rows that are in it already are known by either, also after a kill in between.
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
                # After a look at the state: no lock is taken in a folder that is no store.
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
        `AppendableArrays`
            Open for writing, also after the block.
        """
        path = Path(os.path.abspath(path))
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
        """Let other writers in; these arrays can be read, no longer written."""
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
        """What describes the store."""
        return self._state.header

    def length(self, name):
        """How many rows of an array count."""
        return self._arrays[name].length if name in self._arrays else 0

    def check_writable(self):
        """
        Make sure that rows can be added.

        Raises
        ------
        StampStoreError
            If the arrays were opened for reading, or closed, or by the process that this one was
            forked from.
        """
        if self.mode != 'a' or not self._lock.is_held:
            raise StampStoreError(
                f"The store {self.path} is open for reading only: open it with `mode` 'a'."
            )

    def check_size(self, name, size):
        """
        Make sure that what is to be read of an array may take as many bytes.

        Raises
        ------
        StampStoreError
            If it takes more than ``max_size``.
        """
        if size > self._limit:
            what = f'The array `{name}` of the store {self.path}, read at once,'
            check_size(size, what, max_size=self._limit, error=StampStoreError)

    def add(self, name, *, dtype, shape=(), chunk, shard=None, compression='lz4', first=0):
        """
        Add an array, which counts from the next `append` with rows for it.

        Parameters
        ----------
        name : str
            May have one ``/``: a group and a name in it.
        dtype, shape, chunk, shard, compression, first
            As of an `~astro_wgan.store.arrays.zarr_format.ArrayLayout`.
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
        Add rows to several arrays in one step.

        Parameters
        ----------
        values : dict
            An array of new rows for each name.

        Raises
        ------
        StampStoreError
            If the arrays were opened for reading, or changed by another writer since, or the last
            rows are damaged.
        OSError
            If they cannot be written; then nothing has changed for readers.
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
            # Ctrl-C may come after the new lengths were written.
            arrays = {**self._arrays, **read_state(self.path, max_size=self._limit).arrays}
            raise
        finally:
            self._arrays = arrays
            for temporary, _ in chain(*written.values()):
                temporary.unlink(missing_ok=True)

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
            Of objects, if they are text.

        Raises
        ------
        StampStoreError
            If a file of the array is damaged, or is not the one that was written, or the rows
            take more memory than is allowed.
        """
        if name not in self._arrays:
            raise StampStoreError(f'The store {self.path} is damaged: it has no array `{name}`.')
        array = self._arrays[name]
        layout = array.layout
        if len(rows) and not 0 <= rows[0] <= rows[-1] < array.length:
            raise StampStoreError(
                f'The store {self.path} is damaged: the row {rows[-1]} of its array `{name}` is '
                f'asked for, which has {array.length}.'
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
            # A writer may replace the last file at any time; then it is known the next time.
            time.sleep(_PAUSE * tries)
            try:
                checksums = read_sections(path, layout, parts, found, check_size=allowed)
            except (MemoryError, StampStoreError):
                raise
            except Exception as error:  # damaged bytes raise almost anything in codecs
                problem = error
                if tries > 0:
                    break
                continue
            chunks = [before + part.chunk for part in parts]
            if all(map(partial(self._is_known, name), chunks, checksums)):
                return
            problem = ValueError('it is that of another place, another time or another store')
        self._look_again()
        raise StampStoreError(
            f'The array `{name}` of the store {self.path} is damaged in its file {path.name}: '
            f'{problem}.'
        ) from problem

    def _is_known(self, name, chunk, checksum):
        """Whether a chunk is what it should be, or what a writer has made of it since."""
        array = self._arrays[name]
        if array.checksums is None:
            return True  # of a store of version 1, of which it is not known
        if checksum in array.known(chunk) or self._is_newer(name, chunk, checksum):
            return True
        self._look_again()
        return self._is_newer(name, chunk, checksum)

    def _look_again(self):
        """Read what a writer has done since."""
        self._newest = read_state(self.path, max_size=self._limit)
        if self._newest.identity != self._state.identity and self._state.identity:
            raise StampStoreError(
                f'The store {self.path} was replaced by another one since it was opened: open it '
                'again.'
            )

    def _is_newer(self, name, chunk, checksum):
        array = self._newest.arrays.get(name)
        has_checksums = array is not None and array.checksums is not None
        return has_checksums and checksum in array.known(chunk)

    # Writing

    def _write(self, name, rows, written):
        """Write the files of new rows beside the former ones."""
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
        """Say which checksums the last chunks will have, before they are replaced."""
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
        # A last resort where a lock does not hold, as between some machines that share a disk.
        if _file_identity(self.path / 'zarr.json') != self._seen:
            raise StampStoreError(
                f'The store {self.path} was changed by another writer since it was opened: open '
                'it again.'
            )


def _write_state(path, state):
    """From here on it counts; what its file is known by."""
    write_state(path, state)
    return _file_identity(path / 'zarr.json')


def _file_identity(path):
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns
