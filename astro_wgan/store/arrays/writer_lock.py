"""`WriterLock`: only one process at a time can write into a store."""

import errno
import os
import warnings
import weakref
from pathlib import Path

from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import StampStoreError

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

__all__ = ['LOCK', 'WriterLock']

#: In the folder of an array, since zarr warns of unknown files in the folder of a group.
LOCK = Path('pixels', '.lock')

#: Errors of file systems without locks.
_NO_LOCKS = ('ENOLCK', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL')

_TRIES = 100

_held = weakref.WeakSet()


class WriterLock:
    """
    A lock against other writers of a store.

    It is released by `release`, by garbage collection, or at the end of the process, however it
    ends. A forked process does not hold it. The lock does not wait but refuses, since a writer
    may hold it for hours. (`~astro_wgan.files.brief_locks.briefly_locked` waits, since it is only
    held for moments.)

    Parameters
    ----------
    folder : `~pathlib.Path`
        Folder of the store, with a folder ``pixels`` in it.

    Raises
    ------
    StampStoreError
        If there is another writer, or the store is not writable.
    FileNotFoundError
        If the folder does not exist.
    """

    def __init__(self, folder):
        self._release = weakref.finalize(self, os.close, _locked(folder))
        _held.add(self)

    @property
    def is_held(self):
        """False after `release`, and in a process that was forked."""
        return self._release.alive

    def release(self):
        """Release the lock."""
        self._release()


def _locked(folder):
    """The handle of an open file that holds the lock."""
    for _ in range(_TRIES):
        handle = _open(folder)
        try:
            _lock(handle, folder)
            if _is_there(handle, folder / LOCK):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # another process has replaced or removed the store in the meantime
    raise StampStoreError(f'The store {folder} cannot be locked: it is replaced again and again.')


def _open(folder):
    flags = os.O_RDWR | os.O_CREAT | getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_NONBLOCK', 0)
    try:
        return os.open(folder / LOCK, flags, 0o666)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StampStoreError(f'The store {folder} cannot be written: {error.strerror}.') from error


def _lock(handle, folder):
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StampStoreError(
            f'The store {folder} is already open for writing, in this or another process; only one '
            'writer is possible.'
        ) from error
    except OSError as error:
        if errno.errorcode.get(error.errno) not in _NO_LOCKS:
            raise StampStoreError(
                f'The store {folder} cannot be locked: {error.strerror}.'
            ) from error
        warnings.warn(
            f'The file system of {folder} has no locks: make sure that no other process writes '
            'into this store.',
            AstropyUserWarning,
            stacklevel=6,
        )


def _is_there(handle, path):
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _forget():
    """Release the locks of the parent process in a forked process."""
    for lock in list(_held):
        lock.release()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_forget)
