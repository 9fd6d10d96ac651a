"""How detectors rank anomalies, and an observation its simulations: `plot_roc`, `plot_ranking`."""

from collections.abc import Mapping

import numpy as np

from astro_wgan.visualize.axes import one_or_new
from astro_wgan.visualize.table_input import check_table, numbers

__all__ = ['plot_ranking', 'plot_roc']

_CURVE = ('false_positive_rate', 'detection_rate')


def plot_roc(curves, *, metrics=None, ax=None):
    """
    ROC curves, with the areas under them.

    Parameters
    ----------
    curves : `~astropy.table.QTable` or mapping
        From `astro_wgan.evaluate.roc_curve`; or such by the name of the detector, or by
        ``(detector, class)``.
    metrics : `~astropy.table.QTable`, optional
        From `astro_wgan.evaluate.ranking_metrics`, for the errors of the areas. It must have one
        row for each curve.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If there is no curve, a column is missing, or ``metrics`` does not have one row for each.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import roc_curve
    >>> from astro_wgan.visualize import plot_roc
    >>> ax = plot_roc({'half turn': roc_curve([1, 2, 3, 4], [3, 5, 6])})
    >>> ax.get_legend_handles_labels()[1]
    ['half turn: 0.875']
    """
    curves = curves if isinstance(curves, Mapping) else {'': curves}
    if not curves:
        raise ValueError('`curves` must hold at least one curve; it is empty.')
    for name, curve in curves.items():
        check_table(curve, _CURVE, f'`curves` of {name!r}' if name else '`curves`')
    errors = {name: None if metrics is None else _error_of(name, metrics) for name in curves}
    ax = one_or_new(ax)
    ax.plot([0, 1], [0, 1], color='0.6', linestyle=':')
    for i, (name, curve) in enumerate(curves.items()):
        false, found = (numbers(curve[column], f'`{column}`') for column in _CURVE)
        label = f'{np.trapezoid(found, false):.3f}'
        if errors[name] is not None:
            label += f' ± {errors[name]:.3f}'
        if name:
            label = f'{name if isinstance(name, str) else ", ".join(name)}: {label}'
        ax.plot(false, found, color=f'C{i}', label=label)
    ax.set(xlabel='false-positive rate', ylabel='detection rate', xlim=(0, 1), ylim=(0, 1.01))
    ax.legend(title='area under the curve', loc='lower right', frameon=False)
    return ax


def plot_ranking(ranking, *, ax=None):
    """
    Distances of simulations from an observation, beside those that chance gives.

    Parameters
    ----------
    ranking : `~astropy.table.QTable`
        From `astro_wgan.evaluate.rank_simulations`.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`
        The nearest simulation at the top. A gray bar ends where 95 percent of perfect
        simulations lie.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If columns are missing.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import rank_simulations
    >>> from astro_wgan.visualize import plot_ranking
    >>> rng = np.random.default_rng(1)
    >>> mocks = {'coarse': rng.normal(0.4, 1, 500), 'fine': rng.normal(0, 1, 500)}
    >>> ax = plot_ranking(rank_simulations(rng.normal(0, 1, 500), mocks, n_resamples=50))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['fine', 'coarse']
    """
    columns = ('distance', 'distance_err', 'null_p95')
    check_table(ranking, ('simulation', *columns), '`ranking`')
    distance, error, chance = (numbers(ranking[name], f'`{name}`') for name in columns)
    places = np.arange(len(ranking))
    ax = one_or_new(ax)
    ax.barh(places, chance, color='0.85', zorder=0, label='95 % of perfect ones')
    ax.errorbar(distance, places, xerr=error, marker='o', linestyle='none', capsize=3)
    statistic = ranking.meta.get('statistic', '')
    ax.set(
        yticks=places,
        yticklabels=[str(name) for name in ranking['simulation']],
        xlabel=f'{statistic} distance'.strip(),
        xlim=(0, None),
    )
    ax.invert_yaxis()
    ax.legend(frameon=False)
    return ax


def _error_of(name, metrics):
    check_table(metrics, ('detector', 'class', 'auc_err'), '`metrics`')
    detector, kind = (name, None) if isinstance(name, str) else name
    rows = np.asarray(metrics['detector']).astype(str) == detector
    if kind is not None:
        rows &= np.asarray(metrics['class']).astype(str) == kind
    if rows.sum() != 1:
        raise ValueError(
            f'`metrics` must have one row for the curve {name!r}; it has {rows.sum()}. '
            'Where there are several classes, name curves by (detector, class).'
        )
    return float(metrics['auc_err'][rows][0])
