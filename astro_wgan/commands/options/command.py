"""`add_command`: the parser of a command, its examples, and the options that all of them have."""

import argparse
from argparse import SUPPRESS, BooleanOptionalAction
from dataclasses import is_dataclass

from astro_wgan.commands.options.command_options import CommandOption, final_options

__all__ = ['Command', 'UsageError', 'add_command']

_EXAMPLES = 'Examples:'


class UsageError(ValueError):
    """Options that the parser of a command refuses."""

    def __init__(self, parser, message):
        super().__init__(message)
        self.parser = parser


class CommandParser(argparse.ArgumentParser):
    """A parser that raises a `UsageError` instead of ending the process."""

    def error(self, message):
        raise UsageError(self, message)


class _HelpFormatter(argparse.HelpFormatter):
    """Text is wrapped, but examples keep their lines."""

    def _fill_text(self, text, width, indent):
        if text.startswith(_EXAMPLES):
            return ''.join(f'{indent}{line}' for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)


class Command:
    """
    A command: its parser, which has no options before `fill` was called, and what it runs.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    name : str
    run, add_options, examples, configs, bases
        As of `add_command`.
    """

    def __init__(self, parser, name, *, run, add_options, examples, configs, bases):
        self.parser = parser
        self.name = name
        self.run = run
        self.examples = examples
        self.options = {}
        # The parser of all commands, once it has them.
        self.program = None
        self._add_options = add_options
        self._configs = configs
        self._bases = bases

    def fill(self):
        """Add the options, which needs the modules that have their defaults."""
        if self.options:
            return
        self.defaults = self._configs() if self._configs else {}
        self.bases = self._bases() if self._bases else {}
        self._add_options(self.add)
        self.add(
            '--config',
            metavar='FILE',
            is_kept=False,
            help='file of TOML with options and configurations, as it is written into results; or '
            'these results. Options of the command line win over it',
        )
        self.add('--json', is_flag=True, help='write a summary as JSON to the standard output')
        self.add('--quiet', is_flag=True, help='show neither progress nor a summary')
        self.add('--traceback', is_flag=True, help='show the traceback of an error')

    def add(
        self, *flags, sets=None, is_path=False, is_kept=True, is_flag=False, default=None, **about
    ):
        """
        Add an option or an argument.

        Parameters
        ----------
        *flags : str
            As of `argparse.ArgumentParser.add_argument`.
        sets : str, optional
            Field of a configuration that the option sets, such as ``'hunt.detection.threshold'``,
            whose default it has. Of a field that is a configuration or None,
            ``action='store_true'`` makes two options, of which that with ``--no-`` sets None.
        is_path : bool, optional
            Whether it is a path, or several, which is absolute in the file of the configuration.
        is_kept : bool, optional
            Whether the file of the configuration has it: not those that results do not depend on,
            nor the place of the results.
        is_flag : bool, optional
            Whether it is given or not and is no setting.
        default : object, optional
            As of argparse, for options that set no configuration.
        **about
            Further arguments of argparse. ``action='store_true'`` makes two options, of which that
            with ``--no-`` wins over the file.
        """
        named = flags[0].startswith('-')
        required = about.pop('required', False) or (
            not named and about.get('nargs') not in ('?', '*')
        )
        if sets is not None:
            default = _default_of(sets, self.defaults)
            about['dest'] = sets
        is_switch = is_dataclass(default)
        if is_flag:
            about['action'] = 'store_true'
        elif about.get('action') == 'store_true':
            about['action'] = BooleanOptionalAction
        if 'action' in about and about['action'] != 'append':
            default = bool(default)
        elif named and not {'choices', 'metavar'} & {*about}:
            name = flags[-1].lstrip('-').upper().replace('-', '_')
            about['metavar'] = 'N' if about.get('type') in (int, float) else name
        option = CommandOption.of(
            about,
            default=default,
            sets=sets,
            is_required=required,
            is_path=is_path,
            is_kept=is_kept and not is_flag,
            is_switch=is_switch,
        )
        about['help'] = _help(about['help'], option)
        action = self.parser.add_argument(*flags, **about, default=SUPPRESS)
        self.options[action.dest] = option.named(action, flags)

    def takes_file(self, name):
        """Whether an option has the path of a file or folder."""
        option = self.options.get(name)
        return option is not None and (option.is_path or name in ('config', 'output'))

    def parsed(self, namespace):
        """
        The options that hold, from the command line, the file of ``--config`` and the defaults.

        Parameters
        ----------
        namespace : argparse.Namespace

        Returns
        -------
        argparse.Namespace
            As of `~astro_wgan.commands.options.command_options.final_options`; and ``command``,
            this one.

        Raises
        ------
        UsageError
            If something is missing.
        ValueError, OSError
            If the file cannot be used.
        """
        options, missing = final_options(self, vars(namespace))
        if missing:
            names = ', '.join(missing)
            raise UsageError(self.parser, f'the following arguments are required: {names}')
        options.command = self
        return options

    def relax(self):
        """Let what is required be missing in the command line, since a file may have it."""
        for action in self.parser._actions:
            action.required = False
            if not action.option_strings and action.nargs in (None, '+'):
                action.nargs = '?' if action.nargs is None else '*'


def add_command(commands, name, *, run, add_options, examples, configs=None, bases=None, **about):
    """
    Add a command to the program.

    Parameters
    ----------
    commands : object
        What ``add_subparsers`` returns.
    name : str
        Name of the command.
    run : callable
        Is called with the options (see
        `~astro_wgan.commands.options.command_options.final_options`) and returns a
        `~astro_wgan.commands.options.report.Report`.
    add_options : callable
        Is called with `Command.add`, once the options are needed.
    examples : sequence of (str, str)
        What each example does, and its command line.
    configs : callable, optional
        Returns the default configurations by the names of their tables in files, such as
        ``{'hunt': HuntConfig()}``.
    bases : callable, optional
        Returns configurations that parts start from which are None by default, such as
        ``{'survey.detection': WORTH_A_STAMP}``.
    **about
        ``help``, one line for the list of commands, and ``description``, what the command does.
    """
    lines = [f'  {about}:\n    {line}' for about, line in examples]
    parser = commands.add_parser(
        name,
        **about,
        epilog='\n'.join([_EXAMPLES, *lines]),
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(
        command=Command(
            parser,
            name,
            run=run,
            add_options=add_options,
            examples=tuple(examples),
            configs=configs,
            bases=bases,
        )
    )


def _default_of(path, configs):
    table, *names = path.split('.')
    value = configs[table]
    for name in names:
        value = getattr(value, name, None)
    return value


def _help(text, option):
    """The help of an option, with its default unless that is nothing or said in words."""
    default = option.default
    is_said = 'default' in text or default is None or default is False or default == ()
    if option.is_bool:
        is_said = 'default' in text or default is False
        default = 'yes'
    # Of several values the default is shown as it would be given.
    shown = ' '.join(map(str, default)) if isinstance(default, list | tuple) else default
    text = text if is_said else f'{text} (default: {shown})'
    return text.replace('%', '%%')
