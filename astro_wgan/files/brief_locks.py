"""`briefly_locked`: other processes wait while a file or folder is changed."""

import os
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

__all__ = ['briefly_locked']


@contextmanager
def briefly_locked(path, *, shared=False):
    """
    Keep other processes off a file or folder during the block; they wait.

    This lock is for moments, such as the renaming of files. The writer of a store, which holds its
    lock for hours, has `~astro_wgan.store.arrays.writer_lock.WriterLock`, which refuses.

    Parameters
    ----------
    path : path-like
        File or folder, which must exist.
    shared : bool, optional
        Whether others that ask for a shared lock, too, may go on: for reading.

    Notes
    -----
    File systems without locks, and Windows, do not keep others off.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from astro_wgan.files.brief_locks import briefly_locked
    >>> with briefly_locked(mkdtemp()):
    ...     pass
    """
    if fcntl is None:
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # of file systems without locks
            fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
