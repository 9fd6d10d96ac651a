"""Options that hold: those of the command line, then those of a file, then the defaults."""

import argparse
from argparse import ArgumentTypeError, BooleanOptionalAction
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from astro_wgan.commands.options.configuration_file import read_record, start_record
from astro_wgan.files.configurations.config_values import to_table, update_config
from astro_wgan.remote.uris import is_uri, shown

__all__ = ['CommandOption', 'final_options']


@dataclass(frozen=True)
class Given:
    """
    A value of an option, and its text, which files have.

    Parameters
    ----------
    text : str
    value : object
    """

    text: str
    value: object


@dataclass(frozen=True)
class CommandOption:
    """
    An option of a command.

    Parameters
    ----------
    default : object
        Its value if it is not given.
    is_required, is_path, is_kept, is_switch, is_bool, has_several : bool
        Whether it must be given, is a path, is part of the configuration, switches a configuration
        on and off, is given or not, and has several values.
    sets : str or None
        Field of a configuration that it sets.
    convert : callable or None
        Turns its text into its value.
    choices : sequence or None
        Allowed values.
    count : int or None
        How many values it has, if that is fixed.
    name, flag : str
        What it is called in files and on the command line.
    """

    default: object
    is_required: bool
    is_path: bool
    is_kept: bool
    is_switch: bool
    is_bool: bool
    has_several: bool
    sets: str | None
    convert: object
    choices: object
    count: int | None
    name: str = ''
    flag: str = ''

    @classmethod
    def of(cls, about, **known):
        """The option for arguments of argparse, of which the type is changed to keep the text."""
        convert, nargs, action = about.get('type'), about.get('nargs'), about.get('action')
        if convert is not None:
            about['type'] = _keeping_text(convert)
        return cls(
            **known,
            is_bool=action in (BooleanOptionalAction, 'store_true'),
            has_several=nargs not in (None, '?') or action == 'append',
            convert=convert,
            choices=about.get('choices'),
            count=nargs if isinstance(nargs, int) else None,
        )

    def named(self, action, flags):
        """The same with its names."""
        flag = flags[-1] if action.option_strings else action.metavar or flags[0]
        return replace(self, name=action.dest, flag=flag)

    def from_file(self, value, source):
        """
        The value that a file says.

        Parameters
        ----------
        value : object
            Value of TOML.
        source : str
            What errors call the file.

        Returns
        -------
        bool, `Given` or list of `Given`

        Raises
        ------
        ValueError
            If the option does not take it.
        """
        if self.is_bool:
            if not isinstance(value, bool):
                raise ValueError(
                    f'`{self.name}` in {source} must be true or false; got {value!r:.60}.'
                )
            return value
        if not self.has_several:
            return self._one(value, source)
        values = value if isinstance(value, list) else [value]
        if self.count not in (None, len(values)):
            raise ValueError(
                f'`{self.name}` in {source} must be {self.count} values; got {value!r:.60}.'
            )
        return [self._one(each, source) for each in values]

    def _one(self, value, source):
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(
                f'`{self.name}` in {source} must be what `{self.flag}` takes on the command line; '
                f'got {value!r:.60}.'
            )
        try:
            found = str(value) if self.convert is None else self.convert(str(value))
        except (ValueError, TypeError, ArgumentTypeError) as error:
            kinds = {int: 'must be a whole number', float: 'must be a number'}
            said = f'{kinds[self.convert]}; got {value!r:.60}.' if self.convert in kinds else error
            raise ValueError(f'`{self.name}` in {source} {said}') from error
        if self.choices is not None and found not in self.choices:
            raise ValueError(
                f'`{self.name}` in {source} must be one of {", ".join(map(str, self.choices))}; '
                f'got {value!r:.60}.'
            )
        return Given(str(value), found)

    def plain(self, given):
        """What a file says for what was given: absolute paths, and URIs without credentials."""
        if isinstance(given, list):
            return [self.plain(each) for each in given]
        value = given
        if isinstance(given, Given):
            value = given.value if isinstance(given.value, int | float) else given.text
        if not isinstance(value, str):
            return value
        if is_uri(value):
            return shown(value)
        is_file = self.is_path and (Path(value).exists() or {*'*?{'} & {*value})
        return str(Path(value).absolute()) if is_file else value


def final_options(command, given):
    """
    The options that hold.

    Parameters
    ----------
    command : `~astro_wgan.commands.options.command.Command`
    given : dict
        Options of the command line by name.

    Returns
    -------
    options : argparse.Namespace
        Each option; ``configs``, the configurations by the names of their tables; and ``record``,
        plain values that repeat the command, for
        `~astro_wgan.commands.options.configuration_file.write_record`.
    missing : list of str
        Options that are required and not given.

    Raises
    ------
    ValueError, OSError
        If the file of the configuration cannot be used.
    """
    path = given.get('config')
    source, record = ('', {}) if path is None else read_record(path, command.name)
    tables = {name: {} for name in command.defaults}
    filed = {}
    for name, value in record.items():
        if name in tables:
            if not isinstance(value, Mapping):
                raise ValueError(f'`{name}` in {source} must be a table; got {value!r:.60}.')
            tables[name] = _copied(value)
        else:
            filed[name] = _option(command, name, source).from_file(value, source)
    values, kept, missing = {}, {}, []
    for name, option in command.options.items():
        if option.sets is not None:
            if name in given:
                _set(tables, option, given[name])
            continue
        value = given.get(name, filed.get(name))
        if value is None and option.is_required:
            missing.append(option.flag)
        values[name] = option.default if value is None else _values(value)
        value = option.default if value is None else value
        if option.is_kept and _is_plain(value):
            kept[name] = option.plain(value)
    options = argparse.Namespace(**values)
    options.configs = _configurations(command, tables, source)
    options.record = start_record(command.name) | kept
    for name, config in options.configs.items():
        options.record[name] = to_table(config, command.defaults[name])
    return options, missing


def _option(command, name, source):
    """The option of this name in a file."""
    known = {
        key: option
        for key, option in command.options.items()
        if option.sets is None and key not in ('config', 'json', 'traceback')
    }
    if name in known:
        return known[name]
    allowed = [*known, *command.defaults]
    moved = [path for path in command.options if path.endswith(f'.{name}')]
    close = get_close_matches(name, allowed, 1)
    if name in command.options:
        hint = 'it can be given on the command line alone.'
    elif moved:
        table, _, field = moved[0].rpartition('.')
        hint = f'it belongs into the table [{table}] as `{field}`.'
    elif close:
        hint = f'did you mean `{close[0]}`?'
    else:
        hint = f'allowed are {", ".join(allowed)}.'
    raise ValueError(f'`{name}` in {source} is no option of `{command.name}`: {hint}')


def _set(tables, option, given):
    """Enter what the command line says for a field of a configuration."""
    table, *path, field = option.sets.split('.')
    inner = tables[table]
    for name in path:
        if not isinstance(inner.get(name), dict):
            inner[name] = {}
        inner = inner[name]
    if given is not True or not option.is_switch:
        inner[field] = _values(given)
    elif inner.get(field) is False:
        # What the file switches off has its defaults.
        del inner[field]


def _configurations(command, tables, source):
    configs = {}
    for name, default in command.defaults.items():
        try:
            configs[name] = update_config(default, tables[name], name=name, bases=command.bases)
        except (TypeError, ValueError) as error:
            if not source:
                raise
            raise ValueError(f'{str(error).rstrip(".")}; read from {source}.') from error
    return configs


def _keeping_text(convert):
    def given(text):
        return Given(text, convert(text))

    # Argparse names the type in its errors.
    given.__name__ = getattr(convert, '__name__', 'value')
    return given


def _values(given):
    if isinstance(given, list):
        return [_values(each) for each in given]
    return given.value if isinstance(given, Given) else given


def _is_plain(value):
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return isinstance(value, Given | str | int | float)


def _copied(table):
    return {k: _copied(v) if isinstance(v, Mapping) else v for k, v in table.items()}
