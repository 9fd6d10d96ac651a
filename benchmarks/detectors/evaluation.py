"""From scores to rows of tables: all numbers, and what a page can show of them."""

import numpy as np

from astro_wgan.evaluate import compare_auc, detection_rates, ranking_metrics, roc_auc
from benchmarks.results import Column, estimate, interval

__all__ = ['ALL', 'LEAD', 'LEVELS', 'area', 'by_class', 'lead', 'measured', 'rate_cell', 'views']

LEVELS = (85, 90, 95)

#: Of all that is measured.
ALL = (
    Column('detector', 'what scores'),
    Column('class', 'of simulated stamps'),
    Column('n', 'stamps'),
    Column('n_not_scored', 'of these without a score'),
    Column('auc', 'area under the ROC curve, against fresh normals', '', '.4f'),
    Column('auc_err', 'its standard error', '', '.4f'),
    Column('average_precision', 'among fresh normals and the class', '', '.4f'),
    Column('precision_at_k', 'fraction of anomalies in the top 1 percent', '', '.4f'),
    *(
        Column(f'rate_{level}{end}', meaning.format(level), '', '.4f')
        for level in LEVELS
        for end, meaning in (
            ('', 'fraction above the threshold of {} percent'),
            ('_low', 'lower end of its interval'),
            ('_high', 'upper end of its interval'),
        )
    ),
)
LEAD = (
    Column('class', 'of simulated stamps'),
    Column('nearest', 'method with the nearest area'),
    Column('stamps', 'of the class, that both scored'),
    Column('lead', 'difference of the areas, with its error', '', '.4f'),
    Column('in errors', 'lead in units of its error', '', '.1f'),
)

#: Bins of the flux ratio, as in the paper.
_FLUX_RATIOS = {'pair < 1.5': (0, 1.5), 'pair 1.5-2': (1.5, 2), 'pair > 2': (2, np.inf)}


def area(normal, anomalous):
    """Area under the ROC curve of two sets of scores, with its standard error, as a cell."""
    found, covariance = roc_auc(normal, anomalous)
    return estimate(found[0], covariance[0, 0] ** 0.5)


def by_class(scores, flux_ratio):
    """Scores of a detector by class, with those of pairs by flux ratio beside all pairs'."""
    found = {}
    for kind, values in scores.items():
        found[kind] = values
        if kind == 'pair':
            ratio = flux_ratio[: len(values)]
            for name, (low, high) in _FLUX_RATIOS.items():
                found[name] = values[(ratio >= low) & (ratio < high)]
    return found


def measured(detector, scores, held_out):
    """
    Rows of `ALL`: what is measured of a detector, one for each class.

    Parameters
    ----------
    detector : str
        Its name.
    scores : dict of `~numpy.ndarray`
        By class, of `by_class`; ``'normal'`` are fresh ones.
    held_out : `~numpy.ndarray`
        Scores of the normals that set the thresholds.
    """
    rates = detection_rates(
        {detector: scores}, normal_scores={detector: held_out}, percentiles=LEVELS
    )
    quality = ranking_metrics({detector: scores}, normal_class='normal')
    ranked = {str(row['class']): row for row in quality}
    for kind in scores:
        row = {'detector': detector, 'class': kind}
        row['n'] = len(scores[kind])
        row['n_not_scored'] = int(np.isnan(scores[kind]).sum())
        for name in ('auc', 'auc_err', 'average_precision', 'precision_at_k'):
            row[name] = float(ranked[kind][name]) if kind in ranked else np.nan
        for found in rates[rates['class'] == kind]:
            for name in ('rate', 'rate_low', 'rate_high'):
                row[name.replace('rate', f'rate_{found["percentile"]}')] = float(found[name])
        yield row


def lead(scores, detector, others):
    """
    Rows of `LEAD`: how far a detector is ahead of the best of others, on the same stamps.

    Parameters
    ----------
    scores : dict of dict of `~numpy.ndarray`
        By detector and class, of `by_class`. Of a detector that scored fewer stamps than another,
        they are the first ones.
    detector : str
        Whose lead it is.
    others : list of str
        What it is compared with.

    Yields
    ------
    dict
        For each class the other whose area comes nearest to the detector's or exceeds it the most.
    """
    for kind in scores[detector]:
        if kind == 'normal':
            continue
        compared = [_compared(scores, detector, other, kind) for other in others]
        nearest = min(compared, key=lambda row: row['difference'])
        other = str(nearest['second'])
        yield {
            'class': kind,
            'nearest': other,
            'stamps': min(len(scores[name][kind]) for name in (detector, other)),
            'lead': estimate(nearest['difference'], nearest['difference_err']),
            'in errors': nearest['z'],
        }


def _compared(scores, first, second, kind):
    shared = {part: min(len(scores[n][part]) for n in (first, second)) for part in ('normal', kind)}
    sets = {
        name: {part: scores[name][part][:count] for part, count in shared.items()}
        for name in (first, second)
    }
    return compare_auc(sets, normal_class='normal')[0]


def views(rows, ceiling):
    """
    Columns and rows of the tables of a page, by name.

    Parameters
    ----------
    rows : list of dict
        Of `measured`, of all detectors.
    ceiling : str
        Name of the detector that was shown labels, which is never the best.
    """
    found = {(row['detector'], row['class']): row for row in rows}
    detectors, kinds = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
    kinds.remove('normal')
    best = {kind: _best(found, detectors, kind, ceiling) for kind in kinds}

    def pivot(cell, meaning, form=''):
        columns = [Column('detector', 'what scores')]
        columns += [Column(kind, meaning, '', form) for kind in kinds]
        return columns, [
            {'detector': d} | {k: cell(found[d, k], best[k] == d) for k in kinds} for d in detectors
        ]

    tables = {'auc': pivot(_area, 'area under the ROC curve, against fresh normals', '.3f')}
    if ceiling in detectors:
        tables['ceiling'] = _distances(found, best, ceiling)
    tables['rates'] = pivot(_rate_of(90), 'percent above the threshold of 90 percent', '.0f')
    tables['false_positives'] = _false_positives(found, detectors)
    meaning = 'average precision, and that of the top 1 percent'
    tables['precision'] = pivot(_precision, meaning)
    return tables


def rate_cell(row, level):
    """Percent above a threshold, with its interval, as a cell."""
    return interval(*(100 * row[f'rate_{level}{end}'] for end in ('', '_low', '_high')))


def _distances(found, best, ceiling):
    """By class the best detector that was shown no label, and what it lacks."""
    columns = (
        Column('class', 'of simulated stamps'),
        Column('best without labels', 'detector with the largest area'),
        Column('AUC', 'area under the ROC curve', '', '.3f'),
        Column('ceiling', 'area of the supervised network', '', '.3f'),
        Column('distance', 'of the two', '', '.3f'),
    )
    rows = []
    for kind, name in best.items():
        if name is None:
            continue
        ours, theirs = found[name, kind], found[ceiling, kind]
        error = np.hypot(ours['auc_err'], theirs['auc_err'])
        rows.append(
            {
                'class': kind,
                'best without labels': name,
                'AUC': _area(ours),
                'ceiling': _area(theirs),
                'distance': estimate(theirs['auc'] - ours['auc'], error),
            }
        )
    return columns, rows


def _false_positives(found, detectors):
    columns = (
        Column('detector', 'what scores'),
        Column('fresh normals', 'that were scored'),
        *(
            Column(f'{100 - level} intended', 'percent above the threshold', '', '.0f')
            for level in LEVELS
        ),
    )
    rows = []
    for detector in detectors:
        row = found[detector, 'normal']
        cells = {f'{100 - level} intended': rate_cell(row, level) for level in LEVELS}
        rows.append({'detector': detector, 'fresh normals': row['n'], **cells})
    return columns, rows


def _best(found, detectors, kind, ceiling):
    areas = {d: found[d, kind]['auc'] for d in detectors if d != ceiling}
    areas = {d: area for d, area in areas.items() if np.isfinite(area)}
    return max(areas, key=areas.get, default=None)


def _area(row, best=False):
    return estimate(row['auc'], row['auc_err'], best=best)


def _rate_of(level):
    return lambda row, _: rate_cell(row, level)


def _precision(row, _):
    if np.isnan(row['average_precision']):
        return None
    return f'{row["average_precision"]:.3f}, {row["precision_at_k"]:.2f}'
