"""JSON that others may have written."""

import json
import re
from math import isfinite

from astro_wgan.exceptions import JSONError
from astro_wgan.files.limits import check_size

__all__ = ['load_json', 'parse_json']

#: Lists and dictionaries in each other: ours are a few.
_DEEPEST = 50

#: Bytes that a value can take for each of its characters: an empty dictionary is two of them.
_LARGEST_VALUE = 24

#: What brackets are counted without: texts in quotes.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r'[][{}]')


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
        Bytes that the values may take; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    dict

    Raises
    ------
    JSONError
        If it is no JSON text of one dictionary, a name is in it twice, it is more than 50 deep, or
        could take more memory than allowed.

    Examples
    --------
    >>> from astro_wgan.files.json_text import parse_json
    >>> parse_json(b'{"size": 64, "bands": [1, 2]}')
    {'size': 64, 'bands': [1, 2]}
    >>> parse_json(b'{"size": NaN}')
    Traceback (most recent call last):
    ...
    astro_wgan.exceptions.JSONError: it holds numbers that are not finite
    """
    needed = _LARGEST_VALUE * len(content)
    check_size(needed, 'it', max_size=max_size, error=JSONError)
    values = load_json(content, object_pairs_hook=_without_twins)
    if not isinstance(values, dict):
        raise JSONError(f'it holds no dictionary, but: {type(values).__name__}')
    if finite:
        _check_finite(values)
    return values


def load_json(content, **options):
    """
    `json.loads` for texts of any depth.

    It goes down once for each list in another, as deep as Python allows; where a package has
    raised `sys.setrecursionlimit`, that is deeper than the stack, and the process ends.

    Parameters
    ----------
    content : str or bytes
        JSON; bytes are UTF-8.
    **options
        For `json.loads`.

    Returns
    -------
    object

    Raises
    ------
    JSONError
        If it is no JSON text, or more than 50 deep.

    Examples
    --------
    >>> from astro_wgan.files.json_text import load_json
    >>> load_json('[1, [2, 3]]')
    [1, [2, 3]]
    """
    try:
        text = content.decode() if isinstance(content, bytes) else content
        depth = 0
        for bracket in _BRACKET.findall(_QUOTED.sub('', text)):
            depth += 1 if bracket in '[{' else -1
            if depth > _DEEPEST:
                raise JSONError(f'it is more than {_DEEPEST} lists or dictionaries deep')
        return json.loads(text, **options)
    except JSONError:
        raise
    except ValueError as error:
        raise JSONError(f'it is no JSON: {error}') from error


def _without_twins(pairs):
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError('a name is there twice')
    return values


def _check_finite(values):
    containers = [values]
    while containers:
        inner = containers.pop()
        for value in inner.values() if isinstance(inner, dict) else inner:
            if isinstance(value, (dict, list)):
                containers.append(value)
            elif isinstance(value, float) and not isfinite(value):
                raise JSONError('it holds numbers that are not finite')
