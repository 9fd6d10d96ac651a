"""
The paper's experiments on galaxies with known anomalies, and the model that comes with the package.

For each seed a WGAN with the networks of the preset 'compact' learns from the first normals of a
frozen benchmark, and its detector is calibrated on normals of another seed. Printed are, beside the
paper's figures (Margalef-Bentabol et al. 2020),

* the share of each class above the thresholds 85, 90 and 95, of pairs by flux ratio and of
  disturbed galaxies before and after the merger, and of fresh normals: tables 1 to 3;
* the share by merger time, separation, redshift, mass, radius and axis ratio: figures 10 and 11;
* what each number of the misfit tells of each class by itself, and what the margin of the turned
  closest image trades for what;
* the false positives by brightness, with one threshold for all and with the default, which measures
  each stamp against normals as bright; how uniform the p-values of fresh normals are; how many of a
  list with a false-discovery rate of 10 per cent are normal;
* how far two trainings agree.

Work is kept in benchmarks/work/known_anomalies and goes on from there. ``--ship`` copies the model
of the first seed into the package; ``--out`` writes the tables and a figure for the docs.

    pip install "astro_wgan[sim,plot]"
    python -m benchmarks.experiments.known_anomalies                          # half an hour
    python -m benchmarks.experiments.known_anomalies --normals 500 --held-out 100 --test 100 \
        --iterations 20
    python -m benchmarks.experiments.known_anomalies --recipe benchmark-2
"""

import argparse
import shutil
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import keras
import numpy as np
from astropy.table import QTable, Table, vstack
from scipy.stats import kstest, spearmanr

from astro_wgan import WGAN, AnomalyDetector, datasets
from astro_wgan.anomaly import Calibration, Scoring, q_values
from astro_wgan.evaluate import detection_rates, detection_rates_by, roc_auc
from astro_wgan.visualize import plot_rate_by
from astro_wgan.wgan import NetworkConfig, TrainingConfig
from benchmarks.detectors.evaluation import LEVELS, area, by_class, page
from benchmarks.detectors.populations import ANOMALIES, Populations, fingerprint
from benchmarks.machine import describe_machine

WORK = Path(__file__).parents[1] / 'work' / 'known_anomalies'

#: Of the preset 'compact' before it took batches of 64; in float32, the same on every machine.
TRAINING = TrainingConfig(
    batch_size=32,
    critic_steps=2,
    learning_rate=5e-4,
    augment=True,
    reconstruction_weight=0.05,
    ema_decay=0.995,
)

#: Per cent found in the paper at the level 90, tables 1 to 3.
PAPER = {'pair': 80, 'pair < 1.5': 93, 'pair 1.5-2': 90, 'pair > 2': 66, 'disturbed': 38}

#: Of the misfit, by column.
NUMBERS = (
    'score',
    'structure',
    'turned',
    'peak',
    'residual',
    'feature',
    'paper_score',
    'critic',
)

#: Of whom the rate is shown, by which column, and where it has edges of its own.
PROPERTIES = {
    'merger_time': ('disturbed', [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]),
    'separation': ('pair', 6),
    'flux_ratio': ('pair', 6),
    'redshift': ('all', 5),
    'stellar_mass': ('all', 5),
    'half_light_radius': ('all', 5),
    'axis_ratio': ('all', 5),
}


def main():
    options = read_options()
    folder = options.work / f'{options.recipe}-{fingerprint(options.recipe)}'
    folder.mkdir(parents=True, exist_ok=True)
    sets = Populations(
        options.recipe, folder, options.normals, options.test, 0, thresholds=options.held_out
    )
    runs = {seed: run(seed, sets, options) for seed in options.seeds}
    first = runs[options.seeds[0]]
    tables = {
        'Per cent found, with the binomial interval of one standard deviation.': rates_of(first),
        'Area under the ROC curve of each number by itself, against fresh normals.': numbers_of(
            first
        ),
        'Area, and per cent found at 90 per cent, by ``turned_margin``.': margins_of(first),
        'Per cent of fresh normals above the threshold of 90 per cent, by brightness.': (
            false_positives_of(first)
        ),
        'Two trainings.': agreement_of(runs),
    }
    names = ('normals', 'held_out', 'test', 'iterations')
    command = ' '.join(f'--{name.replace("_", "-")} {getattr(options, name)}' for name in names)
    head = (
        f'``python -m benchmarks.experiments.known_anomalies --recipe {options.recipe} {command} '
        f'--seeds {" ".join(map(str, options.seeds))}``; {describe_machine()}.'
    )
    pages = [page(table, caption) for caption, table in tables.items() if len(table)]
    text = '\n'.join([head, '', calibration_of(first), '', *pages])
    print(text)
    trends = trends_of(first)
    trends.pprint_all()
    if options.out is not None:
        options.out.with_suffix('.inc').write_text(text, encoding='utf-8')
        trends.write(options.out.with_suffix('.csv'), format='ascii.csv', overwrite=True)
        draw(trends, options.out.parent / 'images' / f'{options.out.name}.png')
    if options.ship:
        shipped = datasets.model_path('simulated_f160w')
        shutil.copytree(first.model, shipped, dirs_exist_ok=True)


def read_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--recipe', default='benchmark-1')
    parser.add_argument('--normals', type=int, default=20_000, help='to learn from')
    parser.add_argument(
        '--held-out', type=int, default=8000, help='further normals, for the thresholds'
    )
    parser.add_argument('--test', type=int, default=2000, help='of each class')
    parser.add_argument('--iterations', type=int, default=3000)
    parser.add_argument('--seeds', type=int, nargs='+', default=[1, 2])
    parser.add_argument('--work', type=Path, default=WORK, help='folder of all that is kept')
    parser.add_argument(
        '--out', type=Path, help='path of the tables, no suffix; figures in images/'
    )
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
        AnomalyDetector(wgan).calibrate(sets.held_out).save(model)
    detector = AnomalyDetector.load(model)

    def measured(name, stamps):
        return detector.measure(stamps, resume=folder / f'{name}-{len(stamps)}.misfit')

    misfit = {kind: measured(kind, stamps) for kind, stamps in sets.tested.items()}
    found = {kind: detector.score(table) for kind, table in misfit.items()}
    held_out = measured('held-out', sets.held_out)
    held_out = detector.score(held_out, member=np.ones(len(held_out)))
    return Run(model, held_out, found)


def classes_of(run):
    """Scores by class, the paper's parts of the classes beside them."""
    classes = {}
    stages = np.asarray(run.found['disturbed']['stage'])
    for kind, scores in by_class(run.scores(), np.asarray(run.found['pair']['flux_ratio'])).items():
        classes[kind] = scores
        if kind == 'disturbed':
            classes |= {f'disturbed, {s}': scores[stages == s] for s in np.unique(stages)}
    return classes


def rates_of(run):
    """Tables 1 to 3."""
    classes = classes_of(run)
    rates = detection_rates(
        {'WGAN': classes},
        normal_scores={'WGAN': np.asarray(run.held_out['score'])},
        percentiles=LEVELS,
    )
    rows = []
    for kind, scores in classes.items():
        row = {'class': kind, 'n': str(len(scores))}
        for level in LEVELS:
            found = rates[(rates['class'] == kind) & (rates['percentile'] == level)][0]
            rate, low, high = (100 * found[f'rate{end}'] for end in ('', '_low', '_high'))
            row[f'at {level}'] = f'{rate:.1f} ({low:.1f}-{high:.1f})'
        row['paper, at 90'] = str(PAPER.get(kind, ''))
        row['AUC'] = '' if kind == 'normal' else area(classes['normal'], scores)
        rows.append(row)
    return Table(rows=rows)


def numbers_of(run):
    """What each number of the misfit tells by itself, and measured against normals as bright."""
    rows = []
    for name in NUMBERS:
        values = {kind: np.asarray(table[name]) for kind, table in run.found.items()}
        if name == 'critic':
            # It is high for what the critic takes for real.
            values = {kind: -value for kind, value in values.items()}
        rows.append(areas_of(name, values))
    for name in ('residual', 'feature', 'paper'):
        scoring = Scoring(name, turned_margin=None, peak_margin=None)
        trends = scoring.learn(run.held_out)
        values = {kind: scoring.score(table, trends) for kind, table in run.found.items()}
        rows.append(areas_of(f"Scoring('{name}'), alone", values))
    return Table(rows=rows)


def margins_of(run, margins=(0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5)):
    """What the margin of ``turned`` trades for what."""
    rows = []
    for margin in margins:
        scoring = Scoring(turned_margin=margin)
        trends = scoring.learn(run.held_out)
        threshold = Calibration(scoring.score(run.held_out, trends)).thresholds([90])[90]
        scores = {kind: scoring.score(table, trends) for kind, table in run.found.items()}
        row = {'margin': f'{margin:g}'}
        for kind in ANOMALIES:
            share = 100 * np.mean(scores[kind] > threshold)
            row[kind] = f'{roc_auc(scores["normal"], scores[kind])[0][0]:.4f} ({share:.1f})'
        rows.append(row)
    return Table(rows=rows)


def areas_of(name, values):
    areas = {kind: area(values['normal'], values[kind]) for kind in ANOMALIES}
    return {'number': f'``{name}``', **areas}


def false_positives_of(run, bins=5):
    """With one threshold for all, of structure and of the paper's score, and by brightness."""
    normal = run.found['normal']
    labels = {
        'score': 'by brightness (default)',
        'structure': 'structure, plain',
        'paper_score': "paper's score, plain",
    }
    rates = detection_rates_by(
        normal['magnitude'].value,
        {label: np.asarray(normal[name]) for name, label in labels.items()},
        normal_scores={label: np.asarray(run.held_out[name]) for name, label in labels.items()},
        bins=bins,
    )
    rows = {}
    for found in rates:
        magnitudes = f'{found["low"]:.1f} - {found["high"]:.1f}'
        row = rows.setdefault(magnitudes, {'magnitude': magnitudes, 'n': str(found['n'])})
        error = (found['rate_high'] - found['rate_low']) / 2
        row[str(found['detector'])] = f'{100 * found["rate"]:.1f} ± {100 * error:.1f}'
    return Table(rows=[*rows.values()])


def calibration_of(run, share=0.05, rate=0.1):
    """Sentences: p-values of fresh normals, and what a list with few false discoveries holds."""
    normal = np.asarray(run.found['normal']['p_value'])
    test = kstest(normal, 'uniform')
    count = max(1, round(share * len(normal) / len(ANOMALIES)))
    strange = [np.asarray(run.found[kind]['p_value'][:count]) for kind in ANOMALIES]
    listed = q_values(np.concatenate([normal, *strange])) <= rate
    false = listed[: len(normal)].sum()
    return (
        f'p-values of {len(normal)} fresh normals against a uniform distribution: largest distance '
        f'{test.statistic:.3f}, Kolmogorov-Smirnov p = {test.pvalue:.2f}. Among them and '
        f'{count} of each class of anomalies, the list with q at most {rate:g} has '
        f'{listed.sum()} stamps, {false} of which are normal ({false / max(1, listed.sum()):.2f}).'
    )


def agreement_of(runs):
    """How far each two trainings agree: areas, and ranks of all stamps together."""
    rows = []
    for a, b in combinations(runs, 2):
        first, second = runs[a].scores(), runs[b].scores()
        row = {'seeds': f'{a}, {b}'}
        joined = [np.concatenate([*scores.values()]) for scores in (first, second)]
        row['rank correlation'] = f'{spearmanr(*joined).statistic:.3f}'
        row['of normals'] = f'{spearmanr(first["normal"], second["normal"]).statistic:.3f}'
        for kind in ANOMALIES:
            areas = [roc_auc(s['normal'], s[kind])[0][0] for s in (first, second)]
            row[f'AUC, {kind}'] = f'{areas[0]:.3f}, {areas[1]:.3f}'
        rows.append(row)
    return Table(rows=rows)


def trends_of(run):
    """The rate at the level 90 by each property, of the classes that have it."""
    table, kinds = run.all()
    scores = {'WGAN': np.asarray(table['score'])}
    normals = {'WGAN': np.asarray(run.held_out['score'])}
    parts = []
    for name, (whose, bins) in PROPERTIES.items():
        classes = [whose] if whose != 'all' else ['normal', 'pair', 'disturbed']
        values = np.asarray(getattr(table[name], 'value', table[name]), dtype=float)
        if whose == 'all':
            bins = np.quantile(values[np.isin(kinds, classes)], np.linspace(0, 1, bins + 1))
        for kind in classes:
            member = kinds == kind
            part = detection_rates_by(
                values[member], {'WGAN': scores['WGAN'][member]}, normal_scores=normals, bins=bins
            )
            part['detector'], part['class'] = [name] * len(part), [kind] * len(part)
            part.rename_column('detector', 'property')
            part.meta.clear()
            parts.append(part)
    joined = vstack(parts, metadata_conflicts='silent')
    for name in ('low', 'high', 'center', 'rate', 'rate_low', 'rate_high'):
        joined[name].format = '.3g'
    return joined


def draw(trends, path):
    """Figures 10 and 11: a panel for each property, a line for each class."""
    import matplotlib.pyplot as plt

    names = [*dict.fromkeys(trends['property'])]
    figure, axes = plt.subplots(2, 4, figsize=(13, 6), layout='constrained', sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        rows = trends[trends['property'] == name]
        rows['detector'], rows.meta['percentile'] = 'WGAN', 90
        plot_rate_by(rows, label=name.replace('_', ' '), ax=axis)
        axis.set(ylabel='')
        if axis.get_legend() is None:
            axis.set_title(rows['class'][0])
        else:
            axis.legend(fontsize=7, ncols=3, loc='lower left', bbox_to_anchor=(0, 1), frameon=False)
    for axis in axes.flat[len(names) :]:
        axis.axis('off')
    figure.supylabel('found at the threshold of 90 per cent')
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == '__main__':
    main()
