"""Parsing of untrusted JSON."""

import json
import re
from math import isfinite

from astro_wgan.exceptions import JSONError
from astro_wgan.files.limits import check_size

__all__ = ['load_json', 'parse_json']

#: Maximum depth of nested lists and dictionaries.
_DEEPEST = 50

#: Maximum bytes of memory for each character: an empty dictionary has two of them.
_LARGEST_VALUE = 24

#: Quoted strings, which are removed before brackets are counted.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r'[][{}]')


def parse_json(content, *, finite=True, max_size=None):
    """
    Parse a JSON text that holds one dictionary.

    Parameters
    ----------
    content : bytes
        Content of a file.
    finite : bool, optional
        Raise an error for NaN and Infinity.
    max_size : number, optional
        Maximum number of bytes of the values; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    dict

    Raises
    ------
    JSONError
        If it is not JSON of one dictionary, a key is repeated, it is nested more than 50 levels
        deep, or it could take more memory than allowed.

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
    values = load_json(content, object_pairs_hook=_without_repeats)
    if not isinstance(values, dict):
        raise JSONError(f'it holds a {type(values).__name__}, not a dictionary')
    if finite:
        _check_finite(values)
    return values


def load_json(content, **options):
    """
    `json.loads` with a limited depth.

    `json.loads` recurses into nested lists as deep as Python's recursion limit. If a package has
    raised that beyond the size of the stack, a deep text would crash the process.

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
        If it is not JSON, or nested more than 50 levels deep.

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
                raise JSONError(f'it is nested more than {_DEEPEST} levels deep')
        return json.loads(text, **options)
    except JSONError:
        raise
    except ValueError as error:
        raise JSONError(f'it is not JSON: {error}') from error


def _without_repeats(pairs):
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError('a key is repeated')
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
