"""`StampStore`: stamps on disk, for sets that do not fit in memory."""

from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from astro_wgan.cutouts.folders.cutout_files import batches_of_files
from astro_wgan.stamps.concatenation import concatenate
from astro_wgan.stamps.consistency import check_stamps_type
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.appending import (
    KnownIds,
    RowOfIds,
    check_kind,
    check_same,
    new_rows,
    without_known,
)
from astro_wgan.store.arrays.appendable import AppendableArrays
from astro_wgan.store.schema import create_arrays
from astro_wgan.store.stored_stamps import StoredStamps

__all__ = ['StampStore']

#: Bytes of pixels that are collected before they are written, if many small sets are appended.
_EXTEND_BYTES = 2**26


class StampStore(StoredStamps):
    """
    Stamps in a zarr store on disk, which can be larger than the memory.

    Stores are made by `create` or `from_stamps` and opened by `open`. They have the properties
    and methods of a `~astro_wgan.StampSet` and are indexed in the same way; an index reads the
    chosen stamps as a StampSet.

    Parameters
    ----------
    arrays : `~astro_wgan.store.arrays.appendable.AppendableArrays`
        The opened arrays.

    Attributes
    ----------
    path : `~pathlib.Path`
        Folder of the store.

    Notes
    -----
    The format is zarr version 3 with checksums (crc32c), which any zarr library reads; this class
    reads stores in this format only. Arrays: ``pixels`` (n, ny, nx[, bands]); ``uncertainty`` and
    ``mask`` of the same shape, if there are any; ``origin`` (parent image, x and y of the first
    pixel in it); ``parents`` (shape and WCS of the parent images, as JSON); ``table/...``, an
    array for each plain column; ``psf``; ``meta``. The pixels are in shards of about 16 MiB with
    chunks of about 1 MiB.

    A store opened for reading contains the stamps that were there when it was opened; another
    process may append stamps at the same time.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from astro_wgan import StampSet, StampStore, datasets
    >>> stamps = StampSet.from_image(datasets.load_image('mock_f814w'), size=32)
    >>> store = StampStore.create(mkdtemp() + '/stamps.zarr', like=stamps)
    >>> store.append(stamps)
    >>> store
    <StampStore: ... stamps of 32 x 32 pixels, float32, unit electron / s, 0.03 arcsec / pix>
    >>> store[2:5]
    <StampSet: 3 stamps of 32 x 32 pixels, float32, unit electron / s, 0.03 arcsec / pix>
    """

    def __init__(self, arrays):
        if not isinstance(arrays, AppendableArrays):
            raise TypeError(
                'A StampStore is made by StampStore.open(path) or '
                f'StampStore.create(path, like=stamps); got {arrays!r}.'
            )
        super().__init__(arrays)
        self._known = None

    @classmethod
    def create(cls, path, *, like, chunk=None, shard=None, compression=None, overwrite=False):
        """
        Create an empty store and open it for writing.

        Parameters
        ----------
        path : path-like
            Folder of the store, which is created; its name usually ends in ``.zarr``.
        like : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
            Template for size, bands, dtype, unit, pixel scale, PSF, presence of an uncertainty,
            columns of the table, and meta. It may be empty; its stamps are not written.
        chunk : int, optional
            Number of stamps in a chunk, the smallest unit that is read; by default a power of 2
            that makes up to 1 MiB.
        shard : int, optional
            Number of stamps in a file, a multiple of ``chunk``; by default 16 chunks.
        compression : {'lz4', 'zstd', None}, optional
            Lossless compression of the pixels: fast, dense, or none. Noise hardly compresses:
            observed images as float32 become smaller by 5 to 40 percent, and are read half as
            fast.
        overwrite : bool, optional
            Replace a store at ``path``; other files are never replaced.

        Returns
        -------
        StampStore

        Raises
        ------
        FileExistsError
            If ``path`` exists.
        ValueError
            If an argument is out of range, or the unit cannot be read again from its name.
        TypeError
            If a column of the table is neither of numbers, booleans nor text, or ``meta`` cannot
            be written as YAML.

        Examples
        --------
        >>> import numpy as np
        >>> from tempfile import mkdtemp
        >>> from astro_wgan import StampSet, StampStore
        >>> like = StampSet(np.empty((0, 64, 64), dtype=np.float32), unit='nJy')
        >>> StampStore.create(mkdtemp() + '/stamps.zarr', like=like)
        <StampStore: 0 stamps of 64 x 64 pixels, float32, unit nJy>
        """
        options = {'chunk': chunk, 'shard': shard, 'compression': compression}
        check_stamps_type(like, 'like')
        like = like if isinstance(like, StampSet) else like[:0]
        return cls(create_arrays(path, like, overwrite=overwrite, **options))

    @classmethod
    def from_stamps(
        cls, path, stamps, *, chunk=None, shard=None, compression=None, overwrite=False
    ):
        """
        Write stamps to a new store.

        Parameters
        ----------
        path : path-like
            Folder of the store, which is created; its name usually ends in ``.zarr``.
        stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
            What to write.
        chunk, shard, compression, overwrite
            As in `create`, which also documents the errors.

        Returns
        -------
        StampStore
            Open for writing.

        Examples
        --------
        >>> import numpy as np
        >>> from tempfile import mkdtemp
        >>> from astro_wgan import StampSet, StampStore
        >>> StampStore.from_stamps(mkdtemp() + '/stamps.zarr', StampSet(np.ones((5, 64, 64))))
        <StampStore: 5 stamps of 64 x 64 pixels, float64>
        """
        options = {'chunk': chunk, 'shard': shard, 'compression': compression}
        check_stamps_type(stamps, 'stamps')
        if isinstance(stamps, StampStore) and _is_same(path, stamps.path):
            raise ValueError(f'`path` must not be that of `stamps`, {path}, which would be lost.')
        store = cls.create(path, like=stamps, overwrite=overwrite, **options)
        with store._closed_after_error():
            store.extend([stamps])
        return store

    @classmethod
    def from_files(cls, path, paths, *, overwrite=False, **options):
        """
        Write files of cutouts to a new store, some hundreds at a time.

        Parameters
        ----------
        path : path-like
            Folder of the store, which is created.
        paths, **options
            As in `astro_wgan.StampSet.from_files`, which also documents the columns and errors.
        overwrite : bool, optional
            Replace a store at this path.

        Returns
        -------
        StampStore
            Open for writing. After an error the store is closed, with the stamps written before.

        Examples
        --------
        >>> from astro_wgan import StampStore
        >>> StampStore.from_files('survey.zarr', 'cutouts/*.fits', size=64)  # doctest: +SKIP
        """
        sets = (
            StampSet(**{name: part[name] for name in part if name != 'whole_table'})
            for part in batches_of_files(paths, **options)
        )
        first = next(sets)
        store = cls.create(path, like=first, overwrite=overwrite)
        with store._closed_after_error():
            store.extend(chain([first], sets))
        return store

    @classmethod
    def open(cls, path, mode='r', *, max_size=None):
        """
        Open a store.

        Parameters
        ----------
        path : path-like
            Folder of the store.
        mode : {'r', 'a'}, optional
            Read only, or read and append. ``'a'`` removes the remains of an interrupted writer.
            Only one process can have a store open for writing, until `close` or its end (not
            enforced on Windows).
        max_size : number, optional
            Maximum number of bytes to read at once, by default a quarter of the memory of the
            machine. Larger requests are refused before anything is read, as protection against
            damaged or malicious stores.

        Returns
        -------
        StampStore

        Raises
        ------
        FileNotFoundError
            If ``path`` does not exist.
        astro_wgan.exceptions.StampStoreError
            If it is not a store, is damaged or of another version, or is open for writing
            elsewhere.
        """
        if mode not in ('r', 'a'):
            raise ValueError(f"`mode` must be 'r' or 'a'; got {mode!r}.")
        arrays = AppendableArrays(path, mode=mode, max_size=max_size)
        try:
            return cls(arrays)
        except BaseException:
            arrays.close()
            raise

    def close(self):
        """Close the store for writing, so that another process can write; it can still be read."""
        self._arrays.close()

    @contextmanager
    def _closed_after_error(self):
        """Close a store that its maker cannot hand to the caller."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    @property
    def mode(self):
        """``'a'`` while the store is open for writing, otherwise ``'r'``."""
        return self._arrays.mode

    def __reduce__(self):
        if self.mode == 'a':
            raise TypeError('A store that is open for writing cannot be sent to another process.')
        return _opened_again, (self.path, self._arrays.max_size, self._arrays.identity)

    def append(self, stamps, *, skip_existing=False):
        """
        Append stamps: all of them, or in case of an error or a kill none.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
            With the size, bands, unit and pixel scale of the store, and new ids.
        skip_existing : bool, optional
            Skip stamps that are in the store already, instead of raising an error, so that
            interrupted work can simply be repeated. Different stamps with an id that is in the
            store are an error in any case.

        Raises
        ------
        ValueError
            If the stamps do not fit the store, an id is in it already (with ``skip_existing``:
            with other pixels, mask or uncertainty), or a value overflows the dtype of the store.
        astro_wgan.exceptions.StampStoreError
            If the store was opened for reading, or is damaged.
        OSError
            If the disk is full or fails; the store is not changed.

        Notes
        -----
        The stamps are on the disk when this returns. The last file is rewritten each time, so
        append thousands of stamps at once, or use `extend`.
        """
        check_stamps_type(stamps, 'stamps')
        # In one piece, since all of them or none are appended; `extend` reads a store in parts.
        self.extend([stamps[:]], skip_existing=skip_existing)

    def extend(self, sets, *, skip_existing=False):
        """
        Append many sets of stamps, which are joined to fill whole files.

        Parameters
        ----------
        sets : iterable of `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
            For instance a generator that cuts one image after the other.
        skip_existing : bool, optional
            As in `append`.

        Notes
        -----
        At most the last 64 MiB are lost in an interruption.
        """
        self._arrays.check_writable()
        enough = self._shard * max(1, _EXTEND_BYTES // (self._shard * self._stamp_bytes))
        known = KnownIds(self.ids) if self._known is None else self._known
        waiting, rows = [], None
        for stamps in _sets_in_memory(sets, self._shard):
            check_kind(self._empty, stamps)
            there = known.has(stamps.ids)
            if skip_existing and there.any():
                if waiting or rows is None:
                    self._write(waiting, known)
                    waiting, rows = [], RowOfIds(self.ids)
                check_same(stamps[there], self[rows.find(stamps.ids[there])])
            stamps = without_known(stamps, known, skip_existing=skip_existing)
            known = known.joined(stamps.ids)
            waiting.append(stamps)
            if sum(map(len, waiting)) >= enough:
                self._write(waiting, known)
                waiting, rows = [], None
        self._write(waiting, known)

    def _write(self, sets, known):
        sets = [stamps for stamps in sets if len(stamps)]
        if not sets:
            return
        stamps = concatenate(sets) if len(sets) > 1 else sets[0]
        metas = [stamps.meta for stamps in sets]
        self._known = self._meta = None
        self._arrays.append(new_rows(self._arrays, self._parents, self._empty, stamps, metas))
        self._known = known


def _is_same(path, other):
    return Path(path).resolve() == Path(other).resolve()


def _opened_again(path, max_size, identity):
    """The store that another process has open."""
    store = StampStore.open(path, max_size=max_size)
    store._arrays.check_identity(identity)
    return store


def _sets_in_memory(sets, batch_size):
    """The sets, and instead of a store batches of its stamps."""
    for stamps in sets:
        check_stamps_type(stamps, 'sets')
        if isinstance(stamps, StampSet):
            yield stamps
        else:
            yield from stamps.batches(batch_size)
