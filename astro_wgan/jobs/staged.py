"""`staged_map`: three steps of work on many pieces, of which the second is not kept waiting."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

__all__ = ['staged_map']


def staged_map(prepare, compute, finish, pieces, *, threads=1):
    """
    Prepare, compute and finish pieces of work, and yield the results in order.

    Pieces are computed one after the other in this thread. While one is, others prepare the next
    pieces and finish those before, which saves time if either releases Python's lock.

    Parameters
    ----------
    prepare : callable
        Function of a piece.
    compute : callable
        Function of what ``prepare`` returned.
    finish : callable
        Function of what ``prepare`` and ``compute`` returned.
    pieces : iterable
        Consumed as needed.
    threads : int, optional
        Number of other threads, and of pieces that are prepared ahead.

    Yields
    ------
    object
        What ``finish`` returned. If a piece raises an error, or Ctrl-C is pressed, those before it
        are finished first.

    Examples
    --------
    >>> from astro_wgan.jobs.staged import staged_map
    >>> list(staged_map(float, abs, max, ['1', '-2', '3']))
    [1.0, 2.0, 3.0]
    """
    pieces, ahead, behind = iter(pieces), deque(), deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix='staged')

    def prepare_more():
        for piece in pieces:
            ahead.append(pool.submit(prepare, piece))
            if len(ahead) >= threads:
                return

    failure = None
    try:
        prepare_more()
        while ahead and failure is None:
            try:
                prepared = ahead.popleft().result()
                prepare_more()
                behind.append(pool.submit(finish, prepared, compute(prepared)))
            except BaseException as error:  # Ctrl-C, too
                failure = error
                for future in ahead:
                    future.cancel()
                ahead.clear()
            while behind and (not ahead or len(behind) > threads or behind[0].done()):
                yield behind.popleft().result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(cancel_futures=True)
