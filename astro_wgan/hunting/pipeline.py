"""`hunt`: from an image to a ranked table of anomalous sources and a page, in one call."""

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from astropy.table import QTable

from astro_wgan.files.configurations.toml_text import record_of_config
from astro_wgan.hunting.detector_training import (
    draw_training,
    load_tensorflow,
    record_work,
    start_of_training,
    train_networks,
)
from astro_wgan.hunting.field import read_field
from astro_wgan.hunting.hunt_classifier import train_hunt_classifier
from astro_wgan.hunting.hunt_config import HuntConfig
from astro_wgan.hunting.hunt_folder import HuntFolder
from astro_wgan.hunting.hunt_summary import describe_field
from astro_wgan.hunting.initial_model import (
    check_initial_model,
    model_folder,
)
from astro_wgan.hunting.stamp_making import StampMaking
from astro_wgan.jobs import (
    Fingerprint,
    describe_detector,
    describe_settings,
    describe_stamps,
)
from astro_wgan.jobs.parallel import check_workers
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.stamps import StampSet

__all__ = ['HuntResult', 'hunt']


@dataclass(frozen=True, eq=False)
class HuntResult:
    """
    Results of a hunt.

    Attributes
    ----------
    stamps : `~astro_wgan.StampSet`
        The stamps that were scored.
    table : `~astropy.table.QTable`
        Their scores: the columns of `astro_wgan.AnomalyDetector.score`, and ``trained_on``, True
        for stamps in the training set.
    detector : `~astro_wgan.AnomalyDetector`
        Calibrated detector, which can score stamps of other images.
    folder : `~pathlib.Path`
        Folder with ``scores.ecsv``, ``stamps.zarr``, ``model`` and ``gallery.html``.
    """

    stamps: StampSet
    table: QTable
    detector: object
    folder: Path


def hunt(
    image,
    *,
    output,
    config=None,
    bands=None,
    model=None,
    initial_model='auto',
    positions=None,
    hdu=None,
    plane=None,
    zeros='auto',
    max_size=None,
    layout='auto',
    mask=None,
    weight=None,
    uncertainty=None,
    bits=None,
    remote=None,
    processes=1,
    client=None,
    record=None,
    progress=True,
):
    """
    Find the most anomalous sources of an image.

    Detects sources, cuts a stamp around each, trains a WGAN on most of them (or uses a trained
    one) and on the same stamps a classifier of injected anomalies, searches for the closest image
    of each stamp, calibrates the score on stamps that were held out, and writes a ranked table and
    a page.

    Parameters
    ----------
    image : path-like, `~astropy.nddata.NDData`, HDU or array_like, or dict or list of these
        Anything that `astro_wgan.images.read_image` takes; or an image for each band, by its name
        or as a list: the network then sees all bands (`~astro_wgan.StampSet.from_images`).
    output : path-like
        Folder that keeps the results. An interrupted call that is repeated with the same arguments
        goes on from it; results of other work are refused.
    config : `HuntConfig`, optional
        Detection, stamps, training and seed.
    bands : sequence of str, optional
        Names of the bands of a list of images, by default what differs in the names of the files;
        or of the planes of a cube, or the colors of a picture.
    model : path-like or `~astro_wgan.AnomalyDetector`, optional
        A detector to use instead of training one: a folder that an earlier hunt wrote (or the
        ``model`` folder in it), or one of `~astro_wgan.datasets.model_names`. Its own
        classifier and calibration are kept.
    initial_model : path-like, `~astro_wgan.WGAN`, `~astro_wgan.AnomalyDetector` or None
        A model whose weights the training starts from: the name of one of
        `~astro_wgan.datasets.model_names`, the folder of a model or of an earlier hunt, or a
        fitted model. By default, the model of the package if it has the networks of ``config``,
        those of ``'compact'`` for 64 pixels and any number of bands, and the pixels of the image
        are from 1/4 to 8 times as large on the sky as its own (0.06 arcsec), or it has no WCS; None
        for random weights.
    positions : optional
        Centers of the stamps, as in `~astro_wgan.StampSet.from_image`, also as the path of a table
        or catalog; by default sources are detected.
    hdu, plane, zeros, max_size : optional
        HDU of a FITS file, plane of a cube, treatment of exact zeros, and maximum memory for the
        image; as in `astro_wgan.images.read_image`.
    layout, mask, weight, uncertainty, bits : optional
        Meaning of the extensions and files of a survey, additional mask, weight map, standard
        deviations, and bad bits of masks; as in `astro_wgan.images.read_image`.
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How images at URIs are read.
    processes : int, optional
        Number of processes that score stamps, including this one. The training is in this process,
        where TensorFlow uses all cores.
    client : `dask.distributed.Client` or 'current', optional
        Cluster that scores stamps instead; these are sent to it.
    record : str, optional
        Content of ``hunt.toml``, which the program writes to repeat the call with ``--config``; by
        default it has ``config``.
    progress : bool, optional
        Show progress lines, and what was read from a file.

    Returns
    -------
    HuntResult

    Raises
    ------
    HuntFolderError
        If ``output`` cannot be written, or holds something else.
    ValueError
        If image, positions or configuration are invalid, a column of the positions cannot be
        written, ``model`` has another size or unit, ``initial_model`` has other networks, or there
        are too few stamps to train on. Raised before the training starts and anything is written.
    KeyboardInterrupt
        After Ctrl-C, once the state has been written; the same call goes on from there.

    Examples
    --------
    >>> from astro_wgan import HuntConfig, datasets, hunt
    >>> image = datasets.load_image('hubble_xdf')
    >>> result = hunt(image, output='xdf', config=HuntConfig(minutes=5))  # doctest: +SKIP
    >>> result.table['id', 'score', 'p_value'][:10]  # doctest: +SKIP
    """
    given = config = HuntConfig() if config is None else config
    check_workers(processes, client)
    check_initial_model(initial_model, model)
    load_tensorflow(progress)
    from astro_wgan.anomaly import AnomalyDetector

    folder = HuntFolder(output)
    if model is not None and not isinstance(model, AnomalyDetector):
        model = AnomalyDetector.load(model_folder(model))
    if model is not None and not hasattr(config.size, 'unit'):
        # An angle is known in pixels once the image is.
        _check_size(model, config)
    seconds = {}
    options = {'hdu': hdu, 'plane': plane, 'zeros': zeros, 'max_size': max_size}
    options |= {'layout': layout, 'mask': mask, 'weight': weight}
    options |= {'uncertainty': uncertainty, 'bits': bits, 'remote': remote}
    with _timed(seconds, 'detection'):
        field = read_field(
            image, config, bands=bands, positions=positions, progress=progress, **options
        )
    stamps, config = field.stamps, field.config
    trained_on = _choose_training(stamps, config, model)
    start = None
    if model is None:
        start = start_of_training(initial_model, stamps, config, progress)
    work = _fingerprint(stamps, config, model, start)
    folder.claim(work)
    if folder.is_complete:
        detector = AnomalyDetector.load(folder.model)
        return HuntResult(stamps, folder.read_table(), detector, folder.path)

    try:
        folder.write_record(record_of_config('hunt', given) if record is None else record)
        folder.write_stamps(stamps)
        detector, missing = model, ''
        if detector is None:
            making = StampMaking.of(config)
            detector = train_networks(stamps[trained_on], config, folder, start, making, progress)
            record_work(detector, work)
            seconds['training'] = detector.wgan.provenance_['seconds']
            if config.classifier is not None and not hasattr(detector, 'classifier_'):
                with _timed(seconds, 'classifier'):
                    missing = train_hunt_classifier(
                        detector, stamps[trained_on], config, folder, progress=progress
                    )
    except (TypeError, ValueError):
        # A call with corrected arguments is another hunt.
        folder.release()
        raise
    with _timed(seconds, 'scoring'):
        workers = {'processes': processes, 'client': client, 'progress': progress}
        table = _score(detector, stamps, trained_on, config, folder, **workers)
    detector.save(folder.model)
    table.meta['hunt'] = provenance_record(
        **asdict(config),
        images=field.images,
        initial_model=None if start is None else start.name,
        credit=field.credit,
        seconds=seconds,
    )
    notes = describe_field(field.images, config, is_detected=positions is None)
    notes = [' '.join([*notes, *_describe_training(detector, start, missing)])]
    with _timed(seconds, 'gallery'):
        detector.gallery(
            stamps,
            table,
            folder.gallery,
            title=f'Most anomalous of {len(table)} sources',
            n_cards=config.n_cards,
            origin=field.origin,
            notes=notes if field.credit is None else [*notes, field.credit],
        )
    # Written last: a table means that everything else is there.
    folder.write_table(table)
    folder.complete()
    return HuntResult(stamps, folder.read_table(), detector, folder.path)


@contextmanager
def _timed(seconds, step):
    """Record the time that a step takes, in seconds."""
    begin = time.monotonic()
    yield
    seconds[step] = round(time.monotonic() - begin, 1)


def _choose_training(stamps, config, model):
    """True for stamps of the training set: none if there is a trained model."""
    if model is None:
        return draw_training(stamps, config)
    _check_size(model, config)
    # Checks bands and unit.
    model.wgan.images_from_stamps(stamps[:1])
    return np.zeros(len(stamps), dtype=bool)


def _score(detector, stamps, trained_on, config, folder, **workers):
    """Scores of all stamps; a detector without a calibration is calibrated on those held out."""
    measurements = detector.measure(stamps, output=folder.partial_scores, **workers)
    in_calibration = np.zeros(len(stamps), dtype=bool)
    if not hasattr(detector, 'calibration_'):
        in_calibration = ~trained_on
        detector.calibrate(
            measurements[in_calibration],
            training=measurements[trained_on] if trained_on.any() else None,
            contamination=config.contamination,
        )
    table = detector.score(measurements, in_calibration=in_calibration)
    table['trained_on'] = trained_on
    return table


def _check_size(model, config):
    """Refuse a detector for stamps of another size."""
    size = model.wgan.network.size
    if size != config.size:
        raise ValueError(
            f'`size` of the configuration must be that of `model`, {size}; got {config.size}.'
        )


def _describe_training(detector, start, missing):
    """What the networks learned from, in sentences for the page."""
    if start is not None:
        yield f'The training starts from {start.name}.'
    if detector.wgan.stretch_.kind_ == 'linear':
        yield 'The networks see intensities as they are in the image.'
    if hasattr(detector, 'classifier_'):
        yield 'There is a classifier of injected anomalies.'
    if missing:
        yield missing


def _fingerprint(stamps, config, model, start):
    """Fingerprint of stamps, configuration and models."""
    groups = {'settings': describe_settings(config)}
    if model is not None:
        groups['model'] = describe_detector(model)
    if start is not None:
        groups['initial model'] = start.describe()
    # With all columns, as the table of scores has them, too.
    groups['stamps'] = describe_stamps(stamps, columns=None)
    return Fingerprint(groups)
