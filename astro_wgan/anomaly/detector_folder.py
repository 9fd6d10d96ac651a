"""A detector in a folder: files of its model, and search, scoring and calibration."""

import json
from dataclasses import asdict
from typing import NamedTuple

import keras
import numpy as np

from astro_wgan.anomaly.calibration.brightness_trend import BrightnessTrend
from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.anomaly.calibration.drift import NormalConditions, Spread
from astro_wgan.anomaly.former_formats import (
    FORMER_FORMATS,
    FORMER_WITH_MANIFEST,
    in_current_format,
)
from astro_wgan.anomaly.scoring import ScoringConfig
from astro_wgan.anomaly.search.search_config import LatentSearchConfig
from astro_wgan.exceptions import PlainNetworkError
from astro_wgan.files.former_names import current_names
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

_FORMAT = 'astro_wgan detector 11'
#: The last two of `KNOWN_FILES`. The encoder of the model has a file of its own.
_ENCODER, _DESCRIPTION = 'search_encoder.keras', 'detector.json'

#: Limit of the batch size of a search that is read from a file.
_MAX_BATCH_SIZE = 2**14


class DetectorParts(NamedTuple):
    """
    Parts of an `~astro_wgan.AnomalyDetector`.

    Attributes
    ----------
    wgan : `~astro_wgan.WGAN`
    search : `~astro_wgan.anomaly.LatentSearchConfig`
    scoring : `~astro_wgan.anomaly.ScoringConfig`
    encoder : `keras.Model` or None
        Encoder of the detector; None if that of the model is used, or there is none.
    calibration : `~astro_wgan.anomaly.Calibration` or None
        None before a calibration.
    """

    wgan: WGAN
    search: LatentSearchConfig
    scoring: ScoringConfig
    encoder: keras.Model | None
    calibration: Calibration | None


def save_parts(folder, parts):
    """
    Write the parts of a detector.

    Parameters
    ----------
    folder : path-like
        Made if needed; an earlier model or detector in it is replaced in one step.
    parts : DetectorParts

    Raises
    ------
    ValueError
        If a network has weights that are not finite, or the encoder has other than plain layers of
        Keras.
    FileExistsError
        If a file that no earlier save wrote has one of the names.
    OSError
        If it cannot be written; an earlier detector is kept.
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
        Written by `save_parts`.
    max_size : number, optional
        Maximum size of each file in bytes; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    DetectorParts

    Raises
    ------
    FileNotFoundError
        If the folder contains no detector.
    ValueError
        If the files are damaged or have an unknown format.
    """
    with damage_told('detector', folder):
        files = read_together(folder, KNOWN_FILES, max_size=max_size)
        if _DESCRIPTION not in files:
            raise FileNotFoundError(f'There is no detector in {folder}: {_DESCRIPTION} is missing.')
        wgan = parse_model(WGAN, folder, files)
        with damage_in(_DESCRIPTION):
            # Scores may be infinite, and conditions NaN.
            description = parse_json(files[_DESCRIPTION], finite=False, max_size=max_size)
            found = description['format']
            with_manifest = found if found == FORMER_WITH_MANIFEST else _FORMAT
            check_format(found, with_manifest, FORMER_FORMATS, files)
            description = in_current_format(description)
            search = from_dict(LatentSearchConfig, description['search'])
            scoring = from_dict(ScoringConfig, description['scoring'])
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
    """Refuse an encoder that could not be loaded, before anything is written."""
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
    """Refuse sizes that no image needs and that would exhaust the memory."""
    if search.batch_size > _MAX_BATCH_SIZE:
        raise ValueError(
            f'`batch_size` of the search must be at most {_MAX_BATCH_SIZE}; got '
            f'{search.batch_size}.'
        )
    scoring.check_size(size)


def _encoder(file, network):
    """Encoder from the layers that the file describes, if these are plain ones."""
    encoder = build_plain(file.description, check_room=file.check_room)
    shapes = encoder.input_shape, encoder.output_shape
    if shapes != ((None, *network.image_shape), (None, network.latent_dim)):
        raise ValueError(
            f'its input and output have the shapes {shapes[0]} and {shapes[1]}, not '
            f'{(None, *network.image_shape)} and {(None, network.latent_dim)}'
        )
    load_weights(encoder, file)
    return encoder


def _plain(calibration):
    """Plain values of a calibration, apart from search, scoring and networks."""
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
    values = current_names(values, 'calibration')
    for name in ('held_out_scores', 'training_scores', 'probabilities', 'noise_rms'):
        _check_numbers(name, values.get(name))
    _check_numbers('contamination', [values.get('contamination', 0.0)])
    ids = values.get('ids')
    if ids is not None and not (_are_of(ids, str) or _are_of(ids, int)):
        raise ValueError('its `ids` are neither text nor integers')
    trends = description['trends']
    if scoring.by_brightness and scoring.columns[0] not in trends:
        raise ValueError(f'its `trends` lack the column {scoring.columns[0]}')
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
        raise ValueError(f'its `{name}` are not a list of numbers')


def _are_of(values, kinds):
    return isinstance(values, list) and all(
        isinstance(value, kinds) and not isinstance(value, bool) for value in values
    )
