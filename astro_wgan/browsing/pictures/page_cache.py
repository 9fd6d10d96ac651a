"""`PageCache`: what a page was sent before, in a folder beside the results, up to a size."""

import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from weakref import finalize

from astro_wgan.files.atomic import atomic_write, read_bytes, write_arrays

__all__ = ['PageCache']

#: Bytes of all files.
_LARGEST = 2**30

_NAME = '.browsing'


class PageCache:
    """
    Files that are made again where they are missing.

    Parameters
    ----------
    folder : `~pathlib.Path` or None
        Folder of the results; files are in ``.browsing/VERSION`` in it. Where that cannot be
        written or is a link, or without a folder, in a temporary one that ends with this object.
    version : str
        Version of the results.
    largest : int, optional
        Bytes of all files, beyond which none is written.
    """

    def __init__(self, folder, version, *, largest=_LARGEST):
        self._largest, self._lock = largest, Lock()
        self.folder = None if folder is None else _made(Path(folder) / _NAME / version)
        if self.folder is None:
            self.folder = Path(mkdtemp(prefix='astro_wgan-'))
            finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._size = sum(path.stat().st_size for path in self.folder.glob('[!.]*'))

    def read(self, name):
        """The content of a file, or None."""
        try:
            return read_bytes(self.folder / name)
        except (OSError, ValueError):  # not made yet, or no plain file
            return None

    def write(self, name, content):
        """Keep a content, unless there is no room on the disk or in the limit."""
        if self._has_room(len(content)):
            # The page has it already: a disk that is full only makes it slower.
            with suppress(OSError), atomic_write(self.folder / name) as temporary:
                temporary.write_bytes(content)

    def write_arrays(self, name, **arrays):
        """As `write`, of arrays for `~astro_wgan.files.atomic.read_arrays`."""
        if self._has_room(sum(array.nbytes for array in arrays.values())):
            with suppress(OSError):
                write_arrays(self.folder / name, **arrays)

    def _has_room(self, size):
        with self._lock:
            if self._size + size > self._largest:
                return False
            self._size += size
        return True


def _made(path):
    """A folder that can be written, or None."""
    if path.parent.is_symlink() or path.is_symlink():
        # Results of others could have what is kept written elsewhere.
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
        with atomic_write(path / 'writable') as temporary:
            temporary.touch()
        (path / 'writable').unlink()
    except OSError:
        return None
    return path
