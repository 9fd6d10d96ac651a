import pytest

from astro_wgan.commands.options.command import CommandParser, add_command
from astro_wgan.commands.options.worker_options import add_workers, chosen_workers


def options(*arguments):
    program = CommandParser()
    about = {'help': '', 'description': '', 'examples': ()}
    add_command(program.add_subparsers(), 'do', run=None, add_options=add_workers, **about)
    command = program.parse_args(['do']).command
    command.fill()
    return command.parsed(program.parse_args(['do', *arguments]))


def test_processes_of_this_machine():
    with chosen_workers(options()) as workers:
        assert workers == {'processes': 1, 'client': None}
    with chosen_workers(options('--processes', '3')) as workers:
        assert workers == {'processes': 3, 'client': None}


def test_a_scheduler_is_used_and_left():
    distributed = pytest.importorskip('distributed')
    cluster = {'n_workers': 1, 'processes': False, 'dashboard_address': ':0', 'protocol': 'tcp'}
    with distributed.LocalCluster(**cluster) as cluster:
        with chosen_workers(options('--scheduler', cluster.scheduler_address)) as workers:
            client = workers['client']
            assert client.submit(abs, -3).result() == 3
            assert workers['processes'] == 1
        assert client.status == 'closed'
        both = options('--scheduler', cluster.scheduler_address, '--processes', '2')
        with pytest.raises(ValueError, match='`processes` or `client`'), chosen_workers(both):
            pass
