"""`train_detector`: from stamps to a calibrated detector in a folder."""

import shutil
import sys
import warnings
from contextlib import nullcontext

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.bands.trained_bands import check_weights_of_bands
from astro_wgan.exceptions import DamagedFileError
from astro_wgan.features.given_features import features_of
from astro_wgan.files.limits import largest_size
from astro_wgan.hunting.detector_config import DetectorConfig
from astro_wgan.hunting.hunt_classifier import kept_classifier, train_hunt_classifier
from astro_wgan.hunting.hunt_folder import HuntFolder
from astro_wgan.hunting.initial_model import check_initial_model, find_initial_model
from astro_wgan.hunting.stamp_making import making_of_stamps
from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps, digest
from astro_wgan.jobs.parallel import check_workers
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.remote.output_paths import output_path
from astro_wgan.stamps import Stretch
from astro_wgan.stamps.intensity.stretch_levels import sample_of
from astro_wgan.stamps.intensity.stretched_images import describe_stretch
from astro_wgan.store import StampStore, as_stamps
from astro_wgan.tensorflow_messages import without_messages

__all__ = [
    'draw_training',
    'load_tensorflow',
    'record_work',
    'start_of_training',
    'train_detector',
    'train_networks',
    'trained_rows',
]

#: Under this name the provenance of a model says which work it is the result of.
_WORK = 'work'

#: Stamps that are in memory at a time when a part of a store is written.
_AT_ONCE = 1024


def train_detector(
    stamps,
    *,
    output,
    config=None,
    initial_model='auto',
    features=None,
    processes=1,
    client=None,
    progress=True,
):
    """
    Train a WGAN on most of some stamps, and calibrate its detector on the others.

    What `~astro_wgan.hunt` does with the stamps of an image, without scoring them.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
        Square stamps, most of them normal, or the path of a store of them.
    output : path-like
        Folder of the model, which is made. Until it is complete, what is done is in the folder
        ``OUTPUT.unfinished`` beside it: an interrupted call that is repeated goes on from there.
    config : `~astro_wgan.hunting.DetectorConfig`, optional
        Networks, limits of the training, classifier, and calibration.
    initial_model : optional
        A model whose weights the training starts from, as in `~astro_wgan.hunt`.
    features : array_like, shape (n, d), table or callable, optional
        Features of the stamps, whose distance from those of the held-out stamps becomes a term of
        the score, as in `AnomalyDetector.calibrate <astro_wgan.AnomalyDetector.calibrate>`.
    processes, client : optional
        Processes or cluster that measure the held-out stamps, as in `~astro_wgan.hunt`.
    progress : bool, optional
        Show progress lines.

    Returns
    -------
    `~astro_wgan.AnomalyDetector`
        Calibrated. If ``output`` holds the result of the same call already, it is that.

    Raises
    ------
    FileExistsError
        If ``output`` holds anything else.
    HuntFolderError
        If a folder cannot be written, or holds what is done of other work.
    ValueError
        If configuration, initial model or features are invalid, or stamps do not fit the networks
        or are too few.
    KeyboardInterrupt
        After Ctrl-C, once the state has been written.

    Examples
    --------
    >>> from astro_wgan.hunting import DetectorConfig, train_detector
    >>> detector = train_detector(  # doctest: +SKIP
    ...     'stamps.zarr', output='model', config=DetectorConfig(minutes=10)
    ... )
    """
    config = DetectorConfig() if config is None else config
    check_workers(processes, client)
    check_initial_model(initial_model, None)
    stamps = as_stamps(stamps)
    _check_square(stamps)
    rows = draw_training(stamps, config)
    features = None if features is None else features_of(features, stamps)
    output = output_path(output)
    folder = HuntFolder(output.with_name(f'{output.name}.unfinished'), work='training')
    load_tensorflow(progress)
    from astro_wgan.anomaly import AnomalyDetector

    start = start_of_training(initial_model, stamps, config, progress)
    groups = {'settings': describe_settings(config), 'stamps': describe_stamps(stamps)}
    groups['initial model'] = start.describe()
    if features is not None:
        groups['features'] = {'values': digest(features)}
    work = Fingerprint(groups)
    if output.exists() and not _is_empty_folder(output):
        return _completed(AnomalyDetector, output, work, folder)
    folder.claim(work)
    try:
        training = _part_of(stamps, rows, folder.path / 'training.zarr')
        making = making_of_stamps(stamps)
        detector = train_networks(training, config, folder, start, making, progress)
        record_work(detector, work)
        if config.classifier is not None and not hasattr(detector, 'classifier_'):
            train_hunt_classifier(detector, training, config, folder, progress=progress)
    except (TypeError, ValueError):
        # A call with corrected arguments is other work.
        folder.release()
        raise
    held_out = _part_of(stamps, ~rows, folder.path / 'held_out.zarr')
    measurements = detector.measure(
        held_out,
        features=None if features is None else features[~rows],
        output=folder.partial_scores,
        processes=processes,
        client=client,
        progress=progress,
    )
    detector.calibrate(measurements, contamination=config.contamination)
    detector.save(output)
    shutil.rmtree(folder.path, ignore_errors=True)
    return detector


def load_tensorflow(progress):
    """Load it with a line that says what takes some seconds."""
    with ProgressLine('loading TensorFlow', quiet=not progress) as line:
        line.update(0.0)
        is_loaded = 'tensorflow' in sys.modules
        with nullcontext() if is_loaded else without_messages(in_notebooks=True):
            # Not at the top: `import astro_wgan` must not load TensorFlow.
            from astro_wgan.anomaly import AnomalyDetector  # noqa: F401


def record_work(detector, work):
    """
    Add the work that it is the result of to the provenance of a model.

    Parameters
    ----------
    detector : `~astro_wgan.AnomalyDetector`
    work : `~astro_wgan.jobs.Fingerprint`
        Of stamps and of settings, among them the fraction held out and the seed.
    """
    detector.wgan.provenance_[_WORK] = work.to_dict()


def trained_rows(detector, stamps):
    """
    Which of some stamps a detector was trained on, if they are all those of its training.

    Parameters
    ----------
    detector : `~astro_wgan.AnomalyDetector`
        From `train_detector` or a hunt.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`

    Returns
    -------
    `~numpy.ndarray` of bool, shape (n,), or None
        True for those; the others are those of the calibration. None for other stamps.

    Raises
    ------
    DamagedFileError
        If the provenance of the detector cannot be read.
    """
    work = detector.wgan.provenance_.get(_WORK)
    if work is None:
        return None
    try:
        known, settings = work['stamps'], work['settings']
        if known['count'] != len(stamps):
            return None
        mine = describe_stamps(stamps)
        if any(known[name] != mine[name] for name in ('ids', 'pixels', 'masks')):
            return None
        return _drawn(len(stamps), settings['held_out_fraction'], settings['seed'])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(
            f'The training that the provenance of `model` states cannot be read: {error}.'
        ) from error


def draw_training(stamps, config):
    """
    Draw the stamps to train on at random.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
    config : `DetectorConfig` or `HuntConfig`

    Returns
    -------
    `~numpy.ndarray` of bool, shape (n,)
        False for the stamps that are held out.

    Raises
    ------
    ValueError
        If there are too few.
    """
    from astro_wgan.wgan import TrainingConfig

    min_stamps = TrainingConfig.preset(config.preset).min_stamps
    rows = _drawn(len(stamps), config.held_out_fraction, config.seed)
    if rows.sum() < min_stamps or rows.all():
        raise ValueError(
            f'{len(stamps)} stamps are too few to train on: at least {min_stamps} are needed in '
            'addition to those held out. Lower the detection threshold or `min_area`, use '
            "smaller stamps or partial='fill', or a trained `model`."
        )
    return rows


def start_of_training(initial_model, stamps, config, progress):
    """
    The model that the training starts from.

    Parameters
    ----------
    initial_model, progress
        As in `~astro_wgan.hunt`.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
    config : `DetectorConfig` or `HuntConfig`

    Returns
    -------
    `~astro_wgan.hunting.initial_model.InitialModel`

    Raises
    ------
    ValueError
        If it does not fit the stamps.
    """
    from astro_wgan.wgan import NetworkConfig

    network = NetworkConfig.preset(config.preset, size=stamps.shape[0], bands=stamps.n_bands or 1)
    with ProgressLine('initial model', quiet=not progress) as line:
        line.update(0.0)
        start = find_initial_model(initial_model, network, pixel_scale=stamps.pixel_scale)
        if start.reason:
            line.note(f'{start.name}: {start.reason}')
        line.update(1.0, start.name)
    if start.wgan is not None:
        check_weights_of_bands(stamps, start.wgan.bands_)
    return start


def train_networks(stamps, config, folder, start, making, progress):
    """
    Train the networks, or take up what an interrupted call has left.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
        Training set.
    config : `DetectorConfig` or `HuntConfig`
    folder : `~astro_wgan.hunting.hunt_folder.HuntFolder`
    start : `~astro_wgan.hunting.initial_model.InitialModel`
    making : `~astro_wgan.hunting.stamp_making.StampMaking` or None
        How the stamps were made, which the model records.
    progress : bool

    Returns
    -------
    `~astro_wgan.AnomalyDetector`
        Without calibration; with a classifier if the interrupted call had trained it.
    """
    from astro_wgan.anomaly import AnomalyDetector
    from astro_wgan.wgan import WGAN

    # Bands may have different units.
    stretch = Stretch(_kind_of_stretch(stamps, config), per_band=stamps.n_bands is not None)
    wgan = WGAN.preset(config.preset, size=stamps.shape[0], stretch=stretch)
    wgan.fit(
        stamps,
        **config.limits_from(start.wgan),
        seed=config.seed,
        initial_model=start.wgan,
        checkpoint=folder.checkpoint,
        progress=progress,
    )
    if making is not None:
        making.record(wgan)
    classifier = kept_classifier(folder, wgan)
    if classifier is None:
        # Would replace a detector, and its classifier.
        wgan.save(folder.model)
    return AnomalyDetector(wgan, classifier=classifier)


def _kind_of_stretch(stamps, config):
    """The scale of intensities that is asked for, or found for these stamps."""
    if config.stretch != 'auto':
        return config.stretch
    reason = describe_stretch(sample_of(stamps, seed=0))
    if not reason:
        return 'asinh'
    warnings.warn(
        f'The stamps seem to have been stretched for display, as {reason}: their intensities are '
        "taken as they are. Give `stretch`, 'linear' or 'asinh', to choose yourself.",
        AstropyUserWarning,
        stacklevel=4,
    )
    return 'linear'


def _check_square(stamps):
    ny, nx = stamps.shape
    if ny != nx:
        raise ValueError(f'`stamps` must be square for the networks; got {ny} x {nx} pixels.')


def _drawn(count, held_out_fraction, seed):
    """As `split` of stamps draws them."""
    order = np.random.default_rng(seed).permutation(count)
    rows = np.zeros(count, dtype=bool)
    rows[order[: round((1 - held_out_fraction) * count)]] = True
    return rows


def _is_empty_folder(path):
    return path.is_dir() and not any(path.iterdir())


def _completed(kind, output, work, folder):
    """The detector in a folder, if it is the result of this work."""
    try:
        detector = kind.load(output)
    except (OSError, ValueError) as error:
        raise FileExistsError(
            f'`output`, {output}, exists and is no model that can be read ({error}). Name another '
            'folder, or remove it.'
        ) from error
    other = work.mismatch(detector.wgan.provenance_.get(_WORK, {}))
    if other:
        raise FileExistsError(
            f'The model at `output`, {output}, {other}. Name another folder, or remove it.'
        )
    # Left if the process ended after the model was complete.
    shutil.rmtree(folder.path, ignore_errors=True)
    return detector


def _part_of(stamps, rows, path):
    """Some rows as a set in memory, or of many as a store at this path."""
    stamp_bytes = stamps.nbytes / max(1, len(stamps))
    if not isinstance(stamps, StampStore) or rows.sum() * stamp_bytes <= largest_size() / 2:
        return stamps[np.flatnonzero(rows)]
    if not path.exists():
        StampStore.create(path, like=stamps).close()
    chosen = np.flatnonzero(rows)
    with StampStore.open(path, 'a') as part:
        # An interrupted call may have written the first of them.
        starts = range(len(part), len(chosen), _AT_ONCE)
        part.extend(stamps[chosen[start : start + _AT_ONCE]] for start in starts)
    return StampStore.open(path)
