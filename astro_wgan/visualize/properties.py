"""Scores and properties of the galaxies: histograms by score, scores by property."""

from itertools import pairwise

import numpy as np

from astro_wgan.evaluate.binning import bin_values
from astro_wgan.visualize.axes import one_or_new
from astro_wgan.visualize.table_input import (
    as_populations,
    axis_label,
    check_table,
    in_order,
    numbers,
    scores_of,
    thresholds_of,
)

__all__ = ['plot_populations_by', 'plot_property_by_score', 'plot_score_by']

_PERCENTILES = (16, 50, 84)


def plot_property_by_score(table, name, *, thresholds=None, bins=20, ax=None):
    """
    Histograms of a property for objects with low and with high scores.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        From `astro_wgan.AnomalyDetector.score`, with the property beside the column ``score``.
    name : str
        Name of the property's column, which holds numbers.
    thresholds : mapping, optional
        Scores, by percentile or name, that divide the objects into groups. By default those of the
        table, from held-out normals.
    bins : int or array_like, optional
        Number of bins, or edges in the unit of the column.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`
        The fraction of each group in each bin; groups without members are left out.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If a column is missing, no object has both score and property, or there is no threshold.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import QTable
    >>> from astro_wgan.visualize import plot_property_by_score
    >>> rng = np.random.default_rng(1)
    >>> mass = rng.normal(10.5, 0.5, 500)
    >>> table = QTable({'log_mass': mass, 'score': rng.normal(mass - 10.5)})
    >>> ax = plot_property_by_score(table, 'log_mass', thresholds={90: 1.3})
    >>> ax.get_xlabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('log mass', ['up to 90 % (441)', 'above 90 % (59)'])
    """
    check_table(table, (name, 'score'), '`table`')
    marks = thresholds_of([table], thresholds)
    if not marks:
        raise ValueError(
            '`thresholds` must name at least one finite score, such as {90: 1.5}: the table has '
            'none of its own.'
        )
    values, scores = _pairs(table, name, '`table`')
    edges = np.histogram_bin_edges(values, bins)
    group = np.searchsorted([*marks.values()], scores)
    ax = one_or_new(ax)
    for i, label in enumerate(_group_names([*marks])):
        member = values[group == i]
        if len(member):
            heights = np.histogram(member, edges)[0] / len(member)
            style = {'color': f'C{i}', 'linewidth': 1.5}
            ax.stairs(heights, edges, label=f'{label} ({len(member):,})', **style)
    ax.set_xlabel(axis_label(name, getattr(table[name], 'unit', None)))
    ax.set(ylabel='fraction of the group', ylim=(0, None))
    ax.legend(title='anomaly score', frameon=False)
    return ax


def plot_score_by(tables, name, *, bins=8, ax=None):
    """
    Scores against a property: each object, and medians with percentiles of each bin.

    Parameters
    ----------
    tables : `~astropy.table.QTable` or mapping
        From `astro_wgan.AnomalyDetector.score`, with the property beside the column ``score``; or
        such tables by the name of the population.
    name : str
        Name of the property's column; words are categories.
    bins : int or array_like, optional
        Number of bins that hold equally many objects; or edges; or categories; of each
        population by itself.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`
        Points for the objects; medians, whose bars reach from the 16th to the 84th percentile.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If a column is missing, or no object has both score and property.

    Notes
    -----
    Margalef-Bentabol et al. 2020, figure 16.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.table import QTable
    >>> from astro_wgan.visualize import plot_score_by
    >>> rng = np.random.default_rng(1)
    >>> mass = rng.normal(10.5, 0.5, 500)
    >>> table = QTable({'log_mass': mass, 'score': rng.normal(mass - 10.5)})
    >>> ax = plot_score_by(table, 'log_mass')
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('log mass', 'anomaly score')
    """
    given = as_populations(tables, '`tables`')
    for kind, table in given.items():
        check_table(table, (name, 'score'), f'`tables` of {kind!r}' if kind else '`tables`')
    unit = getattr(next(iter(given.values()))[name], 'unit', None)
    found = {kind: _binned(table, name, unit, bins) for kind, table in given.items()}
    words = in_order(word for one in found.values() for word in one.get('words', []))
    ax = one_or_new(ax)
    for i, (kind, one) in enumerate(found.items()):
        shift = _shift(i, len(found)) if words else 0
        at = [words.index(str(word)) + shift for word in one['words']] if words else one['at']
        if not words:
            ax.plot(*one['points'], '.', color=f'C{i}', markersize=2, alpha=0.4, zorder=1)
        _draw_medians(ax, at, one['percentiles'], color=f'C{i}', label=kind, joined=not words)
    if words:
        ax.set_xticks(range(len(words)), words)
    ax.set_xlabel(axis_label(name, unit))
    ax.set_ylabel('anomaly score')
    if any(found):
        ax.legend(frameon=False)
    return ax


def plot_populations_by(comparison, *, populations=('first', 'second'), label=None, ax=None):
    """
    Median scores of two populations by a property.

    Parameters
    ----------
    comparison : `~astropy.table.QTable`
        From `astro_wgan.evaluate.compare_populations_by`.
    populations : tuple of str, optional
        Names of the two populations.
    label : str, optional
        Name of the property; the unit is added.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`
        Medians at the middle of the bins: thin bars from the 16th to the 84th percentile, thick
        ones for the errors of the medians.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If columns are missing, or there are not two names.

    Notes
    -----
    Margalef-Bentabol et al. 2020, figure 16.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import compare_populations_by
    >>> from astro_wgan.visualize import plot_populations_by
    >>> rng = np.random.default_rng(1)
    >>> mass = rng.uniform(10, 12, (2, 400))
    >>> scores = rng.normal(0, 1, (2, 400)) + (mass - 10) * [[1], [0]]
    >>> comparison = compare_populations_by(
    ...     mass[0], scores[0], mass[1], scores[1], bins=4, n_resamples=20, progress=False
    ... )
    >>> ax = plot_populations_by(comparison, populations=('observed', 'mocks'), label='log mass')
    >>> ax.get_legend_handles_labels()[1]
    ['observed', 'mocks']
    """
    if isinstance(populations, str) or len(populations) != 2:
        raise ValueError(f'`populations` must be two names; got {populations!r}.')
    needed = [f'median_{one}{err}' for one in ('first', 'second') for err in ('', '_err')]
    check_table(comparison, (*needed, 'p16_first', 'p84_first'), '`comparison`')
    has_edges = 'low' in comparison.colnames
    check_table(comparison, ('low', 'high') if has_edges else ('category',), '`comparison`')
    ax = one_or_new(ax)
    for i, one in enumerate(('first', 'second')):
        columns = (f'p16_{one}', f'median_{one}', f'p84_{one}', f'median_{one}_err')
        *percentiles, error = (numbers(comparison[column], f'`{column}`') for column in columns)
        style = {'color': f'C{i}', 'label': populations[i], 'joined': has_edges}
        if has_edges:
            at = numbers((comparison['low'] + comparison['high']) / 2, '`low`')
        else:
            at = np.arange(len(comparison)) + _shift(i, 2)
        _draw_medians(ax, at, percentiles, error=error, **style)
    if not has_edges:
        ax.set_xticks(range(len(comparison)), [str(word) for word in comparison['category']])
    unit = getattr(comparison['low'], 'unit', None) if has_edges else None
    ax.set_xlabel(axis_label(label or '', unit))
    ax.set_ylabel('anomaly score')
    ax.legend(frameon=False)
    return ax


def _pairs(table, name, what, *, unit=None):
    """Property and score of the objects that have both."""
    values = numbers(table[name], f'{name!r} of {what}', unit=unit)
    scores = scores_of(table, what)
    known = np.isfinite(values) & np.isfinite(scores)
    if not known.any():
        raise ValueError(f'{what} has no object with both {name!r} and a score.')
    return values[known], scores[known]


def _group_names(marks):
    between = [f'{low} to {high}' for low, high in pairwise(marks)]
    return [f'up to {marks[0]}', *between, f'above {marks[-1]}']


def _binned(table, name, unit, bins):
    """Objects, and percentiles of the scores by bin."""
    words = np.asarray(table[name])
    if words.dtype.kind in 'US':
        scores = scores_of(table, '`tables`')
        known = np.isfinite(scores)
        values, scores = words[known], scores[known]
        binning = bin_values(values, bins)
    else:
        values, scores = _pairs(table, name, '`tables`', unit=unit)
        binning = bin_values(values if unit is None else values << unit, bins)
    inside = [binning.index == i for i in range(len(binning))]
    kept = [i for i, member in enumerate(inside) if member.any()]
    percentiles = np.array([np.percentile(scores[inside[i]], _PERCENTILES) for i in kept])
    found = {'percentiles': percentiles.reshape(-1, 3).T, 'points': (values, scores)}
    if not binning.has_edges:
        return found | {'words': [str(binning.columns['category'][i]) for i in kept]}
    return found | {'at': [np.median(values[inside[i]]) for i in kept]}


def _shift(place, count):
    """Populations of one category stand beside each other."""
    return 0.2 * (place - (count - 1) / 2)


def _draw_medians(ax, at, percentiles, *, color, label, joined, error=None):
    low, median, high = percentiles
    style = {'color': color, 'linestyle': '-' if joined else 'none', 'zorder': 3}
    if error is not None:
        ax.errorbar(at, median, error, color=color, linestyle='none', elinewidth=4, zorder=2)
    bars = [median - low, high - median]
    ax.errorbar(at, median, bars, marker='o', markersize=4, capsize=2, label=label or None, **style)
