"""Several processes, and workers of a Dask cluster, write the parts that one process writes."""

import os
import signal
import subprocess
import sys
import time
from threading import Thread

import pytest

from astro_wgan.surveying.tiles.worker_models import threads_of_worker


@pytest.fixture(scope='module')
def alone(tiles, catalog, model, run, tmp_path_factory):
    """By one process."""
    return run(tiles, catalog, tmp_path_factory.mktemp('alone') / 'out', model=model)


@pytest.fixture(scope='module')
def address():
    """The address of the scheduler of a cluster of two processes."""
    distributed = pytest.importorskip('distributed')
    options = {'n_workers': 2, 'threads_per_worker': 1, 'processes': True}
    with distributed.LocalCluster(dashboard_address=':0', **options) as cluster:
        yield cluster.scheduler_address


def test_two_processes_write_the_same(
    alone, tiles, catalog, model, run, tmp_path, assert_same_survey
):
    assert_same_survey(run(tiles, catalog, tmp_path, model=model, processes=2), alone)


def test_a_cluster_writes_the_same_though_a_worker_is_killed(
    alone, tiles, catalog, model, run, tmp_path, address, assert_same_survey
):
    from distributed import Client

    with Client(address) as client:
        killer = Thread(target=kill_one, args=(address, tmp_path))
        killer.start()
        result = run(tiles, catalog, tmp_path, model=model, client=client)
        killer.join()
        assert_same_survey(result, alone)


def kill_one(address, output):
    """Kill a worker that is at work on a tile."""
    from distributed import Client

    with Client(address) as client:
        while not any(client.processing().values()) or not (output / 'survey.json').exists():
            time.sleep(0.02)
        busy = next(name for name, keys in client.processing().items() if keys)
        os.kill(client.run(os.getpid, workers=[busy])[busy], signal.SIGKILL)


_CLUSTER = """
import time
from distributed import LocalCluster

if __name__ == '__main__':
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=':0') as cluster:
        print(cluster.scheduler_address, flush=True)
        time.sleep(300)
"""


def test_a_survey_whose_scheduler_dies_goes_on(
    alone, tiles, catalog, model, run, tmp_path, assert_same_survey
):
    distributed = pytest.importorskip('distributed')
    script, output = tmp_path / 'cluster.py', tmp_path / 'out'
    script.write_text(_CLUSTER)
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as cluster:
        address = cluster.stdout.readline().strip()
        with distributed.Client(address, timeout=10) as client:
            killer = Thread(target=kill_after_first_part, args=(cluster.pid, output))
            killer.start()
            with pytest.raises(ConnectionError, match='The scheduler of the Dask cluster'):
                run(tiles, catalog, output, model=model, client=client)
            killer.join()
    written = [path.stem for path in (output / 'parts').glob('p*')]
    assert 1 <= len(written) < 3
    assert_same_survey(run(tiles, catalog, output, model=model), alone)


def kill_after_first_part(pid, output):
    while not list(output.glob('parts/p*')):
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)


def test_threads_do_not_exceed_the_cores():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    assert threads_of_worker(1, None) is None
    for processes in (2, 64):
        threads = threads_of_worker(processes, None)
        assert threads >= 1
        assert threads == 1 or threads * processes <= cores

    class Client:
        def nthreads(self):
            return {'a': 2, 'b': 3}

    assert threads_of_worker(1, Client()) == 2
