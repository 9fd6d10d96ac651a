"""`StampStore`: stamps on disk, for sets that do not fit in memory."""

from functools import partial

import numpy as np

from astro_wgan.exceptions import StampStoreError
from astro_wgan.stamps.base import Stamps
from astro_wgan.stamps.batches import PooledOrder, batch_bounds, pooled_batches
from astro_wgan.stamps.concatenation import concatenate
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.appending import (
    KnownIds,
    PlaceOfIds,
    check_kind,
    check_same,
    new_rows,
    without_known,
)
from astro_wgan.store.arrays.appendable import AppendableArrays
from astro_wgan.store.parent_images import ParentImageTable
from astro_wgan.store.schema import create_arrays, empty_set, meta_from_text, read_table
from astro_wgan.validation.axis_order import own_axes
from astro_wgan.validation.indices import normalize_index

__all__ = ['StampStore']

#: Stamps that stay neighbours when they are shuffled, and stamps that are mixed with each other,
#: in bytes of pixels.
_BLOCK_BYTES = 2**22
_POOL_BYTES = 2**27

#: What is collected before it is written, when small sets follow each other.
_EXTEND_BYTES = 2**26


class StampStore(Stamps):
    """
    Stamps in a zarr store on disk, which can be larger than the memory.

    Made by `create` and `open`. It is walked over, sliced and asked for its properties as a
    `~astro_wgan.StampSet`; slices are StampSets, read when they are asked for.

    Parameters
    ----------
    arrays : `~astro_wgan.store.arrays.appendable.AppendableArrays`
        The opened arrays.

    Attributes
    ----------
    path : `~pathlib.Path`
        The folder of the store.

    Notes
    -----
    The format is zarr version 3 with checksums (crc32c), which any zarr program reads; what is read
    here is this format alone. Arrays:
    ``pixels`` (n, ny, nx[, bands]); ``uncertainty`` and ``mask`` alike, where there are any;
    ``origin`` (parent image, x and y of the first pixel there); ``parents`` (shape and WCS of the
    parent images, as JSON); ``table/...``, an array for each plain column; ``psf``; ``meta``. The
    pixels are in shards of about 16 MiB, made of chunks of about 1 MiB.

    An object opened for reading sees the stamps that were there when it was opened; another may
    append at the same time.

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
        self._arrays = arrays
        self._parents = ParentImageTable(arrays)
        self._empty = empty_set(arrays)
        self._known = self._meta = None
        self.path = arrays.path

    @classmethod
    def create(cls, path, *, like, chunk=None, shard=None, compression=None, overwrite=False):
        """
        Make a new, empty store and open it for writing.

        Parameters
        ----------
        path : path-like
            Where; a folder is made there, of which the name by custom ends in ``.zarr``.
        like : `~astro_wgan.StampSet`
            What the stamps are: size, bands, dtype, unit, pixel scale, PSF, whether they have
            uncertainty, the columns of the table, and meta. It may be empty; none of its stamps is
            written.
        chunk : int, optional
            Stamps that are read at once at least; by default a power of 2 of them with 1 MiB.
        shard : int, optional
            Stamps in a file, a multiple of ``chunk``; by default 16 times that.
        compression : {'lz4', 'zstd', None}, optional
            How pixels are compressed, without loss: quickly, densely, or not. Noise hardly
            shrinks: of images of telescopes as float32 some 5 to 40 per cent are saved, and
            they are read half as fast. Images without noise are another matter.
        overwrite : bool, optional
            Replace a store that is at ``path``. Nothing else is ever replaced.

        Returns
        -------
        StampStore

        Raises
        ------
        FileExistsError
            If something is at ``path``.
        ValueError
            If an argument is out of range, or the unit has no name by which it can be read again.
        TypeError
            If a column of the table holds neither numbers, truth values nor text, or meta holds
            what YAML cannot.

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
            All of these are written.
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
        in_memory = isinstance(stamps, StampSet)
        store = cls.create(
            path, like=stamps if in_memory else stamps[:0], overwrite=overwrite, **options
        )
        store.extend([stamps] if in_memory else stamps.batches(store._shard))
        return store

    @classmethod
    def open(cls, path, mode='r', *, max_size=None):
        """
        Open a store.

        Parameters
        ----------
        path : path-like
            Its folder.
        mode : {'r', 'a'}, optional
            For reading, or also for appending. ``'a'`` removes what an interrupted writer left
            behind. There is one writer at a time, which `close` or the end of its process ends
            (not enforced on Windows).
        max_size : number, optional
            Bytes of memory that may be read at once, by default a quarter of the machine's. What
            takes more, as of a store that is not what it seems to be, is refused before it is
            read.

        Returns
        -------
        StampStore

        Raises
        ------
        FileNotFoundError
            If there is nothing at ``path``.
        astro_wgan.exceptions.StampStoreError
            If there is something else, or a damaged store, or one of another version, or another
            writer has it open.
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
        """End the writing, so that another writer can open the store; it can still be read."""
        self._arrays.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __reduce__(self):
        if self._arrays.mode == 'a':
            raise TypeError('A store that is open for writing cannot be sent to another process.')
        return partial(StampStore.open, max_size=self._arrays.max_size), (self.path,)

    # What the store is

    def __len__(self):
        return self._arrays.length('pixels')

    def _in_memory(self):
        return self[:]

    @property
    def shape(self):
        """``(ny, nx)`` of each stamp."""
        return self._empty.shape

    @property
    def bands(self):
        """Number of bands, or None for plain images ``(n, ny, nx)``."""
        return self._empty.bands

    @property
    def dtype(self):
        """Dtype of the pixels."""
        return self._empty.pixels.dtype

    @property
    def nbytes(self):
        """Bytes of pixels, uncertainty and mask if they were all read into memory."""
        arrays = [name for name in ('pixels', 'uncertainty', 'mask') if name in self._arrays]
        return len(self) * sum(self._arrays[name].row_bytes for name in arrays)

    @property
    def valid(self):
        """
        True for each pixel that may be used: finite and not masked; shape (n, ny, nx[, bands]).

        Read each time it is asked for, without the pixels.
        """
        if 'mask' not in self._arrays:
            return np.ones((len(self), *self._empty.pixels.shape[1:]), dtype=bool)
        return ~self._arrays.read('mask', np.arange(len(self)))

    @property
    def unit(self):
        """Unit of the pixels, or None."""
        return self._empty.unit

    @property
    def pixel_scale(self):
        """Angle of a pixel's edge, in arcsec per pixel, or None."""
        return self._empty.pixel_scale

    @property
    def psf(self):
        """Image of the point spread function, or None."""
        return self._empty.psf

    @property
    def geometry(self):
        """The place of each stamp in its parent image; read each time it is asked for."""
        return self._parents.geometry(np.arange(len(self)))

    @property
    def meta(self):
        """
        Provenance: that of the stamps, or where sets differ, as ``meta['parts']`` a list.

        It is the list of the different ``meta`` of the template and of the appended sets.
        """
        if self._meta is None:
            texts = self._arrays.read('meta', np.arange(self._arrays.length('meta')))
            try:
                parts = [meta_from_text(text) for text in texts]
            except ValueError as error:
                raise StampStoreError(
                    f'The provenance (`meta`) of the store {self.path} is damaged: {error}'
                ) from error
            self._meta = {'parts': parts} if len(parts) > 1 else parts[0] if parts else {}
        return self._meta

    @property
    def ids(self):
        """The column ``id`` of the table, as an array; read each time it is asked for."""
        return np.asarray(self.read_table(columns=['id'])['id'])

    @property
    def table(self):
        """The `~astropy.table.QTable` with a row per stamp; read each time it is asked for."""
        return self.read_table()

    def read_table(self, rows=slice(None), *, columns=None):
        """
        A part of the table.

        Parameters
        ----------
        rows : slice or array_like, optional
            Which rows, as in an index.
        columns : sequence of str, optional
            Names of columns; all by default. The others are not read.

        Returns
        -------
        `~astropy.table.QTable`

        Raises
        ------
        KeyError
            If there is no such column.
        """
        return self._in_order(lambda rows: read_table(self._arrays, rows, columns), rows)

    # Reading

    def __getitem__(self, rows):
        return self._in_order(self._read, rows)

    def __iter__(self):
        for batch in self.batches(self._shard):
            yield from batch

    def batches(self, batch_size, *, shuffle=False, seed=0, drop_remainder=False, start=0):
        """
        Iterate over the stamps in batches; the next stamps are read in the background.

        Parameters
        ----------
        batch_size : int
            Stamps per batch; the last batch may be smaller.
        shuffle : bool, optional
            Random order; see the notes.
        seed : int or tuple of int, optional
            Seed of that order, which depends only on it and on the size and chunks of the store;
            ``(seed, epoch)`` gives each epoch its own.
        drop_remainder : bool, optional
            Leave out a last batch that is not full.
        start : int, optional
            Number of stamps, in that order, to skip (for instance, to continue an interrupted
            training). They are not read.

        Returns
        -------
        iterator of `~astro_wgan.StampSet`

        Notes
        -----
        Blocks of neighbouring stamps (4 MiB: 256 stamps of 64 x 64 pixels) come in a random order;
        as many as make 128 MiB (8192 stamps) are a pool, in which the stamps are mixed. So a batch
        is drawn from 32 places of the store, and a store of less than 128 MiB is mixed as a whole.
        The memory in use is that of two to three pools, however many stamps there are.
        """
        bounds = batch_bounds(len(self), batch_size, start=start, drop_remainder=drop_remainder)
        block = self._chunk * max(1, _BLOCK_BYTES // (self._chunk * self._stamp_bytes))
        if not shuffle:
            block = self._shard  # whole files are the fastest
        blocks = max(1, _POOL_BYTES // (block * self._stamp_bytes))
        order = PooledOrder(len(self), block=block, blocks=blocks, seed=seed if shuffle else None)
        return pooled_batches(self._read, concatenate, order, bounds)

    # Writing

    def append(self, stamps, *, skip_existing=False):
        """
        Add stamps at the end: all of them, or in case of an error or a kill none.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`
            Of the size, bands, unit and pixel scale of the store, with ids of their own.
        skip_existing : bool, optional
            Leave out stamps that are there already, instead of raising; so that work that was
            interrupted can be done again as a whole. Other stamps with an id that is there are
            an error all the same.

        Raises
        ------
        ValueError
            If the stamps are of another kind, an id is there already (with ``skip_existing``:
            with other pixels, mask or uncertainty), or a value is too large for the dtype of the
            store.
        astro_wgan.exceptions.StampStoreError
            If the store was opened for reading, or is damaged.
        OSError
            If the disk is full or fails; the store stays as it was.

        Notes
        -----
        When this returns, the stamps are on the disk. The last file is written anew each time, so
        add thousands of stamps at once, or let `extend` do so.
        """
        self.extend([stamps], skip_existing=skip_existing)

    def extend(self, sets, *, skip_existing=False):
        """
        Add many sets of stamps, of any size, joined to sets that fill whole files.

        Parameters
        ----------
        sets : iterable of `~astro_wgan.StampSet`
            For instance a generator, image by image.
        skip_existing : bool, optional
            As in `append`.

        Notes
        -----
        An interruption loses at most the last 64 MiB.
        """
        self._arrays.check_writable()
        enough = self._shard * max(1, _EXTEND_BYTES // (self._shard * self._stamp_bytes))
        known = KnownIds(self.ids) if self._known is None else self._known
        waiting, place = [], None
        for stamps in sets:
            check_kind(self._empty, stamps)
            there = known.has(stamps.ids)
            if skip_existing and there.any():
                if waiting or place is None:
                    self._write(waiting, known)
                    waiting, place = [], PlaceOfIds(self.ids)
                check_same(stamps[there], self[place.rows(stamps.ids[there])])
            stamps = without_known(stamps, known, skip_existing=skip_existing)
            known = known.joined(stamps.ids)
            waiting.append(stamps)
            if sum(map(len, waiting)) >= enough:
                self._write(waiting, known)
                waiting, place = [], None
        self._write(waiting, known)

    # How

    @property
    def _stamp_bytes(self):
        return self.dtype.itemsize * int(np.prod(self._empty.pixels.shape[1:]))

    @property
    def _chunk(self):
        return self._arrays['pixels'].chunk

    @property
    def _shard(self):
        return self._arrays['pixels'].file_rows

    def _in_order(self, read, rows):
        """``read(rows)`` for rows chosen in any way that a StampSet knows."""
        rows = normalize_index(rows, len(self))
        if len(rows) < 2 or (np.diff(rows) > 0).all():
            return read(rows)
        increasing, order = np.unique(rows, return_inverse=True)
        return read(increasing)[order]

    def _read(self, rows):
        """The stamps of rows in increasing order."""
        parts = {
            name: self._arrays.read(name, rows)
            for name in ('pixels', 'uncertainty', 'mask')
            if name in self._arrays
        }
        parts['geometry'] = self._parents.geometry(rows)
        parts['table'] = read_table(self._arrays, rows)
        parts['meta'] = self.meta
        try:
            return StampSet(
                **parts,
                unit=self.unit,
                pixel_scale=self.pixel_scale,
                psf=self.psf,
                axes=own_axes(parts['pixels'].ndim),
                assume_finite=True,
            )
        except (ValueError, TypeError) as error:
            # Of what `append` has written, a set can be made.
            raise StampStoreError(f'The store {self.path} is damaged: {error}') from error

    def _write(self, sets, known):
        sets = [stamps for stamps in sets if len(stamps)]
        if not sets:
            return
        stamps = concatenate(sets) if len(sets) > 1 else sets[0]
        metas = [stamps.meta for stamps in sets]
        self._known = self._meta = None
        self._arrays.append(new_rows(self._arrays, self._parents, self._empty, stamps, metas))
        self._known = known
