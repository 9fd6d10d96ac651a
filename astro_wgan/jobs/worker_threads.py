"""`limit_threads`: as many threads of TensorFlow in each worker as there are cores for it."""

import os
import sys
from contextlib import suppress

from astro_wgan.jobs.parallel import resolve_client, threads_of_client

__all__ = ['limit_threads', 'threads_of_worker']


def threads_of_worker(processes, client):
    """
    Threads of TensorFlow in each process, so that together they have one for each core.

    Parameters
    ----------
    processes : int
    client : `dask.distributed.Client`, 'current' or None
        A worker of Dask has as many as it is said to have.

    Returns
    -------
    int or None
        None for all cores, in a single process.
    """
    client = resolve_client(client)
    if client is not None:
        return max(1, min(threads_of_client(client), default=1))
    if processes == 1:
        return None
    has_affinity = hasattr(os, 'sched_getaffinity')
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, cores // processes)


def limit_threads(threads):
    """
    Limit the threads of TensorFlow in this process, unless it has computed already.

    Parameters
    ----------
    threads : int or None
    """
    if threads is None:
        return
    if 'tensorflow' not in sys.modules:
        # Also read by libraries that TensorFlow loads.
        os.environ.setdefault('OMP_NUM_THREADS', str(threads))
    import tensorflow as tf

    # Refused once TensorFlow has computed anything in this process.
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
