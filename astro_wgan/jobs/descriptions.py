"""Stamps, settings and models as plain values and digests for a `Fingerprint`."""

import json
import re
import sys
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import Table

from astro_wgan.bands.band import unnamed_bands
from astro_wgan.jobs.digests import ArrayDigest, digest, digest_columns

__all__ = [
    'describe_detector',
    'describe_model',
    'describe_networks',
    'describe_settings',
    'describe_stamps',
    'digest_settings',
]

#: Consecutive stamps that are hashed together, and the number of pixels that limits them. Changing
#: either number changes the digests.
_RUN, _RUN_PIXELS = 64, 2**20

#: Bytes of pixels that are read from a store at a time.
_READ_BYTES = 2**26

#: Stores with more bytes of pixels than this are sampled: reading all would take minutes.
_WHOLE_BYTES = 2**32

#: Bytes of pixels in such a sample.
_SAMPLE_BYTES = 2**30

#: Writing a WCS as text takes about 0.1 ms: if there are more, a sample of them is used.
_MOST_PARENTS = 2048

#: Arrays of up to this many numbers are kept as values, larger ones as digests.
_SHOWN = 8

#: Texts of up to this many characters are kept, longer ones become digests.
_LONGEST_TEXT = 1000


def describe_stamps(stamps, *, columns=()):
    """
    Describe stamps so that two sets can be compared.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        All stamps are used, except in a store with more than 4 GiB of pixels, of which an evenly
        spread sample is used that includes both ends.
    columns : sequence of str or None, optional
        Columns of the table to include besides ``id``; None for all of them.

    Returns
    -------
    dict
        For a `Fingerprint`: count, size, bands, unit and pixel scale, and digests of ids, pixels,
        masks, uncertainties, WCS (with the positions in the parent images), PSF and columns.

    Notes
    -----
    Digests depend on values only, not on their byte order or precision. No mask is equivalent to
    a mask that masks nothing. The values of masked pixels do count.
    """
    arrays = {name: ArrayDigest() for name in ('pixels', 'masks', 'uncertainties')}
    run, any_masked, parents, place = _run(stamps), False, {}, []
    for part in _looked_at(stamps):
        number = sum(map(len, place))
        for first in range(0, len(part), run):
            rows = slice(first, first + run)
            arrays['pixels'].update(part.pixels[rows])
            if part.uncertainty is not None:
                arrays['uncertainties'].update(part.uncertainty[rows])
            if part.mask is not None and part.mask[rows].any():
                any_masked = True
                for array in _masked(part.mask[rows], part.pixels[rows].shape, number + first):
                    arrays['masks'].update(array)
        place.append(_place(part.geometry, parents))
    has_uncertainty = stamps[:0].uncertainty is not None
    return {
        'count': len(stamps),
        'size': [int(edge) for edge in stamps.shape],
        'band count': stamps.n_bands,
        'unit': None if stamps.unit is None else stamps.unit.to_string(),
        'pixel scale': None if stamps.pixel_scale is None else f'{stamps.pixel_scale:.10g}',
        'ids': digest(stamps.ids),
        'pixels': arrays['pixels'].text,
        'masks': arrays['masks'].text if any_masked else None,
        'uncertainties': arrays['uncertainties'].text if has_uncertainty else None,
        'WCS': _digest_wcs(parents, place),
        'PSF': None if stamps.psf is None else digest(stamps.psf),
        **_describe_bands(stamps.bands),
        **_describe_columns(stamps, columns),
    }


def describe_settings(settings):
    """
    Describe settings as plain values.

    Parameters
    ----------
    settings : dict or dataclass
        Numbers, text, quantities, arrays, cosmologies, functions, and lists, dictionaries,
        dataclasses and plain objects of them.

    Returns
    -------
    dict
        For a `Fingerprint`. Large arrays are digests; nested settings have dotted names, such as
        ``detection.threshold``.

    Examples
    --------
    >>> from astro_wgan.jobs import describe_settings
    >>> from astro_wgan.detection import DetectionConfig
    >>> describe_settings({'detection': DetectionConfig(2.5), 'band': None})['detection.threshold']
    2.5
    """
    flat = {}
    for name, value in _items(settings):
        inner = _items(value)
        if inner is None:
            flat[str(name)] = _plain(value)
        else:
            flat.update({f'{name}.{key}': v for key, v in describe_settings(dict(inner)).items()})
    return flat


def digest_settings(settings):
    """
    One digest of settings that would make a long list.

    Parameters
    ----------
    settings : dict or dataclass
        As for `describe_settings`.

    Returns
    -------
    str
    """
    return digest(np.array(json.dumps(describe_settings(settings), sort_keys=True)))


def describe_networks(**networks):
    """
    Describe networks by digests of their weights.

    Parameters
    ----------
    **networks : `keras.Model` or None
        By name; None for a network that does not exist.

    Returns
    -------
    dict
        For a `Fingerprint`: one digest for each name.
    """
    return {
        name: None if network is None else digest(*network.get_weights())
        for name, network in networks.items()
    }


def describe_model(wgan, *, encoder=None, classifier=None):
    """
    Describe a fitted model so that two models can be compared.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Its generator, critic, configuration, stretch and unit are used.
    encoder : `keras.Model`, optional
        Network that predicts latent vectors.
    classifier : `~astro_wgan.anomaly.classifier.injection_classifier.InjectionClassifier`, optional
        Its networks, and how it reads stamps.

    Returns
    -------
    dict
        For a `Fingerprint`.
    """
    networks = describe_networks(generator=wgan.generator_, critic=wgan.critic_, encoder=encoder)
    values = {'unit': wgan.unit_, 'network': wgan.network, 'stretch': wgan.stretch_.to_dict()}
    if classifier is not None:
        networks |= describe_networks(classifier=classifier.network)
        if classifier.components is not None:
            networks |= describe_networks(components=classifier.components)
        values['classifier'] = classifier.settings
    return {**networks, **describe_settings(values)}


def describe_detector(detector):
    """
    Describe a detector so that two can be compared: its model, search, scoring and calibration.

    Parameters
    ----------
    detector : `~astro_wgan.AnomalyDetector`

    Returns
    -------
    dict
        For a `Fingerprint`.
    """
    calibration = getattr(detector, 'calibration_', None)
    return {
        **describe_model(
            detector.wgan,
            encoder=getattr(detector, 'encoder_', None),
            classifier=getattr(detector, 'classifier_', None),
        ),
        **describe_settings({'search': detector.search, 'scoring': detector.scoring}),
        'calibration': None if calibration is None else digest_settings(calibration),
    }


def _looked_at(stamps):
    """Yield sets of stamps in order: all of them, or an evenly spread sample."""
    if hasattr(stamps, 'pixels'):
        yield stamps
        return
    n, run = len(stamps), _run(stamps)
    run_bytes = max(1, run * _pixels(stamps) * stamps.dtype.itemsize)
    together = max(1, _READ_BYTES // run_bytes)
    if n * run_bytes <= run * _WHOLE_BYTES:
        yield from stamps.batches(together * run)
        return
    count = min(n // run, max(2, _SAMPLE_BYTES // run_bytes))
    starts = np.linspace(0, n - run, count).astype(int)
    for k in range(0, count, together):
        yield stamps[(starts[k : k + together, np.newaxis] + np.arange(run)).ravel()]


def _run(stamps):
    return max(1, min(_RUN, _RUN_PIXELS // max(1, _pixels(stamps))))


def _pixels(stamps):
    return int(np.prod(stamps.shape)) * (stamps.n_bands or 1)


def _masked(mask, shape, first):
    """Indices of the stamps of a run with masked pixels, and their packed masks."""
    mask = np.broadcast_to(mask if mask.ndim == len(shape) else mask[..., np.newaxis], shape)
    some = np.flatnonzero(mask.any(axis=tuple(range(1, mask.ndim))))
    return first + some, np.packbits(mask[some])


def _place(geometry, parents):
    """
    Where each stamp is: number of its parent, corner there, and pixels of it per pixel.

    New parents are added to ``parents``.
    """
    numbers = np.zeros(len(geometry.parents), dtype=np.int64)
    for k in np.unique(geometry.parent):
        parent = geometry.parents[k]
        # Stamps without a WCS have a parent image each, all of them equivalent. Parents in a store
        # are distinguished without reading them.
        blank = vars(parent).get('wcs', parent) is None
        key = tuple(parent.shape) if blank else id(parent)
        numbers[k] = parents.setdefault(key, (len(parents), parent))[0]
    return np.column_stack([numbers[geometry.parent], geometry.corner, geometry.steps])


def _digest_wcs(parents, place):
    parents = [parent for _, parent in parents.values()]
    count = len(parents)
    some = np.unique(np.linspace(0, max(0, count - 1), min(count, _MOST_PARENTS)).round())
    texts, headers, numbers = {}, {}, np.full(count, -1)
    for k in some.astype(int):
        shape, wcs = [int(edge) for edge in parents[k].shape], parents[k].wcs
        if id(wcs) not in headers:
            headers[id(wcs)] = None if wcs is None else _header(wcs)
        text = json.dumps([shape, headers[id(wcs)]])
        numbers[k] = texts.setdefault(text, len(texts))
    place = np.concatenate(place) if place else np.zeros((0, 4))
    corner, step = place[:, 1:3], place[:, 3]
    if (corner % 1 == 0).all():
        corner = corner.astype(np.int64)
    resampled = [] if (step == 1).all() else [step]
    numbers = numbers[place[:, 0].astype(np.int64)]
    return digest(np.array(list(texts), dtype=object), numbers, corner, *resampled)


def _header(wcs):
    """A WCS, with its distortion tables, as plain values."""
    tables = [
        None if table is None else digest(table.data, table.crpix, table.crval, table.cdelt)
        for table in (wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2)
    ]
    return [wcs.to_header(relax=True).tostring(sep='\n'), tables]


def _describe_bands(bands):
    """Bands that have names; without these the description is that of earlier versions."""
    if bands == unnamed_bands(len(bands)):
        return {}
    psfs = [None if band.psf is None else digest(band.psf) for band in bands]
    return {'bands': [band.to_dict() for band in bands], 'PSF of bands': psfs}


def _describe_columns(stamps, columns):
    if columns is None:
        table = stamps.table
    elif columns:
        table = stamps.table[list(columns)]
    else:
        return {}
    return {
        f'column `{name}`': text for name, text in digest_columns(table).items() if name != 'id'
    }


def _items(value):
    """Names and values of the members of an object, or None for a single value."""
    if isinstance(value, dict):
        return value.items()
    if is_dataclass(value) and not (isinstance(value, type) or _is_cosmology(value)):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, partial):
        return [('function', value.func), ('arguments', value.args), *value.keywords.items()]
    if isinstance(value, Table):
        return digest_columns(value).items()
    if _is_of('astropy.nddata', 'NDData', value):
        uncertainty = value.uncertainty
        return [
            ('data', value.data),
            ('mask', value.mask),
            ('unit', value.unit),
            ('uncertainty', None if uncertainty is None else uncertainty.array),
            ('uncertainty type', None if uncertainty is None else uncertainty.uncertainty_type),
        ]
    if type(value).__repr__ is object.__repr__ and hasattr(value, '__dict__'):
        # Its repr would not show its content.
        return [('class', type(value).__qualname__), *vars(value).items()]
    return None


def _plain(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, u.UnitBase):
        return value.to_string()
    if isinstance(value, u.Quantity):
        plain = _plain(value.value)
        return f'{plain} {value.unit}'.strip() if np.isscalar(plain) else [plain, str(value.unit)]
    if isinstance(value, (np.ndarray, np.generic)):
        return _whole(value.tolist()) if value.size <= _SHOWN else digest(value)
    if isinstance(value, (int, float)):
        return _whole(value)
    if isinstance(value, Path):
        return str(value)
    if _is_cosmology(value):
        # Two cosmologies of the same name may differ.
        parameters = {name: str(v) for name, v in value.parameters.items()}
        return f'{type(value).__name__}({json.dumps(parameters)})'
    if isinstance(value, (list, tuple, set, frozenset)):
        ordered = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [_plain_or_dict(item) for item in ordered]
    if callable(value) and hasattr(value, '__qualname__'):
        return f'{value.__module__}.{value.__qualname__}'
    with np.printoptions(threshold=sys.maxsize, precision=17):
        text = repr(value)
    # Memory addresses are no part of a setting.
    text = re.sub(r' at 0x[0-9a-f]+', '', text)
    return text if len(text) <= _LONGEST_TEXT else digest(np.array(text))


def _whole(value):
    """Floats without a fraction as integers: a threshold of 3 equals one of 3.0."""
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_cosmology(value):
    return _is_of('astropy.cosmology', 'Cosmology', value)


def _is_of(module, name, value):
    # Importing the module takes half a second. If the value is of its class, it is imported.
    known = sys.modules.get(module)
    return hasattr(known, name) and isinstance(value, getattr(known, name))


def _plain_or_dict(value):
    return _plain(value) if _items(value) is None else describe_settings(value)
