"""The option `--names`: columns of a catalog with ids and positions."""

import argparse

__all__ = ['add_names', 'names_of_columns']


def add_names(add):
    """
    Add the option.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    """
    add(
        '--names',
        type=names_of_columns,
        metavar='NAMES',
        help='columns of the catalog with ids and positions, such as id=NUMBER,ra=alpha,dec=delta; '
        'id= to number the rows',
    )


def names_of_columns(text):
    """Pairs such as ``id=NUMBER,ra=alpha`` as a dictionary; None for a column that is not named."""
    pairs = [pair.partition('=') for pair in text.split(',')]
    if not all(equals for _, equals, _ in pairs):
        raise argparse.ArgumentTypeError(f'must be pairs such as id=NUMBER; got {text!r}')
    return {key.strip(): name.strip() or None for key, _, name in pairs}
