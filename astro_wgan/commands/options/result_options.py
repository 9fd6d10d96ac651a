"""`add_results`: arguments of commands for results, their stamps and their model."""

__all__ = ['add_results']


def add_results(add):
    """
    Add the arguments.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    """
    add(
        'results',
        is_path=True,
        metavar='RESULTS',
        help='folder of a hunt or a survey, or a table (ECSV, FITS, Parquet) with a column id',
    )
    add(
        '--stamps',
        is_path=True,
        metavar='STORE',
        help='stamps of the sources, if not those of the folder',
    )
    add(
        '--model',
        is_path=True,
        metavar='DIR',
        help='model that scored them, if not that of the folder',
    )
