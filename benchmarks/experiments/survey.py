"""
How many sources of tiles a survey scores in a second from end to end, and in how much memory.

A sky of simulated galaxies, repeated with other brightness, orientation and noise, lies in tiles
that overlap by one row of galaxies. A survey cuts, measures and scores each galaxy of its catalog,
and ranks all of them, in a process of its own; beside it is the time of the detector alone for as
many stamps that are in memory. Another process does the same work and is killed at random moments:
its result must be the same.

    python -m benchmarks.experiments.survey                       # five minutes
    python -m benchmarks.experiments.survey --stamps 10000 1000000 --photometry --kills 3
"""

import os
import shutil
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import AnomalyDetector, StampSet, SurveyConfig, datasets, survey
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky
from astro_wgan.simulate import simulate
from astro_wgan.surveying import SurveyResult
from astro_wgan.surveying.part_tables import read_part
from astro_wgan.testing import make_wcs
from benchmarks.harness import BenchmarkParser, Report, in_fresh_process, peak_memory, time_once
from benchmarks.results import Column

SIZE = 64

TABLE = (
    Column('sources', 'that are scored', '', ','),
    Column('tiles', 'that they lie in'),
    Column('processes', 'at the same time'),
    Column('seconds', 'from the call to the ranked table', 's', '.0f'),
    Column('sources per second', 'of all', '1 / s', '.0f'),
    Column('detector alone', 'of stamps in memory, in one process', '1 / s', '.0f'),
    Column('times the detector', 'time of the survey, relative to the detector alone', '', '.2f'),
    Column('peak memory', 'of the process', 'MiB', ',.0f'),
    Column('bytes', 'of the results for a source', '', '.0f'),
    Column('kills', 'that another run of the same work survives'),
)


def main():
    smoke = {'stamps': [60], 'edge': 6, 'kills': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='survey')
    parser.add_argument('--stamps', type=int, nargs='+', default=[2_000, 8_000])
    parser.add_argument('--edge', type=int, default=40, help='galaxies along the edge of a tile')
    parser.add_argument('--processes', type=int, nargs='+', default=[1])
    parser.add_argument('--photometry', action='store_true')
    parser.add_argument('--kills', type=int, default=2, help='of another run of the same work')
    parser.add_argument('--model', type=Path, help='folder of a detector; the shipped one without')
    options = parser.parse_args()
    if options.model is None:
        options.model = datasets.model_path('simulated_f160w')
    report = Report(options, 'pyarrow')
    rows = []
    for n in options.stamps:
        folder = options.work / f'{n}-{options.edge}-{options.seed}'
        if not (folder / 'catalog.fits').exists():
            make_sky(folder, n, options)
        for processes in options.processes:
            rows.append(measured(folder, processes, options))
    report.table('time', 'Surveys from end to end.', TABLE, rows)
    report.write()


def make_sky(folder, n, options):
    """Tiles in a row, and the catalog of their galaxies."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng, edge = np.random.default_rng(options.seed), options.edge
    patterns = simulate('normal', min(n, 500), seed=options.seed, progress=False)
    noise = np.std(np.diff(patterns.pixels[:, :, 0]), ddof=1) / np.sqrt(2)
    n_columns = -(-n // edge)
    wcs = make_wcs((edge * SIZE, n_columns * SIZE), projection='CAR')
    previous = None
    for tile, first in enumerate(range(0, max(n_columns - 1, 1), edge - 1)):
        last = min(first + edge, n_columns)
        pixels = np.empty((edge * SIZE, (last - first) * SIZE), dtype=np.float32)
        for column in range(last - first):
            strip = np.s_[:, column * SIZE : (column + 1) * SIZE]
            if column == 0 and previous is not None:
                pixels[strip] = previous
                continue
            for row in range(edge):
                stamp = patterns.pixels[rng.integers(len(patterns))]
                stamp = np.rot90(stamp, rng.integers(4)) * rng.uniform(0.7, 1)
                stamp = stamp + rng.normal(0, 0.3 * noise, stamp.shape)
                pixels[row * SIZE : (row + 1) * SIZE, strip[1]] = stamp
        previous = pixels[:, -SIZE:].copy()
        header = wcs[:, first * SIZE : last * SIZE].to_header()
        header['BUNIT'] = patterns.unit.to_string('fits')
        fits.writeto(folder / f'tile{tile:05d}.fits', pixels, header)
    x, y = (np.arange(count) * SIZE + SIZE / 2 - 0.5 for count in (n_columns, edge))
    x, y = (each.ravel()[:n] for each in np.meshgrid(x, y, indexing='ij'))
    sky = pixel_to_sky(x, y, wcs)
    catalog = QTable({'id': np.arange(n), 'ra': sky.ra.to(u.deg), 'dec': sky.dec.to(u.deg)})
    catalog.write(folder / 'catalog.fits')


def measured(folder, processes, options):
    """A row of the table."""
    output = folder / 'out'
    shutil.rmtree(output, ignore_errors=True)
    found = in_fresh_process(run_survey, folder, output, processes, options)
    result = SurveyResult(output)
    status = result.status()
    sources = int(status['scored'].sum())
    alone = in_fresh_process(score_alone, folder, options)
    size = sum(p.stat().st_size for p in output.rglob('*.parquet')) / sources
    kills = run_with_kills(folder, processes, found['seconds'], options) if options.kills else 0
    speed = sources / found['seconds']
    return {
        'sources': sources,
        'tiles': len(status),
        'processes': processes,
        'sources per second': speed,
        'detector alone': alone,
        'times the detector': alone / speed,
        'bytes': size,
        'kills': kills,
        **found,
    }


def run_survey(folder, output, processes, options):
    config = SurveyConfig(photometry=options.photometry, keep_stamps=100)
    # Not with the time to load TensorFlow, which depends on the machine alone.
    detector = AnomalyDetector.load(options.model)
    _, timing = time_once(
        survey,
        str(folder / 'tile*.fits'),
        folder / 'catalog.fits',
        model=detector,
        output=output,
        config=config,
        processes=processes,
        progress=False,
    )
    return {'seconds': timing.shortest, 'peak memory': peak_memory()}


def score_alone(folder, options):
    """Stamps per second of the detector, the tracing of its graphs included, as in a survey."""
    path = sorted(folder.glob('tile*.fits'))[0]
    catalog = QTable.read(folder / 'catalog.fits')
    detector = AnomalyDetector.load(options.model)
    stamps = StampSet.from_image(path, positions=catalog, size=SIZE)
    n = len(catalog)
    _, timing = time_once(score_repeatedly, detector, stamps, n)
    return n / timing.shortest


def score_repeatedly(detector, stamps, n):
    for first in range(0, n, len(stamps)):
        detector.score(stamps[: min(len(stamps), n - first)], progress=False)


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
    names = sorted(path.name for path in (first / 'parts').glob('*.parquet'))
    if names != sorted(path.name for path in (second / 'parts').glob('*.parquet')):
        raise SystemExit('The survey that was killed has other parts.')
    for name in names:
        parts = [read_part(folder / 'parts' / name, 'id', 'score') for folder in (first, second)]
        if not np.array_equal(parts[0]['id'], parts[1]['id']):
            raise SystemExit(f'The survey that was killed has other sources in {name}.')
        np.testing.assert_allclose(parts[0]['score'], parts[1]['score'], rtol=1e-3, atol=1e-3)


if __name__ == '__main__':
    main()
