"""A store appears whole, in the place of a former one or of nothing."""

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

#: Ends of the names of hidden folders beside a store: one that is not finished, and a former one
#: that is about to be replaced where a file system cannot exchange two folders in one step.
_NEW, _FORMER = 'new', 'former'

_TRIES = 10

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def free_place(path, overwrite):
    """
    Make sure that a store may be made at a path.

    Returns
    -------
    `WriterLock` or None
        That on the store to be replaced; None where nothing is.

    Raises
    ------
    FileExistsError
        If there is something else, or a store that may not be replaced.
    StampStoreError
        If that store is being written.
    """
    if not os.path.lexists(path) or (path.is_dir() and not any(path.iterdir())):
        return None
    if not is_store(path):
        raise FileExistsError(
            f'{path} is there already and is no store of stamps: remove it, or name another place.'
        )
    if not overwrite:
        raise FileExistsError(
            f'There is a store at {path} already: open it, or set `overwrite` to True.'
        )
    return WriterLock(path)


@contextmanager
def made_folder(path, *, former=None):
    """
    A folder that takes the place of ``path`` when the block ends without an error.

    Parameters
    ----------
    path : `~pathlib.Path`
        Where nothing is, or an empty folder, or a store.
    former : `WriterLock`, optional
        Held on the store that is to be replaced.

    Yields
    ------
    folder : `~pathlib.Path`
        Where to make the store.
    lock : `WriterLock`
        Held on it, also when it is at its place.

    Raises
    ------
    FileExistsError
        If something has come to ``path`` in the meantime.
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
    """Remove the unfinished or former stores of makers of a store that have been killed."""
    for found in _beside(path, _NEW, _FORMER):
        lock = _lock_of_the_dead(found)
        if lock is not None:
            shutil.rmtree(found, ignore_errors=True)
            lock.release()


def find_again(path):
    """Give a store its name back whose maker was killed between two steps of replacing it."""
    if path.exists():
        return
    for found in _beside(path, _FORMER):
        if not _twin(found, _NEW).exists():
            continue  # that was at its place, and whoever removed it has removed the store
        lock = _lock_of_the_dead(found)
        if lock is not None:
            with suppress(OSError):
                os.rename(found, path)
            lock.release()


def _lock_of_the_dead(folder):
    """The lock of a maker that was killed; None if it lives, or the folder is not ours."""
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
            # Another maker took it for a leftover, as its lock was not there yet.
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
            f'Another process has made {path} in the meantime; that is kept, and this store is '
            'not made.'
        ) from error


def _exchange(folder, path):
    """Replace a store; without the help of the system, in two steps between which it is hidden."""
    if _exchanged(folder, path):
        return
    former = _twin(folder, _FORMER)
    os.rename(path, former)
    try:
        os.rename(folder, path)
    except BaseException:
        os.rename(former, path)
        raise
    os.rename(former, folder)  # a name by which it is not found again


def _exchanged(first, second):
    """Exchange the names of two folders in one step; False where that cannot be done."""
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
    """Hidden folders that belong to a store."""
    pattern = re.compile(rf'\.{re.escape(path.name)}\.[0-9a-f]{{12}}\.({"|".join(ends)})')
    try:
        found = os.listdir(path.parent)
    except OSError:
        return []
    return [path.with_name(name) for name in sorted(found) if pattern.fullmatch(name)]
