"""YAML as astropy writes it, read without trust in who wrote it."""

from base64 import b64decode

import numpy as np
import yaml
from astropy.io.misc.yaml import AstropyLoader

from astro_wgan.files.limits import check_unit_text

__all__ = ['ARRAY_CONSTRUCTORS', 'LONGEST_YAML', 'load_yaml']

#: Characters that are parsed, at most, and values that they may stand for. A value that is named
#: once and used often is counted each time: a few lines could stand for as many as there are atoms.
LONGEST_YAML = 2**21
_MOST_VALUES = 2 * 10**5

#: Values in each other. Each goes down the stack, which may end before Python's limit of recursion
#: where a package has raised that.
_DEEPEST = 100

#: The longest number: whole ones take the square of that in time.
_LONGEST_NUMBER = 400

_NUMBERS = ('tag:yaml.org,2002:int', 'tag:yaml.org,2002:float')


class _Loader(AstropyLoader):
    """astropy's loader of units, coordinates and arrays, which also knows ordered mappings."""

    def __init__(self, text):
        super().__init__(text)
        self._nodes = self._depth = 0

    def compose_node(self, parent, index):
        self._nodes += 1
        _check_number(self._nodes)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f'it is more than {_DEEPEST} values deep')
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node, deep=False):
        mapping = super().construct_mapping(node, deep=deep)
        # Of units and quantities, of columns, and of how these are made from others.
        if node.tag.startswith('!astropy.') or 'datatype' in mapping or '__class__' in mapping:
            _check_unit(mapping.get('unit'))
        return mapping


def _ordered(loader, node):
    mapping = {}
    yield mapping  # as PyYAML asks of what may refer to itself
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
        # astropy refuses but one of its names; the bytes would become addresses in memory.
        raise ValueError('an array of Python objects cannot be read')
    return np.ndarray(shape, dtype=dtype, buffer=b64decode(entries['buffer']), **options)


#: How arrays are made from their description, with nothing in them but numbers and text.
ARRAY_CONSTRUCTORS = {'!numpy.ndarray': _array, '!numpy.void': _record}

_Loader.add_constructor('tag:yaml.org,2002:omap', _ordered)
for _tag, _constructor in ARRAY_CONSTRUCTORS.items():
    _Loader.add_constructor(_tag, _constructor)


def load_yaml(text):
    """
    The content of a YAML text with astropy's objects.

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
        If it is no YAML, or too long, or stands for too many values, or for an array of Python
        objects (whose bytes astropy would take for addresses in memory), or has a unit that would
        take minutes to parse.

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
    except Exception as error:  # what is no unit, time or position raises what it likes
        raise ValueError(f'The YAML text is not valid: {_in_one_line(error)}.') from error


def _size(node, sizes):
    """How many values a node stands for, if not too many; each node is looked at once."""
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
    text = ' '.join(str(error).split()) or type(error).__name__
    return text.rstrip('.')
