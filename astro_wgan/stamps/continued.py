"""`continued_store`: a store for results, new or as an interrupted call has left it."""

from contextlib import contextmanager
from pathlib import Path

import numpy as np

from astro_wgan.stamps.store import StampStore

__all__ = ['continued_store']


@contextmanager
def continued_store(path, *, like, ids, key):
    """
    A store to write results into, from its end on.

    Parameters
    ----------
    path : path-like
        Where it is, or shall be.
    like : `~astro_wgan.StampSet`
        An empty set with unit, scale and ``meta`` of the results.
    ids : array_like
        Those of all results.
    key : str
        What in ``meta`` makes this work the same as that of an earlier call.

    Yields
    ------
    store : `~astro_wgan.stamps.StampStore`
    meta : dict
        That of the first call.

    Raises
    ------
    ValueError
        If the store there is of other work.
    """
    path = Path(path)
    if not path.exists():
        with StampStore.create(path, like=like) as store:
            yield store, like.meta
        return
    with StampStore.open(path, mode='a') as store:
        same = store.meta.get(key) == like.meta[key]
        if not same or not np.array_equal(store.ids, ids[: len(store)]):
            raise ValueError(
                f'The store at `into`, {path}, is of other stamps or other settings: remove it, '
                'or name another place.'
            )
        yield store, store.meta
