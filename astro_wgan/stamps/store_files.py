"""Files of a store: arrays that reach the disk before they count, and a lock for writers."""

import asyncio
import os
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.storage import LocalStore

from astro_wgan.files import replaced

__all__ = [
    'COMPRESSIONS',
    'LOCK',
    'DurableStore',
    'StampStoreError',
    'create_array',
    'file_rows',
    'flush_folder',
    'locked',
    'open_array',
]

#: How arrays of numbers can be compressed. Blosc sorts the bytes by their significance first.
COMPRESSIONS = ('lz4', 'zstd', None)

#: Lies in an array's folder: in that of the group, zarr would warn of a member it does not know.
LOCK = Path('pixels', '.lock')


#: Each row that counts has its file, also where all is zero, so that a missing one is noticed.
_CONFIG = {'write_empty_chunks': True}


class StampStoreError(ValueError):
    """A folder that is no store of stamps, is damaged, or cannot be used as asked."""


class DurableStore(LocalStore):
    """
    Files that are on the disk before they take the place of former ones.

    zarr's own store also renames a temporary file, so that a kill does no harm; but it does not
    wait for the disk, and after a power failure the new name could belong to an empty file.
    """

    async def set(self, key, value):
        """Write a file, in another thread."""
        await asyncio.to_thread(self.set_sync, key, value)

    def set_sync(self, key, value):
        """Write a file."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as temporary, open(temporary, 'wb') as file:
            file.write(value.as_numpy_array())


def create_array(store, name, *, shape, dtype, chunk, shard, compression):
    """
    Create a zarr array with checksums.

    Parameters
    ----------
    store : `DurableStore`
    name : str
        Path of the array in the store.
    shape : tuple of int
        Of the array. Rows that are there from the first are noted in its attribute ``first``, and
        hold the fill value: zero, False or ''.
    dtype : `~numpy.dtype`
        Numbers, bool, or text.
    chunk, shard : int
        Rows that are read at once at least, and rows in a file (None: ``chunk``).
    compression : {'lz4', 'zstd', None}
        Of numbers; text is always compressed.

    Returns
    -------
    `zarr.Array`
    """
    is_text = dtype.kind == 'U'
    return zarr.create_array(
        store,
        name=name,
        shape=shape,
        dtype=str if is_text else dtype,
        chunks=(chunk, *shape[1:]),
        shards=None if shard is None else (shard, *shape[1:]),
        compressors=[*_compressors(dtype, compression), Crc32cCodec()],
        filters='auto' if is_text else None,
        # Of the pixels, what is missing must not pass for data.
        fill_value=np.nan if dtype.kind in 'fc' else '' if is_text else dtype.type(0),
        # All files in one folder, so that one look shows which are there.
        chunk_key_encoding={'name': 'default', 'separator': '.'},
        attributes={'first': shape[0]},
        config=_CONFIG,
    )


def open_array(store, name):
    """Open an array of `create_array`, for what the store is open for."""
    # zarr keeps this option of an array only in memory.
    with zarr.config.set({f'array.{option}': value for option, value in _CONFIG.items()}):
        return zarr.open_array(store, path=name, mode='r' if store.read_only else 'r+')


def file_rows(array):
    """Rows of an array in one file."""
    return (array.shards or array.chunks)[0]


def locked(path):
    """
    Keep other writers out of a store.

    Returns
    -------
    int
        An open file; others may write when it is closed, or the process has ended in any way.

    Raises
    ------
    StampStoreError
        If there is another writer, or the store cannot be written.
    """
    try:
        handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise StampStoreError(f'The store {path} cannot be written: {error.strerror}.') from error
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        return handle
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise StampStoreError(
            f'The store {path} is being written already, in this or another process: only one '
            'writer at a time.'
        ) from error
    return handle


def flush_folder(path):
    """Make sure that new names of files are on the disk."""
    if os.name != 'posix':
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _compressors(dtype, compression):
    if dtype.kind == 'U':
        return [ZstdCodec(level=1)]
    if compression is None:
        return []
    return [BloscCodec(cname=compression, clevel=1, shuffle='shuffle', typesize=dtype.itemsize)]
