"""Configurations as dictionaries of plain values, as they are written to files."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from difflib import get_close_matches
from math import isfinite
from types import NoneType
from typing import get_args, get_origin, get_type_hints

__all__ = ['from_dict', 'to_dict', 'to_table', 'update_config']


def to_dict(config):
    """A configuration as a dictionary of plain JSON values."""
    return _plain(asdict(config))


def to_table(config, default):
    """
    A configuration as a dictionary for formats without a null, such as TOML.

    What is None is left out if that is the default, too, and is otherwise False.

    Parameters
    ----------
    config : dataclass
    default : dataclass
        Configuration that `update_config` will start from; of another class than ``config``, the
        defaults of the class of ``config`` hold.

    Returns
    -------
    dict

    Examples
    --------
    >>> from astro_wgan.detection import DetectionConfig
    >>> from astro_wgan.files.configurations.config_values import to_table
    >>> table = to_table(DetectionConfig(clean=None), DetectionConfig())
    >>> table['clean'], table['threshold'], 'background' in table
    (False, 1.5, False)
    """
    if type(default) is not type(config):
        default = type(config)()
    table = {}
    for each in fields(config):
        value, usual = getattr(config, each.name), getattr(default, each.name)
        if value is None:
            if usual is not None:
                table[each.name] = False
        elif is_dataclass(value):
            table[each.name] = to_table(value, usual)
        elif not (isinstance(value, Mapping) and not value):
            table[each.name] = _plain(value)
    return table


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
    return cls(**_checked(cls, values, cls.__name__))


def update_config(config, values, *, name=None, bases=None):
    """
    A configuration with other values for some of its fields.

    Parameters
    ----------
    config : dataclass
        The configuration that holds where nothing else is said.
    values : dict
        Plain values by the names of the fields; of a field that is a configuration a dictionary. A
        field that may be None has None if the value is False.
    name : str, optional
        What the configuration is called in errors, by default as its class.
    bases : dict, optional
        Configurations that fields start from which are no configurations in ``config``, by their
        full names, such as ``'survey.detection'``.

    Returns
    -------
    dataclass

    Raises
    ------
    ValueError
        If a name is unknown, a value is not finite or not of the type of its field, or the
        configuration does not allow it.

    Examples
    --------
    >>> from astro_wgan.files.configurations import update_config
    >>> from astro_wgan.hunting import HuntConfig
    >>> config = update_config(
    ...     HuntConfig(), {'size': '3.84 arcsec', 'classifier': False, 'detection': {'min_area': 9}}
    ... )
    >>> config.size, config.classifier, config.detection.min_area, config.detection.threshold
    (<Quantity 3.84 arcsec>, None, 9, 2.5)
    """
    name = type(config).__name__ if name is None else name
    return replace(config, **_checked(type(config), values, name, config, bases or {}))


def _checked(cls, values, where, current=None, bases=()):
    """Values of the types of their fields, those of configurations within it included."""
    known = [each.name for each in fields(cls)]
    for name in values:
        if name not in known:
            close = get_close_matches(str(name), known, 1)
            hint = f'; did you mean {close[0]}?' if close else f': it has {", ".join(known)}.'
            raise ValueError(f'{where} has no parameter {name!s:.100}{hint}')
    hints = get_type_hints(cls)
    return {
        name: _of_type(hints[name], value, f'{where}.{name}', getattr(current, name, None), bases)
        for name, value in values.items()
    }


def _of_type(hint, value, where, current, bases):
    kinds = (hint,) if get_origin(hint) in (None, tuple) else get_args(hint)
    if isinstance(value, Mapping):
        base = current if is_dataclass(current) else dict(bases).get(where)
        if base is not None:
            return update_config(base, value, name=where, bases=bases)
        for kind in kinds:
            if is_dataclass(kind):
                return kind(**_checked(kind, value, where, None, bases))
    if value is False and NoneType in kinds and bool not in kinds:
        return None
    for kind in kinds:
        try:
            return _converted(kind, value, where)
        except TypeError:
            continue
    allowed = ' or '.join(dict.fromkeys(_said(kind) for kind in kinds))
    raise ValueError(f'`{where}` must be {allowed}; got {value!r:.60}.')


def _converted(kind, value, where):
    """A value of a type, or a TypeError if it is none."""
    plain = get_origin(kind) or kind
    if plain is tuple and isinstance(value, list | tuple):
        return _tuple(get_args(kind) or (float | int | str, ...), value, where)
    if plain is float and type(value) is int:
        plain = int
    if plain is int:
        fits = type(value) is int and abs(value) < 2**63
    elif plain is float:
        fits = type(value) is float and isfinite(value)
    elif getattr(plain, '__name__', '') == 'Quantity' and isinstance(value, str):
        return _quantity(value)
    elif plain in (bool, str, NoneType, Mapping, dict) or not isinstance(value, str):
        fits = isinstance(plain, type) and isinstance(value, plain)
    else:
        # Other types, such as units, are text in a file; the class checks it.
        fits = not is_dataclass(plain)
    if not fits:
        raise TypeError
    return value


def _tuple(kinds, values, where):
    if kinds[-1] is ...:
        kinds = kinds[:1] * len(values)
    if len(kinds) != len(values):
        raise ValueError(f'`{where}` must be {len(kinds)} values; got {len(values)}.')
    return tuple(
        _of_type(kind, value, where, None, ()) for kind, value in zip(kinds, values, strict=True)
    )


def _quantity(text):
    from astropy import units as u

    from astro_wgan.files.limits import check_unit_text

    try:
        check_unit_text(text)
        value = u.Quantity(text)
    except ValueError as error:
        raise TypeError from error
    # A number alone is no quantity: that is what the other types of the field are for.
    if value.unit == u.dimensionless_unscaled:
        raise TypeError
    return value


def _said(kind):
    """A type in the words of an error."""
    plain = get_origin(kind) or kind
    if is_dataclass(plain):
        return f'a table of {plain.__name__}'
    if getattr(plain, '__name__', '') == 'Quantity':
        return "text of a number and a unit, such as '3.84 arcsec'"
    words = {
        int: 'a whole number',
        float: 'a number',
        bool: 'true or false',
        str: 'text',
        tuple: 'a list',
        NoneType: 'false',
        Mapping: 'a table',
        dict: 'a table',
    }
    return words.get(plain, 'text')


def _plain(value):
    """Tuples as lists, quantities as text, and numbers of NumPy as those of Python."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, 'unit') and hasattr(value, 'to_value'):
        return f'{_plain(value.value)!r} {value.unit}'
    return value.item() if hasattr(value, 'dtype') and not value.ndim else value
