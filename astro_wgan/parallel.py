"""`ordered_map`: a function over many pieces of work, here, in processes or on a Dask cluster."""

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

__all__ = ['ordered_map']


def ordered_map(function, pieces, *, processes=1, client=None):
    """
    Results in the order of the pieces, with no more pieces in memory than are in work.

    Parameters
    ----------
    function : callable
        Of one piece; for processes and clusters it must be one that can be pickled.
    pieces : iterable
        Taken as they are needed.
    processes : int, optional
        Processes that work; with 1 it is this one. They are spawned: a script must begin the work
        under ``if __name__ == '__main__':``.
    client : `dask.distributed.Client`, optional
        A cluster that works instead.

    Yields
    ------
    object
        ``function(piece)``.

    Raises
    ------
    ValueError
        If ``processes`` is below 1.

    Examples
    --------
    >>> from astro_wgan.parallel import ordered_map
    >>> list(ordered_map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    if processes < 1:
        raise ValueError(f'`processes` must be at least 1; got {processes}.')
    if client is None and processes == 1:
        yield from map(function, pieces)
        return
    with _workers(processes, client) as (submit, count):
        waiting = deque()
        for piece in pieces:
            waiting.append(submit(function, piece))
            # Two for each worker, so that none waits while the next piece is read.
            if len(waiting) >= 2 * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _workers(processes, client):
    if client is not None:
        yield client.submit, max(1, sum(client.nthreads().values()))
        return
    # A fork of a process that runs threads, as TensorFlow's, may hang.
    pool = ProcessPoolExecutor(processes, mp_context=get_context('spawn'))
    try:
        yield pool.submit, processes
    finally:
        pool.shutdown(cancel_futures=True)
