"""The command line program ``astro-wgan``."""

import argparse
import sys

__all__ = ['main']

_DESCRIPTION = (
    'Find anomalous galaxies: a Wasserstein GAN learns images of normal ones, and the score says '
    'how much of an image it cannot reproduce.'
)


def main(arguments=None):
    """
    Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Arguments of the command, by default those of the process.

    Returns
    -------
    int
        0 on success, 1 if tiles of a survey failed, 2 for invalid input, 130 after Ctrl-C.
    """
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        print('\nInterrupted. The same command goes on from here.', file=sys.stderr)
        return 130


def _run(arguments):
    options = _parser().parse_args(arguments)
    from astropy.units import UnitsError

    from astro_wgan.exceptions import MissingPackageError

    try:
        return options.run(options)
    except Exception as error:
        if options.traceback:
            raise
        # Messages of several lines are joined.
        message = ' '.join(str(error).split()).replace('(`max_size`)', '(`--max-size`)')
        # In astropy 8 a UnitsError is not a ValueError.
        expected = OSError, TypeError, ValueError, UnitsError, MissingPackageError
        if not message or not isinstance(error, expected):
            message = f'{_unexpected(error, message)} --traceback shows where.'
        print(f'astro-wgan: {message}', file=sys.stderr)
        return 2


def _unexpected(error, message):
    """Sentence for an error that is not about the input."""
    if isinstance(error, MemoryError):
        return f'There is not enough memory: {message.rstrip(".")}.'
    return f'Unexpected error: {type(error).__name__}: {message.rstrip(".")}.'


def _parser():
    # Not at the top, where Ctrl-C would show a traceback: it is handled once `main` runs.
    from astro_wgan.commands.cli_browse import add_browse
    from astro_wgan.commands.cli_hunt import add_hunt
    from astro_wgan.commands.cli_labels import add_rerank, add_similar
    from astro_wgan.commands.cli_observe import add_observe
    from astro_wgan.commands.cli_survey import add_survey
    from astro_wgan.version import __version__

    parser = argparse.ArgumentParser(prog='astro-wgan', description=_DESCRIPTION)
    version = f'astro_wgan {__version__}'
    parser.add_argument('--version', action='version', version=version)
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    add_hunt(commands)
    add_observe(commands)
    add_survey(commands)
    add_browse(commands)
    add_similar(commands)
    add_rerank(commands)
    return parser


if __name__ == '__main__':
    sys.exit(main())
