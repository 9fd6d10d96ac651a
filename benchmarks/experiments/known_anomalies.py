"""
The paper's experiments on galaxies with known anomalies, and the model that comes with the package.

For each seed a WGAN with the networks of the preset 'compact' learns from the first normals of a
frozen benchmark, and so does the classifier of anomalies that are injected into them; the detector
is calibrated on normals of another seed. Printed are, beside the paper's figures
(Margalef-Bentabol et al. 2020),

* the fraction of each class above the thresholds 85, 90 and 95, of pairs by flux ratio and of
  disturbed galaxies before and after the merger, and of fresh normals: tables 1 to 3;
* the fraction by merger time, separation, redshift, mass, radius and axis ratio: figures 10 and 11;
* what each number of the misfit tells of each class by itself, and what the margin of the turned
  closest image trades for what;
* the false positives by brightness, with one threshold for all and with the default, which measures
  each stamp against normals as bright; how uniform the p-values of fresh normals are; how many of a
  list with a false-discovery rate of 10 percent are normal;
* how far two trainings agree.

Work is kept in benchmarks/work/known_anomalies and goes on from there. ``--ship`` copies the model
of the first seed into the package; ``--figure`` draws the fractions by property.

    pip install "astro_wgan[sim,plot]"
    python -m benchmarks.experiments.known_anomalies                          # half an hour
    python -m benchmarks.experiments.known_anomalies --normals 500 --held-out 100 --test 100 \
        --iterations 20
    python -m benchmarks.experiments.known_anomalies --config benchmark-2
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from astropy.table import QTable, vstack

from astro_wgan import WGAN, AnomalyDetector, datasets
from astro_wgan.visualize import plot_detection_rates_by
from astro_wgan.wgan import NetworkConfig, TrainingConfig
from benchmarks.detectors.populations import Populations, fingerprint
from benchmarks.experiments.known_anomalies_tables import (
    AGREEMENT,
    AREAS,
    FALSE_POSITIVES,
    MARGINS,
    RATES,
    TRENDS,
    agreement_of,
    calibration_of,
    false_positives_of,
    margins_of,
    numbers_of,
    rates_of,
    trends_of,
)
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

#: Of the preset 'compact' before it took batches of 64; in float32, the same on every machine.
TRAINING = TrainingConfig(
    batch_size=32,
    critic_steps=2,
    learning_rate=5e-4,
    augment=True,
    reconstruction_weight=0.05,
    ema_decay=0.995,
)


def main():
    options = read_options()
    report = Report(options)
    folder = options.work / f'{options.config}-{fingerprint(options.config)}'
    folder.mkdir(parents=True, exist_ok=True)
    sets = Populations(
        options.config, folder, options.normals, options.test, 0, thresholds=options.held_out
    )
    runs = {seed: run(seed, sets, options) for seed in options.seeds}
    first = runs[options.seeds[0]]
    report.note(calibration_of(first))
    caption = 'Percent found, with the binomial interval of one standard deviation.'
    report.table('rates', caption, RATES, rates_of(first))
    caption = 'Area under the ROC curve of each number by itself, against fresh normals.'
    report.table('numbers', caption, AREAS, numbers_of(first))
    caption = 'Area, and percent found at 90 percent, by ``rotation_margin``.'
    report.table('margins', caption, MARGINS, margins_of(first))
    caption = 'Percent of fresh normals above the threshold of 90 percent, by brightness.'
    report.table('false_positives', caption, FALSE_POSITIVES, false_positives_of(first))
    if len(runs) > 1:
        report.table('agreement', 'Two trainings.', AGREEMENT, agreement_of(runs))
    trends = trends_of(first)
    columns = [Column(name, TRENDS[name], '', trends[name].format or '') for name in TRENDS]
    rows = [dict(zip(TRENDS, row, strict=True)) for row in trends.iterrows(*TRENDS)]
    caption = 'Fraction above the threshold of 90 percent, by property.'
    report.table('trends', caption, columns, rows)
    report.write()
    if options.figure is not None:
        draw(trends, options.figure)
    if options.ship:
        shipped = datasets.model_path('simulated_f160w')
        shutil.copytree(first.model, shipped, dirs_exist_ok=True)


def read_options():
    smoke = {'normals': 40, 'held_out': 20, 'test': 24, 'iterations': 1, 'seeds': [1, 2]}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None, work='known_anomalies')
    parser.add_argument('--config', default='benchmark-1')
    parser.add_argument('--normals', type=int, default=20_000, help='to learn from')
    parser.add_argument(
        '--held-out', type=int, default=8000, help='further normals, for the thresholds'
    )
    parser.add_argument('--test', type=int, default=2000, help='of each class')
    parser.add_argument('--iterations', type=int, default=3000)
    parser.add_argument('--seeds', type=int, nargs='+', default=[1, 2])
    parser.add_argument('--figure', type=Path, help='draw the fractions by property into this file')
    parser.add_argument('--ship', action='store_true', help='into the package')
    return parser.parse_args()


@dataclass
class Run:
    """Where a trained detector is kept, the misfit of the held-out normals, the scores by class."""

    model: Path
    held_out: QTable
    found: dict

    def scores(self):
        return {kind: np.asarray(table['score']) for kind, table in self.found.items()}

    def all(self):
        """All stamps, and a label for each."""
        tables = [self.found[kind] for kind in self.found]
        kinds = np.repeat([*self.found], [len(table) for table in tables])
        return vstack(tables, metadata_conflicts='silent'), kinds


def run(seed, sets, options):
    """Train, calibrate and score with one seed, from the folder where it is there."""
    folder = sets.folder / f'{options.normals}-{options.iterations}-seed-{seed}'
    folder.mkdir(exist_ok=True)
    model = folder / f'model-{options.held_out}'
    if not (model / 'detector.json').exists():
        wgan = WGAN(NetworkConfig.preset('compact'), TRAINING).fit(
            sets.train,
            iterations=options.iterations,
            seed=seed,
            checkpoint=folder / 'wgan.checkpoint',
            callbacks=[keras.callbacks.CSVLogger(folder / 'training.csv', append=True)],
        )
        detector = AnomalyDetector(wgan).train_classifier(sets.train, seed=seed)
        detector.calibrate(sets.held_out).save(model)
    detector = AnomalyDetector.load(model)

    def measured(name, stamps):
        return detector.measure(stamps, output=folder / f'{name}-{len(stamps)}.misfit')

    misfit = {kind: measured(kind, stamps) for kind, stamps in sets.tested.items()}
    found = {kind: detector.score(table) for kind, table in misfit.items()}
    held_out = measured('held-out', sets.held_out)
    held_out = detector.score(held_out, in_calibration=np.ones(len(held_out)))
    return Run(model, held_out, found)


def draw(trends, path):
    """Figures 10 and 11: a panel for each property, a line for each class."""
    import matplotlib.pyplot as plt

    names = [*dict.fromkeys(trends['property'])]
    figure, axes = plt.subplots(2, 4, figsize=(13, 6), layout='constrained', sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        rows = trends[trends['property'] == name]
        rows['detector'], rows.meta['percentile'] = 'WGAN', 90
        plot_detection_rates_by(rows, label=name.replace('_', ' '), ax=axis)
        axis.set(ylabel='')
        if axis.get_legend() is None:
            axis.set_title(rows['class'][0])
        else:
            axis.legend(fontsize=7, ncols=3, loc='lower left', bbox_to_anchor=(0, 1), frameon=False)
    for axis in axes.flat[len(names) :]:
        axis.axis('off')
    figure.supylabel('found at the threshold of 90 percent')
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == '__main__':
    main()
