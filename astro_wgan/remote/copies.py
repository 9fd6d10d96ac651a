"""`copied`: whole files at URIs as temporary files, of which the last few are kept."""

import os
import shutil
import tempfile
import weakref
from collections import OrderedDict
from threading import Lock

from astro_wgan.exceptions import RemoteFileError

__all__ = ['copied']

#: Copies that are kept, since an image is opened several times while stamps are cut from it.
_KEPT = 4


def copied(download, size, *, key, where):
    """
    The whole file as a temporary file, from which it can be read in any order.

    Parameters
    ----------
    download : callable
        Writes the file at a path that it is given.
    size : int or None
        Its bytes, if they are known.
    key : hashable
        Files of the same key have the same content.
    where : str
        Name of the file, for errors.

    Returns
    -------
    binary file

    Raises
    ------
    astro_wgan.exceptions.RemoteFileError
        If the disk is full; and what ``download`` raises.
    """
    copy = _COPIES.get(key)
    if copy is None:
        room = shutil.disk_usage(tempfile.gettempdir()).free
        if size is not None and size > room:
            raise RemoteFileError(
                f'{where} has {size:,} bytes, and has to be copied to {tempfile.gettempdir()}, '
                f'which has room for {room:,}. TMPDIR names another folder.'
            )
        copy = _Copy()
        download(copy.path)
        _COPIES.put(key, copy)
    return open(copy.path, 'rb')


class _Copy:
    """A temporary file, which is removed with the object."""

    def __init__(self):
        handle, self.path = tempfile.mkstemp(prefix='astro_wgan-')
        os.close(handle)
        weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(path, process):
    """Remove a copy, unless this process is a fork of the one that made it."""
    if os.getpid() == process:
        os.unlink(path)


class _Copies:
    """Copies by key, of which those that were used least recently are removed."""

    def __init__(self):
        self._copies, self._lock = OrderedDict(), Lock()

    def get(self, key):
        with self._lock:
            if key in self._copies:
                self._copies.move_to_end(key)
            return self._copies.get(key)

    def put(self, key, copy):
        with self._lock:
            self._copies[key] = copy
            while len(self._copies) > _KEPT:
                self._copies.popitem(last=False)


_COPIES = _Copies()
