"""Rows of the tables of `benchmarks.experiments.known_anomalies`, from scores of all classes."""

from itertools import combinations

import numpy as np
from astropy.table import vstack
from scipy.stats import kstest, spearmanr

from astro_wgan.anomaly import Calibration, ScoringConfig, q_values
from astro_wgan.evaluate import detection_rates, detection_rates_by, roc_auc
from benchmarks.detectors.evaluation import LEVELS, area, by_class
from benchmarks.detectors.populations import ANOMALIES
from benchmarks.results import Column, estimate, interval

__all__ = [
    'AGREEMENT',
    'AREAS',
    'FALSE_POSITIVES',
    'MARGINS',
    'RATES',
    'TRENDS',
    'agreement_of',
    'calibration_of',
    'false_positives_of',
    'margins_of',
    'numbers_of',
    'rates_of',
    'trends_of',
]

#: Percent found in the paper at the level 90, tables 1 to 3.
PAPER = {'pair': 80, 'pair < 1.5': 93, 'pair 1.5-2': 90, 'pair > 2': 66, 'disturbed': 38}

#: Of the misfit, by column.
NUMBERS = (
    'score',
    'injection_log_odds',
    'smoothed_residual',
    'rotation_residual',
    'peak_residual',
    'residual_loss',
    'feature_loss',
    'paper_score',
    'critic_value',
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


#: By what the scores of normals are compared with one threshold.
COMPARED = {
    'score': 'by brightness (default)',
    'smoothed_residual': 'smoothed residual, plain',
    'paper_score': "paper's score, plain",
}


def of_classes(meaning, form):
    return tuple(Column(kind, meaning, '', form) for kind in ANOMALIES)


RATES = (
    Column('class', 'of simulated stamps'),
    Column('n', 'stamps'),
    *(Column(f'at {level}', 'percent above this threshold', '', '.1f') for level in LEVELS),
    Column('paper, at 90', 'percent in Margalef-Bentabol et al. 2020'),
    Column('AUC', 'area under the ROC curve, against fresh normals', '', '.3f'),
)
AREAS = (Column('number', 'of the measurements'), *of_classes('area under the ROC curve', '.3f'))
MARGINS = (
    Column('margin', 'its value', '', '.1f'),
    *of_classes('area under the ROC curve', '.4f'),
    *(Column(f'{kind} found', 'percent at 90 percent', '', '.1f') for kind in ANOMALIES),
)
FALSE_POSITIVES = (
    Column('magnitude', 'AB, of the stamps'),
    Column('n', 'stamps'),
    *(Column(label, 'percent above the threshold', '', '.1f') for label in COMPARED.values()),
)
TRENDS = {
    'property': 'of the stamps',
    'class': 'of simulated stamps',
    'low': 'lower edge of the bin',
    'high': 'upper edge of the bin',
    'center': 'median of the property in the bin',
    'n': 'stamps in the bin',
    'n_not_scored': 'of these without a score',
    'n_detected': 'of these above the threshold',
    'rate': 'fraction above the threshold',
    'rate_low': 'lower end of its interval',
    'rate_high': 'upper end of its interval',
}
AGREEMENT = (
    Column('seeds', 'of the two trainings'),
    Column('rank correlation', 'Spearman, of all scores', '', '.3f'),
    Column('of normals', 'the same of normals', '', '.3f'),
    *(Column(f'AUC, {kind}', 'areas under the ROC curve of both') for kind in ANOMALIES),
)


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
    for kind, scores in classes.items():
        row = {'class': kind, 'n': len(scores), 'paper, at 90': PAPER.get(kind)}
        for level in LEVELS:
            found = rates[(rates['class'] == kind) & (rates['percentile'] == level)][0]
            rate, low, high = (100 * found[f'rate{end}'] for end in ('', '_low', '_high'))
            row[f'at {level}'] = interval(rate, low, high)
        row['AUC'] = None if kind == 'normal' else area(classes['normal'], scores)
        yield row


def numbers_of(run):
    """What each number of the misfit tells by itself, and measured against normals as bright."""
    for name in NUMBERS:
        values = {kind: np.asarray(table[name]) for kind, table in run.found.items()}
        if name == 'critic_value':
            # It is high for what the critic takes for real.
            values = {kind: -value for kind, value in values.items()}
        yield areas_of(name, values)
    held_out = without_classifier(run.held_out)
    found = {kind: without_classifier(table) for kind, table in run.found.items()}
    scorings = {'score, without classifier': ScoringConfig()}
    for name in ('residual_loss', 'feature_loss', 'paper_score'):
        scoring = ScoringConfig(name, rotation_margin=None, peak_margin=None)
        scorings[f"ScoringConfig('{name}'), alone"] = scoring
    for name, scoring in scorings.items():
        trends = scoring.fit_trends(held_out)
        yield areas_of(name, {kind: scoring.score(table, trends) for kind, table in found.items()})


def without_classifier(table):
    """Measurements whose score is that of the residuals alone."""
    return table[[name for name in table.colnames if name != 'injection_log_odds']]


def margins_of(run, margins=(0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5)):
    """What the margin of ``rotation_residual`` trades for what, without the classifier."""
    held_out = without_classifier(run.held_out)
    found = {kind: without_classifier(table) for kind, table in run.found.items()}
    for margin in margins:
        scoring = ScoringConfig(rotation_margin=margin)
        trends = scoring.fit_trends(held_out)
        threshold = Calibration(scoring.score(held_out, trends)).thresholds([90])[90]
        scores = {kind: scoring.score(table, trends) for kind, table in found.items()}
        row = {'margin': margin}
        for kind in ANOMALIES:
            row[kind] = roc_auc(scores['normal'], scores[kind])[0][0]
            row[f'{kind} found'] = 100 * np.mean(scores[kind] > threshold)
        yield row


def areas_of(name, values):
    areas = {kind: area(values['normal'], values[kind]) for kind in ANOMALIES}
    return {'number': f'``{name}``', **areas}


def false_positives_of(run, bins=5):
    """With one threshold for all, of structure and of the paper's score, and by brightness."""
    normal = run.found['normal']
    rates = detection_rates_by(
        normal['magnitude'].value,
        {label: np.asarray(normal[name]) for name, label in COMPARED.items()},
        normal_scores={label: np.asarray(run.held_out[name]) for name, label in COMPARED.items()},
        bins=bins,
    )
    rows = {}
    for found in rates:
        magnitudes = f'{found["low"]:.1f} - {found["high"]:.1f}'
        row = rows.setdefault(magnitudes, {'magnitude': magnitudes, 'n': found['n']})
        error = (found['rate_high'] - found['rate_low']) / 2
        row[str(found['detector'])] = estimate(100 * found['rate'], 100 * error)
    return [*rows.values()]


def calibration_of(run, fraction=0.05, rate=0.1):
    """Sentences: p-values of fresh normals, and what a list with few false discoveries holds."""
    normal = np.asarray(run.found['normal']['p_value'])
    test = kstest(normal, 'uniform')
    count = max(1, round(fraction * len(normal) / len(ANOMALIES)))
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
    for a, b in combinations(runs, 2):
        first, second = runs[a].scores(), runs[b].scores()
        row = {'seeds': f'{a}, {b}'}
        joined = [np.concatenate([*scores.values()]) for scores in (first, second)]
        row['rank correlation'] = spearmanr(*joined).statistic
        row['of normals'] = spearmanr(first['normal'], second['normal']).statistic
        for kind in ANOMALIES:
            areas = [roc_auc(s['normal'], s[kind])[0][0] for s in (first, second)]
            row[f'AUC, {kind}'] = f'{areas[0]:.3f}, {areas[1]:.3f}'
        yield row


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
