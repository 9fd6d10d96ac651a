"""
What the shipped model is worth on a field of one's own, and how soon it learns that field.

The field is ``benchmark-2``: another PSF, other noise, other profiles and clumps, and only a
thousand normals. Compared are, by the area under the ROC curve of each class of anomalies and the
false positives among fresh normals at the threshold of 90 percent,

* the shipped model with its own calibration, and calibrated on normals of the field;
* the same model after some iterations of training on the field (``WGAN.fit(initial_model=)``);
* a new model after as many iterations on the field, and after more.

All are calibrated on the same held-out normals of the field. Trainings go on where they stopped.

    pip install "astro_wgan[sim]"
    python -m benchmarks.experiments.transfer                      # half an hour
    python -m benchmarks.experiments.transfer --normals 300 --test 100 --iterations 5 10
"""

import warnings

import numpy as np

from astro_wgan import WGAN, AnomalyDetector, datasets
from astro_wgan.exceptions import DriftWarning
from benchmarks.detectors.evaluation import area
from benchmarks.detectors.populations import ANOMALIES, Populations, fingerprint
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

CONFIG = 'benchmark-2'

COLUMNS = (
    Column('model', 'which, and where it is calibrated'),
    Column('iterations', 'of the training on the field'),
    Column('minutes', 'of that training', 'min', '.1f'),
    Column('false positives', 'percent of fresh normals above the threshold', '', '.1f'),
    *(
        column
        for kind in ANOMALIES
        for column in (
            Column(kind, 'area under the ROC curve, against fresh normals', '', '.3f'),
            Column(f'{kind} found', 'percent above the threshold', '', '.0f'),
        )
    ),
)


def main():
    options = read_options()
    report = Report(options, 'galsim')
    folder = options.work / f'{CONFIG}-{fingerprint(CONFIG)}'
    folder.mkdir(parents=True, exist_ok=True)
    sets = Populations(CONFIG, folder, options.normals, options.test, 0)
    shipped = datasets.load_model()
    rows = [
        row('shipped', None, None, shipped, sets),
        row('shipped, calibrated here', None, None, calibrated(shipped.wgan, sets), sets),
    ]
    for name, start in (('fine-tuned', shipped.wgan), ('new', None)):
        for iterations in options.iterations:
            checkpoint = folder / f'{options.normals}-{name}-{iterations}.checkpoint'
            wgan = WGAN(shipped.wgan.network, shipped.wgan.training).fit(
                sets.train,
                initial_model=start,
                iterations=iterations,
                seed=1,
                checkpoint=checkpoint,
            )
            seconds = wgan.provenance_['seconds']
            rows.append(row(name, iterations, seconds, calibrated(wgan, sets), sets))
    caption = (
        f'Area under the ROC curve by class, and percent found at the threshold of 90 percent; '
        f'{options.normals} normals of the field, {options.test} of each class.'
    )
    report.table('areas', caption, COLUMNS, rows)
    report.write()


def read_options():
    smoke = {'normals': 40, 'test': 4, 'iterations': [1]}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None, work='transfer')
    parser.add_argument('--normals', type=int, default=1000, help='of the field, to learn from')
    parser.add_argument(
        '--test', type=int, default=1000, help='of each class, and of normals for the thresholds'
    )
    parser.add_argument('--iterations', type=int, nargs='+', default=[30, 100, 300])
    return parser.parse_args()


def calibrated(wgan, sets):
    return AnomalyDetector(wgan).calibrate(sets.held_out)


def row(name, iterations, seconds, detector, sets):
    with warnings.catch_warnings():
        # The field is not what the shipped model knows: that is the question.
        warnings.simplefilter('ignore', DriftWarning)
        found = {kind: detector.score(stamps) for kind, stamps in sets.tested.items()}
    normal = np.asarray(found['normal']['score'])
    told = {
        'model': name,
        'iterations': iterations,
        'minutes': None if seconds is None else seconds / 60,
        'false positives': 100 * np.mean(found['normal']['anomalous_90']),
    }
    for kind in ANOMALIES:
        told[kind] = area(normal, np.asarray(found[kind]['score']))
        told[f'{kind} found'] = 100 * np.mean(found[kind]['anomalous_90'])
    return told


if __name__ == '__main__':
    main()
