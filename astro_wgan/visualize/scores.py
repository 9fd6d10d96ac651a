"""How scores and p-values are spread: `plot_scores` and `plot_p_values`."""

import numpy as np
from scipy.stats import beta

from astro_wgan.gallery.summary import score_bins
from astro_wgan.visualize.axes import one_or_new
from astro_wgan.visualize.table_input import as_populations, numbers, scores_of, thresholds_of

__all__ = ['plot_p_values', 'plot_scores']


def plot_scores(scores, *, thresholds=None, bins=60, as_fraction=True, ax=None):
    """
    Histograms of the scores of one or several populations, with the thresholds.

    Parameters
    ----------
    scores : table, array_like or mapping
        From `astro_wgan.AnomalyDetector.score`, or any table with a column ``score``; an array of
        scores; or such by the name of the class or population.
    thresholds : mapping, optional
        Scores by percentile, such as `~astro_wgan.anomaly.Calibration.thresholds` returns; empty
        for none. By default those of the tables, from held-out normals, where all have the same.
    bins : int or array_like, optional
        Number of bins, which show the bulk and its tail, the last one holding all beyond; or
        edges, outside of which nothing is counted.
    as_fraction : bool, optional
        Draw the fraction of each population in each bin rather than the number.
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
        If a population has no score, or a table has no column ``score``.

    Notes
    -----
    Margalef-Bentabol et al. 2020, figures 4, 5 and 13. The legend says how many objects of each
    population have a score; NaN and masked scores are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.visualize import plot_scores
    >>> rng = np.random.default_rng(1)
    >>> scores = {'normal': rng.normal(0, 1, 500), 'pair': rng.normal(3, 1, 200)}
    >>> ax = plot_scores(scores, thresholds={90: 1.3})
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('anomaly score', 'fraction of the class')
    """
    given = as_populations(scores, '`scores`')
    marks = thresholds_of(given.values(), thresholds)
    known = {name: _known(part, _named('`scores`', name)) for name, part in given.items()}
    edges, beyond = _edges(np.concatenate([*known.values()]), bins)
    ax = one_or_new(ax)
    for i, (name, values) in enumerate(known.items()):
        counts, _ = np.histogram(np.minimum(values, edges[-1]) if beyond else values, edges)
        heights = counts / len(values) if as_fraction else counts
        label = f'{name} ({len(values):,})' if name else None
        ax.stairs(heights, edges, color=f'C{i}', linewidth=1.5, label=label)
        ax.stairs(heights, edges, color=f'C{i}', alpha=0.2, fill=True)
    _mark(ax, marks)
    ax.set_xlabel('anomaly score' + (f' (last bin: {beyond:,} beyond it, too)' if beyond else ''))
    ax.set(ylabel='fraction of the class' if as_fraction else 'number', ylim=(0, None))
    if any(known):
        ax.legend(frameon=False)
    return ax


def plot_p_values(p_values, *, n_held_out=None, confidence=0.95, ax=None):
    """
    Fraction of objects below each p-value: a diagonal, where all are normal and the p-values right.

    Parameters
    ----------
    p_values : table, array_like or mapping
        Tables with a column ``p_value``, or arrays of p-values; or such by name.
    n_held_out : int, optional
        Number of held-out normals behind the p-values, by which the diagonal is uncertain too.
    confidence : float, optional
        Probability, at each p-value, of the band around the diagonal.
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
        If there is no p-value, one is not between 0 and 1, or an option is out of range.

    Notes
    -----
    The band is that of a fraction measured on n objects against m held-out ones. The number of them
    below a p-value then has a beta-binomial distribution, and the fraction about the variance
    p (1 - p) (1/n + 1/m); a beta distribution of that variance is drawn. With several populations
    the band is that of the smallest.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.visualize import plot_p_values
    >>> ax = plot_p_values({'normal': np.random.default_rng(1).uniform(size=300)}, n_held_out=2000)
    >>> ax.get_xlabel()
    'p-value'
    """
    if not 0 < confidence < 1:
        raise ValueError(f'`confidence` must lie between 0 and 1; got {confidence}.')
    if n_held_out is not None and not n_held_out >= 1:
        raise ValueError(f'`n_held_out` must be at least 1; got {n_held_out}.')
    known = {
        name: _known_p_values(part, _named('`p_values`', name))
        for name, part in as_populations(p_values, '`p_values`').items()
    }
    smallest = min(len(values) for values in known.values())
    ax = one_or_new(ax)
    at, low, high = _uniform_band(smallest, n_held_out, confidence)
    ax.fill_between(at, low, high, color='0.88', label=f'{confidence:.0%} of normal samples')
    ax.plot([0, 1], [0, 1], color='0.6', linestyle=':')
    for i, (name, values) in enumerate(known.items()):
        label = f'{name} ({len(values):,})' if name else None
        ax.ecdf(values, color=f'C{i}', label=label)
    ax.set(xlabel='p-value', ylabel='fraction of objects with one as low', xlim=(0, 1), ylim=(0, 1))
    ax.legend(frameon=False)
    return ax


def _known(given, what):
    scores = scores_of(given, what)
    return scores[~np.isnan(scores)]


def _named(what, name):
    return f'{what} of {name!r}' if name else what


def _edges(values, bins):
    """Edges of the bins, and how many values beyond the last one are counted within it."""
    if not np.isscalar(bins):
        edges = np.asarray(bins, dtype=float)
        if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
            raise ValueError(
                f'`bins` must be a number, or two edges or more that grow; got {bins}.'
            )
        return edges, 0
    if bins < 1:
        raise ValueError(f'`bins` must be at least 1; got {bins}.')
    found = score_bins(values, bins=bins)
    if found is None:
        raise ValueError('`scores` must hold at least one finite score; got none.')
    return np.linspace(found.low, found.high, bins + 1), int((values > found.high).sum())


def _mark(ax, thresholds):
    """A line and a label for each; thresholds can be so close that labels stand on steps."""
    place = {'transform': ax.get_xaxis_transform(), 'va': 'top', 'fontsize': 'small'}
    back = {'facecolor': 'white', 'edgecolor': 'none', 'alpha': 0.7, 'pad': 1}
    for k, (name, threshold) in enumerate(thresholds.items()):
        ax.axvline(threshold, color='0.4', linestyle='--', linewidth=1)
        ax.text(threshold, 0.98 - 0.07 * k, f' {name}', bbox=back, **place)


def _known_p_values(given, what):
    if hasattr(given, 'colnames'):
        if 'p_value' not in given.colnames:
            raise ValueError(f'{what}: the table must have a column `p_value`; it has none.')
        given = given['p_value']
    values = numbers(given, what)
    values = values[~np.isnan(values)]
    if not len(values) or values.min() < 0 or values.max() > 1:
        raise ValueError(f'{what} must hold numbers between 0 and 1, at least one.')
    return values


def _uniform_band(n, n_held_out, confidence):
    """Where the fraction below each p-value lies, of n uniform ones."""
    size = n if n_held_out is None else 1 / (1 / n + 1 / n_held_out)
    at = np.linspace(0, 1, 201)[1:-1]
    tail = (1 - confidence) / 2
    low, high = (beta.ppf(q, size * at, size * (1 - at)) for q in (tail, 1 - tail))
    return at, low, high
