"""
Whether p-values, thresholds and false-discovery rates are what they say, in many calibrations.

One calibration and one set of fresh normals say little: by chance alone a test is failed now and
then. So the normals that the shipped model knows are drawn once and measured once; then they are
split at random, over and over, into those that calibrate and those that are fresh. Printed are

* how often the p-values of fresh normals fail a Kolmogorov-Smirnov test against those of the
  calibration at 5 and 1 per cent, and whether its p-values are uniform over the splits;
* the share of fresh normals above the thresholds, and its scatter from split to split beside that
  of binomial draws of both sets;
* the same by brightness, for the score and for two numbers that are not compared with normals as
  bright: plain structure, and the paper's score;
* the share of fresh normals above the thresholds of the shipped calibration, and above those of
  normals that the model was trained on, as the paper sets them, with binomial intervals;
* the share of normals in lists with a false-discovery rate of 10 per cent, when one stamp in
  twenty is an anomaly;
* p-values from calibrations of few normals, and what they would be without cross-fitting;
* what a field finds that is calibrated on itself, with anomalies in it, by no correction, by the
  estimated share of them, and by its normals alone;
* what is said of normals whose centers, sky, noise or zero point are others, and of honest samples;
* how many normals behind masks are above the threshold, and how well anomalies are told there.

    pip install "astro_wgan[sim]"
    python -m benchmarks.quality.calibration                  # half an hour
    python -m benchmarks.quality.calibration --masked 2000    # and masks, ten minutes more
    python -m benchmarks.quality.calibration --normals 2000 --splits 20
"""

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from astropy.table import Table, vstack
from scipy.stats import ks_2samp, kstest

from astro_wgan import datasets
from astro_wgan.anomaly import Calibration, q_values
from astro_wgan.anomaly.calibration import LEVELS
from astro_wgan.evaluate import detection_rates
from astro_wgan.simulate import simulate
from benchmarks.detectors.evaluation import page
from benchmarks.detectors.populations import ANOMALIES
from benchmarks.machine import describe_machine
from benchmarks.quality.calibration_robustness import (
    contaminated_calibrations,
    drifting_stamps,
    quiet_samples,
    small_calibrations,
)
from benchmarks.quality.masked_stamps import table_of_masks

WORK = Path(__file__).parents[1] / 'work' / 'calibration'
RECIPE = 'benchmark-1'
#: Of no other benchmark, and of none that the model or its margins were chosen by.
SEED = 78
#: Of the stamps that the shipped model was trained on.
TRAINED = 1

#: What is thresholded, and how it is named.
NUMBERS = {
    'score': 'score (default)',
    'structure': 'structure, plain',
    'paper_score': "paper's score, plain",
}


def main():
    options = read_options()
    detector = datasets.load_model()
    normals = measured('normal', options.normals, detector, options)
    trained = measured('normal', options.normals // 3, detector, options, seed=TRAINED)
    by_class = {
        kind: measured(kind, max(1, options.normals // 60), detector, options) for kind in ANOMALIES
    }
    listed = max(1, options.normals // 300)
    strange = vstack([table[:listed] for table in by_class.values()], metadata_conflicts='silent')
    splits = [
        split(normals, strange, detector.scoring, np.random.default_rng([options.seed, k]))
        for k in range(options.splits)
    ]
    command = f'--normals {options.normals} --splits {options.splits}'
    text = '\n'.join(
        [
            f'``python -m benchmarks.quality.calibration {command}``; '
            f'{describe_machine("galsim")}.\n',
            uniformity_of(splits) + '\n',
            discoveries_of(splits, len(strange)) + '\n',
            page(rates_of(splits), 'Per cent of fresh normals above the thresholds.'),
            page(rates_by_magnitude(splits), 'The same at 90 per cent, by magnitude.'),
            page(
                rates_by_source(normals, trained, detector),
                'Per cent of the fresh normals above the thresholds of the shipped model, and of '
                'the paper, with the binomial interval of one standard deviation.',
            ),
        ]
    )
    print(text)
    hard = hard_of(normals, by_class, detector, options)
    print(hard)
    if options.masked:
        counts = dict.fromkeys(('pair', 'disturbed'), options.masked // 4)
        kinds = {
            kind: simulate(kind, n, seed=SEED)
            for kind, n in {'normal': options.masked, **counts}.items()
        }
        print(page(table_of_masks(detector, kinds, seed=SEED), 'By kind of mask.'))
    if options.out is not None:
        options.out.with_suffix('.inc').write_text(text, encoding='utf-8')
        name = f'{options.out.name}_hard.inc'
        options.out.with_name(name).write_text(hard, encoding='utf-8')


def hard_of(normals, by_class, detector, options):
    """Tables of calibrations that are small, contaminated, or of other conditions."""
    scoring, repeats = detector.scoring, {'repeats': options.splits}
    command = f'--normals {options.normals} --splits {options.splits}'
    return '\n'.join(
        [
            f'``python -m benchmarks.quality.calibration {command}``; '
            f'{describe_machine("galsim")}.\n',
            page(
                small_calibrations(normals, scoring, **repeats),
                'Per cent of 1,000 fresh normals with p of at most a; in brackets, without '
                'cross-fitting, and what so many normals allow.',
            ),
            page(
                contaminated_calibrations(normals, by_class, scoring, **repeats),
                'Fields of 3,000 stamps of which 600 calibrate, anomalies among them: without a '
                'correction / by the estimated share / by the normals of the 600 alone.',
            ),
            page(
                drifting_stamps(detector),
                'Five hundred normals that were changed: per cent above the threshold of 90 per '
                'cent, median p-value, and what a warning says.',
            ),
            page(
                quiet_samples(normals, detector, **repeats),
                'Samples of normals as they are, and of how many a warning is given.',
            ),
        ]
    )


def read_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--normals', type=int, default=24_000, help='a third of them calibrates')
    parser.add_argument('--splits', type=int, default=200)
    parser.add_argument('--masked', type=int, default=0, help='normals behind each kind of mask')
    parser.add_argument('--seed', type=int, default=1, help='of the splits')
    parser.add_argument('--processes', type=int, default=2, help='that simulate')
    parser.add_argument('--work', type=Path, default=WORK, help='folder of the stamps')
    parser.add_argument('--out', type=Path, help='path of the tables, without .inc')
    return parser.parse_args()


def measured(kind, n, detector, options, *, seed=SEED):
    """Misfit of simulated stamps of a kind."""
    options.work.mkdir(parents=True, exist_ok=True)
    path = options.work / f'{RECIPE}-{kind}-{n}-{seed}.zarr'
    stamps = simulate({kind: n}, config=RECIPE, seed=seed, output=path, processes=options.processes)
    return detector.measure(stamps, resume=path.with_suffix('.misfit'))


@dataclass
class Split:
    """
    One calibration, and what it says of other stamps.

    Attributes
    ----------
    p_values : dict of `~numpy.ndarray`
        By number, of the fresh normals.
    strange : `~numpy.ndarray`
        p-values of the anomalies' scores.
    magnitude : `~numpy.ndarray`
        Of the fresh normals.
    distance, chance : float
        Kolmogorov-Smirnov, of scores of fresh normals from those that calibrate.
    """

    p_values: dict
    strange: np.ndarray
    magnitude: np.ndarray
    distance: float
    chance: float


def split(normals, strange, scoring, random):
    """A third of the normals calibrates; another is fresh."""
    n = len(normals) // 3
    order = random.permutation(len(normals))
    calibrating, fresh = normals[order[:n]], normals[order[n : 2 * n]]
    trends = scoring.learn(calibrating)

    def values(name, rows):
        return scoring.score(rows, trends) if name == 'score' else np.asarray(rows[name])

    known, new = ({n: values(n, rows) for n in NUMBERS} for rows in (calibrating, fresh))
    held_out = {name: Calibration(known[name]) for name in NUMBERS}
    test = ks_2samp(new['score'], known['score'])
    return Split(
        {name: held_out[name].p_value(new[name]) for name in NUMBERS},
        held_out['score'].p_value(values('score', strange)),
        fresh['magnitude'].value,
        test.statistic,
        test.pvalue,
    )


def uniformity_of(splits):
    """A sentence: Kolmogorov-Smirnov over the splits."""
    chances = np.array([s.chance for s in splits])
    overall = kstest(chances, 'uniform')
    distance = np.median([s.distance for s in splits])
    return (
        f'Scores of fresh normals lie {distance:.4f} from those that calibrate '
        f'(Kolmogorov-Smirnov, median of {len(splits)} splits of '
        f'{len(splits[0].magnitude)} and as many); {100 * np.mean(chances < 0.05):.1f} per cent of '
        f'the splits fail at 5 per cent and {100 * np.mean(chances < 0.01):.1f} at 1 per cent, and '
        f'their p-values are uniform with p = {overall.pvalue:.2f}.'
    )


def discoveries_of(splits, strange, rate=0.1):
    """A sentence: how many of the lists are normal."""
    false, found = [], []
    for part in splits:
        normal = part.p_values['score']
        listed = q_values(np.concatenate([normal, part.strange])) <= rate
        false.append(listed[: len(normal)].sum() / max(1, listed.sum()))
        found.append(listed[len(normal) :].mean())
    return (
        f'With {strange} anomalies among {len(normal)} fresh normals, lists of q at most {rate:g} '
        f'hold {100 * np.mean(found):.0f} per cent of the anomalies; '
        f'{100 * np.mean(false):.1f} per cent of a list are normal, on average, and between '
        f'{100 * np.quantile(false, 0.05):.1f} and {100 * np.quantile(false, 0.95):.1f} in nine '
        'splits of ten.'
    )


def rates_of(splits):
    """A row for each number, with the scatter over the splits beside that of chance."""
    n = len(splits[0].magnitude)
    rows = []
    for name, label in NUMBERS.items():
        row = {'number': label}
        for level in LEVELS:
            rates = [100 * np.mean(s.p_values[name] <= 1 - level / 100) for s in splits]
            row[f'{100 - level} intended'] = f'{np.mean(rates):.2f} ± {np.std(rates):.2f}'
        rows.append(row)
    row = {'number': 'chance alone'}
    for level in LEVELS:
        # Both the threshold and the share above it come from n stamps.
        error = np.sqrt(2 * level * (100 - level) / n)
        row[f'{100 - level} intended'] = f'{100 - level:.2f} ± {error:.2f}'
    return Table(rows=[*rows, row])


def rates_by_source(normals, trained, detector):
    """A row for thresholds from held-out normals, and one for those from the training set."""
    fresh, seen = (detector.scoring.score(table, detector.trends_) for table in (normals, trained))
    sources = {'held-out': detector.calibration_.held_out, 'training': seen}
    rates = detection_rates({name: {'normal': fresh} for name in sources}, normal_scores=sources)
    rows = {name: {'thresholds': name} for name in sources}
    for found in rates:
        rate, low, high = (100 * found[f'rate{end}'] for end in ('', '_low', '_high'))
        cell = f'{rate:.2f} ({low:.2f}-{high:.2f})'
        rows[found['detector']][f'{100 - found["percentile"]:g} intended'] = cell
    return Table(rows=[*rows.values()])


def rates_by_magnitude(splits, bins=5, level=90):
    """A row for each fifth of the magnitudes, a column for each number."""
    joined = np.concatenate([s.magnitude for s in splits])
    edges = np.quantile(joined, np.linspace(0, 1, bins + 1))
    rows = []
    for low, high in pairwise(edges):
        row = {'magnitude': f'{low:.1f} - {high:.1f}'}
        for name, label in NUMBERS.items():
            rates = [
                100 * np.mean(s.p_values[name][part] <= 1 - level / 100)
                for s in splits
                for part in [(s.magnitude >= low) & (s.magnitude <= high)]
            ]
            row[label] = f'{np.mean(rates):.1f} ± {np.std(rates):.1f}'
        rows.append(row)
    return Table(rows=rows)


if __name__ == '__main__':
    main()
