"""Checks when a store is opened, and removal of the remains of an interrupted writer."""

import os
import re
import shutil
from dataclasses import replace

import numpy as np

from astro_wgan.exceptions import StampStoreError
from astro_wgan.store.arrays.array_state import chunk_count, read_layout, write_layout
from astro_wgan.store.arrays.chunk_files import read_checksums
from astro_wgan.store.arrays.row_files import file_name

__all__ = ['check_files', 'settled', 'tidy']

#: Temporary files and folders of writers.
_TEMPORARY = re.compile(r'\.[0-9]+[.-].*')

_CHUNKS = re.compile(r'c\.([0-9]+)(\.0)*')


def check_files(path, arrays):
    """
    Make sure that all files with valid rows exist.

    Raises
    ------
    StampStoreError
        If one is missing, which zarr would read as zeros.
    """
    for name, array in arrays.items():
        with os.scandir(path / name) as found:
            there = {entry.name for entry in found if entry.is_file(follow_symlinks=False)}
        for number in _files(array):
            file = file_name(array.layout, number)
            if file not in there:
                raise StampStoreError(
                    f'The array `{name}` of the store {path} is damaged: its file {file} is '
                    'missing or not a regular file.'
                )


def settled(folder, array, *, check_size):
    """
    The state of an array with the actual checksums of its files.

    If a writer was killed while it replaced the last file, this is the former or the new file. In
    a store of version 1, all checksums are read from the files.

    Raises
    ------
    StampStoreError
        If the last file is neither of these.
    """
    if array.checksums is None:
        return replace(array, checksums=_checksums(folder, array, check_size))
    last = array.layout.base + len(array.checksums) - 1
    per_file = array.layout.file_rows // array.layout.chunk
    path = folder / file_name(array.layout, last // per_file)
    try:
        places = [last % per_file]
        found = read_checksums(path, array.layout, places, check_size=check_size)[0]
    except (OSError, ValueError) as error:
        raise StampStoreError(f'The file {path} of a store is damaged: {error}.') from error
    if found not in array.known(last):
        raise StampStoreError(f'The file {path} of a store is damaged or belongs to another one.')
    checksums = array.checksums.copy()
    checksums[-1] = found
    return replace(array, checksums=checksums, pending=None)


def tidy(path, arrays):
    """Remove the remains of an interrupted writer: temporary files, and invalid rows and arrays."""
    for folder in (path, path / 'table', path / 'table_mask'):
        if folder == path or (folder.is_dir() and not folder.is_symlink()):
            _tidy_group(path, folder, arrays)
    for name, array in arrays.items():
        _tidy_array(path, name, array)


def _tidy_group(path, folder, arrays):
    for entry in list(os.scandir(folder)):
        found = folder / entry.name
        if _TEMPORARY.fullmatch(entry.name):
            _remove(found)
        elif entry.is_dir(follow_symlinks=False):
            name = found.relative_to(path).as_posix()
            if name not in arrays and _is_of_a_store(path, name):
                _remove(found)


def _is_of_a_store(path, name):
    """Whether an invalid array was created by this package."""
    if name in ('table', 'table_mask'):
        return False
    try:
        left = [entry for entry in os.listdir(path / name) if not _TEMPORARY.fullmatch(entry)]
        return not left or bool(read_layout(path, name))
    except (OSError, StampStoreError):
        return False


def _tidy_array(path, name, array):
    last = max(_files(array), default=-1)
    for entry in list(os.scandir(path / name)):
        is_chunk = _CHUNKS.fullmatch(entry.name)
        if _TEMPORARY.fullmatch(entry.name) or (is_chunk and int(is_chunk[1]) > last):
            _remove(path / name / entry.name)
    layout, rows = read_layout(path, name)
    if rows != array.length:
        write_layout(path / name, layout, array.length)


def _remove(found):
    if found.is_dir() and not found.is_symlink():
        shutil.rmtree(found)
    else:
        found.unlink()


def _files(array):
    """Numbers of the files with valid rows."""
    layout = array.layout
    if chunk_count(layout, array.length) == 0:
        return range(0)
    return range(layout.first // layout.file_rows, -(-array.length // layout.file_rows))


def _checksums(folder, array, check_size):
    layout, found = array.layout, []
    per_file = layout.file_rows // layout.chunk
    end = layout.base + chunk_count(layout, array.length)
    for number in _files(array):
        begin = number * per_file
        places = range(max(begin, layout.base) - begin, min(begin + per_file, end) - begin)
        path = folder / file_name(layout, number)
        try:
            found += read_checksums(path, layout, places, check_size=check_size)
        except (OSError, ValueError) as error:
            raise StampStoreError(f'The file {path} of a store is damaged: {error}.') from error
    return np.array(found, dtype=np.uint32)
