"""Batches of stamps: their bounds and order, reading ahead, and a `tf.data.Dataset`."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from operator import getitem

import numpy as np

__all__ = ['PooledOrder', 'batch_bounds', 'pooled_batches', 'read_ahead', 'tf_dataset']


def batch_bounds(n, batch_size, *, skip=0, drop_remainder=False):
    """
    First and last position (exclusive) of each batch of n stamps.

    Parameters
    ----------
    n : int
        Number of stamps.
    batch_size : int
        Stamps per batch.
    skip : int, optional
        Number of stamps to skip.
    drop_remainder : bool, optional
        Leave out a last batch that is not full.

    Returns
    -------
    iterator of (int, int)

    Raises
    ------
    ValueError
        If ``batch_size`` or ``skip`` is out of range.

    Examples
    --------
    >>> from astro_wgan.stamps.batches import batch_bounds
    >>> list(batch_bounds(10, 4, skip=1))
    [(1, 5), (5, 9), (9, 10)]
    """
    if batch_size < 1:
        raise ValueError(f'`batch_size` must be at least 1; got {batch_size}.')
    if not 0 <= skip <= n:
        raise ValueError(f'`skip` must be between 0 and the number of stamps, {n}; got {skip}.')
    stop = n - (n - skip) % batch_size if drop_remainder else n
    return ((first, min(first + batch_size, n)) for first in range(skip, stop, batch_size))


class PooledOrder:
    """
    A random order of n stamps that needs only few of them in memory at a time.

    Blocks of neighboring stamps are read in random order, and the stamps of each pool of several
    blocks are shuffled.

    Parameters
    ----------
    n : int
        Number of stamps.
    block : int
        Number of stamps in a block.
    blocks : int
        Number of blocks in a pool.
    seed : int, tuple of int or None
        Seed of the order, which depends only on these arguments. None keeps the original order.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.stamps.batches import PooledOrder
    >>> order = PooledOrder(100, block=8, blocks=4, seed=1)
    >>> stamps = np.concatenate([order.rows(k)[order.mix(k)] for k in range(len(order))])
    >>> bool((np.sort(stamps) == np.arange(100)).all())
    True
    """

    def __init__(self, n, *, block, blocks, seed):
        self._n, self._block, self._seed = n, block, seed
        count = -(-n // block)
        order = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
        self._pools = [np.sort(order[i : i + blocks]) for i in range(0, count, blocks)]
        sizes = [np.minimum((pool + 1) * block, n) - pool * block for pool in self._pools]
        #: First position of each pool in the order, followed by n.
        self.edges = np.cumsum([0, *(size.sum() for size in sizes)])

    def __len__(self):
        return len(self._pools)

    def pool_at(self, position):
        """Index of the pool with a position of the order."""
        return int(np.searchsorted(self.edges, position, side='right')) - 1

    def rows(self, k):
        """Rows of the stamps in a pool, increasing."""
        rows = self._pools[k][:, np.newaxis] * self._block + np.arange(self._block)
        return rows[rows < self._n]

    def mix(self, k):
        """Order of the stamps in a pool, as indices into its `rows`."""
        count = self.edges[k + 1] - self.edges[k]
        if self._seed is None:
            return np.arange(count)
        # An independent stream for each pool, so that iteration can begin with any of them.
        seed = np.random.SeedSequence(self._seed, spawn_key=(k,))
        return np.random.default_rng(seed).permutation(count)


def pooled_batches(read, join, order, bounds, *, take=getitem):
    """
    Batches in a pooled order; each pool is read once, in the background.

    Parameters
    ----------
    read : callable
        Function of increasing rows that returns a set of stamps.
    join : callable
        Function of a list of sets that returns one set.
    order : `PooledOrder`
    bounds : iterable of (int, int)
        Positions in the order, from `batch_bounds`.
    take : callable, optional
        Function of a set, as returned by ``read``, and of different rows of it that returns a
        copy of these; by default an index.

    Yields
    ------
    object
        A set, as returned by ``read``, for each of the bounds.
    """
    bounds = iter(bounds)
    head = next(bounds, None)
    if head is None:
        return
    numbers = range(order.pool_at(head[0]), len(order))
    pools = zip(numbers, read_ahead(lambda k: read(order.rows(k)), numbers), strict=True)
    begin = end = head[0]
    for first, last in chain([head], bounds):
        parts = []
        while first < last:
            if first == end:
                pool = None  # free the memory before the next is read
                k, pool = next(pools)
                begin, end = order.edges[k], order.edges[k + 1]
                mix = order.mix(k)
            stop = min(last, end)
            parts.append(take(pool, mix[first - begin : stop - begin]))
            first = stop
        yield parts[0] if len(parts) == 1 else join(parts)


def read_ahead(read, items):
    """
    ``read(item)`` for each item; the next one is read while the caller uses the last.

    Parameters
    ----------
    read : callable
        Called in another thread.
    items : iterable

    Yields
    ------
    object
        Results of ``read`` in the order of the items.

    Examples
    --------
    >>> from astro_wgan.stamps.batches import read_ahead
    >>> list(read_ahead(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    with ThreadPoolExecutor(1, thread_name_prefix='read-ahead') as thread:
        waiting = None
        for item in items:
            coming = thread.submit(read, item)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()


def tf_dataset(stamps, batch_size, *, shuffle=False, seed=0, drop_remainder=False):
    """
    The filled pixels of stamps as a `tf.data.Dataset` of arrays (batch, ny, nx, bands).

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Anything with ``batches``, ``shape``, ``bands`` and a length.
    batch_size, shuffle, seed, drop_remainder
        As in its ``batches``.

    Returns
    -------
    `tf.data.Dataset`
        Elements are float32; images of one band have a last axis of length 1. The data set has a
        known number of batches and can be iterated again, in the same order.
    """
    import tensorflow as tf

    def pixels():
        options = {'shuffle': shuffle, 'seed': seed, 'drop_remainder': drop_remainder}
        for batch in stamps.batches(batch_size, **options):
            filled = batch.filled().astype(np.float32, copy=False)
            yield filled if filled.ndim == 4 else filled[..., np.newaxis]

    shape = (None, *stamps.shape, stamps.n_bands or 1)
    dataset = tf.data.Dataset.from_generator(
        pixels, output_signature=tf.TensorSpec(shape, tf.float32)
    )
    n = len(stamps)
    count = n // batch_size if drop_remainder else -(-n // batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(count))
