"""A detector in a folder: the files of its model, and beside them what makes it a detector."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import keras

from astro_wgan.anomaly.calibration import Calibration
from astro_wgan.anomaly.drift import NormalConditions, Spread
from astro_wgan.anomaly.scoring import BrightnessTrend, Scoring
from astro_wgan.anomaly.search import LatentSearch
from astro_wgan.files import replaced
from astro_wgan.wgan import WGAN

__all__ = ['DetectorParts', 'load_parts', 'save_parts']

_FORMAT = 'astro_wgan detector 9'
#: That of version 8 has fewer conditions, and held-out scores that were not cross-fitted.
_READABLE = (_FORMAT, 'astro_wgan detector 8')
_FILE = 'detector.json'
#: Beside the model's files, whose encoder may be another.
_ENCODER = 'search_encoder.keras'


class DetectorParts(NamedTuple):
    """
    What an `~astro_wgan.AnomalyDetector` is made of.

    Attributes
    ----------
    wgan : `~astro_wgan.WGAN`
    search : `~astro_wgan.anomaly.LatentSearch`
    scoring : `~astro_wgan.anomaly.Scoring`
    encoder : `keras.Model` or None
        That of the detector alone; None where it is the model's, or there is none.
    calibration : `~astro_wgan.anomaly.Calibration` or None
        None before a calibration.
    """

    wgan: WGAN
    search: LatentSearch
    scoring: Scoring
    encoder: keras.Model | None
    calibration: Calibration | None


def save_parts(folder, parts):
    """
    Write the parts of a detector.

    Parameters
    ----------
    folder : path-like
        It is made where it is missing; files of a former detector are replaced, each as a whole.
    parts : DetectorParts
    """
    folder = Path(folder)
    parts.wgan.save(folder)
    if parts.encoder is not None:
        with replaced(folder / _ENCODER) as temporary:
            parts.encoder.save(temporary)
    description = {
        'format': _FORMAT,
        'search': asdict(parts.search),
        'scoring': asdict(parts.scoring),
        'encoder': parts.encoder is not None,
        **_plain(parts.calibration),
    }
    with replaced(folder / _FILE) as temporary:
        temporary.write_text(json.dumps(description, indent=2))


def load_parts(folder):
    """
    Read the parts of a detector.

    Parameters
    ----------
    folder : path-like
        That `save_parts` wrote.

    Returns
    -------
    DetectorParts

    Raises
    ------
    FileNotFoundError
        If the folder holds no detector.
    ValueError
        If its files are not of this version, or are damaged.
    """
    path = Path(folder) / _FILE
    if not path.is_file():
        raise FileNotFoundError(f'There is no detector in {folder}: {path.name} is missing.')
    wgan = WGAN.load(folder)
    try:
        description = json.loads(path.read_text())
        if description['format'] not in _READABLE:
            raise ValueError(f'format {description["format"]!r}')
        encoder = None
        if description['encoder']:
            encoder = keras.models.load_model(path.parent / _ENCODER, compile=False)
        search = LatentSearch(**description['search'])
        scoring = Scoring(**description['scoring'])
        calibration = _calibration(description, search, scoring)
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(
            f'The detector in {folder} is not of this version, or it is damaged ({error}).'
        ) from error
    return DetectorParts(wgan, search, scoring, encoder, calibration)


def _plain(calibration):
    """What a file holds of a calibration. Search, scoring and networks are those beside it."""
    if calibration is None:
        return {'calibration': None, 'trends': None, 'conditions': None}
    return {
        'calibration': calibration.to_dict(),
        'trends': {name: trend.to_dict() for name, trend in calibration.trends.items()},
        'conditions': asdict(calibration.conditions),
    }


def _calibration(description, search, scoring):
    if description['calibration'] is None:
        return None
    conditions = dict(description['conditions'])
    spreads = {name: Spread(*values) for name, values in conditions.pop('spreads', {}).items()}
    return Calibration(
        **description['calibration'],
        trends={k: BrightnessTrend.from_dict(v) for k, v in description['trends'].items()},
        conditions=NormalConditions(**conditions, spreads=spreads),
        scoring=scoring,
        search=search,
    )
