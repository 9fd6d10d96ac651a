"""`ordered_map`: a function over many pieces of work, here, in processes or on a Dask cluster."""

import os
import pickle
import sys
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from numbers import Integral
from threading import Lock, Thread
from types import ModuleType

__all__ = ['check_processes', 'ordered_map']

#: Pieces for each worker: none waits while the next one is read.
_AHEAD = 2

_script_lock = Lock()


def check_processes(processes):
    """
    Refuse a number of processes that is none, before there is anything to do.

    Raises
    ------
    ValueError
        If it is not an integer of 1 or more.
    """
    if not isinstance(processes, Integral) or processes < 1:
        raise ValueError(f'`processes` must be at least 1; got {processes}.')


def ordered_map(function, pieces, *, processes=1, client=None):
    """
    Results in the order of the pieces, with few more pieces in memory than are in work.

    Parameters
    ----------
    function : callable
        Of one piece; for processes and clusters it must be one that can be pickled.
    pieces : iterable
        Taken as they are needed.
    processes : int, optional
        Processes that work, this one among them. The others are spawned; they import what the
        function needs, and the calling script only if the function is part of it.
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
    >>> from astro_wgan.jobs.parallel import ordered_map
    >>> list(ordered_map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    check_processes(processes)
    if client is not None:
        yield from _on_cluster(function, pieces, client)
    elif processes > 1:
        yield from _in_processes(function, pieces, processes - 1)
    else:
        yield from map(function, pieces)


def _on_cluster(function, pieces, client):
    workers = max(1, sum(client.nthreads().values()))
    waiting = deque()
    for piece in pieces:
        waiting.append(client.submit(function, piece))
        if len(waiting) >= _AHEAD * workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _in_processes(function, pieces, others):
    """
    Keep the other processes busy, and work here meanwhile.

    What is worked on here need not be sent anywhere, and it begins while the others still start.
    """
    # A fork of a process that runs threads, as TensorFlow's, may hang.
    pool = ProcessPoolExecutor(
        others, mp_context=get_context('spawn'), initializer=_end_with_parent
    )
    in_script = b'__main__' in pickle.dumps(function)

    def send(function, piece):
        # Processes are started as they are needed.
        with _script_hidden(unless=in_script):
            return pool.submit(function, piece)

    try:
        waiting = deque()
        for piece in pieces:
            sent = sum(not future.done() for future in waiting)
            work = send if sent < _AHEAD * others else _work_here
            waiting.append(work(function, piece))
            while waiting and waiting[0].done():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent():
    """A pool whose parent is killed would wait for work forever."""

    def wait():
        parent_process().join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


@contextmanager
def _script_hidden(*, unless):
    """
    Let processes start without the script that runs.

    Spawned processes run it again, which takes seconds where it imports much, and starts everything
    anew unless it stands under ``if __name__ == '__main__':``.
    """
    if unless:
        yield
        return
    with _script_lock:
        script = sys.modules['__main__']
        sys.modules['__main__'] = ModuleType('__main__')
        try:
            yield
        finally:
            sys.modules['__main__'] = script


def _work_here(function, piece):
    """The result as if it came from elsewhere; an error, too, must wait for its turn."""
    future = Future()
    try:
        future.set_result(function(piece))
    except Exception as error:
        future.set_exception(error)
    return future
