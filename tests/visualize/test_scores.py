import sys

import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable

from astro_wgan.visualize import plot_p_values, plot_scores

plt = pytest.importorskip('matplotlib.pyplot')

IMAGE = {
    'baseline_dir': 'baseline',
    'style': 'default',
    'tolerance': 5,
    'savefig_kwargs': {'dpi': 50},
}

THRESHOLDS = {'held-out': {'85': 1.0, '90': 1.3, '95': np.inf}, 'training': {'85': 0.5}}


def scores_of(n, mean, *, seed=1):
    return np.random.default_rng(seed).normal(mean, 1, n)


def outlines(ax):
    """The histograms without their filled shadows."""
    return [patch for patch in ax.patches if not patch.get_fill()]


@pytest.mark.mpl_image_compare(**IMAGE)
def test_bars_are_the_histograms_of_each_class(bare):
    given = {'normal': scores_of(400, 0), 'pair': scores_of(200, 3, seed=2)}
    edges = np.linspace(-3, 7, 21)
    ax = plot_scores(given, thresholds={90: 1.3}, bins=edges)
    for patch, values in zip(outlines(ax), given.values(), strict=True):
        heights, at, _ = patch.get_data()
        assert np.array_equal(at, edges)
        assert np.allclose(heights, np.histogram(values, edges)[0] / len(values))
    assert ax.get_legend_handles_labels()[1] == ['normal (400)', 'pair (200)']
    return bare(ax)


def test_the_last_bin_holds_the_tail_and_nothing_is_lost():
    values = np.append(scores_of(1000, 0), [500.0, np.inf])
    ax = plot_scores(values, bins=30, as_fraction=False)
    heights, edges, _ = outlines(ax)[0].get_data()
    assert heights.sum() == 1002
    assert edges[-1] < 20
    beyond = int((values > edges[-1]).sum())
    assert beyond >= 2
    assert f'{beyond} beyond' in ax.get_xlabel()


def test_missing_scores_are_left_out():
    column = MaskedColumn([1.0, 2.0, 3.0, np.nan, -np.inf], mask=[True, False, False, False, False])
    ax = plot_scores({'a': QTable({'score': column})}, bins=[0, 1.5, 4], as_fraction=False)
    assert outlines(ax)[0].get_data()[0].tolist() == [0, 2]
    assert ax.get_legend_handles_labels()[1] == ['a (2)']


def test_thresholds_are_those_of_the_table():
    table = QTable({'score': scores_of(50, 0)}, meta={'thresholds': THRESHOLDS})
    ax = plot_scores({'a': table, 'b': table[:20]})
    assert [line.get_xdata()[0] for line in ax.lines] == [1.0, 1.3]
    assert [text.get_text().strip() for text in ax.texts] == ['85 %', '90 %']
    assert not plot_scores(table, thresholds={}).lines


def test_thresholds_of_different_detectors_are_not_mixed():
    tables = [QTable({'score': scores_of(50, 0)}, meta={'thresholds': THRESHOLDS}) for _ in 'ab']
    tables[1].meta['thresholds'] = {'held-out': {'85': 3.0}}
    assert not plot_scores(dict(zip('ab', tables, strict=True))).lines


def test_given_axes_are_drawn_on_and_returned():
    figure, axes = plt.subplots(1, 2)
    assert plot_scores([1.0, 2.0], ax=axes[1]) is axes[1]
    assert not axes[0].patches
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ('scores', 'message'),
    [
        ({}, '`scores` must hold at least one population'),
        ({'a': [np.nan, np.nan]}, "`scores` of 'a' must hold at least one score; got 2 others"),
        ([], '`scores` must hold at least one score'),
        ([np.inf], 'one finite score'),
        (QTable({'id': [1]}), 'must have a column `score`'),
        ([[1.0, 2.0]], 'must be one number per object'),
    ],
)
def test_what_has_no_scores_is_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        plot_scores(scores)
    assert not plt.get_fignums()


@pytest.mark.parametrize('bins', [0, [1.0], [2.0, 1.0]])
def test_bins_that_are_none_are_refused(bins):
    with pytest.raises(ValueError, match='`bins` must be'):
        plot_scores([1.0, 2.0], bins=bins)


def test_thresholds_must_be_named():
    with pytest.raises(TypeError, match='`thresholds` must be a mapping of scores by percentile'):
        plot_scores([1.0, 2.0], thresholds=[1.0])


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    with pytest.raises(ImportError, match=r'pip install "astro_wgan\[plot\]"'):
        plot_scores([1.0, 2.0])


@pytest.mark.mpl_image_compare(**IMAGE)
def test_p_values_are_a_cumulative_distribution(bare):
    p = np.random.default_rng(3).uniform(size=200)
    ax = plot_p_values({'normal': np.append(p, np.nan)}, n_held_out=500)
    curve = ax.lines[-1]
    assert np.array_equal(curve.get_xdata()[1:], np.sort(p))
    assert np.allclose(curve.get_ydata()[1:], np.arange(1, 201) / 200)
    return bare(ax)


def test_the_band_holds_as_many_conformal_samples_as_it_says():
    rng = np.random.default_rng(4)
    n, m, at = 200, 100, 0.3
    ax = plot_p_values(rng.uniform(size=n), n_held_out=m)
    edge = ax.collections[0].get_paths()[0].vertices
    low, high = np.sort(np.unique(edge[np.isclose(edge[:, 0], at), 1]))
    inside = []
    for _ in range(1000):
        normals, others = np.sort(rng.normal(size=m)), rng.normal(size=n)
        p = (1 + m - np.searchsorted(normals, others)) / (m + 1)
        inside.append(low <= (p <= at).mean() <= high)
    assert 0.92 < np.mean(inside) < 0.98


@pytest.mark.parametrize(
    ('p_values', 'options', 'message'),
    [
        ([], {}, '`p_values` must hold numbers between 0 and 1'),
        ([0.5, 1.2], {}, '`p_values` must hold numbers between 0 and 1'),
        (QTable({'score': [1.0]}), {}, 'must have a column `p_value`'),
        ([0.5], {'confidence': 1.0}, '`confidence` must lie between 0 and 1'),
        ([0.5], {'n_held_out': 0}, '`n_held_out` must be at least 1'),
    ],
)
def test_p_values_that_are_none_are_refused(p_values, options, message):
    with pytest.raises(ValueError, match=message):
        plot_p_values(p_values, **options)
