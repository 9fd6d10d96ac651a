"""Top of a gallery: number of stamps, thresholds, histogram of the scores, provenance."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from numbers import Real

import numpy as np

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.gallery.cards import is_flag, real_numbers
from astro_wgan.gallery.page_text import meta_text, visible

__all__ = [
    'flag_percentiles',
    'histogram_html',
    'notes_html',
    'provenance_html',
    'ranking_html',
    'recorded_thresholds',
    'score_bins',
    'summary_html',
    'thresholds_html',
]

_BINS = 80

#: Scores are clipped to this, and bins are together at least this wide.
_FARTHEST, _NARROWEST = 1e300, 1e-300

_PLOT_TOP, _PLOT_BOTTOM, _PLOT_HEIGHT = 58, 178, 202


@dataclass(frozen=True, eq=False)
class ScoreBins:
    """
    Histogram of scores.

    Attributes
    ----------
    low, high : float
        Range of the bins.
    counts : `~numpy.ndarray` of int
        Number of scores in each of equally wide bins; the last one includes those above ``high``.
    beyond : int
        Number of scores above ``high``.
    """

    low: float
    high: float
    counts: np.ndarray
    beyond: int


def score_bins(scores, *, bins=_BINS):
    """
    Histogram with a range that shows both the bulk of the scores and their tail.

    Parameters
    ----------
    scores : array_like
        Scores; those that are not finite are ignored.
    bins : int, optional
        Number of bins.

    Returns
    -------
    ScoreBins or None
        None if there is no finite score.
    """
    scores = np.asarray(scores, dtype=float)
    scores = np.clip(scores[np.isfinite(scores)], -_FARTHEST, _FARTHEST)
    if not scores.size:
        return None
    low, middle, tail, top = np.percentile(scores, (0, 50, 98, 100))
    # A few scores far out would press all others into one bar.
    high = min(top, middle + 4 * (tail - middle)) if tail > middle else top
    # Between numbers that are next to each other there are no bins.
    least = max(2 * bins * np.spacing(max(abs(low), abs(high))), _NARROWEST)
    if not high - low > least:
        low, high = low - max(0.5, least), high + max(0.5, least)
    counts, _ = np.histogram(np.minimum(scores, high), bins=bins, range=(low, high))
    return ScoreBins(float(low), float(high), counts, int(np.count_nonzero(scores > high)))


def recorded_thresholds(table):
    """
    Thresholds in the ``meta`` of a score table.

    Parameters
    ----------
    table : `~astropy.table.Table`
        From `~astro_wgan.AnomalyDetector.score`.

    Returns
    -------
    dict of dict
        By reference (``'held-out'``, ``'training'``) and percentile, as text; empty if there are
        none.
    """
    thresholds = table.meta.get('thresholds')
    if not isinstance(thresholds, Mapping):
        return {}
    return {reference: t for reference, t in thresholds.items() if isinstance(t, Mapping)}


def flag_percentiles(table):
    """Percentiles of the flags in a score table, in increasing order: ``[85, 90, 95]``."""
    found = [
        re.fullmatch('anomalous_([1-9][0-9]?)', name)
        for name in table.colnames
        if is_flag(table[name])
    ]
    return sorted(int(match[1]) for match in found if match)


def summary_html(table, *, shown, shape, pixel_scale=None):
    """
    One line with the number of stamps, the number of cards, their size and the date.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        All scores.
    shown : int
        Number of cards.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle per pixel.

    Returns
    -------
    str
    """
    if not len(table):
        return '<p class="summary">No stamps were scored: there is nothing to show.</p>'
    blind = int(np.count_nonzero(np.isnan(real_numbers(table, 'score'))))
    parts = [f'<b>{len(table) - blind:,}</b> {_plural("stamp", len(table) - blind)} scored']
    if blind:
        parts.append(f'<b>{blind:,}</b> without a valid pixel and so without a score')
    parts.append(
        'all shown'
        if shown == len(table)
        else f'the <b>{shown:,}</b> with the highest scores shown'
    )
    ny, nx = shape
    size = f'{nx} × {ny} pixels'
    if pixel_scale is not None:
        width = nx * pixel_scale.to_value('arcsec / pix')
        size += f' ({width:.3g}″ wide)'
    parts.append(size)
    date = _date(table)
    if date:
        parts.append(f'scored <time datetime="{escape(date)}">{escape(date[:10])}</time>')
    return f'<p class="summary">{" · ".join(parts)}</p>'


def thresholds_html(table):
    """
    Table of thresholds: score, stamps above it, and the number expected if all were normal.

    Returns
    -------
    str
        Empty if the scores were not calibrated or there are none.
    """
    percentiles = flag_percentiles(table)
    if not len(table) or not percentiles:
        return ''
    thresholds, training = (_thresholds(table, reference) for reference in ('held-out', 'training'))
    scored = int(np.count_nonzero(~np.isnan(real_numbers(table, 'score'))))
    heads = ['Percentile', 'Score above', 'Stamps', 'If all normal']
    if training:
        heads.insert(2, 'Training set')
    rows = []
    for percentile in percentiles:
        flags = numbers_or_nan(table[f'anomalous_{percentile}'])
        above = int(np.count_nonzero(flags == 1))
        cells = [_threshold(thresholds.get(str(percentile)))]
        if training:
            cells.append(_threshold(training.get(str(percentile))))
        fraction = f' <span class="quiet">({100 * above / scored:.3g} %)</span>' if scored else ''
        cells += [f'<b>{above:,}</b>{fraction}', f'≤ {scored * (100 - percentile) / 100:,.0f}']
        chip = f'<span class="chip percentile-{percentile}">{percentile} %</span>'
        row = ''.join(f'<td>{cell}</td>' for cell in cells)
        rows.append(f'<tr><th scope="row">{chip}</th>{row}</tr>')
    head = ''.join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        '<section><h2>Thresholds from held-out normal stamps</h2>'
        f'<table class="thresholds"><thead><tr>{head}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table>'
        f'{_false_positives(percentiles[-1], scored)}</section>'
    )


def histogram_html(table):
    """
    Histogram of the scores of all stamps as SVG, with the thresholds.

    Returns
    -------
    str
        With positions along x in percent of the width. Empty if there is no score.
    """
    bins = score_bins(real_numbers(table, 'score'))
    if bins is None:
        return ''
    counts = bins.counts
    parts = []
    for k in np.flatnonzero(counts):
        # A minimum height, so that single stamps remain visible.
        height = max(1.5, (_PLOT_BOTTOM - _PLOT_TOP) * counts[k] / counts.max())
        left = bins.low + k * (bins.high - bins.low) / len(counts)
        range_text = f'from {_number(left)}'
        parts.append(
            f'<rect class="bar" x="{100 * k / len(counts):.3f}%" y="{_PLOT_BOTTOM - height:.1f}" '
            f'width="{100 / len(counts):.3f}%" height="{height:.1f}">'
            f'<title>{counts[k]:,} {_plural("stamp", counts[k])}, score {range_text}</title></rect>'
        )
    parts.append(f'<line class="axis" x1="0" x2="100%" y1="{_PLOT_BOTTOM}" y2="{_PLOT_BOTTOM}"/>')
    parts += [_tick(value, bins) for value in _round_values(bins.low, bins.high)]
    thresholds = _thresholds(table, 'held-out')
    found = {p: thresholds.get(str(p), np.nan) for p in flag_percentiles(table)}
    parts += _threshold_marks({k: t for k, t in found.items() if bins.low <= t <= bins.high}, bins)
    most = f'{counts.max():,} {_plural("stamp", counts.max())}'
    beyond = f' The last bar includes {bins.beyond:,} beyond it.' if bins.beyond else ''
    return (
        '<section><h2>All scores</h2>'
        f'<svg id="histogram" class="histogram" width="100%" height="{_PLOT_HEIGHT}" role="img" '
        f'aria-label="Histogram of all scores, from {_number(bins.low)} to '
        f'{_number(bins.high)}; the highest bar is {most}." '
        f'data-low="{bins.low!r}" data-high="{bins.high!r}">{"".join(parts)}'
        f'<svg y="{_PLOT_BOTTOM + 2}" width="100%" height="5" viewBox="0 0 1000 5" '
        'preserveAspectRatio="none"><path id="marks" class="marks"/></svg>'
        f'<line id="marker" class="marker" y1="{_PLOT_TOP - 8}" y2="{_PLOT_BOTTOM + 8}"/></svg>'
        f'<p class="quiet caption">Anomaly score; the highest bar holds {most}.{beyond}</p>'
        '</section>'
    )


def notes_html(notes):
    """
    Notes as paragraphs.

    Parameters
    ----------
    notes : str or sequence of str
        Plain text.

    Returns
    -------
    str
    """
    notes = [notes] if isinstance(notes, str) else notes
    return ''.join(f'<p>{escape(visible(note))}</p>' for note in notes)


def provenance_html(table):
    """
    The ``meta`` of the table, collapsed.

    Returns
    -------
    str
        Empty if the ``meta`` is empty.
    """
    if not table.meta:
        return ''
    return (
        '<details class="provenance"><summary>Versions and provenance</summary>'
        f'<pre tabindex="0">{escape(meta_text(table.meta))}</pre></details>'
    )


def ranking_html(columns, ids, *, limit=25):
    """
    The first cards as a plain table, for browsers without scripts.

    Parameters
    ----------
    columns : list of `~astro_wgan.gallery.cards.CardColumn`
        Columns of the cards.
    ids : list of str
        Ids of the cards.
    limit : int, optional
        Number of rows.

    Returns
    -------
    str
    """
    if not ids:
        return ''
    names = ('rank', 'score', 'p_value', 'x', 'y', 'sky.ra', 'sky.dec')
    shown = [column for column in columns if column.name in names]
    head = ''.join(f'<th scope="col">{column.label}</th>' for column in shown)
    rows = []
    for k, name in enumerate(ids[:limit]):
        cells = ''.join(f'<td>{_fact(column, k)}</td>' for column in shown)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        '<section class="ranking"><p>The cards with pictures need JavaScript, which is switched '
        'off. These are the most anomalous stamps:</p><table><thead><tr>'
        f'<th scope="col">id</th>{head}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></section>'
    )


def _fact(column, card):
    value = column.values[card]
    if value is None:
        return '–'
    if column.kind != 'number':
        return escape(str(value))
    return _number(value, 9 if column.name.startswith('sky.') else 5)


def _false_positives(percentile, scored):
    chance = 100 - percentile
    return (
        f'<p class="quiet">A normal stamp that the networks were not trained on is above the '
        f'{percentile} % threshold with a probability of at most {chance} %. Up to about '
        f'{scored * chance / 100:,.0f} of {scored:,} stamps are therefore expected there even if '
        f'none is anomalous: flagged stamps are candidates for inspection.</p>'
    )


def _thresholds(table, reference):
    """Recorded thresholds that are numbers, by percentile as text."""
    recorded = recorded_thresholds(table).get(reference, {})
    return {percentile: t for percentile, t in recorded.items() if isinstance(t, Real)}


def _threshold(value):
    if value is None:
        return '–'
    if not np.isfinite(value):
        return '<span class="quiet">too few held-out stamps</span>'
    return _number(value)


def _threshold_marks(thresholds, bins):
    """Lines with labels, each in a row of its own and away from the nearer end of the axis."""
    at = {percentile: _percent(threshold, bins) for percentile, threshold in thresholds.items()}
    leftward = bool(at) and min(at.values()) > 30
    side, shift = ('end', -5) if leftward else ('start', 5)
    marks = []
    for row, percentile in enumerate(sorted(at, reverse=leftward)):
        x, y = f'{at[percentile]:.3f}%', 12 + 15 * row
        marks.append(
            f'<g class="threshold percentile-{percentile}">'
            f'<line x1="{x}" x2="{x}" y1="{y - 9}" y2="{_PLOT_BOTTOM}"/>'
            f'<text x="{x}" y="{y}" dx="{shift}" text-anchor="{side}">'
            f'{percentile} %: {_number(thresholds[percentile])}</text></g>'
        )
    return marks


def _tick(value, bins):
    at = _percent(value, bins)
    anchor = 'start' if at < 3 else 'end' if at > 97 else 'middle'
    return (
        f'<line class="axis" x1="{at:.3f}%" x2="{at:.3f}%" y1="{_PLOT_BOTTOM}" '
        f'y2="{_PLOT_BOTTOM + 7}"/><text class="tick" x="{at:.3f}%" y="{_PLOT_HEIGHT - 4}" '
        f'text-anchor="{anchor}">{_number(value)}</text>'
    )


def _percent(value, bins):
    return 100 * (value - bins.low) / (bins.high - bins.low)


def _round_values(low, high):
    """About five values in a range, in steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(factor * power - rough))
    return [float(step * k) for k in range(int(np.ceil(low / step)), int(high // step) + 1)]


def _number(value, digits=4):
    text = f'{value:.{digits}g}'
    return text.replace('-', '−')


def _plural(noun, count):
    return noun if count == 1 else f'{noun}s'


def _date(table):
    provenance = table.meta.get('provenance')
    return visible(str(provenance.get('date', ''))) if isinstance(provenance, dict) else ''
