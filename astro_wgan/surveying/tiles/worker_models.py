"""`detector_of`: the detector of a survey, which each process loads once from its folder."""

import threading

from astro_wgan.jobs.worker_threads import limit_threads
from astro_wgan.surveying.survey_folder import SurveyFolder

__all__ = ['detector_of', 'keep_detector']

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
