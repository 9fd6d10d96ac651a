"""`resume_store`: a store for results, new or as an interrupted call has left it."""

from contextlib import contextmanager
from pathlib import Path

from astro_wgan.store.stampstore import StampStore

__all__ = ['resume_store']


@contextmanager
def resume_store(path, *, like, fingerprint):
    """
    A store to write results into, from its end on.

    Parameters
    ----------
    path : path-like
        Where it is, or shall be.
    like : `~astro_wgan.StampSet`
        An empty set with unit, scale and ``meta`` of the results.
    fingerprint : `~astro_wgan.jobs.Fingerprint`
        What makes this work the same as that of an earlier call; it becomes a part of ``meta``.

    Yields
    ------
    store : `~astro_wgan.store.StampStore`
    meta : dict
        That of the first call.

    Raises
    ------
    ValueError
        If the store there is of other work.
    """
    path = Path(path)
    if not path.exists():
        like = like[:0]
        like.meta['fingerprint'] = fingerprint.to_dict()
        with StampStore.create(path, like=like) as store:
            yield store, like.meta
        return
    with StampStore.open(path, mode='a') as store:
        other = fingerprint.mismatch(store.meta.get('fingerprint'))
        if other:
            raise ValueError(
                f'The store at `output`, {path}, {other}. Remove it to start anew, or name another '
                'place.'
            )
        yield store, store.meta
