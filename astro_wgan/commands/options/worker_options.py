"""The options ``--processes`` and ``--scheduler`` of the commands."""

from contextlib import contextmanager

__all__ = ['add_workers', 'chosen_workers']


def add_workers(add):
    """
    Add the options to a command.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of it.
    """
    add('--processes', type=int, default=1, is_kept=False, help='number of processes')
    add(
        '--scheduler',
        metavar='ADDRESS',
        is_kept=False,
        help='scheduler of a Dask cluster that works instead',
    )


@contextmanager
def chosen_workers(options):
    """
    The processes, or the client of the cluster, that were asked for.

    Parameters
    ----------
    options : `~argparse.Namespace`

    Yields
    ------
    dict
        Arguments ``processes`` and ``client`` of functions. The client is closed after the block.
    """
    if options.scheduler is None:
        yield {'processes': options.processes, 'client': None}
        return
    from astro_wgan.jobs.parallel import check_workers
    from astro_wgan.optional import import_optional

    distributed = import_optional('distributed', purpose='Clusters need')
    with distributed.Client(options.scheduler) as client:
        check_workers(options.processes, client)
        yield {'processes': options.processes, 'client': client}
