"""
How many sources of tiles a survey scores in a second from end to end, and in how much memory.

A sky of simulated galaxies, repeated with other brightness, orientation and noise, lies in tiles
of one band or several that overlap by one row of galaxies. A survey cuts, measures and scores each
galaxy of its catalog, and ranks all of them, in processes of one core each; beside it are the time
of the detector alone for stamps that are in memory, in a process with all cores, and that of
cutana, which cuts the same stamps and does nothing else. Another run does the same work and is
killed at random moments: its result must be the same.

For several bands a model is trained for as long as it takes to trace its graphs: it is as fast as
any other, and its scores are of no use.

    pip install cutana==0.4.0
    python -m benchmarks.experiments.survey                       # five minutes
    python -m benchmarks.experiments.survey --stamps 10000 1000000 --bands 2 --photometry --kills 3
"""

import os
import shutil
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.table import QTable

from astro_wgan import AnomalyDetector, StampSet, SurveyConfig, datasets, survey
from astro_wgan.surveying import SurveyResult
from astro_wgan.surveying.part_tables import read_part
from benchmarks.cutana_stamps import stream_stamps
from benchmarks.harness import BenchmarkParser, Report, in_fresh_process, peak_memory, time_once
from benchmarks.results import Column
from benchmarks.survey_sky import BANDS, SIZE, make_detector, make_sky, tile_pattern

#: Stamps by which the rates of the detector alone, and of cutana, are measured.
_ALONE, _CUT = 20_000, 100_000

TABLE = (
    Column('sources', 'that are scored', '', ','),
    Column('bands', 'of each tile'),
    Column('tiles', 'that they lie in', '', ','),
    Column('processes', 'of one core each'),
    Column('seconds', 'from the call to the ranked table', 's', ',.0f'),
    Column('sources per second', 'of all', '1 / s', ',.0f'),
    Column('detector alone', 'stamps in memory, on all cores', '1 / s', ',.0f'),
    Column('times the detector', 'time of the survey, relative to the detector alone', '', '.2f'),
    Column('cutana', 'stamps that it cuts, in a process for each core', '1 / s', ',.0f'),
    Column('peak memory', 'of all processes together', 'MiB', ',.0f'),
    Column('read', 'of tiles, for a source', 'kB', ',.1f'),
    Column('written', 'as results, for a source', 'bytes', ',.0f'),
    Column('kills', 'that another run of the same work survives with the same result'),
)


def main():
    smoke = {'stamps': [60], 'edge': 6, 'kills': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='survey')
    parser.add_argument('--stamps', type=int, nargs='+', default=[2_000, 8_000])
    parser.add_argument('--bands', type=int, choices=range(1, len(BANDS) + 1), default=1)
    parser.add_argument('--edge', type=int, default=40, help='galaxies along the edge of a tile')
    parser.add_argument('--processes', type=int, nargs='+', default=[1])
    parser.add_argument('--photometry', action='store_true')
    parser.add_argument('--kills', type=int, default=2, help='of another run of the same work')
    parser.add_argument('--model', type=Path, help='folder of a detector; else one of these bands')
    options = parser.parse_args()
    if options.model is None:
        options.model = find_model(options)
    report = Report(options, 'pyarrow', 'cutana')
    rows = []
    for n in options.stamps:
        folder = options.work / f'{n}-{options.bands}-{options.edge}-{options.seed}'
        if not (folder / 'catalog.fits').exists():
            make_sky(folder, n, edge=options.edge, bands=options.bands, seed=options.seed)
        for processes in options.processes:
            rows.append(measured(folder, processes, options))
    what = 'cut, measured, scored' if options.photometry else 'cut, scored'
    report.table('time', f'Sources of tiles that are {what} and ranked.', TABLE, rows)
    report.write()


def find_model(options):
    """The shipped detector, or for several bands one that is made for them."""
    if options.bands == 1:
        return datasets.model_path('simulated_f160w')
    folder = options.work / f'model-{options.bands}-{options.seed}'
    if not folder.exists():
        in_fresh_process(make_detector_of, folder, options.bands, options.seed)
    return folder


def make_detector_of(folder, bands, seed):
    make_detector(folder, bands=bands, seed=seed)


def measured(folder, processes, options):
    """A row of the table."""
    output = folder / 'out'
    shutil.rmtree(output, ignore_errors=True)
    found = in_fresh_process(run_survey, folder, output, processes, options)
    status = SurveyResult(output).status()
    sources = int(status['scored'].sum())
    alone = in_fresh_process(score_alone, folder, options)
    cut = in_fresh_process(cut_with_cutana, folder, options)
    size = sum(path.stat().st_size for path in output.rglob('*.parquet')) / sources
    kills = run_with_kills(folder, processes, found['seconds'], options) if options.kills else 0
    speed = sources / found['seconds']
    return {
        'sources': sources,
        'bands': options.bands,
        'tiles': len(status),
        'processes': processes,
        'sources per second': speed,
        'detector alone': alone,
        'times the detector': alone / speed,
        'cutana': cut,
        'read': sum(path.stat().st_size for path in folder.glob('tile*')) / sources / 1000,
        'written': size,
        'kills': kills,
        **found,
    }


def run_survey(folder, output, processes, options):
    # One core for each process, also if there is a single one: TensorFlow would use all of them.
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:processes])
    config = SurveyConfig(photometry=options.photometry, keep_stamps=100)
    # Not with the time to load TensorFlow, which depends on the machine alone.
    detector = AnomalyDetector.load(options.model)
    _, timing = time_once(
        survey,
        str(folder / tile_pattern(options.bands)),
        folder / 'catalog.fits',
        model=detector,
        output=output,
        config=config,
        bands=None if options.bands == 1 else BANDS[: options.bands],
        processes=processes,
        progress=False,
    )
    # Of all that have ended the largest one is known.
    others = (processes - 1) * peak_memory(children=True) if processes > 1 else 0
    return {'seconds': timing.shortest, 'peak memory': peak_memory() + others}


def score_alone(folder, options):
    """Stamps per second of the detector, the tracing of its graphs included, as in a survey."""
    paths = images_of(folder, options)[0]
    catalog = QTable.read(folder / 'catalog.fits')
    n = min(len(catalog), _ALONE)
    if options.bands == 1:
        stamps = StampSet.from_image(paths[0], positions=catalog[:n], size=SIZE)
    else:
        images = dict(zip(BANDS, paths, strict=False))
        stamps = StampSet.from_images(images, positions=catalog[:n], size=SIZE)
    detector = AnomalyDetector.load(options.model)
    _, timing = time_once(score_repeatedly, detector, stamps, n)
    return n / timing.shortest


def score_repeatedly(detector, stamps, n):
    for first in range(0, n, len(stamps)):
        detector.score(stamps[: min(len(stamps), n - first)], progress=False)


def images_of(folder, options):
    """Paths of each tile, in the order of the bands."""
    endings = [''] if options.bands == 1 else [f'_{band}' for band in BANDS[: options.bands]]
    names = sorted(path.name for path in folder.glob(f'tile*{endings[0]}.fits'))
    return [[folder / f'{name[:9]}{ending}.fits' for ending in endings] for name in names]


def cut_with_cutana(folder, options):
    """Stamps per second of cutana, each source from the same tile as in the survey."""
    images = {paths[0].stem[:9]: paths for paths in images_of(folder, options)}
    parts = []
    for path in sorted((folder / 'out' / 'parts').glob('*.parquet')):
        part = read_part(path, 'id', 'ra', 'dec')
        files = str([str(image) for image in images[path.stem[:9]]])
        parts.append(
            pd.DataFrame(
                {
                    'SourceID': [f's{number}' for number in part['id']],
                    'RA': part['ra'].to_value('deg'),
                    'Dec': part['dec'].to_value('deg'),
                    'diameter_pixel': SIZE,
                    'fits_file_paths': files,
                }
            )
        )
        if sum(map(len, parts)) >= _CUT:
            break
    catalog = pd.concat(parts, ignore_index=True)
    bands = ('PRIMARY',) if options.bands == 1 else BANDS[: options.bands]
    count, timing = time_once(count_stamps, catalog, bands, options.work)
    if count != len(catalog):
        raise SystemExit(f'cutana cut {count} of {len(catalog)} stamps.')
    return count / timing.shortest


def count_stamps(catalog, bands, work):
    batches = stream_stamps(catalog, size=SIZE, bands=bands, work=work)
    return sum(len(batch) for batch in batches)


def run_with_kills(folder, processes, seconds, options):
    """The number of kills, if the result is that of the run that was not killed."""
    output, rng = folder / 'killed', np.random.default_rng(options.seed)
    shutil.rmtree(output, ignore_errors=True)
    kills, context = 0, get_context('spawn')
    while True:
        worker = context.Process(target=run_survey, args=(folder, output, processes, options))
        worker.start()
        if kills < options.kills:
            while worker.is_alive() and not (output / 'survey.json').exists():
                time.sleep(0.05)
            # Each within the next part of the work, so that it ends after the last of them.
            worker.join(rng.uniform(0, seconds / options.kills))
            if worker.is_alive():
                os.kill(worker.pid, signal.SIGKILL)
                kills += 1
        worker.join()
        if worker.exitcode == 0:
            break
        if worker.exitcode != -signal.SIGKILL:
            raise SystemExit('The survey that was killed did not go on.')
    compare(folder / 'out', output)
    return kills


def compare(first, second):
    """Refuse results that differ by more than the rounding of another order of threads."""
    tables = [SurveyResult(folder).parts() for folder in (first, second)]
    for ours, theirs in zip(*tables, strict=True):
        if ours.colnames != theirs.colnames or not np.array_equal(ours['id'], theirs['id']):
            raise SystemExit('The survey that was killed has other sources or columns.')
        for name in ours.colnames:
            if ours[name].dtype.kind == 'f':
                pair = (np.asarray(table[name]) for table in (ours, theirs))
                np.testing.assert_allclose(*pair, rtol=1e-3, atol=1e-3, err_msg=name)


if __name__ == '__main__':
    main()
