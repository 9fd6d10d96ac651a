"""`resume_store`: create a store for results, or open that of an interrupted call."""

from contextlib import contextmanager
from pathlib import Path

from astro_wgan.store.stampstore import StampStore

__all__ = ['resume_store']


@contextmanager
def resume_store(path, *, like, fingerprint):
    """
    Create a store for results, or open that of an interrupted call to append the rest.

    Parameters
    ----------
    path : path-like
        Folder of the store.
    like : `~astro_wgan.StampSet`
        Template with unit, pixel scale and ``meta`` of the results.
    fingerprint : `~astro_wgan.jobs.Fingerprint`
        Identifies the work; it becomes a part of ``meta``.

    Yields
    ------
    store : `~astro_wgan.store.StampStore`
    meta : dict
        Metadata of the first call.

    Raises
    ------
    ValueError
        If the store belongs to other work.
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
