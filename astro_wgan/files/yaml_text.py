"""Parsing of untrusted YAML with astropy objects."""

from base64 import b64decode

import numpy as np
import yaml
from astropy.io.misc.yaml import AstropyLoader

from astro_wgan.files.error_text import one_line
from astro_wgan.files.limits import check_unit_text

__all__ = ['ARRAY_CONSTRUCTORS', 'LONGEST_YAML', 'load_yaml']

#: Maximum number of characters, and of values after the expansion of aliases: a few lines of nested
#: aliases could stand for astronomically many values.
LONGEST_YAML = 2**21
_MOST_VALUES = 2 * 10**5

#: Maximum depth of nested values. The stack may overflow before Python's recursion limit is reached
#: if a package has raised that.
_DEEPEST = 100

#: Maximum length of a number: the time to parse an integer grows with its square.
_LONGEST_NUMBER = 400

_NUMBERS = ('tag:yaml.org,2002:int', 'tag:yaml.org,2002:float')


class _Loader(AstropyLoader):
    """Astropy's loader of units, coordinates and arrays, with ordered mappings and limits."""

    def __init__(self, text):
        super().__init__(text)
        self._nodes = self._depth = 0

    def compose_node(self, parent, index):
        self._nodes += 1
        _check_number(self._nodes)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f'it is nested more than {_DEEPEST} levels deep')
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node, deep=False):
        mapping = super().construct_mapping(node, deep=deep)
        # Units and quantities, columns, and serialized mixin columns.
        if node.tag.startswith('!astropy.') or 'datatype' in mapping or '__class__' in mapping:
            _check_unit(mapping.get('unit'))
        return mapping


def _ordered(loader, node):
    mapping = {}
    yield mapping  # PyYAML requires this of objects that may contain themselves
    for pair in node.value:
        for key, value in pair.value:
            mapping[loader.construct_object(key)] = loader.construct_object(value)


def _array(loader, node):
    entries = loader.construct_mapping(node, deep=True)
    return _array_of(entries, entries['shape'], order=entries.get('order', 'C'))


def _record(loader, node):
    return _array_of(loader.construct_mapping(node, deep=True), ())[()]


def _array_of(entries, shape, **options):
    dtype = np.dtype(entries['dtype'])
    if dtype.hasobject:
        # Astropy refuses only one of the names of the dtype. The bytes would be used as pointers.
        raise ValueError('an array of Python objects cannot be read')
    return np.ndarray(shape, dtype=dtype, buffer=b64decode(entries['buffer']), **options)


#: YAML constructors of arrays of numbers and text.
ARRAY_CONSTRUCTORS = {'!numpy.ndarray': _array, '!numpy.void': _record}

_Loader.add_constructor('tag:yaml.org,2002:omap', _ordered)
for _tag, _constructor in ARRAY_CONSTRUCTORS.items():
    _Loader.add_constructor(_tag, _constructor)


def load_yaml(text):
    """
    Parse YAML with astropy objects.

    Parameters
    ----------
    text : str
        As `astropy.io.misc.yaml.dump` writes it, or the header of an ECSV file.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If it is not valid YAML, too long, stands for too many values, has an array of dtype
        object (whose bytes astropy would use as pointers), or a unit that would take minutes to
        parse.

    Examples
    --------
    >>> from astro_wgan.files.yaml_text import load_yaml
    >>> load_yaml('depth: !astropy.units.Quantity {unit: !astropy.units.Unit {unit: m}, value: 3}')
    {'depth': <Quantity 3. m>}
    >>> load_yaml('[&a [x, x, x], &b [*a, *a, *a], &c [*b, *b, *c]]')
    Traceback (most recent call last):
    ...
    ValueError: The YAML text is not valid: a value is a part of itself.
    """
    if len(text) > LONGEST_YAML:
        raise ValueError(f'The YAML text has {len(text)} characters; allowed are {LONGEST_YAML}.')
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, {})
        return loader.construct_document(node)
    except Exception as error:  # invalid units, times and positions raise various errors
        raise ValueError(f'The YAML text is not valid: {_in_one_line(error)}.') from error


def _size(node, sizes):
    """Number of values that a node stands for. Each node is visited once."""
    if id(node) in sizes:
        size = sizes[id(node)]
        if size is None:
            raise ValueError('a value is a part of itself')
        return size
    sizes[id(node)] = None
    if isinstance(node, yaml.ScalarNode):
        _check_scalar(node)
        parts = []
    elif isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    else:
        parts = node.value
    size = 1 + sum(_size(part, sizes) for part in parts)
    _check_number(size)
    sizes[id(node)] = size
    return size


def _check_number(values):
    if values > _MOST_VALUES:
        raise ValueError(f'it stands for more than {_MOST_VALUES} values')


def _check_scalar(node):
    if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
        raise ValueError(f'a number has {len(node.value)} characters')


def _check_unit(unit):
    if isinstance(unit, bytes):
        unit = unit.decode('latin-1')
    if isinstance(unit, str):
        check_unit_text(unit)


def _in_one_line(error):
    return one_line(error).rstrip('.')
