"""`hunt`: from an image to a ranked table of anomalous sources and a page, in one call."""

from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from astropy.table import QTable

from astro_wgan.hunting.hunt_config import HuntConfig
from astro_wgan.hunting.hunt_folder import HuntFolder
from astro_wgan.images import read_image
from astro_wgan.images.reading import describe_image
from astro_wgan.jobs import (
    Fingerprint,
    describe_model,
    describe_settings,
    describe_stamps,
    digest_settings,
)
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.stamps import StampSet
from astro_wgan.store.writable import check_writable

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
    model=None,
    positions=None,
    hdu=None,
    plane=None,
    zeros='auto',
    max_size=None,
    progress=True,
):
    """
    Find the most anomalous sources of an image.

    Detects sources, cuts a stamp around each, trains a WGAN on most of them (or uses a trained
    one), searches for the closest image of each stamp, calibrates the score on stamps that were
    held out, and writes a ranked table and a page.

    Parameters
    ----------
    image : path-like, `~astropy.nddata.NDData`, HDU or array_like
        Anything that `astro_wgan.images.read_image` takes.
    output : path-like
        Folder that keeps the results. An interrupted call that is repeated with the same arguments
        goes on from it; results of other work are refused.
    config : `HuntConfig`, optional
        Detection, stamps, training and seed.
    model : path-like or `~astro_wgan.AnomalyDetector`, optional
        A detector to use instead of training one: a folder that an earlier hunt wrote (or the
        ``model`` folder in it). Its own calibration is kept.
    positions : optional
        Centers of the stamps, as in `~astro_wgan.StampSet.from_image`; by default sources are
        detected.
    hdu, plane, zeros, max_size : optional
        HDU of a FITS file, plane of a cube, treatment of exact zeros, and maximum memory for the
        image; as in `astro_wgan.images.read_image`.
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
        written, ``model`` has another size or unit, or there are too few stamps to train on. Raised
        before the training starts and anything is written.
    KeyboardInterrupt
        After Ctrl-C, once the state has been written; the same call goes on from there.

    Examples
    --------
    >>> from astro_wgan import HuntConfig, datasets, hunt
    >>> image = datasets.load_image('hubble_xdf')
    >>> result = hunt(image, output='xdf', config=HuntConfig(minutes=5))  # doctest: +SKIP
    >>> result.table['id', 'score', 'p_value'][:10]  # doctest: +SKIP
    """
    config = HuntConfig() if config is None else config
    with ProgressLine('loading TensorFlow', quiet=not progress) as line:
        line.update(0.0)
        # Not at the top: `import astro_wgan` must not load TensorFlow.
        from astro_wgan.anomaly import AnomalyDetector
    folder = HuntFolder(output)
    if model is not None and not isinstance(model, AnomalyDetector):
        model = AnomalyDetector.load(_model_folder(model))
    options = {'hdu': hdu, 'plane': plane, 'zeros': zeros, 'max_size': max_size}
    ccd, stamps = _read_stamps(image, config, positions, progress=progress, **options)
    trained_on = _choose_training(stamps, config, model)
    folder.claim(_fingerprint(stamps, config, model))
    if folder.is_complete:
        detector = AnomalyDetector.load(folder.model)
        return HuntResult(stamps, folder.read_table(), detector, folder.path)

    try:
        folder.write_stamps(stamps)
        detector = model
        if detector is None:
            detector = _train(stamps[trained_on], config, folder, progress)
    except (TypeError, ValueError):
        # A call with corrected arguments is another hunt.
        folder.release()
        raise
    table = _score(detector, stamps, trained_on, config, folder, progress)
    table.meta['hunt'] = provenance_record(
        **asdict(config),
        image=_name_of(image),
        extension=ccd.meta.get('HDU'),
        credit=_credit(ccd.meta),
    )
    detector.save(folder.model)
    detector.gallery(
        stamps,
        table,
        folder.gallery,
        title=f'Most anomalous of {len(table)} sources',
        n_cards=config.n_cards,
        origin=_first_row(ccd.meta),
        notes=_credit(ccd.meta) or (),
    )
    # Written last: a table means that everything else is there.
    folder.write_table(table)
    folder.complete()
    return HuntResult(stamps, folder.read_table(), detector, folder.path)


def _read_stamps(image, config, positions, *, progress, **options):
    """The image, and a stamp at each source or position."""
    with ProgressLine('detecting', quiet=not progress) as line:
        line.update(0.0)
        ccd = read_image(image, **options)
        for text in describe_image(ccd):
            line.note(text)
        stamps = _cut(ccd, config, positions)
        line.update(1.0, f'{len(stamps)} stamps of {config.size} x {config.size} pixels')
    check_writable(stamps)
    return ccd, stamps


def _choose_training(stamps, config, model):
    """True for stamps of the training set: none if there is a trained model."""
    if model is None:
        return _draw_training(stamps, config)
    _check_model(model, stamps, config)
    return np.zeros(len(stamps), dtype=bool)


def _score(detector, stamps, trained_on, config, folder, progress):
    """Scores of all stamps; a detector without a calibration is calibrated on those held out."""
    measurements = detector.measure(stamps, progress=progress, output=folder.partial_scores)
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


def _cut(ccd, config, positions):
    stamps = StampSet.from_image(
        ccd,
        size=config.size,
        positions=positions,
        detection=config.detection if positions is None else None,
        partial=config.partial,
    )
    if not len(stamps):
        raise ValueError(
            f'No stamp of {config.size} x {config.size} pixels lies completely inside the image: '
            "use a smaller `size`, or partial='fill'."
        )
    return stamps


def _draw_training(stamps, config):
    """True for stamps of the training set, drawn at random."""
    from astro_wgan.wgan import TrainingConfig

    min_stamps = TrainingConfig.preset(config.preset).min_stamps
    normal, held_out = stamps.split(1 - config.held_out_fraction, seed=config.seed)
    if len(normal) < min_stamps or not len(held_out):
        raise ValueError(
            f'{len(stamps)} stamps are too few to train on: at least {min_stamps} are needed in '
            'addition to those held out. Lower the detection threshold or `min_area`, use '
            "smaller stamps or partial='fill', or a trained `model`."
        )
    return np.isin(stamps.ids, normal.ids)


def _check_model(model, stamps, config):
    """Refuse a detector for stamps of another size, unit or number of bands."""
    size = model.wgan.network.size
    if size != config.size:
        raise ValueError(
            f'`size` of the configuration must be that of `model`, {size}; got {config.size}.'
        )
    # Checks bands and unit.
    model.wgan.images_from_stamps(stamps[:1])


def _train(stamps, config, folder, progress):
    from astro_wgan.anomaly import AnomalyDetector
    from astro_wgan.wgan import WGAN

    wgan = WGAN.preset(config.preset, size=config.size)
    wgan.fit(
        stamps,
        **config.limits,
        seed=config.seed,
        checkpoint=folder.checkpoint,
        progress=progress,
    )
    wgan.save(folder.model)
    return AnomalyDetector(wgan)


def _model_folder(path):
    path = Path(path)
    return path / 'model' if (path / 'model').is_dir() else path


# ``meta`` of an image holds the cards of its header, in which ORIGIN is an institute and CREDIT may
# be a number.
def _first_row(meta):
    """`origin` of the page: 'upper' only for a picture, for which `read_image` sets it."""
    return 'upper' if meta.get('origin') == 'upper' else 'lower'


def _credit(meta):
    credit = meta.get('credit')
    return credit if isinstance(credit, str) and credit.strip() else None


def _name_of(image):
    return str(image) if isinstance(image, (str, PathLike)) else 'array'


def _fingerprint(stamps, config, model):
    """Fingerprint of stamps, configuration and model."""
    groups = {'settings': describe_settings(config)}
    if model is not None:
        calibration = getattr(model, 'calibration_', None)
        groups['model'] = {
            **describe_model(model.wgan, encoder=getattr(model, 'encoder_', None)),
            **describe_settings({'search': model.search, 'scoring': model.scoring}),
            'calibration': None if calibration is None else digest_settings(calibration),
        }
    # With all columns, as the table of scores has them, too.
    groups['stamps'] = describe_stamps(stamps, columns=None)
    return Fingerprint(groups)
