"""From scores to tables: one long one of all numbers, and a few that a page can show."""

from io import StringIO

import numpy as np
from astropy.table import QTable, Table

from astro_wgan.evaluate import compare_auc, detection_rates, ranking_metrics, roc_auc

__all__ = ['LEVELS', 'area', 'by_class', 'lead', 'measured', 'page', 'pages']

LEVELS = (85, 90, 95)

#: Bins of the flux ratio, as in the paper.
_FLUX_RATIOS = {'pair < 1.5': (0, 1.5), 'pair 1.5-2': (1.5, 2), 'pair > 2': (2, np.inf)}


def area(normal, anomalous):
    """Area under the ROC curve of two sets of scores, with its standard error, as a cell."""
    found, covariance = roc_auc(normal, anomalous)
    return f'{found[0]:.3f} ± {covariance[0, 0] ** 0.5:.3f}'


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
    All that is measured of a detector, a row for each class.

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
    rows = []
    for kind in scores:
        row = {'detector': detector, 'class': kind}
        row['n'] = len(scores[kind])
        row['n_not_scored'] = int(np.isnan(scores[kind]).sum())
        for name in ('auc', 'auc_err', 'average_precision', 'precision_at_k'):
            row[name] = float(ranked[kind][name]) if kind in ranked else np.nan
        for found in rates[rates['class'] == kind]:
            for name in ('rate', 'rate_low', 'rate_high'):
                row[name.replace('rate', f'rate_{found["percentile"]}')] = float(found[name])
        rows.append(row)
    return QTable(rows=rows)


def lead(scores, detector, others):
    """
    How far a detector is ahead of the best of others, on the same stamps.

    Parameters
    ----------
    scores : dict of dict of `~numpy.ndarray`
        By detector and class, of `by_class`. Of a detector that scored fewer stamps than another,
        they are the first ones.
    detector : str
        Whose lead it is.
    others : list of str
        What it is compared with.

    Returns
    -------
    `~astropy.table.Table`
        A row for each class, with the other whose area comes nearest to the detector's or exceeds
        it the most.
    """
    rows = []
    for kind in scores[detector]:
        if kind == 'normal':
            continue
        compared = [_compared(scores, detector, other, kind) for other in others]
        nearest = min(compared, key=lambda row: row['difference'])
        rows.append(
            {
                'class': kind,
                'nearest': str(nearest['second']),
                'stamps': str(
                    min(len(scores[name][kind]) for name in (detector, nearest['second']))
                ),
                'lead': f'{nearest["difference"]:.4f} ± {nearest["difference_err"]:.4f}',
                'in errors': f'{nearest["z"]:.1f}',
            }
        )
    return Table(rows=rows)


def _compared(scores, first, second, kind):
    shared = {part: min(len(scores[n][part]) for n in (first, second)) for part in ('normal', kind)}
    sets = {
        name: {part: scores[name][part][:count] for part, count in shared.items()}
        for name in (first, second)
    }
    return compare_auc(sets, normal_class='normal')[0]


def pages(table, ceiling, captions):
    """The tables of a page in reStructuredText, one below the other."""
    views = {
        'auc': _pivot(table, _area, ceiling),
        'ceiling': _distance(table, ceiling),
        'rates': _pivot(table, _rate, None),
        'false positives': _false_positives(table),
        'precision': _pivot(table, _precision, None),
    }
    return '\n'.join(page(view, captions[name]) for name, view in views.items() if len(view))


def _pivot(table, cell, ceiling):
    """A row for each detector, a column for each class; in bold the best but for the ceiling."""
    kinds = [kind for kind in dict.fromkeys(table['class']) if kind != 'normal']
    best = {} if ceiling is None else {kind: _best(table, kind, ceiling) for kind in kinds}
    rows = []
    for detector in dict.fromkeys(table['detector']):
        row = {'detector': detector}
        for kind in kinds:
            text = cell(_entry(table, detector, kind))
            row[kind] = f'**{text}**' if best.get(kind) == detector else text
        rows.append(row)
    return Table(rows=rows)


def _distance(table, ceiling):
    """By class the best detector that was shown no label, and what it lacks."""
    if ceiling not in table['detector']:
        return Table()
    rows = []
    for kind in dict.fromkeys(table['class']):
        best = None if kind == 'normal' else _best(table, kind, ceiling)
        if best is None:
            continue
        ours, theirs = _entry(table, best, kind), _entry(table, ceiling, kind)
        gap = theirs['auc'] - ours['auc']
        rows.append(
            {
                'class': kind,
                'best without labels': best,
                'AUC': _area(ours),
                'ceiling': _area(theirs),
                'distance': f'{gap:.3f} ± {np.hypot(ours["auc_err"], theirs["auc_err"]):.3f}',
            }
        )
    return Table(rows=rows)


def _false_positives(table):
    rows = []
    for row in table[table['class'] == 'normal']:
        cells = {f'{100 - level} intended': _share(row, level) for level in LEVELS}
        rows.append({'detector': row['detector'], 'fresh normals': str(row['n']), **cells})
    return Table(rows=rows)


def _best(table, kind, ceiling):
    rows = table[(table['class'] == kind) & (table['detector'] != ceiling)]
    return (
        str(rows['detector'][np.nanargmax(rows['auc'])]) if np.isfinite(rows['auc']).any() else None
    )


def _entry(table, detector, kind):
    return table[(table['detector'] == detector) & (table['class'] == kind)][0]


def _area(row):
    return f'{row["auc"]:.3f} ± {row["auc_err"]:.3f}'


def _rate(row):
    return _share(row, 90)


def _share(row, level):
    rate, low, high = (100 * row[f'rate_{level}{end}'] for end in ('', '_low', '_high'))
    return f'{rate:.0f} ({low:.0f}-{high:.0f})'


def _precision(row):
    return f'{row["average_precision"]:.3f}, {row["precision_at_k"]:.2f}'


def page(view, caption):
    """A table in reStructuredText."""
    text = StringIO()
    view.write(text, format='ascii.rst')
    lines = [f'   {line}'.rstrip() for line in text.getvalue().splitlines()]
    return '\n'.join([f'.. table:: {caption}', '   :widths: auto', '', *lines, ''])
