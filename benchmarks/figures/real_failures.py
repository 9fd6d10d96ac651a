"""
The worst failures among real galaxies with labels: false alarms and misses, as pictures.

Shows normals with the highest scores and anomalies with the lowest, of the half ``report`` of the
test stamps: each with its closest image, residual, label, score and p-value. Needs Matplotlib, a
set of labeled stamps, and the folder of work of ``benchmarks.experiments.real_sky``, in which that
benchmark has left the detectors that it trained without anomalies:

    python -m benchmarks.figures.real_failures --data stamps.npz --work FOLDER --images docs/images
"""

import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from astro_wgan import AnomalyDetector
from astro_wgan.exceptions import DriftWarning
from astro_wgan.visualize import plot_triptychs
from benchmarks.detectors.labeled_stamps import read_labeled
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.results import Column

#: Names of surveys, by name of the set.
SURVEYS = {'euclid_q1': 'Euclid Q1', 'sdss_gz1': 'SDSS, Galaxy Zoo 1'}

COLUMNS = (
    Column('set', 'of labeled stamps'),
    Column('failure', 'of the score'),
    Column('id', 'of the stamp'),
    Column('label', 'in the set'),
    Column('score', 'of the detector', '', '.2f'),
    Column('p-value', 'probability that a normal has such a score', '', '.3g'),
)


def main():
    options = read_options()
    options.images.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter('ignore', DriftWarning)
    report, shown = Report(options), []
    for path in options.data:
        sample = read_labeled(path)
        folder = options.work / f'{sample.name}-{options.iterations}-0-{options.seed}'
        detector = AnomalyDetector.load(folder / 'detector')
        rows = sample.rows('test', half='report')
        if options.limit is not None:
            rows = rows[:: -(-len(rows) // options.limit)]
        table = detector.score(sample.stamps[rows], progress=False)
        worst = worst_rows(table['score'], sample.normal[rows], options.count)
        figure = draw_failures(detector, sample, rows, table, worst)
        save_small(figure, options.images / f'real_failures_{sample.name}.png')
        shown += [
            {
                'set': sample.name,
                'failure': failure,
                'id': str(table['id'][k]),
                'label': str(sample.labels[rows[k]]),
                'score': float(table['score'][k]),
                'p-value': float(table['p_value'][k]),
            }
            for failure, found in worst.items()
            for k in found
        ]
    report.table('failures', 'Stamps in the figures.', COLUMNS, shown)
    report.write()


def read_options():
    smoke = {'limit': 40, 'count': 2}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='real_sky')
    parser.add_argument('--data', type=Path, nargs='+', default=[], help='labeled stamps')
    parser.add_argument('--iterations', type=int, default=1500, help='of the detectors')
    parser.add_argument('--count', type=int, default=6, help='stamps of each kind')
    parser.add_argument('--limit', type=int, help='stamps to choose from, at most')
    parser.add_argument('--images', type=Path, help='where to put real_failures_*.png')
    options = parser.parse_args()
    if not options.data or not all(path.exists() for path in options.data):
        skip('labeled stamps of real galaxies are needed: give --data.')
    if options.images is None:
        if not options.smoke:
            parser.error('--images is needed')
        options.images = options.work
    return options


def worst_rows(score, normal, count):
    """Normals with the highest scores and anomalies with the lowest, the worst first."""
    order = np.argsort(np.asarray(score))
    order = order[np.isfinite(np.asarray(score)[order])]
    return {
        'false alarm': order[normal[order]][::-1][:count],
        'miss': order[~normal[order]][:count],
    }


def draw_failures(detector, sample, rows, table, worst):
    """Above false alarms and below misses: stamp, closest image, residual."""
    columns = max(map(len, worst.values()))
    figure = plt.figure(figsize=(1.5 * columns, 10.4), layout='constrained')
    figure.suptitle(SURVEYS.get(sample.name, sample.name), fontsize='large')
    titles = {
        'false alarm': 'False alarms: normals with the highest scores',
        'miss': 'Misses: anomalies with the lowest scores',
    }
    for part, (failure, found) in zip(figure.subfigures(2), worst.items(), strict=True):
        part.suptitle(titles[failure], fontsize='medium')
        axes = part.subplots(3, columns, squeeze=False)
        for ax in axes[:, len(found) :].flat:
            ax.set_axis_off()
        closest = detector.closest_images(table[found])
        stretch = detector.wgan.stretch_
        # Pictures of surveys begin with their upper line.
        options = {'stretch': stretch, 'origin': 'upper', 'axes': axes[:, : len(found)].T}
        plot_triptychs(sample.stamps[rows[found]], closest, **options)
        for ax, head in zip(axes[:, 0], ('stamp', 'closest image', 'residual'), strict=True):
            ax.set_ylabel(head, fontsize='small')
        for ax in axes[1:].flat:
            ax.set_title('')
        for ax, k in zip(axes[0], found, strict=False):
            p = table['p_value'][k]
            told = (
                f'{sample.labels[rows[k]].replace("_", " ")}\n{table["score"][k]:.1f}, p = {p:.2g}'
            )
            ax.set_title(told, fontsize='small')
    return figure


def save_small(figure, path):
    """As PNG with a palette: the noise of the sky takes more than twice as much in all colors."""
    figure.set_dpi(72)
    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert('RGB')
    picture.quantize(256).save(path, optimize=True)


if __name__ == '__main__':
    main()
