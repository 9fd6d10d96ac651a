"""The classifier of a hunt: trained on its training stamps, or kept from an interruption."""

import numpy as np

from astro_wgan.exceptions import TrainingDivergedError
from astro_wgan.jobs import describe_networks
from astro_wgan.jobs.progress import ProgressLine

__all__ = ['kept_classifier', 'train_hunt_classifier']


def kept_classifier(folder, wgan):
    """
    The classifier that a hunt trained for a model before it was interrupted.

    Parameters
    ----------
    folder : `~astro_wgan.hunting.hunt_folder.HuntFolder`
    wgan : `~astro_wgan.WGAN`
        Fitted model.

    Returns
    -------
    `~astro_wgan.anomaly.classifier.injection_classifier.InjectionClassifier` or None
        None if there is none, it belongs to other networks, or its files are damaged.
    """
    from astro_wgan.anomaly import AnomalyDetector

    try:
        former = AnomalyDetector.load(folder.model)
    except (OSError, ValueError):
        return None
    networks = [
        describe_networks(generator=each.generator_, encoder=each.encoder_)
        for each in (former.wgan, wgan)
    ]
    return getattr(former, 'classifier_', None) if networks[0] == networks[1] else None


def train_hunt_classifier(detector, stamps, config, folder, *, progress=True):
    """
    Train the classifier of a detector, if there are enough stamps.

    Parameters
    ----------
    detector : `~astro_wgan.AnomalyDetector`
        Without a calibration. With its classifier it is written into the folder.
    stamps : `~astro_wgan.StampSet`
        Those that its model was trained on.
    config : `~astro_wgan.HuntConfig`
        With the configuration of a classifier.
    folder : `~astro_wgan.hunting.hunt_folder.HuntFolder`
    progress : bool, optional
        Show progress lines.

    Returns
    -------
    str
        Why there is no classifier, as a sentence for people; empty if there is one.
    """
    from astro_wgan.anomaly.classifier.classifier_training import MIN_STAMPS

    n = np.count_nonzero(stamps.valid.reshape(len(stamps), -1).any(axis=1))
    missing = ''
    if n < MIN_STAMPS:
        missing = f'{n} stamps are too few, {MIN_STAMPS} are needed'
    else:
        try:
            detector.train_classifier(
                stamps, config=config.classifier, seed=config.seed, progress=progress
            )
        except TrainingDivergedError:
            missing = 'its training diverged'
    if not missing:
        # An interrupted hunt finds it here.
        detector.save(folder.model)
        return ''
    with ProgressLine('classifier', quiet=not progress) as line:
        line.note(f'There is no classifier of injected anomalies: {missing}.')
    return f'There is no classifier of injected anomalies: {missing}.'
