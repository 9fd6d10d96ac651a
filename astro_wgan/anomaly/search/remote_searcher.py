"""`RemoteSearcher`: a `LatentSearcher` that other processes build once and keep."""

import pickle
import threading
from functools import lru_cache

from astro_wgan.jobs.worker_threads import limit_threads

__all__ = ['RemoteSearcher']


class RemoteSearcher:
    """
    A searcher to be sent to other processes, many times.

    To build networks and trace their graphs takes seconds; each process does so once and keeps the
    searcher for the parts of the work that follow.

    Parameters
    ----------
    searcher : `~astro_wgan.anomaly.LatentSearcher`
        The searcher.
    threads : int, optional
        Threads of TensorFlow in a process that has not used it yet.
    """

    def __init__(self, searcher, *, threads=None):
        self._pickled = pickle.dumps(searcher)
        self._threads = threads

    def local(self):
        """The `LatentSearcher` of this process."""
        # A worker of Dask may have several threads.
        with _lock:
            return _unpickled(self._pickled, self._threads)


_lock = threading.Lock()


# One: a searcher holds all weights and graphs of a model.
@lru_cache(maxsize=1)
def _unpickled(pickled, threads):
    limit_threads(threads)
    return pickle.loads(pickled)
