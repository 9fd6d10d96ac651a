"""A detector in a folder: the files of its model, and beside them what makes it a detector."""

import json
from dataclasses import asdict
from typing import NamedTuple

import keras
import numpy as np

from astro_wgan.anomaly.calibration import Calibration
from astro_wgan.anomaly.drift import NormalConditions, Spread
from astro_wgan.anomaly.scoring import BrightnessTrend, Scoring
from astro_wgan.anomaly.search.latent_search import LatentSearch
from astro_wgan.exceptions import PlainNetworkError
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.manifest import atomic_write_together, damage_in, damage_told, read_together
from astro_wgan.wgan import WGAN
from astro_wgan.wgan.serialization.config_values import from_dict
from astro_wgan.wgan.serialization.model_folder import (
    KNOWN_FILES,
    check_format,
    check_savable,
    parse_model,
    write_model_files,
    write_network_file,
)
from astro_wgan.wgan.serialization.network_files import KerasFile, load_weights
from astro_wgan.wgan.serialization.plain_networks import build_plain, check_plain

__all__ = ['DetectorParts', 'load_parts', 'save_parts']

_FORMAT = 'astro_wgan detector 10'
#: Those of versions 8 and 9 may lack a manifest. Those of version 8 have fewer conditions, and
#: held-out scores that were not cross-fitted.
_FORMER = ('astro_wgan detector 9', 'astro_wgan detector 8')

#: The last two of `KNOWN_FILES`. The model's encoder may be another.
_ENCODER, _DESCRIPTION = 'search_encoder.keras', 'detector.json'

_MOST_AT_ONCE = 2**14


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
        It is made where it is missing; an earlier model or detector in it is replaced, all of it at
        once.
    parts : DetectorParts

    Raises
    ------
    ValueError
        If a network has weights that are not finite, or the encoder has other than plain layers.
    FileExistsError
        If a file that is not of an earlier save is in the way.
    OSError
        If it cannot be written; an earlier detector stays.
    """
    check_savable(parts.wgan)
    _check_sizes(parts.search, parts.scoring, parts.wgan.network.size)
    if parts.encoder is not None:
        _check_encoder(parts.encoder)
    description = {
        'format': _FORMAT,
        'search': asdict(parts.search),
        'scoring': asdict(parts.scoring),
        'encoder': parts.encoder is not None,
        **_plain(parts.calibration),
    }
    with atomic_write_together(folder, known=KNOWN_FILES) as place:
        write_model_files(parts.wgan, place)
        if parts.encoder is not None:
            write_network_file(parts.encoder, place(_ENCODER))
        place(_DESCRIPTION).write_text(json.dumps(description, indent=2))


def load_parts(folder, *, max_size=None):
    """
    Read the parts of a detector.

    Parameters
    ----------
    folder : path-like
        That `save_parts` wrote.
    max_size : number, optional
        Bytes that each of its files may take; see `~astro_wgan.files.limits.largest_size`.

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
    with damage_told('detector', folder):
        files = read_together(folder, KNOWN_FILES, max_size=max_size)
        if _DESCRIPTION not in files:
            raise FileNotFoundError(f'There is no detector in {folder}: {_DESCRIPTION} is missing.')
        wgan = parse_model(WGAN, folder, files)
        with damage_in(_DESCRIPTION):
            # Scores may be infinite, and unknown conditions are NaN.
            description = parse_json(files[_DESCRIPTION], finite=False, max_size=max_size)
            check_format(description['format'], _FORMAT, _FORMER, files)
            search = from_dict(LatentSearch, description['search'])
            scoring = from_dict(Scoring, description['scoring'])
            _check_sizes(search, scoring, wgan.network.size)
            calibration = _calibration(description, search, scoring)
            has_encoder = description['encoder']
            if not isinstance(has_encoder, bool):
                raise ValueError(f'its `encoder` is {has_encoder!r:.40}')
        encoder = None
        if has_encoder:
            with damage_in(_ENCODER):
                encoder = _encoder(KerasFile(files[_ENCODER]), wgan.network)
    return DetectorParts(wgan, search, scoring, encoder, calibration)


def _check_encoder(encoder):
    """Refuse an encoder that could not be loaded again, before anything is written."""
    try:
        check_plain(encoder)
    except PlainNetworkError as error:
        raise ValueError(
            f'The encoder cannot be saved: {error}. Make it one network of plain layers of Keras, '
            'such as Dense, Conv2D, activations and normalizations, each used once and in float32, '
            'without functions of your own.'
        ) from error
    if not all(np.isfinite(array).all() for array in encoder.get_weights()):
        raise ValueError('The encoder has weights that are not finite: it is not saved.')


def _check_sizes(search, scoring, size):
    """Refuse what is meant of no image, and would take all memory when the first is scored."""
    if search.batch_size > _MOST_AT_ONCE:
        raise ValueError(
            f'`batch_size` of the search is {search.batch_size}; at most {_MOST_AT_ONCE} are '
            'searched at once.'
        )
    for name in ('smoothing', 'turned_smoothing'):
        if getattr(scoring, name) > size:
            raise ValueError(
                f'`{name}` of the scoring is {getattr(scoring, name)}; images have {size} pixels.'
            )


def _encoder(file, network):
    """From the layers that the file names, where these are plain ones."""
    encoder = build_plain(file.description, check_room=file.check_room)
    shapes = encoder.input_shape, encoder.output_shape
    if shapes != ((None, *network.image_shape), (None, network.latent_dim)):
        raise ValueError(
            f'it makes {shapes[1]} of images of the shape {shapes[0]}, and not '
            f'{(None, network.latent_dim)} of {(None, *network.image_shape)}'
        )
    load_weights(encoder, file)
    return encoder


def _plain(calibration):
    """What a file holds of a calibration. Search, scoring and networks are those beside it."""
    if calibration is None:
        return {'calibration': None, 'trends': None, 'conditions': None}
    conditions = calibration.conditions
    return {
        'calibration': calibration.to_dict(),
        'trends': {name: trend.to_dict() for name, trend in calibration.trends.items()},
        'conditions': conditions and asdict(conditions),
    }


def _calibration(description, search, scoring):
    values = description['calibration']
    if values is None:
        return None
    for name in ('held_out', 'training', 'probabilities', 'noise'):
        _check_numbers(name, values.get(name))
    _check_numbers('contamination', [values.get('contamination', 0.0)])
    ids = values.get('ids')
    if ids is not None and not (_are_of(ids, str) or _are_of(ids, int)):
        raise ValueError('its `ids` are neither text nor whole numbers')
    trends = description['trends']
    if scoring.by_brightness and scoring.columns[0] not in trends:
        raise ValueError(f'its `trends` are those of other columns than {scoring.columns[0]}')
    for numbers in map(_numbers_of, trends.values()):
        _check_numbers('trends', numbers)
    return Calibration(
        **values,
        trends={name: BrightnessTrend.from_dict(trend) for name, trend in trends.items()},
        conditions=_conditions(description['conditions']),
        scoring=scoring,
        search=search,
    )


def _conditions(values):
    if values is None:
        return None
    values = dict(values)
    spreads = values.pop('spreads', {})
    for numbers in (*spreads.values(), [*values.values()]):
        _check_numbers('conditions', numbers)
    spreads = {name: Spread(*numbers) for name, numbers in spreads.items()}
    return NormalConditions(**values, spreads=spreads)


def _numbers_of(trend):
    return [
        number
        for value in trend.values()
        for number in (value if isinstance(value, list) else [value])
    ]


def _check_numbers(name, values):
    if values is not None and not _are_of(values, (int, float)):
        raise ValueError(f'its `{name}` are no list of numbers')


def _are_of(values, kinds):
    return isinstance(values, list) and all(
        isinstance(value, kinds) and not isinstance(value, bool) for value in values
    )
