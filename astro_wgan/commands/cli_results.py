"""`add_results`: arguments of commands for results, their stamps and their model."""

__all__ = ['add_results']


def add_results(add):
    """
    Add the arguments.

    Parameters
    ----------
    add : callable
        The method ``add_argument`` of a parser.
    """
    add(
        'results',
        metavar='RESULTS',
        help='folder of a hunt or a survey, or a table (ECSV, FITS, Parquet) with a column id',
    )
    add('--stamps', metavar='STORE', help='stamps of the sources, if not those of the folder')
    add('--model', metavar='DIR', help='model that scored them, if not that of the folder')
