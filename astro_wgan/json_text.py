"""JSON that others may have written."""

import json
from math import isfinite

from astro_wgan.limits import check_size

__all__ = ['JsonError', 'parse_json']

#: Lists and dictionaries in each other: ours are a few.
_DEEPEST = 50

#: Bytes that a value can take for each of its characters: an empty dictionary is two of them.
_LARGEST_VALUE = 24


class JsonError(ValueError):
    """Text that is no JSON, or none that is read here."""


def parse_json(content, *, finite=True, max_size=None):
    """
    The values of a JSON text.

    Parameters
    ----------
    content : bytes
        What a file holds.
    finite : bool, optional
        Refuse NaN and Infinity.
    max_size : number, optional
        Bytes that the values may take; see `~astro_wgan.limits.largest_size`.

    Returns
    -------
    dict

    Raises
    ------
    JsonError
        If it is no JSON text of one dictionary, a name is in it twice, it is more than 50 deep, or
        could take more memory than allowed.

    Examples
    --------
    >>> from astro_wgan.json_text import parse_json
    >>> parse_json(b'{"size": 64, "bands": [1, 2]}')
    {'size': 64, 'bands': [1, 2]}
    >>> parse_json(b'{"size": NaN}')
    Traceback (most recent call last):
    ...
    astro_wgan.json_text.JsonError: it holds numbers that are not finite
    """
    needed = _LARGEST_VALUE * len(content)
    check_size(needed, 'it', max_size=max_size, error=JsonError)
    try:
        values = json.loads(content, object_pairs_hook=_without_twins)
    except RecursionError as error:
        raise JsonError(f'it is more than {_DEEPEST} lists or dictionaries deep') from error
    except ValueError as error:
        raise JsonError(f'it is no JSON: {error}') from error
    if not isinstance(values, dict):
        raise JsonError(f'it holds no dictionary, but: {type(values).__name__}')
    _check_depth(values, finite)
    return values


def _without_twins(pairs):
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError('a name is there twice')
    return values


def _check_depth(values, finite):
    level = [values]
    for _ in range(_DEEPEST):
        inner = []
        for container in level:
            for value in container.values() if isinstance(container, dict) else container:
                if isinstance(value, (dict, list)):
                    inner.append(value)
                elif finite and isinstance(value, float) and not isfinite(value):
                    raise JsonError('it holds numbers that are not finite')
        if not inner:
            return
        level = inner
    raise JsonError(f'it is more than {_DEEPEST} lists or dictionaries deep')
