"""
Figures of a finished hunt for the documentation: how the training went, and what the scores are.

Needs Matplotlib and the folder of a hunt:

    astro-wgan hunt hubble_xdf --size 32 --output xdf
    python -m benchmarks.figures.hunt --hunt xdf --images docs/images
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from astropy.table import QTable

from astro_wgan import AnomalyDetector, HuntConfig, StampStore, datasets, hunt
from astro_wgan.visualize import plot_scores, plot_stamps, plot_training, plot_triptychs
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

#: Stretched intensities of black and white.
LIMITS = (-0.1, 0.8)

COLUMNS = (Column('stamps', 'of the hunt'), Column('n', 'how many'))


def main():
    parser = BenchmarkParser(__doc__, seed=None, work='hunt')
    parser.add_argument('--hunt', type=Path, help='folder of the hunt')
    parser.add_argument(
        '--images', type=Path, help='where to put hunt_training.png and hunt_scores.png'
    )
    options = parser.parse_args()
    if options.smoke:
        options.hunt, options.images = options.work / 'hunt', options.work
        config = HuntConfig(size=16, iterations=1, classifier=None, n_cards=4)
        hunt(datasets.image_path('hubble_xdf'), output=options.hunt, config=config, progress=False)
    elif options.hunt is None or options.images is None:
        parser.error('--hunt and --images are needed')
    report = Report(options)
    detector = AnomalyDetector.load(options.hunt / 'model')
    table = QTable.read(options.hunt / 'scores.ecsv')
    with StampStore.open(options.hunt / 'stamps.zarr') as store:
        stamps = store[:]
    draw_training(detector.wgan, stamps).savefig(options.images / 'hunt_training.png', dpi=75)
    draw_scores(detector, stamps, table).savefig(options.images / 'hunt_scores.png', dpi=75)
    seen = np.asarray(table['trained_on'])
    rows = [
        {'stamps': 'trained on', 'n': np.count_nonzero(seen)},
        {'stamps': 'held out', 'n': np.count_nonzero(~seen)},
    ]
    report.table('stamps', 'Stamps in the figures.', COLUMNS, rows)
    report.write()


def draw_training(wgan, stamps):
    """Losses by iteration; below, real stamps and generated ones."""
    figure, (losses, real, made) = plt.subplots(
        3, figsize=(10, 5), height_ratios=[3, 1, 1], layout='constrained'
    )
    plot_training(wgan.history_, ax=losses)
    for ax, name, shown in ((real, 'real', stamps[:10]), (made, 'made', wgan.generate(10, seed=1))):
        plot_stamps(shown, n_columns=10, stretch=wgan.stretch_, limits=LIMITS, ax=ax)
        ax.set_title(name, loc='left', fontsize=9)
    return figure


def draw_scores(detector, stamps, table):
    """Histogram with thresholds; below, the highest-ranked: input, closest image, residual."""
    figure = plt.figure(figsize=(9, 7.5), layout='constrained')
    above, below = figure.subfigures(2, height_ratios=[2.2, 3])
    parts = {
        label: table['score'][table['trained_on'] == seen]
        for seen, label in ((True, 'trained on'), (False, 'held out'))
    }
    thresholds = detector.calibration_.thresholds()
    plot_scores(parts, thresholds=thresholds, ax=above.subplots())
    strangest = np.argsort(table['rank'])[:6]
    closest = detector.closest_images(table[strangest])
    axes = below.subplots(3, 6).T
    stretch = detector.wgan.stretch_
    plot_triptychs(stamps[strangest], closest, stretch=stretch, axes=axes)
    return figure


if __name__ == '__main__':
    main()
