"""`detector_of`: the detector of a survey, which each process loads once from its folder."""

import os
import sys
import threading
from contextlib import suppress

from astro_wgan.surveying.survey_folder import SurveyFolder

__all__ = ['detector_of', 'keep_detector', 'limit_threads', 'threads_of_worker']

_lock = threading.Lock()

#: One, by folder and digest: a detector holds all weights and graphs of a model.
_detectors = {}


def keep_detector(output, model, detector):
    """
    Keep a detector that is in memory already, for `detector_of`.

    Parameters
    ----------
    output : str
        Folder of the survey.
    model : str
        Digest of the model.
    detector : `~astro_wgan.AnomalyDetector`
    """
    with _lock:
        _detectors.clear()
        _detectors[output, model] = detector


def detector_of(output, model, *, threads=None):
    """
    The detector of a survey.

    Parameters
    ----------
    output : str
        Folder of the survey.
    model : str
        Digest of the model.
    threads : int, optional
        Threads of TensorFlow, if this process has not used it yet.

    Returns
    -------
    `~astro_wgan.AnomalyDetector`
    """
    with _lock:
        if (output, model) not in _detectors:
            limit_threads(threads)
            from astro_wgan.anomaly import AnomalyDetector

            _detectors.clear()
            _detectors[output, model] = AnomalyDetector.load(SurveyFolder(output).model)
        return _detectors[output, model]


def threads_of_worker(processes, client):
    """
    Threads of TensorFlow in each process, so that together they have one for each core.

    Parameters
    ----------
    processes : int
    client : `dask.distributed.Client` or None
        A worker of Dask has as many as it is said to have.

    Returns
    -------
    int or None
        None for all cores, in a single process.
    """
    if client is not None:
        return max(1, min(client.nthreads().values(), default=1))
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
