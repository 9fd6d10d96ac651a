"""A detector in a folder: the files of its model, and beside them what makes it a detector."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import keras

from astro_wgan.anomaly.calibration import Calibration
from astro_wgan.anomaly.drift import NormalConditions
from astro_wgan.anomaly.scoring import BrightnessTrend, Scoring
from astro_wgan.anomaly.search import LatentSearch
from astro_wgan.files import replaced
from astro_wgan.wgan import WGAN

__all__ = ['DetectorParts', 'load_parts', 'save_parts']

_FORMAT = 'astro_wgan detector 8'
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
    trends : dict of `~astro_wgan.anomaly.BrightnessTrend` or None
    conditions : `~astro_wgan.anomaly.drift.NormalConditions` or None
        These three are None before a calibration.
    """

    wgan: WGAN
    search: LatentSearch
    scoring: Scoring
    encoder: keras.Model | None
    calibration: Calibration | None
    trends: dict | None
    conditions: NormalConditions | None


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
    learnt = {'calibration': None, 'trends': None, 'conditions': None}
    if parts.calibration is not None:
        learnt = {
            'calibration': parts.calibration.to_dict(),
            'trends': {name: trend.to_dict() for name, trend in parts.trends.items()},
            'conditions': asdict(parts.conditions),
        }
    description = {
        'format': _FORMAT,
        'search': asdict(parts.search),
        'scoring': asdict(parts.scoring),
        'encoder': parts.encoder is not None,
        **learnt,
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
        if description['format'] != _FORMAT:
            raise ValueError(f'format {description["format"]!r}')
        encoder = None
        if description['encoder']:
            encoder = keras.models.load_model(path.parent / _ENCODER, compile=False)
        search = LatentSearch(**description['search'])
        scoring = Scoring(**description['scoring'])
        learnt = [None, None, None]
        if description['calibration'] is not None:
            learnt = [
                Calibration(**description['calibration']),
                {k: BrightnessTrend.from_dict(v) for k, v in description['trends'].items()},
                NormalConditions(**description['conditions']),
            ]
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(
            f'The detector in {folder} is not of this version, or it is damaged ({error}).'
        ) from error
    return DetectorParts(wgan, search, scoring, encoder, *learnt)
