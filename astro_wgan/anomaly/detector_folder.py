"""A detector in a folder: files of its model, and search, scoring and calibration."""

import json
from dataclasses import asdict
from typing import NamedTuple

import keras
import numpy as np

from astro_wgan.anomaly.calibration.brightness_trend import BrightnessTrend
from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.anomaly.calibration.drift import NormalConditions, Spread
from astro_wgan.anomaly.calibration.tail_probability import TailProbability
from astro_wgan.anomaly.classifier.classifier_inputs import classifier_shape
from astro_wgan.anomaly.classifier.injection_classifier import InjectionClassifier
from astro_wgan.anomaly.combined_score import (
    NORMAL_FEATURES,
    TAILS,
    check_tails,
)
from astro_wgan.anomaly.former_formats import (
    FORMER_FORMATS,
    FORMER_WITH_MANIFEST,
    in_current_format,
)
from astro_wgan.anomaly.scoring import ScoringConfig
from astro_wgan.anomaly.search.search_config import LatentSearchConfig
from astro_wgan.exceptions import PlainNetworkError
from astro_wgan.features.feature_distance import FeatureDistance
from astro_wgan.files.configurations.config_values import from_dict
from astro_wgan.files.former_names import current_names
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.manifest import atomic_write_together, damage_in, damage_told, read_together
from astro_wgan.wgan import WGAN
from astro_wgan.wgan.serialization.model_folder import (
    KNOWN_FILES,
    OF_DETECTORS,
    check_format,
    check_savable,
    parse_model,
    write_model_files,
    write_network_file,
)
from astro_wgan.wgan.serialization.network_files import KerasFile, load_weights
from astro_wgan.wgan.serialization.plain_networks import build_plain, check_plain

__all__ = ['DetectorParts', 'load_parts', 'save_parts']

_FORMAT = 'astro_wgan detector 13'
#: The encoder of the model has a file of its own.
_ENCODER, _CLASSIFIER, _COMPONENTS, _DESCRIPTION = OF_DETECTORS
#: Networks that a detector adds to those of its model.
_FILES = {'encoder': _ENCODER, 'classifier': _CLASSIFIER, 'components': _COMPONENTS}

#: What the trends are that are not of brightness.
_KINDS = {
    **dict.fromkeys(TAILS, TailProbability),
    NORMAL_FEATURES: FeatureDistance,
}

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
    classifier : `~astro_wgan.anomaly.classifier.injection_classifier.InjectionClassifier` or None
        None without one.
    calibration : `~astro_wgan.anomaly.Calibration` or None
        None before a calibration.
    """

    wgan: WGAN
    search: LatentSearchConfig
    scoring: ScoringConfig
    encoder: keras.Model | None
    classifier: InjectionClassifier | None
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
        If a network has weights that are not finite, or encoder or classifier have other than plain
        layers of Keras.
    FileExistsError
        If a file that no earlier save wrote has one of the names.
    OSError
        If it cannot be written; an earlier detector is kept.
    """
    check_savable(parts.wgan)
    _check_sizes(parts.search, parts.scoring, parts.wgan.network.size)
    classifier = parts.classifier
    own = {'encoder': parts.encoder}
    if classifier is not None:
        own |= {'classifier': classifier.network, 'components': classifier.components}
    own = {name: network for name, network in own.items() if network is not None}
    for name, network in own.items():
        _check_own_network(name, network)
    description = {
        'format': _FORMAT,
        'search': asdict(parts.search),
        'scoring': asdict(parts.scoring),
        'encoder': parts.encoder is not None,
        'classifier': None
        if classifier is None
        else {**classifier.settings, 'components': classifier.components is not None},
        **_plain(parts.calibration),
    }
    with atomic_write_together(folder, known=KNOWN_FILES) as place:
        write_model_files(parts.wgan, place)
        for name, network in own.items():
            write_network_file(network, place(_FILES[name]))
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
            with_manifest = found if found in FORMER_WITH_MANIFEST else _FORMAT
            check_format(found, with_manifest, FORMER_FORMATS, files)
            description = in_current_format(description)
            search = from_dict(LatentSearchConfig, description['search'])
            scoring = from_dict(ScoringConfig, description['scoring'])
            _check_sizes(search, scoring, wgan.network.size)
            calibration = _calibration(description, search, scoring)
            if calibration is not None:
                has_classifier = description['classifier'] is not None
                check_tails(scoring, calibration.trends, has_classifier=has_classifier)
            has_encoder = description['encoder']
            if not isinstance(has_encoder, bool):
                raise ValueError(f'its `encoder` is {has_encoder!r:.40}')
            reading = _classifier_settings(description['classifier'], wgan.network.size)
            has_components = _has_components(description['classifier'])
        encoder = classifier = None
        if has_encoder:
            with damage_in(_ENCODER):
                shapes = wgan.network.image_shape, (wgan.network.latent_dim,)
                encoder = _own_network(KerasFile(files[_ENCODER]), *shapes)
        if reading is not None:
            classifier = _read_classifier(files, wgan, reading, has_components)
    return DetectorParts(wgan, search, scoring, encoder, classifier, calibration)


def _read_classifier(files, wgan, reading, has_components):
    """The classifier from the contents of its files."""
    shape, components = classifier_shape(wgan.network.image_shape, reading['binning']), None
    if has_components:
        complete = *shape[:2], shape[2] + 2 * wgan.network.bands
        with damage_in(_COMPONENTS):
            components = _own_network(KerasFile(files[_COMPONENTS]), shape, complete)
        shape = complete
    with damage_in(_CLASSIFIER):
        network = _own_network(KerasFile(files[_CLASSIFIER]), shape, (1,))
    return InjectionClassifier(network, components=components, **reading, center=wgan.center_)


def _check_own_network(name, network):
    """Refuse an encoder or classifier that could not be loaded, before anything is written."""
    try:
        check_plain(network)
    except PlainNetworkError as error:
        raise ValueError(
            f'The {name} cannot be saved: {error}. Make it one network of plain layers of Keras, '
            'such as Dense, Conv2D, activations and normalizations, each used once and in float32, '
            'without functions of your own.'
        ) from error
    if not all(np.isfinite(array).all() for array in network.get_weights()):
        raise ValueError(f'The {name} has weights that are not finite: it is not saved.')


def _classifier_settings(values, size):
    """How the classifier reads stamps; None without one."""
    if values is None:
        return None
    # Files in which there are none were read in all orientations.
    settings = {'binning': values['binning'], 'orientations': values.get('orientations', 8)}
    allowed = {'binning': range(1, size + 1), 'orientations': (1, 2, 4, 8)}
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed[name]:
            raise ValueError(f'its `{name}` is {value!r:.40}')
    return settings


def _has_components(values):
    """Whether the classifier reads channels of principal components; earlier ones never did."""
    found = False if values is None else values.get('components', False)
    if not isinstance(found, bool):
        raise ValueError(f'its `components` is {found!r:.40}')
    return found


def _check_sizes(search, scoring, size):
    """Refuse sizes that no image needs and that would exhaust the memory."""
    if search.batch_size > _MAX_BATCH_SIZE:
        raise ValueError(
            f'`batch_size` of the search must be at most {_MAX_BATCH_SIZE}; got '
            f'{search.batch_size}.'
        )
    scoring.check_size(size)


def _own_network(file, input_shape, output_shape):
    """A network from the layers that the file describes, if these are plain ones."""
    network = build_plain(file.description, check_room=file.check_room)
    found = network.input_shape, network.output_shape
    wanted = (None, *input_shape), (None, *output_shape)
    if found != wanted:
        raise ValueError(
            f'its input and output have the shapes {found[0]} and {found[1]}, not {wanted[0]} and '
            f'{wanted[1]}'
        )
    load_weights(network, file)
    return network


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
        trends={
            name: _KINDS.get(name, BrightnessTrend).from_dict(trend)
            for name, trend in trends.items()
        },
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
