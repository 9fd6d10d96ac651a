"""Atomic creation and replacement of the folder of a store."""

import ctypes
import os
import re
import shutil
import sys
import uuid
from contextlib import contextmanager, suppress

from astro_wgan.exceptions import StampStoreError
from astro_wgan.files.atomic import flush_folder
from astro_wgan.store.arrays.array_state import is_store
from astro_wgan.store.arrays.writer_lock import LOCK, WriterLock

__all__ = ['find_again', 'free_place', 'made_folder', 'remove_leftovers']

#: Suffixes of hidden folders next to a store: of an unfinished one, and of a former one that is
#: being replaced if the file system cannot exchange two folders atomically.
_NEW, _FORMER = 'new', 'former'

_TRIES = 10

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def free_place(path, overwrite):
    """
    Make sure that a store may be created at a path.

    Returns
    -------
    `WriterLock` or None
        Lock of the store to be replaced; None if there is none.

    Raises
    ------
    FileExistsError
        If there is a store that may not be replaced, or anything else.
    StampStoreError
        If another process is writing into that store.
    """
    if not os.path.lexists(path) or (path.is_dir() and not any(path.iterdir())):
        return None
    if not is_store(path):
        raise FileExistsError(
            f'{path} exists and is not a store of stamps: remove it, or choose another path.'
        )
    if not overwrite:
        raise FileExistsError(
            f'The store {path} exists already: open it, or set `overwrite` to True.'
        )
    return WriterLock(path)


@contextmanager
def made_folder(path, *, former=None):
    """
    Create a folder that is renamed to ``path`` when the block ends without an error.

    Parameters
    ----------
    path : `~pathlib.Path`
        A path that does not exist, an empty folder, or a store.
    former : `WriterLock`, optional
        Lock of the store to be replaced.

    Yields
    ------
    folder : `~pathlib.Path`
        Temporary folder for the store.
    lock : `WriterLock`
        Lock of the store, which is held also after the block.

    Raises
    ------
    FileExistsError
        If ``path`` has been created by another process in the meantime.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    folder, lock = _new_folder(path)
    try:
        yield folder, lock
        if former is None:
            _move(folder, path)
        else:
            _exchange(folder, path)
        flush_folder(path.parent)
    except BaseException:
        lock.release()
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(path):
    """Remove unfinished and former stores of processes that were killed while creating a store."""
    for found in _beside(path, _NEW, _FORMER):
        lock = _lock_of_the_dead(found)
        if lock is not None:
            shutil.rmtree(found, ignore_errors=True)
            lock.release()


def find_again(path):
    """Restore the name of a store if the process that was replacing it has been killed."""
    if path.exists():
        return
    for found in _beside(path, _FORMER):
        if not _twin(found, _NEW).exists():
            continue  # the new store was in place already and has been removed since
        lock = _lock_of_the_dead(found)
        if lock is not None:
            with suppress(OSError):
                os.rename(found, path)
            lock.release()


def _lock_of_the_dead(folder):
    """The lock of a folder whose process was killed; None if it is running, or in any doubt."""
    try:
        (folder / LOCK).parent.mkdir(exist_ok=True)
        return WriterLock(folder)
    except (OSError, StampStoreError):
        return None


def _new_folder(path):
    for tries in range(_TRIES):
        folder = _hidden(path, _NEW)
        try:
            (folder / LOCK).parent.mkdir(parents=True, exist_ok=True)
            return folder, WriterLock(folder)
        except (FileNotFoundError, StampStoreError):
            # Another process removed it as a leftover, since it was not locked yet.
            if tries == _TRIES - 1:
                raise


def _move(folder, path):
    try:
        if os.name != 'posix' and path.is_dir():
            path.rmdir()
        os.rename(folder, path)
    except OSError as error:
        if not path.exists():
            raise
        raise FileExistsError(
            f'Another process has created {path} in the meantime, which is kept; this store is not '
            'created.'
        ) from error


def _exchange(folder, path):
    """Replace a store, atomically if the system supports it, otherwise in two steps."""
    if _exchanged(folder, path):
        return
    former = _twin(folder, _FORMER)
    os.rename(path, former)
    try:
        os.rename(folder, path)
    except BaseException:
        os.rename(former, path)
        raise
    os.rename(former, folder)  # so that it is not restored


def _exchanged(first, second):
    """Exchange the names of two folders atomically; False if that is not supported."""
    if not sys.platform.startswith('linux'):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    names = [ctypes.c_char_p(os.fsencode(path)) for path in (first, second)]
    here, how = ctypes.c_int(_AT_FDCWD), ctypes.c_uint(_RENAME_EXCHANGE)
    return rename(here, names[0], here, names[1], how) == 0


def _hidden(path, end):
    return path.with_name(f'.{path.name}.{uuid.uuid4().hex[:12]}.{end}')


def _twin(folder, end):
    return folder.with_name(f'{folder.name.rpartition(".")[0]}.{end}')


def _beside(path, *ends):
    """Hidden folders next to a store that belong to it."""
    pattern = re.compile(rf'\.{re.escape(path.name)}\.[0-9a-f]{{12}}\.({"|".join(ends)})')
    try:
        found = os.listdir(path.parent)
    except OSError:
        return []
    return [path.with_name(name) for name in sorted(found) if pattern.fullmatch(name)]
