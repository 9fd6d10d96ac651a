"""`ordered_map`, `completed_map`: a function in this or several processes, or on a Dask cluster."""

import os
import pickle
import sys
from collections import deque
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context, parent_process
from threading import Lock, Thread
from types import ModuleType

from astro_wgan.jobs.freed_memory import retain_freed_memory
from astro_wgan.optional import import_optional
from astro_wgan.validation.config_numbers import check_whole_number

__all__ = [
    'check_workers',
    'completed_map',
    'ordered_map',
    'resolve_client',
    'threads_of_client',
]

#: Pieces queued for each worker, so that none waits for the next piece to be read.
_AHEAD = 2

_NO_ANSWER = (
    'The scheduler of the Dask cluster no longer answers, or has canceled the work. Where results '
    'are kept in a file or folder, the same call goes on from there.'
)

_script_lock = Lock()

#: Of a process of a pool: the function, pickled.
_given = []


def check_workers(processes, client):
    """
    Validate a number of processes, or a Dask cluster instead.

    Raises
    ------
    ValueError
        If ``processes`` is not an integer of 1 or more, or is above 1 and there is a ``client``;
        or as in `resolve_client`.
    TypeError
        As in `resolve_client`.
    """
    check_whole_number('processes', processes, 1)
    if processes > 1 and client is not None:
        raise ValueError('Give `processes` or `client`, not both.')
    resolve_client(client)


def resolve_client(client):
    """
    The client of a Dask cluster: the one that is given, or the current one.

    Parameters
    ----------
    client : `dask.distributed.Client`, 'current' or None

    Returns
    -------
    `dask.distributed.Client` or None

    Raises
    ------
    ValueError
        If there is no current client.
    TypeError
        If it is something else, or asynchronous.
    ConnectionError
        If it is closed.

    Examples
    --------
    >>> from astro_wgan.jobs.parallel import resolve_client
    >>> resolve_client('tcp://scheduler:8786')
    Traceback (most recent call last):
    ...
    TypeError: `client` must be a dask.distributed.Client, 'current' or None; got the text ...
    """
    if isinstance(client, str) and client == 'current':
        distributed = import_optional('distributed', purpose='Clusters need')
        try:
            return distributed.Client.current()
        except ValueError:
            raise ValueError(
                "`client` is 'current', but this process has no Dask client: make one first, as "
                "dask.distributed.Client('tcp://scheduler:8786')."
            ) from None
    if client is not None and not hasattr(client, 'submit'):
        what = f'the text {client!r}' if isinstance(client, str) else f'a {type(client).__name__}'
        raise TypeError(
            f"`client` must be a dask.distributed.Client, 'current' or None; got {what}."
        )
    if getattr(client, 'asynchronous', False):
        raise TypeError('`client` must not be asynchronous: make it by dask.distributed.Client().')
    if getattr(client, 'status', None) == 'closed':
        raise ConnectionError('`client` is closed: make another one, and call again.')
    return client


def threads_of_client(client):
    """
    Threads of each worker of a Dask cluster.

    Parameters
    ----------
    client : `dask.distributed.Client`

    Returns
    -------
    list of int

    Raises
    ------
    ConnectionError
        If the scheduler does not answer.
    """
    try:
        return list(client.nthreads().values())
    except OSError as error:
        raise ConnectionError(_NO_ANSWER) from error


def ordered_map(function, pieces, *, processes=1, client=None):
    """
    Apply a function to many pieces of work, and yield the results in order.

    Few more pieces than there are workers are in memory at a time. Each worker gets the function
    once, so that it may hold what all pieces need, such as a model.

    Parameters
    ----------
    function : callable
        Function of one piece. It must be picklable for processes and clusters.
    pieces : iterable
        Consumed as needed.
    processes : int, optional
        Number of processes, including this one. The others are spawned; they import what the
        function needs, and the calling script only if the function is defined in it.
    client : `dask.distributed.Client` or 'current', optional
        Dask cluster to use instead of local processes; ``'current'`` is the client that was made
        last in this process, or that of `dask.distributed.Client.as_current`.

    Yields
    ------
    object
        ``function(piece)``.

    Raises
    ------
    ValueError
        If ``processes`` is below 1, or above 1 although there is a ``client``; or there is no
        current client.
    TypeError
        If ``client`` is something else.
    ConnectionError
        If the scheduler of the cluster no longer answers.

    Examples
    --------
    >>> from astro_wgan.jobs.parallel import ordered_map
    >>> list(ordered_map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    yield from _mapped(function, pieces, processes, client, in_order=True)


def completed_map(function, pieces, *, processes=1, client=None):
    """
    Apply a function to many pieces of work, and yield the results as they are completed.

    No worker waits for a piece of another one that takes long.

    Parameters
    ----------
    function, pieces, processes, client
        As for `ordered_map`, which also documents the errors.

    Yields
    ------
    object
        ``function(piece)``.

    Examples
    --------
    >>> from astro_wgan.jobs.parallel import completed_map
    >>> sorted(completed_map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    yield from _mapped(function, pieces, processes, client, in_order=False)


def _mapped(function, pieces, processes, client, *, in_order):
    check_workers(processes, client)
    if client is not None:
        yield from _on_cluster(function, pieces, resolve_client(client), in_order)
    elif processes > 1:
        yield from _in_processes(function, pieces, processes - 1, in_order)
    else:
        yield from map(function, pieces)


def _on_cluster(function, pieces, client, in_order):
    most = _AHEAD * max(1, sum(threads_of_client(client)))
    next_one = _next_in_order if in_order else _next_on_cluster
    waiting = deque()
    try:
        # A task of its own, whose result workers get from each other: the function may hold a
        # model. If the worker that has it ends, it is made anew.
        function = client.submit(_unchanged, function, pure=False)
        for piece in pieces:
            waiting.append(client.submit(_applied, function, piece, pure=False))
            if len(waiting) >= most:
                yield next_one(waiting).result()
        while waiting:
            yield next_one(waiting).result()
    except (CancelledError, OSError) as error:
        # An OSError of Dask, or of the function, as on a full disk.
        if isinstance(error, OSError) and type(error).__name__ != 'CommClosedError':
            raise
        raise ConnectionError(_NO_ANSWER) from error


def _unchanged(function):
    return function


def _applied(function, piece):
    # Dask makes glibc return what is freed at once, which takes networks a third of their time.
    with retain_freed_memory():
        return function(piece)


def _next_in_order(waiting):
    return waiting.popleft()


def _next_on_cluster(waiting):
    """Take the first that is completed out of those that are waited for."""
    from distributed import wait as wait_for

    done = next(iter(wait_for(list(waiting), return_when='FIRST_COMPLETED').done))
    waiting.remove(done)
    return done


def _next_in_processes(waiting):
    done = next(iter(wait(waiting, return_when=FIRST_COMPLETED).done))
    waiting.remove(done)
    return done


def _in_processes(function, pieces, others, in_order):
    """
    Keep the other processes busy, and work in this process as well.

    Pieces processed here need no transfer, and work starts while the other processes start up.
    """
    pickled = pickle.dumps(function)
    # Forking a process with threads, such as TensorFlow's, may hang.
    pool = ProcessPoolExecutor(
        others, mp_context=get_context('spawn'), initializer=_start, initargs=(pickled,)
    )
    in_script = b'__main__' in pickled
    next_one = _next_in_order if in_order else _next_in_processes

    def send(piece):
        # Processes are started as they are needed.
        with _script_hidden(unless=in_script):
            return pool.submit(_work_there, piece)

    try:
        waiting = deque()
        for piece in pieces:
            sent = sum(not future.done() for future in waiting)
            is_sent = sent < _AHEAD * others
            waiting.append(send(piece) if is_sent else _work_here(function, piece))
            while waiting and (waiting[0].done() if in_order else any(f.done() for f in waiting)):
                yield next_one(waiting).result()
        while waiting:
            yield next_one(waiting).result()
    finally:
        pool.shutdown(cancel_futures=True)


def _start(pickled):
    """Begin a process, which gets the function once and not with each piece."""
    _end_with_parent()
    _given.append(pickled)


def _work_there(piece):
    return _given_function()(piece)


@cache
def _given_function():
    # With the first piece, so that an error is that of a piece.
    return pickle.loads(_given[0])


def _end_with_parent():
    """Exit when the parent process ends: a pool whose parent is killed would wait forever."""

    def wait():
        parent_process().join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


@contextmanager
def _script_hidden(*, unless):
    """
    Start processes without running the calling script in them.

    Spawned processes import the script, which takes seconds if it imports much, and repeats its
    work unless it is guarded by ``if __name__ == '__main__':``.
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
    """Compute a result here as a `Future`, so that errors are raised in order, too."""
    future = Future()
    try:
        future.set_result(function(piece))
    except Exception as error:
        future.set_exception(error)
    return future
