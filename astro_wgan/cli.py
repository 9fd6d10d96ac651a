"""The command line program ``astro-wgan``."""

import json
import os
import sys
import traceback
from contextlib import nullcontext, redirect_stdout, suppress

__all__ = ['main', 'make_parser']

_DESCRIPTION = (
    'Find anomalous galaxies: a Wasserstein GAN learns images of normal ones, and the score says '
    'how much of an image it cannot reproduce.'
)


def main(arguments=None):
    """
    Run the command line.

    With ``--json``, the standard output holds one JSON object and nothing else; if the command
    fails, that has the keys ``error`` and ``exit_code``.

    Parameters
    ----------
    arguments : list of str, optional
        Arguments of the command, by default those of the process.

    Returns
    -------
    int
        An `~astro_wgan.commands.options.exit_codes.ExitCode`.
    """
    arguments = [*map(str, sys.argv[1:] if arguments is None else arguments)]
    is_json = '--json' in arguments
    _open_streams()
    try:
        try:
            # What is at work may print, too: only the summary may be on the standard output.
            with redirect_stdout(sys.stderr) if is_json else nullcontext():
                summary, code = _run(arguments)
        finally:
            # Also after `--help`, which ends the process.
            sys.stdout.flush()
        if is_json:
            print(json.dumps({**summary, 'exit_code': int(code)}, indent=2))
        sys.stdout.flush()
    except KeyboardInterrupt:
        message = 'Interrupted. The same command goes on from here.'
        print(f'\n{message}', file=sys.stderr)
        if is_json:
            summary = {'command': _name_of(arguments), 'error': message, 'exit_code': 130}
            print(json.dumps(summary, indent=2), flush=True)
        return 130
    except BrokenPipeError:
        _discard_output()
        return 141
    except OSError as error:
        # The results are there; what they say is not, as on a full disk.
        _discard_output()
        return int(_code_of(error, arguments))
    return int(code)


def _open_streams():
    """Let text be written whatever the encoding, and to streams that the caller has closed."""
    for name in ('stdout', 'stderr'):
        stream = getattr(sys, name)
        if stream is None:
            # Open until the process ends.
            setattr(sys, name, open(os.devnull, 'w', encoding='utf-8'))  # noqa: SIM115
        elif hasattr(stream, 'reconfigure'):
            # A name may have letters that the encoding of a terminal or a pipe has not.
            stream.reconfigure(errors='backslashreplace')


def _discard_output():
    # Python flushes once more at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments):
    """Summary and exit code of a command."""
    # Not at the top, where Ctrl-C would show a traceback.
    from astro_wgan.commands.options.command import UsageError
    from astro_wgan.commands.options.exit_codes import ExitCode

    name = _name_of(arguments)
    try:
        parser = make_parser(name, relaxed=_has_config(arguments))
        namespace, unknown = parser.parse_known_args(arguments)
        if unknown:
            # `parse_args` would point to the help of the program, which has no options.
            namespace.command.parser.error(f'unrecognized arguments: {" ".join(unknown)}')
        options = namespace.command.parsed(namespace)
        report = namespace.command.run(options)
    except UsageError as error:
        message = f'{str(error).rstrip(".")}. `{error.parser.prog} --help` lists what there is.'
        with suppress(BrokenPipeError):
            print(f'astro-wgan: {message}', file=sys.stderr)
        return {'command': name, 'error': message}, ExitCode.INVALID_INPUT
    except BrokenPipeError:
        raise
    except Exception as error:
        code = _code_of(error, arguments)
        return {'command': name, 'error': _sentence(error, code)}, code
    if '--json' not in arguments:
        lines = [] if options.quiet else report.lines
        for line in (*report.answer, *lines):
            print(line)
    return {'command': name, **report.summary}, report.code


def _name_of(arguments):
    """Name of the command, or nothing."""
    return next((each for each in arguments if not each.startswith('-')), '')


def _code_of(error, arguments):
    """The exit code for an error, once that is said."""
    from astro_wgan.commands.options.exit_codes import exit_code_of

    code = exit_code_of(error)
    with suppress(BrokenPipeError):
        if '--traceback' in arguments:
            traceback.print_exception(error)
        print(f'astro-wgan: {_sentence(error, code)}', file=sys.stderr)
    return code


def _has_config(arguments):
    return any(each == '--config' or each.startswith('--config=') for each in arguments)


def _sentence(error, code):
    # What Python says of errors of the system has their number first.
    if isinstance(error, OSError) and str(error).startswith('[Errno') and error.strerror:
        if error.filename is None:
            return f'Reading or writing has failed: {error.strerror}.'
        return f'The file or folder {error.filename} cannot be used: {error.strerror}.'
    # Messages of several lines are joined.
    message = ' '.join(str(error).split()).replace('(`max_size`)', '(`--max-size`)')
    if isinstance(error, MemoryError):
        return f'There is not enough memory: {message.rstrip(".")}.'
    if code != 70:
        return message
    said = f'{type(error).__name__}: {message.rstrip(".")}'
    return f'Unexpected error: {said}. --traceback shows where.'


def make_parser(name=None, *, relaxed=False):
    """
    The parser of the program.

    Parameters
    ----------
    name : str, optional
        The command that has its options, which takes a second for some; by default all have.
    relaxed : bool, optional
        Let required options be missing, since a file may have them.

    Returns
    -------
    argparse.ArgumentParser
    """
    # Not at the top, where Ctrl-C would show a traceback: it is handled once `main` runs.
    from astro_wgan.commands.browse import add_browse
    from astro_wgan.commands.compare import add_compare
    from astro_wgan.commands.completion import add_completion
    from astro_wgan.commands.convert import add_convert
    from astro_wgan.commands.cut import add_cut
    from astro_wgan.commands.hunt import add_hunt
    from astro_wgan.commands.labels import add_rerank, add_similar
    from astro_wgan.commands.measure_stamps import add_measure
    from astro_wgan.commands.morphology import add_morphology
    from astro_wgan.commands.observe import add_observe
    from astro_wgan.commands.options.command import CommandParser
    from astro_wgan.commands.score import add_score
    from astro_wgan.commands.survey import add_survey
    from astro_wgan.commands.train import add_train
    from astro_wgan.version import __version__

    parser = CommandParser(prog='astro-wgan', description=_DESCRIPTION)
    version = f'astro_wgan {__version__}'
    parser.add_argument('--version', action='version', version=version)
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    for add in (
        *(add_hunt, add_cut, add_train, add_score, add_measure, add_morphology, add_compare),
        *(
            add_observe,
            add_survey,
            add_browse,
            add_similar,
            add_rerank,
            add_convert,
            add_completion,
        ),
    ):
        add(commands)
    parsers = {known: each.get_default('command') for known, each in commands.choices.items()}
    parser.set_defaults(commands=parsers)
    for known, command in parsers.items():
        command.program = parser
        if name in (None, known):
            command.fill()
            if relaxed:
                command.relax()
    return parser


if __name__ == '__main__':
    sys.exit(main())
