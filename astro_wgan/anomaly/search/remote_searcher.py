"""`RemoteSearcher`: a `LatentSearcher` that other processes build once and keep."""

import pickle
import threading

from astro_wgan.jobs import describe_model, digest_settings
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
        wgan = searcher.wgan
        model = describe_model(wgan, encoder=searcher.encoder, classifier=searcher.classifier)
        what = {'model': model, 'search': searcher.search, 'training': wgan.provenance_}
        # Not of the bytes, in which Keras writes the time.
        self._identity = digest_settings(what)

    def local(self):
        """The `LatentSearcher` of this process."""
        # A worker of Dask may have several threads.
        with _lock:
            if self._identity not in _searchers:
                limit_threads(self._threads)
                _searchers.clear()
                _searchers[self._identity] = pickle.loads(self._pickled)
            return _searchers[self._identity]


_lock = threading.Lock()

#: One, by identity: a searcher holds all weights and graphs of a model.
_searchers = {}
