"""
Whether p-values, thresholds and false-discovery rates are what they say, in many calibrations.

One calibration and one set of fresh normals say little: by chance alone a test is failed now and
then. So the normals that the shipped model knows are drawn once and measured once; then they are
split at random, over and over, into those that calibrate and those that are fresh. Printed are

* how often the p-values of fresh normals fail a Kolmogorov-Smirnov test against those of the
  calibration at 5 and 1 percent, and whether its p-values are uniform over the splits;
* the fraction of fresh normals above the thresholds, and its scatter from split to split beside
  that of binomial draws of both sets;
* the same by brightness, for the score and for two numbers that are not compared with normals as
  bright: plain structure, and the paper's score;
* the fraction of fresh normals above the thresholds of the shipped calibration, and above those of
  normals that the model was trained on, as the paper sets them, with binomial intervals;
* the fraction of normals in lists with a false-discovery rate of 10 percent, when one stamp in
  twenty is an anomaly;
* p-values from calibrations of few normals, and what they would be without cross-fitting;
* what a field finds that is calibrated on itself, with anomalies in it, by no correction, by the
  estimated fraction of them, and by its normals alone;
* what is said of normals whose centers, sky, noise or zero point differ, and of undisturbed ones;
* how many normals behind masks are above the threshold, and how well anomalies are told there.

    pip install "astro_wgan[sim]"
    python -m benchmarks.quality.calibration                  # half an hour
    python -m benchmarks.quality.calibration --masked 2000    # and masks, ten minutes more
    python -m benchmarks.quality.calibration --normals 2000 --splits 20
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from astropy.table import vstack
from scipy.stats import ks_2samp, kstest

from astro_wgan import datasets
from astro_wgan.anomaly import Calibration, q_values
from astro_wgan.anomaly.calibration.calibration import PERCENTILES
from astro_wgan.evaluate import detection_rates
from astro_wgan.simulate import simulate
from benchmarks.detectors.populations import ANOMALIES
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.quality.calibration_robustness import (
    CONTAMINATED,
    DRIFT,
    FEW,
    UNDISTURBED,
    contaminated_calibrations,
    drifting_stamps,
    small_calibrations,
    undisturbed_samples,
)
from benchmarks.quality.masked_stamps import COLUMNS as MASKS
from benchmarks.quality.masked_stamps import rows_of_masks
from benchmarks.results import Column, estimate, interval

CONFIG = 'benchmark-1'
#: Of no other benchmark, and of none that the model or its margins were chosen by.
SEED = 78
#: Of the stamps that the shipped model was trained on.
TRAINED = 1

#: What is thresholded, and how it is named.
NUMBERS = {
    'score': 'score (default)',
    'smoothed_residual': 'smoothed residual, plain',
    'paper_score': "paper's score, plain",
}


INTENDED = tuple(
    Column(f'{100 - percentile} intended', 'percent above the threshold', '', '.2f')
    for percentile in PERCENTILES
)
RATES = (Column('number', 'what is compared with its threshold'), *INTENDED)
SOURCES = (Column('thresholds', 'which stamps set them'), *INTENDED)
MAGNITUDES = (
    Column('magnitude', 'AB, of the stamps'),
    *(Column(label, 'percent above the threshold', '', '.1f') for label in NUMBERS.values()),
)


def main():
    smoke = {'normals': 180, 'splits': 2, 'processes': 1, 'fields': 20, 'changed': 20}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='calibration')
    parser.add_argument('--normals', type=int, default=24_000, help='a third of them calibrates')
    parser.add_argument('--splits', type=int, default=200)
    parser.add_argument('--fields', type=int, default=600, help='stamps that calibrate a field')
    parser.add_argument('--changed', type=int, default=500, help='normals that are changed')
    parser.add_argument('--masked', type=int, default=0, help='normals behind each kind of mask')
    parser.add_argument('--processes', type=int, default=2, help='that simulate')
    options = parser.parse_args()
    report = Report(options, 'galsim')
    detector = datasets.load_model()
    normals = measured('normal', options.normals, detector, options)
    trained = measured('normal', options.normals // 3, detector, options, seed=TRAINED)
    by_class = {
        kind: measured(kind, max(1, options.normals // 60), detector, options) for kind in ANOMALIES
    }
    report_splits(normals, by_class, detector, options, report)
    caption = (
        'Fresh normals above the thresholds of the shipped model, and of the paper, with the '
        'binomial interval of one standard deviation.'
    )
    rows = rates_by_source(normals, trained, detector)
    report.table('by_source', caption, SOURCES, rows)
    report_conditions(normals, by_class, detector, options, report)
    if options.masked:
        counts = dict.fromkeys(('pair', 'disturbed'), options.masked // 4)
        kinds = {
            kind: simulate(kind, n, seed=SEED)
            for kind, n in {'normal': options.masked, **counts}.items()
        }
        rows = rows_of_masks(detector, kinds, seed=SEED)
        report.table('masks', 'By kind of mask.', MASKS, rows)
    report.write()


def report_splits(normals, by_class, detector, options, report):
    """What many calibrations by some of the normals say of others."""
    listed = max(1, options.normals // 300)
    strange = vstack([table[:listed] for table in by_class.values()], metadata_conflicts='silent')
    splits = [
        split(normals, strange, detector.scoring, np.random.default_rng([options.seed, k]))
        for k in range(options.splits)
    ]
    report.note(uniformity_of(splits))
    report.note(discoveries_of(splits, len(strange)))
    report.table('rates', 'Fresh normals above the thresholds.', RATES, rates_of(splits))
    caption = 'The same at 90 percent, by magnitude.'
    report.table('by_magnitude', caption, MAGNITUDES, rates_by_magnitude(splits))


def report_conditions(normals, by_class, detector, options, report):
    """Calibrations that are small, contaminated, or of other conditions."""
    scoring, repeats = detector.scoring, {'repeats': options.splits}
    report.table(
        'few_normals',
        'Fresh normals whose p is small, by the number of normals that calibrate.',
        FEW,
        small_calibrations(normals, scoring, **repeats),
    )
    n = options.fields
    report.table(
        'contaminated',
        f'Fields of {5 * n:,} stamps of which {n} calibrate, anomalies among them.',
        CONTAMINATED,
        contaminated_calibrations(normals, by_class, scoring, n=n, **repeats),
    )
    report.table(
        'drift',
        f'{options.changed} normals that were changed.',
        DRIFT,
        drifting_stamps(detector, n=options.changed),
    )
    report.table(
        'undisturbed',
        'Samples of normals as they are, and of how many a warning is given.',
        UNDISTURBED,
        undisturbed_samples(normals, detector, **repeats),
    )


def measured(kind, n, detector, options, *, seed=SEED):
    """Misfit of simulated stamps of a kind."""
    path = options.work / f'{CONFIG}-{kind}-{n}-{seed}.zarr'
    stamps = simulate({kind: n}, config=CONFIG, seed=seed, output=path, processes=options.processes)
    return detector.measure(stamps, output=path.with_suffix('.misfit'))


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
    trends = scoring.fit_trends(calibrating)

    def values(name, rows):
        return scoring.score(rows, trends) if name == 'score' else np.asarray(rows[name])

    known, new = ({n: values(n, rows) for n in NUMBERS} for rows in (calibrating, fresh))
    held_out = {name: Calibration(known[name]) for name in NUMBERS}
    test = ks_2samp(new['score'], known['score'])
    return Split(
        {name: held_out[name].p_values(new[name]) for name in NUMBERS},
        held_out['score'].p_values(values('score', strange)),
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
        f'{len(splits[0].magnitude)} and as many); {100 * np.mean(chances < 0.05):.1f} percent of '
        f'the splits fail at 5 percent and {100 * np.mean(chances < 0.01):.1f} at 1 percent, and '
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
        f'hold {100 * np.mean(found):.0f} percent of the anomalies; '
        f'{100 * np.mean(false):.1f} percent of a list are normal, on average, and between '
        f'{100 * np.quantile(false, 0.05):.1f} and {100 * np.quantile(false, 0.95):.1f} in nine '
        'splits of ten.'
    )


def rates_of(splits):
    """A row for each number, with the scatter over the splits beside that of chance."""
    n = len(splits[0].magnitude)
    for name, label in NUMBERS.items():
        row = {'number': label}
        for level in PERCENTILES:
            rates = [100 * np.mean(s.p_values[name] <= 1 - level / 100) for s in splits]
            row[f'{100 - level} intended'] = estimate(np.mean(rates), np.std(rates))
        yield row
    row = {'number': 'chance alone'}
    for level in PERCENTILES:
        # Both the threshold and the fraction above it come from n stamps.
        error = np.sqrt(2 * level * (100 - level) / n)
        row[f'{100 - level} intended'] = estimate(100 - level, error)
    yield row


def rates_by_source(normals, trained, detector):
    """A row for thresholds from held-out normals, and one for those from the training set."""
    fresh, seen = (detector.scoring.score(table, detector.trends_) for table in (normals, trained))
    sources = {'held-out': detector.calibration_.held_out_scores, 'training': seen}
    rates = detection_rates({name: {'normal': fresh} for name in sources}, normal_scores=sources)
    rows = {name: {'thresholds': name} for name in sources}
    for found in rates:
        rate, low, high = (100 * found[f'rate{end}'] for end in ('', '_low', '_high'))
        name = f'{100 - found["percentile"]:g} intended'
        rows[found['detector']][name] = interval(rate, low, high)
    return [*rows.values()]


def rates_by_magnitude(splits, bins=5, level=90):
    """A row for each fifth of the magnitudes, a column for each number."""
    joined = np.concatenate([s.magnitude for s in splits])
    edges = np.quantile(joined, np.linspace(0, 1, bins + 1))
    for low, high in pairwise(edges):
        row = {'magnitude': f'{low:.1f} - {high:.1f}'}
        for name, label in NUMBERS.items():
            rates = [
                100 * np.mean(s.p_values[name][part] <= 1 - level / 100)
                for s in splits
                for part in [(s.magnitude >= low) & (s.magnitude <= high)]
            ]
            row[label] = estimate(np.mean(rates), np.std(rates))
        yield row


if __name__ == '__main__':
    main()
