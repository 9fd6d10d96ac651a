"""One writer of a store at a time: a lock that ends with the process that took it."""

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

#: Lies in an array's folder: in that of the group, zarr would warn of a member it does not know.
LOCK = Path('pixels', '.lock')

#: Errors by which a file system says that it has no locks.
_NO_LOCKS = ('ENOLCK', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL')

_TRIES = 100

_held = weakref.WeakSet()


class WriterLock:
    """
    Keeps other writers out of the folder of a store.

    It ends with `release`, when nothing refers to it any more, or with the process, in any way. A
    process that is forked has no part in it.

    Parameters
    ----------
    folder : `~pathlib.Path`
        With the folder ``pixels`` in it.

    Raises
    ------
    StampStoreError
        If there is another writer, or the store cannot be written.
    FileNotFoundError
        If the folder is gone.
    """

    def __init__(self, folder):
        self._release = weakref.finalize(self, os.close, _locked(folder))
        _held.add(self)

    @property
    def is_held(self):
        """False after `release`, and in a process that was forked."""
        return self._release.alive

    def release(self):
        """Let other writers in."""
        self._release()


def _locked(folder):
    """An open file that holds the lock."""
    for _ in range(_TRIES):
        handle = _open(folder)
        try:
            _lock(handle, folder)
            if _is_there(handle, folder / LOCK):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # another has replaced the store, or removed it, while this one waited
    raise StampStoreError(f'The store {folder} is replaced all the time: it cannot be written.')


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
            f'The store {folder} is being written already, in this or another process: only one '
            'writer at a time.'
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
    """In a forked process: the lock is the parent's, and must not outlive it here."""
    for lock in list(_held):
        lock.release()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_forget)
