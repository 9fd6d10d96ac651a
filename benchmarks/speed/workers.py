"""
Whether threads of TensorFlow and of Dask's workers leave each other the processors.

The same sources of tiles are scored by a survey, and their stamps, in a store, by the detector: by
one process, by two, and on clusters of two workers of one thread each, of one worker of two
threads, and of one worker of one thread. What it takes to start them is not counted: fewer sources
come first, whose time is subtracted where a call starts its own processes; these must be so many
that all processes have started before the last of them. Threads that wait for each other in vain
show as processor time of a source, which depends less on what else the machine does than the rate.

    python -m benchmarks.speed.workers                       # ten minutes
    python -m benchmarks.speed.workers --stamps 120000
"""

import shutil
import time
from contextlib import contextmanager, nullcontext

from astropy.table import QTable

from astro_wgan import AnomalyDetector, StampStore, datasets, survey
from astro_wgan.surveying import cut_tiles
from benchmarks.harness import BenchmarkParser, Report, in_fresh_process, time_once
from benchmarks.results import Column
from benchmarks.survey_sky import SIZE, make_sky, tile_pattern

#: Processes, or workers and threads of each.
WORKERS = {
    'one process': {'processes': 1},
    'two processes': {'processes': 2},
    'cluster, 2 x 1 thread': {'n_workers': 2, 'threads_per_worker': 1},
    'cluster, 1 x 2 threads': {'n_workers': 1, 'threads_per_worker': 2},
    'cluster, 1 x 1 thread': {'n_workers': 1, 'threads_per_worker': 1},
}

TABLE = (
    Column('work', 'survey of tiles, or scores of a store'),
    Column('workers', 'that share it'),
    Column('sources per second', 'of all', '1 / s', ',.0f'),
    Column('processor time', 'of all threads, for a source', 'ms', '.2f'),
    Column('first run', 'of fewer sources, by the clock', 's', '.0f'),
)


def main():
    smoke = {'stamps': 80, 'few': 40, 'edge': 6, 'workers': ['two processes'], 'works': ['store']}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='workers')
    parser.add_argument('--stamps', type=int, default=40_000)
    parser.add_argument('--few', type=int, default=12_000, help='of the first run')
    parser.add_argument('--edge', type=int, default=20, help='galaxies along the edge of a tile')
    parser.add_argument('--workers', nargs='+', default=[*WORKERS], choices=WORKERS)
    parser.add_argument('--works', nargs='+', default=[*WORKS], choices=WORKS)
    options = parser.parse_args()
    report = Report(options, 'distributed')
    folders = [prepared(n, options) for n in (options.few, options.stamps)]
    rows = [
        measured(work, workers, folders) for work in options.works for workers in options.workers
    ]
    report.table('time', 'Workers of one machine.', TABLE, rows)
    report.write()


def prepared(n, options):
    """A folder with tiles, their catalog, and the store of their stamps."""
    folder = options.work / f'{n}-{options.edge}-{options.seed}'
    if not (folder / 'stamps.zarr').exists():
        make_sky(folder, n, edge=options.edge, bands=1, seed=options.seed)
        cut_tiles(
            folder / tile_pattern(1),
            folder / 'catalog.fits',
            output=folder / 'stamps.zarr',
            size=SIZE,
            progress=False,
        )
    return folder


def measured(work, workers, folders):
    """A row of the table: the run of all sources, after one of few."""
    n_few, n = (len(QTable.read(folder / 'catalog.fits')) for folder in folders)
    few, everything = in_fresh_process(run_twice, work, workers, folders)
    if 'two' in workers:
        # Processes are started anew by each call.
        n, everything = n - n_few, [all_ - few_ for all_, few_ in zip(everything, few, strict=True)]
    return {
        'work': work,
        'workers': workers,
        'sources per second': n / everything[0],
        'processor time': 1e3 * everything[1] / n,
        'first run': few[0],
    }


def run_twice(work, workers, folders):
    """Seconds by the clock and of the processors, for few sources and for all."""
    detector = AnomalyDetector.load(datasets.model_path('simulated_f160w'))
    found = []
    with started(**WORKERS[workers]) as chosen:
        for folder in folders:
            before = processor_seconds_of(chosen)
            _, timing = time_once(WORKS[work], folder, detector, **chosen)
            taken = timing.shortest, timing.processor_shortest
            found.append((taken[0], taken[1] + processor_seconds_of(chosen) - before))
    return found


def processor_seconds_of(chosen):
    """Those that the workers of a cluster have taken so far."""
    client = chosen.get('client')
    return 0 if client is None else sum(client.run(time.process_time).values())


def started(*, processes=None, **cluster):
    """Arguments of functions, for processes or the workers of a cluster."""
    return nullcontext({'processes': processes}) if processes else started_cluster(**cluster)


@contextmanager
def started_cluster(**cluster):
    from distributed import Client, LocalCluster

    with (
        LocalCluster(processes=True, dashboard_address=':0', **cluster) as cluster,
        Client(cluster) as client,
    ):
        yield {'client': client}


def score_tiles(folder, detector, **workers):
    output = folder / 'out'
    shutil.rmtree(output, ignore_errors=True)
    survey(
        folder / tile_pattern(1),
        folder / 'catalog.fits',
        model=detector,
        output=output,
        progress=False,
        **workers,
    )


def score_store(folder, detector, **workers):
    with StampStore.open(folder / 'stamps.zarr') as store:
        detector.score(store, progress=False, **workers)


WORKS = {'survey': score_tiles, 'store': score_store}


if __name__ == '__main__':
    main()
