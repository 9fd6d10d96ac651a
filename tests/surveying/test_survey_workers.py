"""Several processes, and workers of a Dask cluster, write the parts that one process writes."""

import os
import pickle
import signal
import subprocess
import sys
import time
from threading import Thread

import pytest


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


#: Run by a worker before each survey: counts how often it loads the model.
_COUNT = """
from astro_wgan import AnomalyDetector

load = getattr(AnomalyDetector, 'uncounted', AnomalyDetector.load)

def counted(folder):
    AnomalyDetector.loads.append(folder)
    return load(folder)

AnomalyDetector.loads, AnomalyDetector.uncounted, AnomalyDetector.load = [], load, counted
"""


def test_one_and_four_workers_give_the_same_and_load_the_model_once(
    alone, tiles, catalog, model, run, tmp_path, assert_same_survey, monkeypatch
):
    distributed = pytest.importorskip('distributed')
    options = {'n_workers': 1, 'threads_per_worker': 2, 'dashboard_address': ':0'}
    with (
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster.scheduler_address) as client,
    ):
        submit, sent = client.submit, []

        def counted(function, *arguments, **options):
            sent.append(len(pickle.dumps(arguments[-1])))
            return submit(function, *arguments, **options)

        monkeypatch.setattr(client, 'submit', counted)
        for n_workers in (1, 4):
            cluster.scale(n_workers)
            client.wait_for_workers(n_workers)
            client.run(exec, _COUNT, {})
            found = run(tiles, catalog, tmp_path / f'{n_workers}', model=model, client='current')
            assert_same_survey(found, alone)
            loads = client.run(eval, "len(__import__('astro_wgan').AnomalyDetector.loads)")
            assert len(loads) == n_workers
            assert max(loads.values()) == 1
    # Paths and positions, but no pixels, of which each tile has 60 kB or more.
    assert max(sent) < 15_000


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
