import numpy as np
import pytest
from astropy.table import QTable
from scipy.stats import mannwhitneyu

from astro_wgan.evaluate import (
    average_precision,
    compare_auc,
    precision_at_k,
    ranking_metrics,
    roc_auc,
    roc_curve,
)


def samples(seed, n=300, m=120, ties=False):
    random = np.random.default_rng(seed)
    normal, anomalous = random.normal(0, 1, n), random.normal(1, 1.5, m)
    return (np.round(normal, 1), np.round(anomalous, 1)) if ties else (normal, anomalous)


@pytest.mark.parametrize('ties', [False, True])
def test_auc_is_the_u_statistic_of_scipy(ties):
    normal, anomalous = samples(1, ties=ties)
    auc, _ = roc_auc(normal, anomalous)
    statistic = mannwhitneyu(anomalous, normal).statistic
    assert np.isclose(auc[0], statistic / (len(normal) * len(anomalous)), rtol=1e-12)


@pytest.mark.parametrize('ties', [False, True])
def test_auc_curve_and_precision_agree_with_scikit_learn(ties):
    metrics = pytest.importorskip('sklearn.metrics')
    normal, anomalous = samples(2, ties=ties)
    truth = np.repeat([0, 1], [len(normal), len(anomalous)])
    scores = np.concatenate([normal, anomalous])
    assert np.isclose(roc_auc(normal, anomalous)[0][0], metrics.roc_auc_score(truth, scores))
    assert np.isclose(
        average_precision(normal, anomalous), metrics.average_precision_score(truth, scores)
    )
    false, true, thresholds = metrics.roc_curve(truth, scores, drop_intermediate=False)
    curve = roc_curve(normal, anomalous)
    assert np.allclose(curve['false_positive_rate'], false)
    assert np.allclose(curve['detection_rate'], true)
    assert np.array_equal(curve['threshold'], thresholds)


@pytest.mark.parametrize('ties', [False, True])
def test_covariance_follows_the_definition_of_delong(ties):
    """Placement values from comparing all pairs, as defined in the article."""
    normal, anomalous = samples(3, n=60, m=40, ties=ties)
    other_normal, other_anomalous = normal + samples(4, n=60)[0], anomalous - 0.3
    normals, anomalies = np.array([normal, other_normal]), np.array([anomalous, other_anomalous])
    better = (anomalies[:, :, None] > normals[:, None, :]) + 0.5 * (
        anomalies[:, :, None] == normals[:, None, :]
    )
    expected = np.cov(better.mean(axis=2)) / 40 + np.cov(better.mean(axis=1)) / 60
    auc, covariance = roc_auc(normals, anomalies)
    assert np.allclose(auc, better.mean(axis=(1, 2)), rtol=1e-12)
    assert np.allclose(covariance, expected, rtol=1e-10)


def test_auc_errors_agree_with_a_bootstrap():
    random = np.random.default_rng(5)
    normal, anomalous = samples(5)
    second_normal = normal + random.normal(0, 1, len(normal))
    second_anomalous = anomalous + random.normal(0, 1, len(anomalous))
    normals = np.array([normal, second_normal])
    anomalies = np.array([anomalous, second_anomalous])
    _, covariance = roc_auc(normals, anomalies)
    drawn = []
    for _ in range(1500):
        n, m = random.integers(0, 300, 300), random.integers(0, 120, 120)
        drawn.append(roc_auc(normals[:, n], anomalies[:, m])[0])
    drawn = np.array(drawn)
    assert np.allclose(np.sqrt(np.diag(covariance)), drawn.std(axis=0), rtol=0.06)
    difference = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert np.isclose(difference, (drawn[:, 0] - drawn[:, 1]).std(), rtol=0.06)


def test_auc_errors_cover_the_true_auc():
    """Two thirds of the measured AUCs are within one error of the true 0.76."""
    random = np.random.default_rng(6)
    pulls = []
    for _ in range(500):
        auc, covariance = roc_auc(random.normal(0, 1, 100), random.normal(1, 1, 80))
        pulls.append((auc[0] - 0.7602499) / np.sqrt(covariance[0, 0]))
    assert 0.62 < np.mean(np.abs(pulls) < 1) < 0.74
    assert abs(np.mean(pulls)) < 0.15


def test_p_values_of_equal_detectors_are_uniform():
    random = np.random.default_rng(7)
    classes = np.repeat(['normal', 'odd'], 150)
    strange = np.repeat([0.0, 1.0], 150)
    p_values = []
    for _ in range(300):
        common = strange + random.normal(0, 1, 300)
        scores = {name: common + random.normal(0, 1, 300) for name in ('a', 'b')}
        p_values.append(compare_auc(scores, classes, normal_class='normal')['p_value'][0])
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.09
    assert 0.4 < np.mean(p_values) < 0.6


def test_all_pairs_of_detectors_are_compared_for_each_class():
    random = np.random.default_rng(8)
    classes = np.repeat(['normal', 'x', 'y'], 50)
    scores = {name: random.normal(size=150) for name in 'abc'}
    table = compare_auc(scores, classes, normal_class='normal')
    assert table['class'].tolist() == ['x'] * 3 + ['y'] * 3
    assert table['first'].tolist() == ['a', 'a', 'b'] * 2
    quality = ranking_metrics(scores, classes, normal_class='normal')
    auc = {(r['detector'], r['class']): r['auc'] for r in quality}
    for row in table:
        expected = auc[row['first'], row['class']] - auc[row['second'], row['class']]
        assert np.isclose(row['difference'], expected)


def test_identical_detectors_have_no_difference():
    normal, anomalous = samples(9)
    scores = {n: {'normal': normal, 'odd': anomalous} for n in ('a', 'b')}
    table = compare_auc(scores, normal_class='normal')
    assert table['difference'].tolist() == [0.0]
    assert table['p_value'].tolist() == [1.0]


def test_precision_at_k_averages_over_ties():
    normal = np.arange(99.0)
    assert precision_at_k(normal, [200.0], top_fraction=0.01) == 1.0
    assert precision_at_k(normal, [200.0], top_fraction=0.02) == 0.5
    assert precision_at_k(normal, [-1.0], top_fraction=0.5) == 0.0
    # Four objects share the highest score, one of them an anomaly; and k is 2.
    assert np.isclose(precision_at_k([9, 9, 9, 1, 1], [9], top_fraction=0.3), 0.25)
    assert precision_at_k(np.zeros(90), np.zeros(10), top_fraction=0.01) == 0.1


def test_ranking_metrics_have_a_row_for_each_detector_and_class():
    normal, anomalous = samples(10)
    scores = {
        'a': {'normal': normal, 'odd': anomalous, 'odder': anomalous + 2},
        'decides': {'normal': normal > 1, 'odd': anomalous > 1, 'odder': anomalous > -1},
    }
    table = ranking_metrics(scores, normal_class='normal', top_fraction=0.05)
    assert table['class'].tolist() == ['odd', 'odder'] * 2
    assert table['k'].tolist() == [21] * 4
    assert table['auc'][1] > table['auc'][0]
    decided = (np.mean(anomalous > 1) + 1 - np.mean(normal > 1)) / 2
    assert np.isclose(table['auc'][2], decided)
    assert table.meta['normal_class'] == 'normal'


def test_objects_without_a_score_rank_lowest():
    normal, anomalous = samples(11)
    lost = anomalous.copy()
    lost[:60] = np.nan
    table = ranking_metrics({'a': {'normal': normal, 'odd': lost}}, normal_class='normal')
    lowest = np.where(np.isnan(lost), -1e9, lost)
    assert table['n_not_scored'].tolist() == [60]
    assert np.isclose(table['auc'][0], roc_auc(normal, lowest)[0][0])
    assert np.isclose(table['average_precision'][0], average_precision(normal, lowest))
    nothing = np.full(5, np.nan)
    assert roc_auc(nothing, nothing)[0][0] == 0.5


def test_too_few_objects_have_no_error_or_no_auc():
    auc, covariance = roc_auc([1.0, 2.0], [3.0])
    assert auc[0] == 1.0
    assert np.isnan(covariance).all()
    masks = {'normal': np.array([True, True]), 'none': np.array([False, False])}
    table = ranking_metrics({'a': [1.0, 2.0]}, masks, normal_class='normal')
    assert table['n'].tolist() == [0]
    assert np.isnan([table[n][0] for n in ('auc', 'auc_err', 'average_precision')]).all()
    compared = compare_auc({'a': [1.0, 2.0], 'b': [2.0, 1.0]}, masks, normal_class='normal')
    assert np.isnan(compared['p_value']).all()


def test_perfect_ranking_has_an_auc_of_1():
    auc, covariance = roc_auc([1.0, 2.0, 3.0], [4.0, 5.0])
    assert auc[0] == 1.0
    assert covariance[0, 0] == 0.0
    scores = {'a': [1.0, 2.0, 4.0, 5.0], 'b': [2.0, 1.0, 5.0, 4.0], 'c': [5.0, 4.0, 2.0, 1.0]}
    table = compare_auc(scores, [0, 0, 1, 1], normal_class='0')
    assert table['p_value'].tolist() == [1.0, 0.0, 0.0]


def test_bad_input_is_refused():
    with pytest.raises(
        ValueError, match=r"`normal_class` must be one of at least two classes; got 'z'"
    ):
        ranking_metrics({'a': [1.0, 2.0]}, ['x', 'y'], normal_class='z')
    with pytest.raises(ValueError, match='at least two classes'):
        ranking_metrics({'a': [1.0, 2.0]}, ['x', 'x'], normal_class='x')
    with pytest.raises(ValueError, match='`top_fraction` must be above 0'):
        ranking_metrics({'a': [1.0, 2.0]}, ['x', 'y'], normal_class='x', top_fraction=0)
    with pytest.raises(ValueError, match='at least two detectors'):
        compare_auc({'a': [1.0, 2.0]}, ['x', 'y'], normal_class='x')
    with pytest.raises(ValueError, match='at least one score'):
        roc_curve([], [1.0])


def tables(order):
    """Scores of the same objects by two detectors, the second in the given order."""
    random = np.random.default_rng(3)
    ids = np.array([f'galaxy {k}' for k in range(40)])
    scores = random.normal(size=(2, 40))
    return {
        'a': QTable({'id': ids, 'score': scores[0]}),
        'b': QTable({'id': ids, 'score': scores[1]})[order],
    }


@pytest.mark.parametrize('compare', [compare_auc, ranking_metrics])
def test_tables_in_another_order_are_refused(compare):
    """Scores sorted by rank would be matched with the classes of other objects."""
    classes = np.repeat(['normal', 'merger'], 20)
    assert len(compare(tables(np.arange(40)), classes, normal_class='normal'))
    with pytest.raises(ValueError, match=r"of 'b' has the same ids in another order .*'a'"):
        compare(tables(np.arange(40)[::-1]), classes, normal_class='normal')
    with pytest.raises(ValueError, match='numbers'):
        compare(tables(np.arange(39)), classes, normal_class='normal')
    other = tables(np.arange(40))
    other['b']['id'][3] = 'star 3'
    with pytest.raises(ValueError, match=r'has other ids .* row 3 \(star 3 and galaxy 3\)'):
        compare(other, classes, normal_class='normal')


def test_tables_by_class_in_another_order_are_refused():
    both = tables(np.arange(40)[::-1])
    scores = {name: {'normal': table, 'merger': table} for name, table in both.items()}
    with pytest.raises(ValueError, match='the same ids in another order'):
        compare_auc(scores, normal_class='normal')


def test_tables_and_arrays_can_be_mixed():
    some = tables(np.arange(40)[::-1])
    some['a'] = np.asarray(some['a']['score'])
    classes = np.repeat(['normal', 'merger'], 20)
    assert len(compare_auc(some, classes, normal_class='normal')) == 1


def test_masked_scores_rank_lowest():
    """The conversion to float must not drop the mask."""
    masked = np.ma.array([9.0, 2.0, 3.0], mask=[True, False, False])
    auc, _ = roc_auc([1.0, 2.5], masked)
    assert auc == roc_auc([1.0, 2.5], [np.nan, 2.0, 3.0])[0]


@pytest.mark.parametrize(
    'scores',
    [
        None,
        'abc',
        np.ones(3) * 1j,
        np.array(['a', 'b']),
        np.array([{}, 1], dtype=object),
        [[1], [1, 2]],
    ],
)
@pytest.mark.parametrize('measure', [roc_auc, roc_curve, average_precision, precision_at_k])
def test_values_that_are_not_scores_are_refused(measure, scores):
    with pytest.raises(ValueError, match='must be one '):
        measure([1.0, 2.0], scores)
    with pytest.raises(ValueError, match='must be one '):
        measure(scores, [1.0, 2.0])


def test_different_numbers_of_detectors_are_refused():
    with pytest.raises(ValueError, match='of the same number of detectors; got 2 and 3'):
        roc_auc(np.ones((2, 4)), np.ones((3, 4)))
