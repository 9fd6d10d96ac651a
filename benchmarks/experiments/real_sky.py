"""
What scores find among real galaxies with labels, beside simpler scores and a supervised ceiling.

Each set is a file or folder of labeled stamps (see `benchmarks.detectors.labeled_stamps`). Rows
learn from the normals of the split ``train``, thresholds come from those of ``calibrate``, and the
stamps of ``test`` are scored. These are halved by their ids: ``--half choice`` for choosing
settings, ``--half report``, the default, for figures. Anomalies that are left in training and
calibration (``--contamination``) are those of the other half, in all orientations.

Rows: noise, size and brightness alone; the stamp less itself, rotated; principal components,
plain, with the residual terms of the score, in the place of the generator in the whole score with
its classifier, and by Mahalanobis distance; isolation forests on pixels and on shapes; an
autoencoder; the WGAN with its default score, with its residuals or its classifier alone, each term,
its critic, and the score of the paper; the WGAN with its features as a term of the score, an
isolation forest on them, and their Mahalanobis distance; and logistic regression with labels,
five-fold, on features, terms and confounds as the ceiling, and on the features of each network
(probes).

Areas under the ROC curve are those of all stamps, of stamps matched in noise, size and brightness
(each alone, and all at once by their propensity score), with DeLong's errors; the error of a mean
over seeds is the root of its square and that of the scatter between seeds.

Work is kept in the folder of ``--work``: the same command goes on where it was killed.

    python -m benchmarks.experiments.real_sky --data stamps.npz
    python -m benchmarks.experiments.real_sky --data a/stamps.npz folder --seeds 1 2 3
    python -m benchmarks.experiments.real_sky --data stamps.npz --rows components wgan \
        --half choice --contamination 0 5 10 20
"""

import warnings
from pathlib import Path

import numpy as np

from astro_wgan.exceptions import DriftWarning
from astro_wgan.files.atomic import read_arrays, write_arrays
from astro_wgan.stamps import concatenate
from astro_wgan.stamps.orientations import in_all_orientations
from benchmarks.detectors.judgment import (
    area_with_error,
    matched_area,
    precision_at,
    propensity,
    shares_above,
)
from benchmarks.detectors.labeled_probes import SUPERVISED, labeled_row
from benchmarks.detectors.labeled_rows import FAMILIES, Task
from benchmarks.detectors.labeled_stamps import HALVES, read_labeled
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.results import Column, estimate

PREVALENCES = (0.1, 0.01, 0.001)
PERCENTILES = (85, 90, 95)
CONFOUNDS = ('noise', 'size', 'brightness')
CEILING = f'{SUPERVISED} (ceiling)'

_SET = (
    Column('set', 'of labeled stamps'),
    Column('class', 'by eye'),
    Column('score', 'or term of it'),
)
AREAS = (
    *_SET,
    Column('AUC', 'area under the ROC curve', '', '.3f'),
    *(Column(f'by {name}', f'among stamps of the same {name}', '', '.3f') for name in CONFOUNDS),
    Column('by all three', 'among stamps of the same propensity score', '', '.3f'),
)
PRECISION = (
    *_SET,
    *(
        Column(f'{kind}, 1:{round(1 / p)}', f'{meaning} at this prevalence', '', '.2f')
        for p in PREVALENCES
        for kind, meaning in (('AP', 'average precision'), ('top 100', 'precision of the first'))
    ),
)
SHARES = (
    Column('set', 'of labeled stamps'),
    Column('normals', 'class by eye'),
    Column('stamps', 'of the class'),
    Column('score', 'or term of it'),
    *(Column(f'at {p}', 'percent above this threshold', '', '.1f') for p in PERCENTILES),
)
CONTAMINATED = (
    *_SET,
    Column('left in', 'percent of anomalies in training and calibration'),
    Column('AUC', 'area under the ROC curve', '', '.3f'),
    Column('above 90', 'percent of fresh normals above the threshold', '', '.1f'),
)
COUNTS = (
    Column('set', 'of labeled stamps'),
    Column('part', 'and half'),
    Column('normals', 'stamps'),
    Column('anomalies', 'stamps, by class'),
)


def main():
    options = read_options()
    warnings.simplefilter('ignore', DriftWarning)
    report = Report(options, 'scikit-learn')
    samples = [read_labeled(path, color=options.color) for path in options.data]
    if options.limit is not None:
        samples = [sample.limited(options.limit) for sample in samples]
    report.table('counts', 'Stamps.', COUNTS, [row for s in samples for row in count_rows(s)])
    judged = {}
    for sample in samples:
        for left_in in options.contamination:
            judged[sample.name, left_in] = [
                scores_of(sample, left_in, seed, options) for seed in options.seeds
            ]
    clean = min(options.contamination)
    tables = {'areas': [], 'precision': [], 'shares': [], 'contamination': []}
    for sample in samples:
        runs = judged[sample.name, clean]
        tables['areas'] += area_rows(sample, runs, options.half)
        tables['precision'] += precision_rows(sample, runs, options.half)
        tables['shares'] += share_rows(sample, runs, options.half)
        for left_in in options.contamination if len(options.contamination) > 1 else ():
            runs = judged[sample.name, left_in]
            tables['contamination'] += contaminated_rows(sample, runs, left_in, options.half)
    seeds = f'{len(options.seeds)} seeds' if len(options.seeds) > 1 else 'one seed'
    half = f'Half {options.half!r} of the test stamps, {seeds}.'
    report.table('areas', f'Area under the ROC curve. {half}', AREAS, tables['areas'])
    report.table(
        'precision', f'100 anomalies among normals. {half}', PRECISION, tables['precision']
    )
    report.table('shares', f'Normals above thresholds. {half}', SHARES, tables['shares'])
    if tables['contamination']:
        report.table('contamination', half, CONTAMINATED, tables['contamination'])
    report.write()


def read_options():
    quick = ['confounds', 'symmetry', 'components', 'component classifier', 'wgan', 'features']
    quick += [SUPERVISED, 'probes']
    smoke = {'limit': 40, 'iterations': 2, 'minutes': 0.02, 'seeds': [1], 'rows': quick}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None, work='real_sky')
    parser.add_argument('--data', type=Path, nargs='+', default=[], help='labeled stamps')
    parser.add_argument('--color', action='store_true', help='all bands, not their mean')
    parser.add_argument('--seeds', type=int, nargs='+', default=[1, 2, 3])
    parser.add_argument('--iterations', type=int, default=1500, help='of training, each WGAN')
    parser.add_argument('--minutes', type=float, default=7, help='of that of the autoencoder')
    parser.add_argument('--half', choices=HALVES, default='report')
    parser.add_argument(
        '--contamination', type=int, nargs='+', default=[0], help='percent of anomalies left in'
    )
    parser.add_argument('--limit', type=int, help='stamps of each class and split, at most')
    parser.add_argument('--rows', nargs='+', default=[*FAMILIES], choices=FAMILIES, metavar='ROW')
    options = parser.parse_args()
    missing = [path for path in options.data if not path.exists()]
    if missing or not options.data:
        skip(f'labeled stamps of real galaxies are needed: give --data ({missing} are not there).')
    return options


def count_rows(sample):
    for split, halves in (('train', (None,)), ('calibrate', (None,)), ('test', HALVES)):
        for half in halves:
            anomalies = [
                f'{len(rows)} {label}'
                for label in sample.anomalies
                if len(rows := sample.rows(split, half=half, label=label))
            ]
            yield {
                'set': sample.name,
                'part': split if half is None else f'{split}, {half}',
                'normals': len(sample.rows(split, half=half, normal=True)),
                'anomalies': ', '.join(anomalies),
            }


# Scores


def scores_of(sample, left_in, seed, options):
    """Scores by row, each of the held-out and the test stamps; kept in the folder of work."""
    color = '-color' if options.color else ''
    limit = '' if options.limit is None else f'-{options.limit}'
    half = f'-{options.half}' if left_in else ''
    name = f'{sample.name}{color}{limit}-{options.iterations}-{left_in}{half}-{seed}'
    folder = options.work / name
    folder.mkdir(parents=True, exist_ok=True)
    task, found = None, {}
    for family in options.rows:
        path = folder / f'{family}.npz'
        if not path.exists():
            task = make_task(sample, left_in, seed, folder, options) if task is None else task
            print(f'{name}: {family}', flush=True)
            rows = FAMILIES[family](task)
            parts = {
                f'{part}: {row}': v
                for row, vs in rows.items()
                for part, v in zip('ht', vs, strict=True)
            }
            write_arrays(path, **parts)
        for key, values in read_arrays(path).items():
            part, row = key.split(': ', 1)
            found.setdefault(row, {})[part] = values
    return found


def make_task(sample, left_in, seed, folder, options):
    """What the rows learn from, with a percentage of anomalies of the other half left in."""
    tested = sample.rows('test')
    other = HALVES[1 - HALVES.index(options.half)]
    strange = sample.stamps[sample.rows('test', half=other, normal=False)]
    learned = [sample.stamps[sample.rows(part)] for part in ('train', 'calibrate')]
    if left_in:
        rng = np.random.default_rng(seed)
        pool = eight_of_each(strange)
        order = rng.permutation(len(pool))
        counts = [round(left_in / 100 * len(stamps)) for stamps in learned]
        if sum(counts) > len(pool):
            scale = len(pool) / sum(counts)
            learned = [s[: int(scale * len(s))] for s in learned]
            counts = [int(scale * count) for count in counts]
        first = 0
        for k, (stamps, count) in enumerate(zip(learned, counts, strict=True)):
            added = pool[np.sort(order[first : first + count])]
            kept = np.sort(rng.permutation(len(stamps))[: len(stamps) - count])
            learned[k], first = concatenate([stamps[kept], added]), first + count
    return Task(
        *learned,
        sample.stamps[tested],
        strange=~sample.normal[tested],
        labels=sample.labels[tested],
        seed=seed,
        iterations=options.iterations,
        minutes=options.minutes,
        folder=folder,
        name=sample.name,
    )


def eight_of_each(stamps):
    """Each stamp in all orientations, since labeled anomalies are few."""
    turns = [f'{90 * turn}{side}' for turn in range(4) for side in ('', '-mirrored')]
    images = stamps.pixels.reshape(len(stamps), *stamps.shape, -1)
    parts = [
        type(stamps)(
            view.reshape(stamps.pixels.shape),
            table={'id': [f'{name}-{turn}' for name in stamps.ids]},
        )
        for turn, view in zip(turns, in_all_orientations(images), strict=True)
    ]
    return concatenate(parts)


# Tables


def judged_rows(sample, runs, half):
    """Class, name of a row, and for each seed its score, with rows of normals and anomalies."""
    tested = sample.rows('test')
    of_half = sample.half[tested] == half
    normal = np.flatnonzero(of_half & sample.normal[tested])
    for label in sample.anomalies:
        anomalous = np.flatnonzero(of_half & (sample.labels[tested] == label))
        if len(anomalous) < 2:
            continue
        for name in runs[0]:
            shown, of_class = labeled_row(name)
            if of_class not in (None, label):
                continue
            shown = CEILING if shown == SUPERVISED else shown
            yield label, shown, [run[name]['t'] for run in runs], normal, anomalous


def area_rows(sample, runs, half):
    tested = sample.rows('test')
    confounds = {name: values[tested] for name, values in sample.confounds.items()}
    for label, name, scores, normal, anomalous in judged_rows(sample, runs, half):
        row = {'set': sample.name, 'class': label, 'score': name}
        row['AUC'] = over_seeds([area_with_error(s, normal, anomalous) for s in scores])
        matched = {f'by {c}': confounds[c] for c in CONFOUNDS}
        matched['by all three'] = propensity(confounds, normal, anomalous)
        for column, by in matched.items():
            found = [matched_area(s, normal, anomalous, by) for s in scores]
            row[column] = over_seeds(found)
        yield row


def over_seeds(found):
    """Mean of areas of several trainings, and its error."""
    areas, errors = np.array(found).T
    scatter = areas.std(ddof=1) / np.sqrt(len(areas)) if len(areas) > 1 else 0.0
    return estimate(areas.mean(), np.hypot(errors.mean(), scatter))


def precision_rows(sample, runs, half):
    for label, name, scores, normal, anomalous in judged_rows(sample, runs, half):
        row = {'set': sample.name, 'class': label, 'score': name}
        for p in PREVALENCES:
            found = np.array([precision_at(s, normal, anomalous, p) for s in scores])
            for kind, values in zip(('AP', 'top 100'), found.T, strict=True):
                row[f'{kind}, 1:{round(1 / p)}'] = values.mean()
        yield row


def share_rows(sample, runs, half):
    tested = sample.rows('test')
    fresh = (sample.half[tested] == half) & sample.normal[tested]
    labels = sample.labels[tested]
    groups = {'all': np.flatnonzero(fresh)}
    kinds = np.unique(labels[fresh])
    groups |= {k: np.flatnonzero(fresh & (labels == k)) for k in kinds if len(kinds) > 1}
    for name in runs[0]:
        if labeled_row(name)[1] is not None:
            continue
        found = [shares_above(run[name]['t'], groups, run[name]['h'], PERCENTILES) for run in runs]
        for group, rows in groups.items():
            shares = {f'at {p}': np.mean([f[group][p] for f in found]) for p in PERCENTILES}
            yield {
                'set': sample.name,
                'normals': group,
                'stamps': len(rows),
                'score': name,
                **shares,
            }


def contaminated_rows(sample, runs, left_in, half):
    for label, name, scores, normal, anomalous in judged_rows(sample, runs, half):
        row = {'set': sample.name, 'class': label, 'score': name, 'left in': left_in}
        row['AUC'] = over_seeds([area_with_error(s, normal, anomalous) for s in scores])
        # Rows with labels have no scores of held-out normals, and are shown by another name.
        if name in runs[0]:
            above = [
                shares_above(run[name]['t'], {'': normal}, run[name]['h'], (90,))['']
                for run in runs
            ]
            row['above 90'] = np.mean([shares[90] for shares in above])
        yield row


if __name__ == '__main__':
    main()
