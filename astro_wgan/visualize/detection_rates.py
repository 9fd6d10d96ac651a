"""Figures of detection rates: by class, and by a property of the objects."""

import numpy as np

from astro_wgan.visualize.axes import one_or_new
from astro_wgan.visualize.table_input import axis_label, check_table, in_order, numbers

__all__ = ['plot_detection_rates_by', 'plot_detection_rates']

_RATES = ('rate', 'rate_low', 'rate_high')


def plot_detection_rates(rates, *, percentiles=None, normal_classes=(), ax=None):
    """
    Bars of detection rates with their intervals, several detectors side by side.

    Parameters
    ----------
    rates : `~astropy.table.QTable`
        From `astro_wgan.evaluate.detection_rates`.
    percentiles : sequence of float, optional
        The percentiles to show; by default all. A detector without a threshold always has one bar.
    normal_classes : str or sequence of str, optional
        Classes that should not be found: their bars show what is classified as normal, so that
        longer is better everywhere.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`
        A group of bars for each class, from the top; a color for each detector, fainter for
        lower percentiles.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If columns are missing, or percentiles or classes are not in the table.

    Notes
    -----
    Margalef-Bentabol et al. 2020, tables 1 to 3, as a chart.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import detection_rates
    >>> from astro_wgan.visualize import plot_detection_rates
    >>> rng = np.random.default_rng(1)
    >>> rates = detection_rates(
    ...     {'offset': {'isolated': rng.normal(0, 1, 1000), 'merger': rng.normal(2, 1, 500)}},
    ...     normal_scores={'offset': rng.normal(0, 1, 1000)},
    ... )
    >>> ax = plot_detection_rates(rates, normal_classes='isolated')
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['isolated', 'merger']
    """
    check_table(rates, ('detector', 'class', 'percentile', *_RATES), '`rates`')
    classes, detectors = in_order(rates['class']), in_order(rates['detector'])
    normal = [normal_classes] if isinstance(normal_classes, str) else [*normal_classes]
    normal = _among(classes, normal, '`normal_classes`')
    percentile = numbers(rates['percentile'], '`percentile` of `rates`')
    shown = np.unique(percentile[~np.isnan(percentile)]).tolist()
    if percentiles is not None:
        shown = _among(shown, [*percentiles], '`percentiles`')
    series = list(_series(rates, detectors, percentile, shown))
    ax = one_or_new(ax)
    height = 0.8 / len(series)
    for k, (label, rows, style) in enumerate(series):
        rate, low, high = _as_intended(rates[rows], normal)
        places = [classes.index(str(name)) for name in rates['class'][rows]]
        at = np.array(places) + height * (k - (len(series) - 1) / 2)
        errors = {'xerr': _whiskers(rate, low, high), 'error_kw': {'elinewidth': 1, 'capsize': 2}}
        ax.barh(at, rate, height, label=label, **style, **errors)
    _as_per_cent(ax.xaxis)
    ax.set(yticks=range(len(classes)), yticklabels=classes, xlim=(0, 1))
    ax.invert_yaxis()
    ax.set_xlabel('classified as intended' if normal else 'found')
    # Beside the bars, which may leave no space between them.
    ax.legend(frameon=False, loc='upper left', bbox_to_anchor=(1, 1))
    return ax


def plot_detection_rates_by(rates, *, label=None, ax=None):
    """
    Detection rates by a property, with their intervals, by class and detector.

    Parameters
    ----------
    rates : `~astropy.table.QTable`
        From `astro_wgan.evaluate.detection_rates_by`. Bins without members are left out.
    label : str, optional
        Name of the property; the unit is added.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`
        A line for each detector and class; categories are separate points. The dotted line is the
        false positive rate of the percentile, if it is in the table's ``meta``.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If columns are missing, or no bin has members.

    Notes
    -----
    Margalef-Bentabol et al. 2020, figures 10 (by merger time) and 11 (by mass, size, axis ratio
    and redshift).

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.evaluate import detection_rates_by
    >>> from astro_wgan.visualize import plot_detection_rates_by
    >>> rng = np.random.default_rng(1)
    >>> time = rng.uniform(-1, 1, 3000)
    >>> scores = {'offset': rng.normal(2 - 2 * np.abs(time), 1)}
    >>> rates = detection_rates_by(time, scores, normal_scores={'offset': rng.normal(0, 1, 1000)})
    >>> ax = plot_detection_rates_by(rates, label='merger time')
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('merger time', 'found at the 90 % threshold')
    """
    check_table(rates, ('detector', 'class', 'n', *_RATES), '`rates`')
    has_edges = 'center' in rates.colnames
    if not has_edges:
        check_table(rates, ('category',), '`rates`')
    if not (rates['n'] > 0).any():
        raise ValueError('`rates` must have a bin with members; all are empty.')
    percentile = rates.meta.get('percentile')
    detectors, kinds = in_order(rates['detector']), in_order(rates['class'])
    pairs = [(detector, kind) for detector in detectors for kind in kinds]
    ax = one_or_new(ax)
    for k, (detector, kind) in enumerate(pairs):
        member = (rates['detector'] == detector) & (rates['class'] == kind) & (rates['n'] > 0)
        rows = rates[member]
        if not len(rows):
            continue
        at = _places(rows, rates, has_edges, (k - (len(pairs) - 1) / 2) / (2 * len(pairs)))
        rate, low, high = (numbers(rows[name], f'`{name}` of `rates`') for name in _RATES)
        style = {'marker': 'o', 'markersize': 4, 'capsize': 2, 'color': f'C{k}'}
        style['linestyle'] = '-' if has_edges else 'none'
        name = _name_of(detector, kind, detectors, kinds)
        ax.errorbar(at, rate, _whiskers(rate, low, high), label=name, **style)
    if not has_edges:
        words = in_order(rates['category'])
        ax.set_xticks(range(len(words)), words)
    if percentile is not None:
        ax.axhline(1 - percentile / 100, color='0.6', linestyle=':', zorder=0)
    _as_per_cent(ax.yaxis)
    unit = getattr(rates['center'], 'unit', None) if has_edges else None
    ax.set_xlabel(axis_label(label or '', unit))
    ax.set(
        ylabel='found' if percentile is None else f'found at the {percentile:g} % threshold',
        ylim=(0, 1),
    )
    if len(pairs) > 1:
        ax.legend(frameon=False)
    return ax


def _whiskers(rate, low, high):
    """Lengths of the error bars. By rounding, intervals of rates of 0 and 1 may end inside them."""
    return np.clip([rate - low, high - rate], 0, None)


def _series(rates, detectors, percentile, shown):
    """Name, rows and color of each row of bars."""
    shades = np.linspace(1, 0.4, len(shown))[::-1]
    for i, detector in enumerate(detectors):
        own = np.asarray(rates['detector']).astype(str) == detector
        for wanted, shade in zip(shown, shades, strict=True):
            rows = np.flatnonzero(own & (percentile == wanted))
            if len(rows):
                yield f'{detector}, {wanted:g} %', rows, {'color': f'C{i}', 'alpha': shade}
        rows = np.flatnonzero(own & np.isnan(percentile))
        if len(rows):
            yield detector, rows, {'color': f'C{i}'}


def _as_intended(rows, normal):
    """Rates and the ends of their intervals; of normals, the fractions that are not found."""
    rate, low, high = (numbers(rows[name], f'`{name}` of `rates`') for name in _RATES)
    kept = np.isin(np.asarray(rows['class']).astype(str), normal)
    turned = (1 - rate, 1 - high, 1 - low)
    return [np.where(kept, b, a) for a, b in zip((rate, low, high), turned, strict=True)]


def _among(known, wanted, what):
    unknown = [one for one in wanted if one not in known]
    if unknown:
        raise ValueError(f'{what} must be among {known}; got {unknown}.')
    return wanted


def _places(rows, rates, has_edges, shift):
    if has_edges:
        return numbers(rows['center'], '`center` of `rates`')
    words = in_order(rates['category'])
    # Side by side, so that error bars do not overlap.
    return np.array([words.index(str(word)) for word in rows['category']]) + shift


def _name_of(detector, kind, detectors, kinds):
    """What tells a line from the others."""
    if len(detectors) == 1:
        return kind
    return detector if len(kinds) == 1 else f'{detector}, {kind}'


def _as_per_cent(axis):
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1))
