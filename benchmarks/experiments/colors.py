"""
What the score finds of galaxies whose colors are odd, with and without its color term.

Galaxies of three bands lie on a sequence from blue disks to red bulges; odd ones have exchanged or
missing bands, other colors, or a companion. Printed is the area under the ROC curve of each kind
against fresh normals, for the score, the score without the color term (``color_weight=0``), and
each term by itself: the column, and the deviation of the color residual from normals of the same
brightness, in standard deviations.

    python -m benchmarks.experiments.colors                  # 5 minutes
    python -m benchmarks.experiments.colors --weights 0.5 1 2 4
"""

from dataclasses import replace

import numpy as np

from astro_wgan import WGAN, AnomalyDetector, StampSet
from benchmarks.detectors.colored_galaxies import KINDS, draw_galaxies
from benchmarks.detectors.evaluation import area
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

TERMS = (
    'smoothed_residual',
    'rotation_residual',
    'peak_residual',
    'color_residual',
    'paper_score',
    'feature_loss',
)
AREAS = (
    Column('score', 'or term of it'),
    *(Column(kind, 'area under the ROC curve, against normals', '', '.3f') for kind in KINDS),
)
FOUND = (
    Column('score', 'with or without the color term'),
    Column('normal', 'percent of fresh normals above the threshold of 90 percent', '', '.1f'),
    *(Column(kind, 'percent above this threshold', '', '.0f') for kind in KINDS),
)


def main():
    smoke = {'train': 100, 'normals': 40, 'odd': 6, 'iterations': 2}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='colors')
    parser.add_argument('--train', type=int, default=4000, help='normals that are learned from')
    parser.add_argument('--normals', type=int, default=600, help='fresh normals that are scored')
    parser.add_argument('--odd', type=int, default=300, help='galaxies of each other kind')
    parser.add_argument('--iterations', type=int, default=700, help='of the training')
    parser.add_argument('--weights', type=float, nargs='*', default=[], help='of the color term')
    options = parser.parse_args()
    report = Report(options)
    detector = trained_detector(options)
    seeds = {'normal': 3, **{kind: 10 + k for k, kind in enumerate(KINDS)}}
    counts = {**dict.fromkeys(KINDS, options.odd), 'normal': options.normals}
    tables = {
        kind: detector.measure(drawn(counts[kind], seed, options, kind), progress=False)
        for kind, seed in seeds.items()
    }
    held_out = detector.measure(drawn(max(options.normals, 1000), 2, options), progress=False)
    numbers = f'{options.train} normals to learn from, {options.odd} of each kind'
    caption = f'Area under the ROC curve; {numbers}, {options.normals} fresh normals.'
    report.table('areas', caption, AREAS, area_rows(detector, tables, held_out, options.weights))
    caption = 'Percent found at the threshold of 90 percent.'
    report.table('found', caption, FOUND, found_rows(detector, tables, held_out))
    report.write()


def drawn(n, seed, options, kind='normal'):
    return StampSet(draw_galaxies(n, 1000 * options.seed + seed, kind))


def trained_detector(options):
    """A detector that is not calibrated, from the folder of work if it is there."""
    folder = options.work / f'{options.seed}-{options.train}-{options.iterations}'
    if not folder.exists():
        wgan = WGAN.preset('compact').fit(
            drawn(options.train, 1, options), iterations=options.iterations, seed=options.seed
        )
        wgan.save(folder)
    return AnomalyDetector(WGAN.load(folder))


def scored(detector, tables, held_out, weight):
    """Scores by kind, if the color term has this weight."""
    detector.scoring = replace(detector.scoring, color_weight=weight)
    detector.calibrate(held_out, progress=False)
    return {kind: detector.score(table, progress=False) for kind, table in tables.items()}


def area_rows(detector, tables, held_out, weights):
    default = detector.scoring.color_weight
    named = {'score': default, 'without the color term': 0.0}
    named |= {f'with a weight of {weight:g}': weight for weight in weights}
    for name, weight in named.items():
        yield areas(
            name, {k: t['score'] for k, t in scored(detector, tables, held_out, weight).items()}
        )
    for name in TERMS:
        yield areas(name, {kind: table[name] for kind, table in tables.items()})
    scored(detector, tables, held_out, default)
    trend = detector.trends_['color_residual']
    deviations = {
        kind: trend.transform(table['color_residual'], np.asarray(table['closest_flux']))
        for kind, table in tables.items()
    }
    yield areas('color_residual, in sigma', deviations)


def areas(name, values):
    normal = np.asarray(values['normal'])
    return {'score': name, **{kind: area(normal, np.asarray(values[kind])) for kind in KINDS}}


def found_rows(detector, tables, held_out):
    default = detector.scoring.color_weight
    for name, weight in (('score', default), ('without the color term', 0.0)):
        found = scored(detector, tables, held_out, weight)
        yield {
            'score': name,
            **{kind: 100 * float(np.mean(t['anomalous_90'])) for kind, t in found.items()},
        }


if __name__ == '__main__':
    main()
