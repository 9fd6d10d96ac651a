"""What stamps, settings and models are, as plain values and digests for a `Fingerprint`."""

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

from astro_wgan.jobs.digests import ArrayDigest, digest, digest_columns

__all__ = [
    'describe_model',
    'describe_networks',
    'describe_settings',
    'describe_stamps',
    'digest_settings',
]

#: Neighbors that are looked at together, unless they have more pixels than these. Other numbers
#: make other digests.
_RUN, _RUN_PIXELS = 64, 2**20

#: What is read of a store at once, in bytes of pixels.
_READ_BYTES = 2**26

#: A store with more bytes of pixels than these is not read as a whole: it would take minutes.
_WHOLE_BYTES = 2**32

#: What is read of it in place of that.
_SAMPLE_BYTES = 2**30

#: To write a WCS as text takes some tenth of a millisecond: of more, some are looked at.
_MOST_PARENTS = 2048

#: Arrays with no more numbers than these are shown, larger ones have a digest.
_SHOWN = 8

#: Texts with no more characters than these are kept, longer ones have a digest.
_LONGEST_TEXT = 1000


def describe_stamps(stamps, *, columns=()):
    """
    What makes stamps these and no others.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        All of a set are looked at; of a store with more than 4 GiB of pixels a sample that is
        spread over it and includes both ends.
    columns : sequence of str or None, optional
        Columns of the table that are used beside ``id``; None for all of them.

    Returns
    -------
    dict
        For a `Fingerprint`: count, size, bands, unit and pixel scale, and digests of ids, pixels,
        masks, uncertainties, WCS (with the places in the parent images), PSF and columns.

    Notes
    -----
    What a digest is of are values: the byte order and precision in which they are held do not
    count, and no mask is the same as one that masks nothing. Values of masked pixels do count.
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
        'band count': stamps.bands,
        'unit': None if stamps.unit is None else stamps.unit.to_string(),
        'pixel scale': None if stamps.pixel_scale is None else f'{stamps.pixel_scale:.10g}',
        'ids': digest(stamps.ids),
        'pixels': arrays['pixels'].text,
        'masks': arrays['masks'].text if any_masked else None,
        'uncertainties': arrays['uncertainties'].text if has_uncertainty else None,
        'WCS': _digest_wcs(parents, place),
        'PSF': None if stamps.psf is None else digest(stamps.psf),
        **_describe_columns(stamps, columns),
    }


def describe_settings(settings):
    """
    Settings as plain values.

    Parameters
    ----------
    settings : dict or dataclass
        Numbers, text, quantities, arrays, cosmologies, functions, and lists, dictionaries,
        dataclasses and plain objects of them.

    Returns
    -------
    dict
        For a `Fingerprint`: large arrays as digests; what is inside of others by a name with a
        dot, such as ``detection.threshold``.

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
    One digest of settings of which a list would be long.

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
    The weights of networks.

    Parameters
    ----------
    **networks : `keras.Model` or None
        By name; None for one that there is not.

    Returns
    -------
    dict
        For a `Fingerprint`, a digest by each name.
    """
    return {
        name: None if network is None else digest(*network.get_weights())
        for name, network in networks.items()
    }


def describe_model(wgan, *, encoder=None):
    """
    What makes a fitted model this and no other.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Of which generator, critic, configuration, stretch and unit count.
    encoder : `keras.Model`, optional
        What finds latent vectors.

    Returns
    -------
    dict
        For a `Fingerprint`.
    """
    networks = describe_networks(generator=wgan.generator_, critic=wgan.critic_, encoder=encoder)
    values = {'unit': wgan.unit_, 'network': wgan.network, 'stretch': wgan.stretch_.to_dict()}
    return {**networks, **describe_settings(values)}


def _looked_at(stamps):
    """Sets of stamps, in order: all, or a sample that is spread over them."""
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
    return int(np.prod(stamps.shape)) * (stamps.bands or 1)


def _masked(mask, shape, first):
    """Which stamps of a run have masked pixels, and which these are."""
    mask = np.broadcast_to(mask if mask.ndim == len(shape) else mask[..., np.newaxis], shape)
    some = np.flatnonzero(mask.any(axis=tuple(range(1, mask.ndim))))
    return first + some, np.packbits(mask[some])


def _place(geometry, parents):
    """Which of the ``parents``, which become more, each stamp is of, and its corner there."""
    numbers = np.zeros(len(geometry.parents), dtype=np.int64)
    for k in np.unique(geometry.parent):
        parent = geometry.parents[k]
        # Stamps without WCS have each a parent of their own, and all of these are alike. Those of
        # a store are told from each other without reading them.
        blank = vars(parent).get('wcs', parent) is None
        key = tuple(parent.shape) if blank else id(parent)
        numbers[k] = parents.setdefault(key, (len(parents), parent))[0]
    return np.column_stack([numbers[geometry.parent], geometry.corner])


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
    place = np.concatenate(place) if place else np.zeros((0, 3), dtype=np.int64)
    return digest(np.array(list(texts), dtype=object), numbers[place[:, 0]], place[:, 1:])


def _header(wcs):
    """A WCS, with the tables of its distortion, as plain values."""
    tables = [
        None if table is None else digest(table.data, table.crpix, table.crval, table.cdelt)
        for table in (wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2)
    ]
    return [wcs.to_header(relax=True).tostring(sep='\n'), tables]


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
    """Name and value of what is inside of something, or None where that is one value."""
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
        # Its text would say nothing of what is in it.
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
        # Two of one name may differ.
        parameters = {name: str(v) for name, v in value.parameters.items()}
        return f'{type(value).__name__}({json.dumps(parameters)})'
    if isinstance(value, (list, tuple, set, frozenset)):
        ordered = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [_plain_or_dict(item) for item in ordered]
    if callable(value) and hasattr(value, '__qualname__'):
        return f'{value.__module__}.{value.__qualname__}'
    with np.printoptions(threshold=sys.maxsize, precision=17):
        text = repr(value)
    # Where an object lies in memory says nothing.
    text = re.sub(r' at 0x[0-9a-f]+', '', text)
    return text if len(text) <= _LONGEST_TEXT else digest(np.array(text))


def _whole(value):
    """Whole numbers as such: a threshold of 3 is one of 3.0."""
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_cosmology(value):
    return _is_of('astropy.cosmology', 'Cosmology', value)


def _is_of(module, name, value):
    # To import it takes half a second; whoever has one of its objects has done so.
    known = sys.modules.get(module)
    return hasattr(known, name) and isinstance(value, getattr(known, name))


def _plain_or_dict(value):
    return _plain(value) if _items(value) is None else describe_settings(value)
