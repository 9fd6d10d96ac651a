"""`RemoteSearcher`: a `LatentSearcher` that other processes build once and keep."""

import pickle
from functools import lru_cache

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
    """

    def __init__(self, searcher):
        self._pickled = pickle.dumps(searcher)

    def local(self):
        """The `LatentSearcher` of this process."""
        return _unpickled(self._pickled)


# One: a searcher holds all weights and graphs of a model.
@lru_cache(maxsize=1)
def _unpickled(pickled):
    return pickle.loads(pickled)
