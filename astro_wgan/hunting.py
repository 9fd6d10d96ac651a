"""The whole way in one call: from an image to a ranked table and a page to look at."""

from dataclasses import asdict, dataclass, field
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np
from astropy.table import QTable

from astro_wgan.anomaly.contamination import check_contamination
from astro_wgan.detection import DetectionConfig
from astro_wgan.hunt_folder import HuntFolder
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

__all__ = ['HuntConfig', 'HuntResult', 'hunt']

_DEFAULT_ITERATIONS = 600


@dataclass(frozen=True)
class HuntConfig:
    """
    What a hunt does.

    Parameters
    ----------
    size : int
        Edge of the stamps in pixels, one that the networks can have: 16, 32, 64, 128 or 256.
    detection : `~astro_wgan.detection.DetectionConfig`
        How sources are found where no positions are given.
    partial : {'drop', 'fill'}
        What becomes of stamps that reach over the border of the image.
    preset : {'compact', 'paper'}
        Networks and training.
    iterations, epochs, minutes : float or None
        Limits of the training: generator iterations (600, where no limit is named), or how often
        each stamp is shown, and time. A training that the clock stops depends on the machine, one
        that a count stops on the seed alone.
    held_out : float
        Share of the stamps that the networks are not trained on and whose scores set the
        thresholds.
    contamination : float or 'estimate'
        Share of these that is not normal, as in any field some are: see
        `AnomalyDetector.calibrate <astro_wgan.AnomalyDetector.calibrate>`. 0 takes all for normal.
    seed : int
        Seed of the split and of the training.
    cards : int
        Cards on the page, the strangest first.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    size: int = 64
    # Fainter or smaller sources than these show nothing but noise in a stamp.
    detection: DetectionConfig = field(default_factory=lambda: DetectionConfig(2.5, min_area=40))
    partial: str = 'drop'
    preset: str = 'compact'
    iterations: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    held_out: float = 0.2
    contamination: float | str = 'estimate'
    seed: int = 0
    cards: int = 300

    def __post_init__(self):
        for name in ('size', 'iterations', 'seed', 'cards'):
            value = getattr(self, name)
            if value is not None and not _is_whole(value):
                raise ValueError(f'`{name}` must be a whole number; got {value!r}.')
        for name, allowed in (('partial', ('drop', 'fill')), ('preset', ('compact', 'paper'))):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f'`{name}` must be {" or ".join(map(repr, allowed))}; '
                    f'got {getattr(self, name)!r}.'
                )
        if not isinstance(self.detection, DetectionConfig):
            raise ValueError(f'`detection` must be a DetectionConfig; got {self.detection!r}.')
        if not 0 < self.held_out < 1:
            raise ValueError(f'`held_out` must lie between 0 and 1; got {self.held_out}.')
        check_contamination(self.contamination)
        if self.iterations is not None and self.epochs is not None:
            raise ValueError('Give `epochs` or `iterations`, not both.')
        for name, limit in self.limits.items():
            if not limit > 0:
                raise ValueError(f'`{name}` must be above 0; got {limit}.')
        if self.seed < 0:
            raise ValueError(f'`seed` must not be negative; got {self.seed}.')
        if self.cards < 1:
            raise ValueError(f'`cards` must be at least 1; got {self.cards}.')

    @property
    def limits(self):
        """The limits of the training, as arguments of `astro_wgan.WGAN.fit`."""
        names = ('iterations', 'epochs', 'minutes')
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return given or {'iterations': _DEFAULT_ITERATIONS}


@dataclass(frozen=True, eq=False)
class HuntResult:
    """
    What a hunt brought home.

    Attributes
    ----------
    stamps : `~astro_wgan.StampSet`
        The stamps that were scored.
    table : `~astropy.table.QTable`
        Their scores: the columns of `astro_wgan.AnomalyDetector.score`, and ``trained_on``, true
        for stamps that the networks have seen.
    detector : `~astro_wgan.AnomalyDetector`
        Model and calibration, ready for other images.
    folder : `~pathlib.Path`
        Where all is written: ``scores.ecsv``, ``stamps.zarr``, ``model`` and ``gallery.html``.
    """

    stamps: StampSet
    table: QTable
    detector: object
    folder: Path


def hunt(
    image,
    *,
    out,
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
    Find the strangest sources of an image.

    Detects sources, cuts a stamp around each, trains a WGAN on most of them (or takes a trained
    one), looks for the closest image that it can make to each stamp, calibrates the misfit on
    those that it was not trained on, and writes a ranked table and a page.

    Parameters
    ----------
    image : path-like, `~astropy.nddata.NDData`, HDU or array_like
        Anything that `astro_wgan.images.read_image` takes.
    out : path-like
        Folder for the results: new, empty, or that of the same hunt when it was interrupted, which
        then goes on.
    config : `HuntConfig`, optional
        Stamps, training and seed.
    model : path-like or `~astro_wgan.AnomalyDetector`, optional
        A detector to use instead of training one: a folder that an earlier hunt wrote (or the
        ``model`` folder in it). Its own calibration is kept.
    positions : optional
        Where to cut, as in `~astro_wgan.StampSet.from_image`; without, SEP detects the sources.
    hdu, plane, zeros, max_size : optional
        Which part of a FITS file, which plane of a cube, what exact zeros are, and how much memory
        the image may take; as in `astro_wgan.images.read_image`.
    progress : bool, optional
        Show what is being done, and what was taken of a file.

    Returns
    -------
    HuntResult

    Raises
    ------
    HuntFolderError
        If ``out`` cannot be written, or holds something else.
    ValueError
        If image, positions or configuration cannot be used, a column of the positions cannot be
        written, ``model`` is of another size or unit, or there are too few stamps to train on. All
        this before the training starts, and before anything is written.
    KeyboardInterrupt
        After the state has been written; the same call goes on from there.

    Examples
    --------
    >>> from astro_wgan import HuntConfig, datasets, hunt
    >>> image = datasets.load_image('hubble_xdf')
    >>> result = hunt(image, out='strange', config=HuntConfig(minutes=5))  # doctest: +SKIP
    >>> result.table['id', 'score', 'p_value'][:10]  # doctest: +SKIP
    """
    config = HuntConfig() if config is None else config
    with ProgressLine('loading TensorFlow', quiet=not progress) as line:
        line.update(0.0)
        # Not at the top: `import astro_wgan` must not load TensorFlow.
        from astro_wgan.anomaly import AnomalyDetector
        from astro_wgan.wgan import TrainingConfig
    fewest = TrainingConfig.preset(config.preset).min_stamps
    folder = HuntFolder(out)
    if model is not None and not isinstance(model, AnomalyDetector):
        model = AnomalyDetector.load(_model_folder(model))
    with ProgressLine('detecting', quiet=not progress) as line:
        line.update(0.0)
        ccd = read_image(image, hdu=hdu, plane=plane, zeros=zeros, max_size=max_size)
        for text in describe_image(ccd):
            line.note(text)
        stamps = _cut(ccd, config, positions)
        line.update(1.0, f'{len(stamps)} stamps of {config.size} x {config.size} pixels')
    check_writable(stamps)
    trained_on = np.zeros(len(stamps), dtype=bool)
    if model is None:
        trained_on = _draw_training(stamps, config, fewest)
    else:
        _check_model(model, stamps, config)
    folder.claim(_fingerprint(stamps, config, model))
    if folder.is_complete:
        return HuntResult(
            stamps, folder.read_table(), AnomalyDetector.load(folder.model), folder.path
        )

    try:
        folder.write_stamps(stamps)
        detector = model
        if detector is None:
            detector = _train(stamps[trained_on], config, folder, progress)
    except (TypeError, ValueError):
        # Another call, with what was wrong put right, is another hunt.
        folder.release()
        raise
    misfit = detector.measure(stamps, progress=progress, resume=folder.partial_scores)
    member = np.zeros(len(stamps), dtype=bool)
    if not hasattr(detector, 'calibration_'):
        member = ~trained_on
        seen = misfit[trained_on] if trained_on.any() else None
        detector.calibrate(misfit[member], training=seen, contamination=config.contamination)
    table = detector.score(misfit, member=member)
    table['trained_on'] = trained_on
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
        title=f'Strangest of {len(table)} sources',
        limit=config.cards,
        origin=_first_row(ccd.meta),
        notes=_credit(ccd.meta) or (),
    )
    # Last but the mark: who finds the table finds all the rest.
    folder.write_table(table)
    folder.complete()
    return HuntResult(stamps, folder.read_table(), detector, folder.path)


def _is_whole(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


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
            f'Not one stamp of {config.size} x {config.size} pixels lies wholly inside the image; '
            "take a smaller `size`, or partial='fill'."
        )
    return stamps


def _draw_training(stamps, config, fewest):
    """True for each stamp that the networks will be trained on."""
    normal, held_out = stamps.split(1 - config.held_out, seed=config.seed)
    if len(normal) < fewest or not len(held_out):
        raise ValueError(
            f'{len(stamps)} stamps are too few to train on: at least {fewest} are needed '
            'beside those held out. Lower the detection threshold or `min_area`, take '
            "smaller stamps or partial='fill', or name a trained `model`."
        )
    return np.isin(stamps.ids, normal.ids)


def _check_model(model, stamps, config):
    """Refuse a detector of another size, or one that these stamps are nothing to."""
    size = model.wgan.network.size
    if size != config.size:
        raise ValueError(
            f'`size` of the configuration must be that of `model`, {size}; got {config.size}.'
        )
    # One stamp shows whether bands and units fit, too.
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


# ``meta`` of an image holds the cards of whatever header it came with: ORIGIN is an institute,
# and CREDIT may be a number. What is taken from it is picked by name, for what it can mean.
def _first_row(meta):
    """`origin` of the page: 'upper' only where `read_image` says it, of a picture."""
    return 'upper' if meta.get('origin') == 'upper' else 'lower'


def _credit(meta):
    credit = meta.get('credit')
    return credit if isinstance(credit, str) and credit.strip() else None


def _name_of(image):
    return str(image) if isinstance(image, (str, PathLike)) else 'array'


def _fingerprint(stamps, config, model):
    """What makes a hunt this one and no other."""
    groups = {'settings': describe_settings(config)}
    if model is not None:
        calibration = getattr(model, 'calibration_', None)
        groups['model'] = {
            **describe_model(model.wgan, encoder=getattr(model, 'encoder_', None)),
            **describe_settings({'search': model.search, 'scoring': model.scoring}),
            'calibration': None if calibration is None else digest_settings(calibration),
        }
    # All columns: they are in the table of scores.
    groups['stamps'] = describe_stamps(stamps, columns=None)
    return Fingerprint(groups)
