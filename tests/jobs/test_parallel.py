"""Pieces of work here are expressions, since other processes cannot import this file."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from astro_wgan.jobs.parallel import check_workers, completed_map, ordered_map, resolve_client

#: Who works on it, after some time.
WORKER = "__import__('time').sleep(0.02) or __import__('os').getpid()"


@pytest.mark.parametrize('processes', [1, 2, 3])
def test_results_come_in_order(processes):
    pieces = map(str, range(200))
    assert list(ordered_map(eval, pieces, processes=processes)) == list(range(200))


def test_this_process_and_another_work():
    workers = set()
    # The other one must start first.
    for worker in ordered_map(eval, [WORKER] * 1000, processes=2):
        workers.add(worker)
        if len(workers) == 2:
            break
    assert len(workers) == 2
    assert os.getpid() in workers


@pytest.mark.parametrize('processes', [1, 2])
# In the second case this process works on it, in the others another one.
@pytest.mark.parametrize('before', [0, 2, 50])
def test_an_error_comes_after_the_results_before_it(processes, before):
    pieces = [*map(str, range(before)), '1 / 0', '1']
    results = ordered_map(eval, pieces, processes=processes)
    assert [next(results) for _ in range(before)] == list(range(before))
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize('processes', [1, 2])
def test_pieces_are_taken_as_they_are_needed(processes):
    pieces = map(str, range(10_000))
    results = ordered_map(eval, pieces, processes=processes)
    assert next(results) == 0
    results.close()
    assert next(pieces, None) is not None


@pytest.fixture(scope='module')
def client():
    distributed = pytest.importorskip('distributed')
    options = {'n_workers': 1, 'threads_per_worker': 2, 'dashboard_address': ':0'}
    with distributed.Client(processes=False, **options) as client:
        yield client


#: Becomes 0 once there is a file.
WAITING = """next(0 for _ in iter(int, 1)
    if __import__('time').sleep(0.01) or __import__('os').path.exists({!r}))"""


@pytest.mark.parametrize('has_cluster', [False, True])
def test_no_worker_waits_for_a_long_piece_of_another(has_cluster, tmp_path, request):
    workers = {'processes': 2}
    if has_cluster:
        workers = {'client': request.getfixturevalue('client')}
    pieces = [WAITING.format(str(tmp_path / 'go')), *map(str, range(1, 30))]
    results = completed_map(eval, pieces, **workers)
    # One piece is queued behind the long one.
    first = [next(results) for _ in range(28)]
    (tmp_path / 'go').touch()
    assert 0 not in first
    assert sorted([*first, *results]) == list(range(30))


def test_a_cluster_gives_results_in_order_and_errors(client):
    assert list(ordered_map(eval, map(str, range(20)), client=client)) == list(range(20))
    # Not one of the connection.
    with pytest.raises(FileNotFoundError, match='none'):
        list(ordered_map(eval, ["open('none')"], client=client))


def test_no_pieces_give_no_results():
    assert list(ordered_map(eval, [], processes=2)) == []


@pytest.mark.parametrize('processes', [0, True, None, '2'])
def test_processes_must_be_at_least_one(processes):
    with pytest.raises(ValueError, match=f'whole number, at least 1; got {processes!r}'):
        list(ordered_map(eval, ['1'], processes=processes))


def test_processes_and_a_cluster_exclude_each_other():
    with pytest.raises(ValueError, match='Give `processes` or `client`, not both'):
        list(ordered_map(eval, ['1'], processes=2, client=object()))


@pytest.mark.parametrize('client', ['tcp://scheduler:8786', 5])
def test_a_client_must_be_one(client):
    with pytest.raises(TypeError, match="'current' or None; got"):
        check_workers(1, client)


def test_a_client_must_be_able_to_work(client):
    other = type(client)(client.scheduler.address, set_as_default=False)
    other.close()
    with pytest.raises(ConnectionError, match='`client` is closed'):
        check_workers(1, other)
    # One that is real needs an event loop.
    other = SimpleNamespace(submit=None, asynchronous=True)
    with pytest.raises(TypeError, match='`client` must not be asynchronous'):
        check_workers(1, other)


def test_a_scheduler_that_has_ended_before_is_named():
    def nthreads():
        raise OSError('Timed out')

    client = SimpleNamespace(submit=None, nthreads=nthreads)
    with pytest.raises(ConnectionError, match='The scheduler of the Dask cluster no longer'):
        list(ordered_map(eval, ['1'], client=client))


def test_the_current_cluster_is_that_of_the_process(client):
    assert resolve_client('current') is client
    assert list(ordered_map(eval, ['1', '2'], client='current')) == [1, 2]


def test_without_a_client_there_is_no_current_one(tmp_path):
    text = """
from astro_wgan.jobs.parallel import check_workers
try:
    check_workers(1, 'current')
except ValueError as error:
    print(error)
"""
    pytest.importorskip('distributed')
    output, _ = start_script(tmp_path, text).communicate(timeout=60)
    assert output.startswith("`client` is 'current', but this process has no Dask client")


class Counted:
    """A function that leaves a folder in another one whenever it is made in another process."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __call__(self, piece):
        return piece

    def __reduce__(self):
        # Not by a function of this file, which other processes cannot import.
        made = f'__import__("tempfile").mkdtemp(dir={self.folder!r})'
        return eval, (f'{made} and (lambda piece: piece)',)


@pytest.mark.parametrize('has_cluster', [False, True])
def test_a_worker_gets_the_function_once(has_cluster, tmp_path, request):
    workers = {'processes': 2}
    if has_cluster:
        workers = {'client': request.getfixturevalue('client')}
    assert list(ordered_map(Counted(tmp_path), range(50), **workers)) == list(range(50))
    # There is one other process, or one worker.
    assert len(list(tmp_path.iterdir())) == 1


def start_script(folder, text):
    """A script in a process of its own, whose output ends when all that it started have ended."""
    path = folder / 'script.py'
    path.write_text(text)
    return subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True)


def test_a_script_is_not_run_again(tmp_path):
    text = f"""
from astro_wgan.jobs.parallel import completed_map, ordered_map
print('script')
workers = set(ordered_map(eval, [{WORKER!r}] * 300, processes=2))
print(len(workers))
"""
    output, _ = start_script(tmp_path, text).communicate(timeout=60)
    assert output.split() == ['script', '2']


def test_a_script_whose_own_function_works_is(tmp_path):
    text = """
from astro_wgan.jobs.parallel import completed_map, ordered_map
print('script', flush=True)
def double(x):
    return 2 * x
if __name__ == '__main__':
    print(sum(ordered_map(double, range(1000), processes=2)))
"""
    output, _ = start_script(tmp_path, text).communicate(timeout=60)
    assert sorted(output.split()) == ['999000', 'script', 'script']


def test_no_process_outlives_one_that_is_killed(tmp_path):
    text = f"""
from astro_wgan.jobs.parallel import completed_map, ordered_map
for worker in ordered_map(eval, [{WORKER!r}] * 10_000, processes=3):
    print(worker, flush=True)
"""
    script = start_script(tmp_path, text)
    workers = set()
    while len(workers) < 3:
        workers.add(script.stdout.readline())
    script.kill()
    script.communicate(timeout=30)
