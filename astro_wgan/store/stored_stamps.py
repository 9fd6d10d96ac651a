"""`StoredStamps`: reading a store of stamps as if it were a set of stamps."""

from functools import partial

import numpy as np

from astro_wgan.exceptions import StampStoreError
from astro_wgan.stamps.base import Stamps
from astro_wgan.stamps.batches import PooledOrder, batch_bounds, pooled_batches
from astro_wgan.stamps.concatenation import concatenate
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.dask_arrays import dask_array
from astro_wgan.store.parent_images import ParentImageTable
from astro_wgan.store.schema import empty_set, meta_from_text, read_table
from astro_wgan.validation.axis_order import own_axes
from astro_wgan.validation.indices import normalize_index

__all__ = ['StoredStamps']

#: Bytes of pixels of the neighboring stamps that stay together when a store is shuffled, and of
#: those that are in memory and mixed at the same time.
_BLOCK_BYTES = 2**22
_POOL_BYTES = 2**27


class StoredStamps(Stamps):
    """
    The part of `~astro_wgan.StampStore` that reads.

    Parameters
    ----------
    arrays : `~astro_wgan.store.arrays.appendable.AppendableArrays`
        The opened arrays.

    Attributes
    ----------
    path : `~pathlib.Path`
        Folder of the store.
    """

    def __init__(self, arrays):
        self._arrays = arrays
        self._parents = ParentImageTable(arrays)
        self._empty = empty_set(arrays)
        self._meta = None
        self.path = arrays.path

    def __len__(self):
        return self._arrays.length('pixels')

    def _in_memory(self):
        return self[:]

    @property
    def shape(self):
        """``(ny, nx)`` of each stamp."""
        return self._empty.shape

    @property
    def n_bands(self):
        """Number of bands, or None for plain images ``(n, ny, nx)``."""
        return self._empty.n_bands

    @property
    def bands(self):
        """`~astro_wgan.stamps.Band` of each band, as a tuple."""
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

        Read from the store at each access, without the pixels.
        """
        return self._read_array('valid', np.arange(len(self)))

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
        """Parent image and origin of each stamp; read from the store at each access."""
        return self._parents.geometry(np.arange(len(self)))

    @property
    def meta(self):
        """
        Provenance of the stamps.

        If the template and the appended sets differ in their ``meta``, ``meta['parts']`` is a
        list of these.
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
        """The column ``id`` of the table, as an array; read from the store at each access."""
        return np.asarray(self.read_table(columns=['id'])['id'])

    @property
    def table(self):
        """The `~astropy.table.QTable` with a row per stamp; read from the store at each access."""
        return self.read_table()

    def read_table(self, rows=slice(None), *, columns=None):
        """
        Read some rows or columns of the table.

        Parameters
        ----------
        rows : slice or array_like, optional
            Rows, as in an index of the store; all by default.
        columns : sequence of str, optional
            Names of columns to read; all by default.

        Returns
        -------
        `~astropy.table.QTable`

        Raises
        ------
        KeyError
            If there is no such column.
        """
        return self._in_order(lambda rows: read_table(self._arrays, rows, columns), rows)

    def to_dask(self, name='pixels'):
        """
        An array of the store as a lazy array of Dask.

        Parameters
        ----------
        name : {'pixels', 'uncertainty', 'valid'}, optional
            What it holds: the property of a set of this name.

        Returns
        -------
        `dask.array.Array`
            Shape (n, ny, nx[, bands]); a chunk is a file of the store. What is read is verified by
            its checksums. On a cluster, workers read the store by its path.

        Raises
        ------
        ValueError
            If there is no such array.

        Examples
        --------
        >>> from tempfile import mkdtemp
        >>> import numpy as np
        >>> from astro_wgan import StampSet, StampStore
        >>> store = StampStore.from_stamps(mkdtemp() + '/a.zarr', StampSet(np.ones((5, 8, 8))))
        >>> float(store.to_dask().sum().compute())
        320.0
        """
        names = ('pixels', *(['uncertainty'] if 'uncertainty' in self._arrays else []), 'valid')
        if name not in names:
            raise ValueError(f'`name` must be one of {names}, which this store has; got {name!r}.')
        # A store without identity has one of the former format.
        what = (self._arrays.identity or self.path, len(self), name)
        return dask_array(
            partial(self._in_order, partial(self._read_array, name)),
            (len(self), *self._empty.pixels.shape[1:]),
            np.dtype(bool) if name == 'valid' else self.dtype,
            rows=self._shard,
            name='-'.join(map(str, what)),
        )

    def _read_array(self, name, rows):
        """Pixels, uncertainty or valid pixels of increasing rows."""
        if name != 'valid':
            return self._arrays.read(name, rows)
        if 'mask' not in self._arrays:
            return np.ones((len(rows), *self._empty.pixels.shape[1:]), dtype=bool)
        return ~self._arrays.read('mask', rows)

    def _rows(self, rows):
        return self._in_order(self._read, rows)

    def __iter__(self):
        for batch in self.batches(self._shard):
            yield from batch

    def batches(self, batch_size, *, shuffle=False, seed=0, drop_remainder=False, skip=0):
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
        skip : int, optional
            Number of stamps, in that order, to skip (for instance, to continue an interrupted
            training). They are not read.

        Returns
        -------
        iterator of `~astro_wgan.StampSet`

        Notes
        -----
        Blocks of neighboring stamps (4 MiB: 256 stamps of 64 x 64 pixels) are read in random
        order; the stamps of each pool of blocks (128 MiB: 8192 stamps) are shuffled. A batch is
        thus drawn from 32 blocks, and a store of less than 128 MiB is shuffled as a whole. At
        most three pools are in memory at a time, whatever the size of the store.
        """
        bounds = batch_bounds(len(self), batch_size, skip=skip, drop_remainder=drop_remainder)
        block = self._chunk * max(1, _BLOCK_BYTES // (self._chunk * self._stamp_bytes))
        if not shuffle:
            block = self._shard  # reading whole files is fastest
        blocks = max(1, _POOL_BYTES // (block * self._stamp_bytes))
        order = PooledOrder(len(self), block=block, blocks=blocks, seed=seed if shuffle else None)
        take = StampSet._distinct_rows  # of sets that only this iteration has seen
        return pooled_batches(self._read, concatenate, order, bounds, take=take)

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
        """``read(rows)`` for any index; ``read`` needs increasing rows without repetitions."""
        rows = normalize_index(rows, len(self))
        if len(rows) < 2 or (np.diff(rows) > 0).all():
            return read(rows)
        increasing, order = np.unique(rows, return_inverse=True)
        return read(increasing)[order]

    def _read(self, rows):
        """The stamps of increasing rows."""
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
                bands=self.bands,
                axes=own_axes(parts['pixels'].ndim),
                assume_finite=True,
            )
        except (ValueError, TypeError) as error:
            # What `append` has written are valid arguments of a set.
            raise StampStoreError(f'The store {self.path} is damaged: {error}') from error
