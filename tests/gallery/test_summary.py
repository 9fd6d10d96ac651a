import re

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan.gallery.summary import (
    histogram_html,
    notes_html,
    provenance_html,
    score_bins,
    summary_html,
    thresholds_html,
)


def text_of(html):
    """A piece of HTML without its tags."""
    return re.sub(r'\s+', ' ', re.sub(r'<[^>]*>', ' ', html)).strip()


@pytest.fixture
def table():
    score = np.arange(200) / 100
    score[0] = np.nan
    table = QTable({'id': np.arange(200), 'score': score})
    thresholds = {'85': 1.5, '90': 1.7, '95': np.inf}
    for level, threshold in thresholds.items():
        table[f'anomalous_{level}'] = score > threshold
    table.meta = {
        'thresholds': {'held-out': thresholds},
        'provenance': {'date': '2026-05-12T10:00:00+00:00', 'object': '<b>&'},
    }
    return table


def test_the_summary_counts_what_was_scored_and_what_is_shown(table):
    text = text_of(
        summary_html(table, shown=50, shape=(64, 32), pixel_scale=0.5 * u.arcsec / u.pix)
    )
    assert text.startswith('199 stamps scored · 1 without a valid pixel')
    assert (
        'the 50 with the highest scores shown · 32 × 64 pixels (16″ wide) · scored 2026-05-12'
        in text
    )


def test_thresholds_are_listed_with_what_chance_alone_would_give(table):
    text = text_of(thresholds_html(table))
    assert '85 % 1.5 49 (24.6 %) ≤ 30' in text
    assert '90 % 1.7 29 (14.6 %) ≤ 20' in text
    assert '95 % too few held-out stamps 0 (0 %) ≤ 10' in text
    assert 'Training set' not in text


def test_thresholds_from_training_stand_beside_them(table):
    table.meta['thresholds']['training'] = {'85': 1.25, '90': 1.26, '95': 1.27}
    text = text_of(thresholds_html(table))
    assert 'Training set' in text
    assert '90 % 1.7 1.26 29' in text


def test_scores_without_calibration_show_no_thresholds():
    table = QTable({'id': [1], 'score': [0.5]})
    assert thresholds_html(table) == ''
    assert 'threshold' not in histogram_html(table)


def test_bins_hold_every_finite_score(table):
    bins = score_bins(table['score'])
    assert bins.counts.sum() == 199
    assert (bins.low, bins.beyond) == (0.01, 0)


def test_a_far_score_does_not_press_the_others_into_one_bar():
    scores = np.append(np.random.default_rng(1).normal(10, 1, size=500), 1e6)
    bins = score_bins(scores)
    assert bins.beyond == 1
    assert bins.counts.sum() == 501
    assert np.count_nonzero(bins.counts) > 20


@pytest.mark.parametrize('scores', [[2.0], [2.0, 2.0], [np.nan, 2.0]])
def test_equal_scores_have_a_bin(scores):
    assert score_bins(scores).counts.sum() == np.count_nonzero(np.isfinite(scores))


def test_the_histogram_draws_bars_as_high_as_their_counts(table):
    bars = re.findall(
        r'<rect class="bar".*? height="([\d.]+)"><title>(\d+) ', histogram_html(table)
    )
    heights, counts = np.array(bars, dtype=float).T
    assert counts.sum() == 199
    np.testing.assert_allclose(heights / heights.max(), counts / counts.max(), atol=0.001)


def test_the_histogram_marks_the_thresholds_that_lie_in_it(table):
    html = histogram_html(table)
    places = re.findall(r'percentile-(\d+)"><line x1="([\d.]+)%"', html)
    low, high = score_bins(table['score']).low, score_bins(table['score']).high
    expected = {level: 100 * (t - low) / (high - low) for level, t in (('85', 1.5), ('90', 1.7))}
    assert {level: float(at) for level, at in places} == pytest.approx(expected, abs=1e-3)


def test_no_score_no_histogram():
    assert histogram_html(QTable({'score': [np.nan, np.nan]})) == ''
    assert score_bins([]) is None


def test_text_from_outside_is_escaped(table):
    assert '&lt;b&gt;&amp;' in provenance_html(table)
    assert notes_html('a < b') == '<p>a &lt; b</p>'
    assert notes_html(['one', 'two']) == '<p>one</p><p>two</p>'


@pytest.mark.parametrize('meta', [{'thresholds': 'of the survey'}, {'thresholds': {'held-out': 3}}])
def test_thresholds_of_another_origin_are_not_taken(table, meta):
    table.meta = {**meta, 'search': 'cone', 'provenance': 'VizieR'}
    assert 'Training set' not in thresholds_html(table)
    assert 'threshold' not in histogram_html(table)
    assert summary_html(table, shown=5, shape=(64, 64))
