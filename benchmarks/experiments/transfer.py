"""
What the shipped model is worth on a field of one's own, and how soon it learns that field.

The field is ``benchmark-2``: another PSF, other noise, other profiles and clumps, and only a
thousand normals. Compared are, by the area under the ROC curve of each class of anomalies and the
false positives among fresh normals at the threshold of 90 per cent,

* the shipped model with its own calibration, and calibrated on normals of the field;
* the same model after some iterations of training on the field (``WGAN.fit(initial_model=)``);
* a new model after as many iterations on the field, and after more.

All are calibrated on the same held-out normals of the field. Trainings go on where they stopped.

    pip install "astro_wgan[sim]"
    python -m benchmarks.experiments.transfer                      # half an hour
    python -m benchmarks.experiments.transfer --normals 300 --test 100 --iterations 5 10
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from astropy.table import Table

from astro_wgan import WGAN, AnomalyDetector, datasets
from astro_wgan.exceptions import DriftWarning
from benchmarks.detectors.evaluation import area, page
from benchmarks.detectors.populations import ANOMALIES, Populations, fingerprint
from benchmarks.machine import describe_machine

WORK = Path(__file__).parents[1] / 'work' / 'transfer'
RECIPE = 'benchmark-2'


def main():
    options = read_options()
    folder = options.work / f'{RECIPE}-{fingerprint(RECIPE)}'
    folder.mkdir(parents=True, exist_ok=True)
    sets = Populations(RECIPE, folder, options.normals, options.test, 0)
    shipped = datasets.load_model()
    rows = [
        row('shipped', 0, 0, shipped, sets),
        row('shipped, calibrated here', 0, 0, calibrated(shipped.wgan, sets), sets),
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
        f'Area under the ROC curve by class, and in brackets per cent found at 90 per cent; '
        f'{options.normals} normals of the field, {options.test} of each class.'
    )
    numbers = ' '.join(map(str, options.iterations))
    head = (
        f'``python -m benchmarks.experiments.transfer --normals {options.normals} '
        f'--test {options.test} --iterations {numbers}``; {describe_machine("galsim")}.'
    )
    text = f'{head}\n\n{page(Table(rows=rows), caption)}'
    print(text)
    if options.out is not None:
        options.out.with_suffix('.inc').write_text(text, encoding='utf-8')


def read_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--normals', type=int, default=1000, help='of the field, to learn from')
    parser.add_argument(
        '--test', type=int, default=1000, help='of each class, and of normals for the thresholds'
    )
    parser.add_argument('--iterations', type=int, nargs='+', default=[30, 100, 300])
    parser.add_argument('--work', type=Path, default=WORK, help='folder of all that is kept')
    parser.add_argument('--out', type=Path, help='path of the table, without .inc')
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
        'iterations': str(iterations or ''),
        'minutes': f'{seconds / 60:.1f}' if seconds else '',
        'false positives': f'{100 * np.mean(found["normal"]["anomalous_90"]):.1f}',
    }
    for kind in ANOMALIES:
        share = 100 * np.mean(found[kind]['anomalous_90'])
        told[kind] = f'{area(normal, np.asarray(found[kind]["score"]))} ({share:.0f})'
    return told


if __name__ == '__main__':
    main()
