import numpy as np
import pytest

from astro_wgan.evaluate import rank_simulations, ranking_metrics, roc_auc, roc_curve
from astro_wgan.visualize import plot_ranking, plot_roc

plt = pytest.importorskip('matplotlib.pyplot')

IMAGE = {
    'baseline_dir': 'baseline',
    'style': 'default',
    'tolerance': 5,
    'savefig_kwargs': {'dpi': 50},
}


def samples():
    rng = np.random.default_rng(1)
    return {'normal': rng.normal(0, 1, 300), 'pair': rng.normal(2, 1, 100)}


@pytest.mark.mpl_image_compare(**IMAGE)
def test_curves_carry_their_areas_and_errors(bare):
    scores = samples()
    quality = ranking_metrics({'WGAN': scores}, normal_class='normal')
    curve = roc_curve(scores['normal'], scores['pair'])
    ax = plot_roc({'WGAN': curve}, metrics=quality)
    line = ax.lines[1]
    assert np.array_equal(line.get_xdata(), curve['false_positive_rate'])
    assert np.array_equal(line.get_ydata(), curve['detection_rate'])
    auc = roc_auc(scores['normal'], scores['pair'])[0][0]
    assert line.get_label() == f'WGAN: {auc:.3f} ± {quality["auc_err"][0]:.3f}'
    return bare(ax)


def test_curves_can_be_named_by_detector_and_class():
    scores = samples() | {'ring': samples()['pair'][:50]}
    quality = ranking_metrics({'WGAN': scores}, normal_class='normal')
    curve = roc_curve(scores['normal'], scores['ring'])
    ax = plot_roc({('WGAN', 'ring'): curve}, metrics=quality)
    assert ax.lines[1].get_label().startswith('WGAN, ring: ')
    with pytest.raises(ValueError, match="one row for the curve 'WGAN'; it has 2"):
        plot_roc({'WGAN': curve}, metrics=quality)


def test_areas_of_ties_are_those_of_mid_ranks():
    normal, strange = [1, 1, 2, 2, 3], [2, 2, 3]
    auc = roc_auc(normal, strange)[0][0]
    assert plot_roc(roc_curve(normal, strange)).lines[1].get_label() == f'{auc:.3f}'


def test_what_is_no_curve_is_refused():
    with pytest.raises(ValueError, match='`curves` must hold at least one curve'):
        plot_roc({})
    curve = roc_curve([1], [2])
    with pytest.raises(ValueError, match="`curves` of 'a' lacks the columns"):
        plot_roc({'a': curve['threshold', 'detection_rate']})


@pytest.mark.mpl_image_compare(**IMAGE)
def test_simulations_are_ranked_from_the_top(bare):
    rng = np.random.default_rng(1)
    mocks = {'coarse': rng.normal(0.5, 1, 300), 'fine': rng.normal(0, 1, 300)}
    ranking = rank_simulations(rng.normal(0, 1, 300), mocks, n_resamples=50, progress=False)
    ax = plot_ranking(ranking)
    assert [label.get_text() for label in ax.get_yticklabels()] == ['fine', 'coarse']
    assert ax.yaxis.get_inverted()
    bars, points = ax.containers
    assert np.allclose([bar.get_width() for bar in bars], ranking['null_p95'])
    assert np.allclose(points[0].get_xdata(), ranking['distance'])
    ends = np.array([segment[:, 0] for segment in points[2][0].get_segments()])
    assert np.allclose(np.diff(ends)[:, 0], 2 * ranking['distance_err'])
    assert ax.get_xlabel() == 'wasserstein distance'
    return bare(ax)


def test_a_ranking_without_rows_or_columns_is_refused():
    rng = np.random.default_rng(1)
    ranking = rank_simulations(
        rng.normal(size=10), {'a': rng.normal(size=10)}, n_resamples=5, progress=False
    )
    with pytest.raises(ValueError, match='`ranking` must have at least one row'):
        plot_ranking(ranking[:0])
    with pytest.raises(ValueError, match=r"`ranking` lacks the columns \['distance_err'\]"):
        plot_ranking(ranking['simulation', 'distance', 'null_p95'])
