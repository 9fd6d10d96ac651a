"""
What a hunt finds in a survey field in nine bands, in what time and in how much memory.

The command ``astro-wgan hunt`` is run as a user would, in a process of its own: with the sources as
they are, in nine bands and in the four of KiDS, and with neighbors and stars masked. Of each run
the sources with the highest scores are listed; what they are is for eyes. A run that was ended goes
on where it stopped, and is then told without time and memory.

    python -m benchmarks.experiments.survey_field --folder ../shared/data/real/kids_viking
    python -m benchmarks.experiments.survey_field --folder ... --figure docs/images/survey_field.png
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import AnomalyDetector, StampStore
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.results import Column

NINE, FOUR = ('u', 'g', 'r', 'i', 'Z', 'Y', 'J', 'H', 'Ks'), ('u', 'g', 'r', 'i')

#: Bands and options of each run.
RUNS = {
    'nine bands': (NINE, []),
    'nine bands, masked': (NINE, ['--neighbors', 'mask', '--stars', 'mask']),
    'four bands, masked': (FOUR, ['--neighbors', 'mask', '--stars', 'mask']),
}

RUN_COLUMNS = (
    Column('run', 'bands, and whether neighbors and stars are masked'),
    Column('sources', 'that are detected in r and lie inside of the image'),
    Column('iterations', 'of the training, from the model of the package'),
    Column('minutes', 'from start to end', 'min', '.1f'),
    Column('processor', 'time of the processors', 'min', '.1f'),
    Column('memory', 'largest in use', 'GiB', '.2f'),
    Column('training', 'of the minutes', 'min', '.1f'),
    Column('above', 'sources above the 95th percentile of those held out'),
)

TOP_COLUMNS = (
    Column('run', 'as above'),
    Column('rank', 'by score'),
    Column('x', 'column of the image, from 0', 'pix', '.0f'),
    Column('y', 'row of the image', 'pix', '.0f'),
    Column('score', 'standard deviations above the normals', '', '.1f'),
    Column('p', 'p-value', '', '.3f'),
    Column('semi-major axis', 'of the light above the threshold', 'pix', '.1f'),
)


def main():
    options = read_options()
    report = Report(options)
    runs = {name: hunted(name, options) for name in options.runs}
    rows = [run_row(name, told, options) for name, told in runs.items()]
    report.table('runs', 'Hunts in the field.', RUN_COLUMNS, rows)
    rows = [row for name in runs for row in top_rows(name, options)]
    report.table('top', 'Sources with the highest scores.', TOP_COLUMNS, rows)
    if options.figure is not None:
        draw(folder_of(options.runs[-1], options), options.figure, options.stamps)
    report.write()


def read_options():
    smoke = {'iterations': 1, 'size': 16, 'runs': ['four bands, masked']}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None, work='survey_field')
    parser.add_argument('--folder', type=Path, help='of u.fits to Ks.fits')
    parser.add_argument('--runs', nargs='+', choices=RUNS, default=list(RUNS))
    parser.add_argument('--iterations', type=int, default=300, help='of the training')
    parser.add_argument('--size', type=int, default=64, help='edge of the stamps')
    parser.add_argument('--top', type=int, default=12, help='sources of each run to list')
    parser.add_argument('--figure', type=Path, help='PNG of the sources of the last run')
    parser.add_argument('--stamps', type=int, default=12, help='sources in the figure')
    options = parser.parse_args()
    if options.folder is None:
        if not options.smoke:
            skip('--folder names no folder of the survey')
        options.folder = options.work / 'field'
        simulate_field(options.folder)
    return options


def simulate_field(folder):
    """Files like those of the survey, of round sources, to see whether the program runs."""
    folder.mkdir(exist_ok=True)
    y, x = np.indices((400, 400))
    for k, band in enumerate(NINE):
        pixels = np.random.default_rng(k).normal(size=x.shape)
        for x0, y0 in np.ndindex(10, 10):
            pixels += 50 * np.exp(-((x - 40 * x0 - 20) ** 2 + (y - 40 * y0 - 20) ** 2) / 2 / 3**2)
        fits.writeto(folder / f'{band}.fits', pixels.astype(np.float32), overwrite=True)


def folder_of(name, options):
    return options.work / name.replace(', ', '-').replace(' ', '-')


def hunted(name, options):
    """Time and memory of a run, and its summary; of one that is complete as it was measured."""
    bands, further = RUNS[name]
    folder = folder_of(name, options)
    measured = folder.with_suffix('.json')
    if measured.exists():
        return json.loads(measured.read_text())
    is_new = not folder.exists()
    command = [sys.executable, '-m', 'astro_wgan.cli', 'hunt']
    command += [str(options.folder / f'{band}.fits') for band in bands]
    command += ['--detect-in', 'r', '--output', str(folder), '--json', *further]
    command += ['--iterations', str(options.iterations), '--size', str(options.size)]
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    summary = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f'The hunt {name!r} ended with the status {process.returncode}.')
    told = {'summary': json.loads(summary)}
    if is_new:
        told['seconds'] = time.monotonic() - begin
        told['processor_seconds'] = usage.ru_utime + usage.ru_stime
        # Bytes on macOS, KiB elsewhere.
        told['bytes'] = usage.ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
    measured.write_text(json.dumps(told))
    return told


def run_row(name, told, options):
    summary = told['summary']
    row = {'run': name, 'sources': summary['n_sources'], 'above': summary['n_above']['95']}
    row['training'] = summary['seconds']['training'] / 60
    detector = AnomalyDetector.load(folder_of(name, options) / 'model')
    row['iterations'] = detector.wgan.provenance_['iterations']
    if 'seconds' in told:
        row['minutes'] = told['seconds'] / 60
        row['processor'] = told['processor_seconds'] / 60
        row['memory'] = told['bytes'] / 2**30
    return row


def top_rows(name, options):
    table = ranked(folder_of(name, options))[: options.top]
    return [
        {
            'run': name,
            'rank': row['rank'],
            'x': row['x'].value,
            'y': row['y'].value,
            'score': row['score'],
            'p': row['p_value'],
            'semi-major axis': row['semimajor_axis'].value,
        }
        for row in table
    ]


def ranked(folder):
    table = QTable.read(folder / 'scores.ecsv')
    table.sort('rank')
    return table


def draw(folder, path, n):
    """Input, closest image and residual of the sources with the highest scores."""
    import matplotlib.pyplot as plt

    from astro_wgan.visualize import plot_triptychs

    detector = AnomalyDetector.load(folder / 'model')
    table = ranked(folder)[:n]
    with StampStore.open(folder / 'stamps.zarr') as store:
        stamps = store[:]
    stamps = stamps[[list(stamps.ids).index(name) for name in table['id']]]
    figure, axes = plt.subplots(3, n, figsize=(1.1 * n, 3.5), layout='constrained')
    plot_triptychs(
        stamps,
        detector.closest_images(table, like=stamps),
        labels=[f'{row["rank"]}' for row in table],
        stretch=detector.wgan.stretch_,
        axes=axes.T,
    )
    figure.savefig(path, dpi=70)


if __name__ == '__main__':
    main()
