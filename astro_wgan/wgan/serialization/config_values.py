"""Configurations as dictionaries of plain values, as they are written to files."""

from dataclasses import asdict, fields
from math import isfinite
from types import NoneType
from typing import get_args, get_type_hints

__all__ = ['from_dict', 'to_dict']


def to_dict(config):
    """A configuration as a dictionary of plain JSON values."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()}


def from_dict(cls, values):
    """
    A configuration, or another frozen dataclass, from the plain values in a file.

    Parameters
    ----------
    cls : type
        The class.
    values : dict
        Values by name; missing ones have their defaults.

    Raises
    ------
    ValueError
        If a name is unknown, or a value is not finite or not of the type of its field.
    """
    unknown = set(values) - {f.name for f in fields(cls)}
    if unknown:
        raise ValueError(f'{cls.__name__} has no parameter {", ".join(sorted(unknown)):.100}.')
    types = get_type_hints(cls)
    for name, value in values.items():
        allowed = get_args(types[name]) or (types[name],)
        if not any(_has_type(value, one) for one in allowed):
            raise ValueError(f'`{name}` of {cls.__name__} is {value!r:.60}.')
    return cls(**values)


def _has_type(value, kind):
    if kind is tuple:
        return isinstance(value, list) and all(_has_type(item, float) for item in value)
    if kind is float and type(value) is int:
        kind = int
    if kind is int:
        return type(value) is int and abs(value) < 2**63
    if kind is float:
        return type(value) is float and isfinite(value)
    if kind in (bool, str, NoneType):
        return isinstance(value, kind)
    # Other types, such as units, are text in a file; the class checks it.
    return isinstance(value, str)
