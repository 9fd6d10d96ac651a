import subprocess
import sys

import numpy as np
import pytest
from astropy.stats import binom_conf_interval
from astropy.table import MaskedColumn, QTable, Table
from scipy.stats import norm

from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.evaluate import detection_rates, pivot_rates

HUNDRED = np.arange(1.0, 101.0)


def test_rates_are_counts_above_the_thresholds_of_the_normals():
    scores = {'a': [84.0, 86.5, 91.5, 91.0, 96.0, 200.0]}
    rates = detection_rates(scores, normal_scores={'a': HUNDRED})
    thresholds = Calibration(HUNDRED).thresholds()
    assert rates['threshold'].tolist() == [thresholds[level] for level in (85, 90, 95)]
    assert rates['n_detected'].tolist() == [5, 3, 1]
    assert rates['n'].tolist() == [6, 6, 6]
    assert np.allclose(rates['rate'], [5 / 6, 3 / 6, 1 / 6])
    low, high = binom_conf_interval([5, 3, 1], 6, interval='wilson')
    assert np.allclose(rates['rate_low'], low, rtol=1e-4)
    assert np.allclose(rates['rate_high'], high, rtol=1e-4)


def test_a_score_at_the_threshold_is_not_above_it():
    threshold = Calibration(HUNDRED).thresholds([90])[90]
    rates = detection_rates({'a': [threshold]}, normal_scores={'a': HUNDRED}, percentiles=[90])
    assert rates['n_detected'].tolist() == [0]


def test_false_positive_rates_follow_the_percentiles():
    random = np.random.default_rng(1)
    sets = {'normal': random.normal(size=20_000), 'shifted': random.normal(1, 1, 20_000)}
    rates = detection_rates({'a': sets}, normal_scores={'a': random.normal(size=20_000)})
    expected = np.array([0.15, 0.10, 0.05])
    assert np.allclose(rates['rate'][rates['class'] == 'normal'], expected, atol=0.01)
    power = norm.sf(norm.isf(expected) - 1)
    assert np.allclose(rates['rate'][rates['class'] == 'shifted'], power, atol=0.015)


def test_intervals_cover_the_true_rate():
    random = np.random.default_rng(2)
    found = random.binomial(50, 0.3, 2000)
    inside = []
    for k in found[:200]:
        decided = np.arange(50) < k
        rates = detection_rates({'a': decided}, normal_scores={}, confidence=0.9)
        inside.append(rates['rate_low'][0] <= 0.3 <= rates['rate_high'][0])
    assert 0.83 < np.mean(inside) < 0.97


def test_classes_are_labels_or_masks_that_may_overlap():
    scores = {'a': np.array([0.0, 1.0, 0.0, 1.0]) > 0}
    by_label = detection_rates(scores, ['x', 'y', 'x', 'x'], normal_scores={})
    assert by_label['class'].tolist() == ['x', 'y']
    assert by_label['n'].tolist() == [3, 1]
    masks = {'all': np.ones(4, bool), 'last': np.array([False, False, False, True])}
    by_mask = detection_rates(scores, masks, normal_scores={})
    assert by_mask['rate'].tolist() == [0.5, 1.0]


def test_normals_may_be_a_class_a_calibration_or_a_table():
    scores = {'a': np.concatenate([HUNDRED, [95.5]])}
    classes = ['held-out'] * 100 + ['odd']
    from_class = detection_rates(scores, classes, normal_scores='held-out')
    for normals in (Calibration(HUNDRED), Table({'score': HUNDRED}), QTable({'score': HUNDRED})):
        given = detection_rates(scores, classes, normal_scores={'a': normals})
        assert given['rate'].tolist() == from_class['rate'].tolist()
        assert given['threshold'].tolist() == from_class['threshold'].tolist()


def test_objects_without_a_score_are_not_detected():
    masked = Table({'score': MaskedColumn([200.0, 200.0, 1.0], mask=[False, True, False])})
    for scores in ([200.0, np.nan, 1.0], masked):
        rates = detection_rates({'a': scores}, normal_scores={'a': HUNDRED}, percentiles=[90])
        assert rates['n'].tolist() == [3]
        assert rates['n_not_scored'].tolist() == [1]
        assert rates['n_detected'].tolist() == [1]


def test_normals_without_a_score_do_not_change_the_threshold():
    with_nan = np.append(HUNDRED, [np.nan] * 50)
    rates = detection_rates({'a': [95.5]}, normal_scores={'a': with_nan}, percentiles=[95])
    assert rates['threshold'].tolist() == [96.0]


def test_class_without_members_has_a_row_of_nan():
    masks = {'some': np.ones(2, bool), 'none': np.zeros(2, bool)}
    rates = detection_rates(
        {'a': [1.0, 2.0]}, masks, normal_scores={'a': HUNDRED}, percentiles=[90]
    )
    assert rates['n'].tolist() == [2, 0]
    empty = rates[1]
    assert np.isnan([empty['rate'], empty['rate_low'], empty['rate_high']]).all()
    assert pivot_rates(rates, normal_classes='some')['n'].tolist() == [2, 0]


def test_pivoted_rates_are_percentages_of_correct_classifications():
    scores = {
        'wgan': {'isolated': HUNDRED, 'mergers': HUNDRED + 50},
        'k-means': {'isolated': np.arange(100) < 1, 'mergers': np.arange(100) < 74},
    }
    rates = detection_rates(scores, normal_scores={'wgan': HUNDRED})
    table = pivot_rates(rates, normal_classes='isolated')
    assert table.colnames == ['class', 'n', 'wgan 85', 'wgan 90', 'wgan 95', 'k-means']
    assert np.allclose(list(table[0])[2:], [86, 91, 96, 99])
    assert np.allclose(list(table[1])[2:], [64, 59, 54, 74])
    assert '64' in str(table)
    assert table.meta['percentiles'] == [85, 90, 95]


@pytest.mark.parametrize(
    ('arguments', 'options', 'message'),
    [
        (([1.0, 2.0],), {}, '`scores` must be a mapping'),
        (({},), {}, '`scores` must be a mapping'),
        (
            ({'a': [1.0, 2.0], 'b': [1.0]},),
            {},
            r"same objects; got these numbers of scores: {'a': 2, 'b': 1}",
        ),
        (({'a': [[1.0]]},), {}, "`scores` of 'a' must be one number per object"),
        (({'a': ['high']},), {}, "`scores` of 'a' must be one number"),
        (({'a': Table({'rank': [1]})},), {}, 'must have a column `score`'),
        (({'a': [1.0, 2.0]}, ['x']), {}, '2 labels, one per object'),
        (({'a': [1.0, 2.0]}, {}), {}, '`classes` must hold at least one class'),
        (({'a': [1.0, 2.0]}, {'x': [0, 1]}), {}, "arrays of bool of length 2; that of 'x'"),
        (({'a': {'x': [1.0]}}, ['x']), {}, 'without `classes`'),
        (({'a': {'x': [1.0]}, 'b': [1.0]},), {}, 'for every detector'),
        (({'a': {'x': [1.0]}, 'b': {'x': [1.0, 2.0]}},), {}, "scores: {'x': 1} and {'x': 2}"),
        (({'a': [1.0]},), {'normal_scores': {}}, r"it lacks \['a'\]"),
        (({'a': [1.0]}, ['x']), {'normal_scores': 'y'}, r"one of the classes \['x'\]; got 'y'"),
        (
            ({'a': [1.0]},),
            {'normal_scores': {'a': []}},
            'scores of held-out normal stamps; got none',
        ),
        (
            ({'a': [1.0]},),
            {'normal_scores': {'a': [np.nan]}},
            'scores of held-out normal stamps; got none',
        ),
    ],
)
def test_inconsistent_input_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        detection_rates(*arguments, **{'normal_scores': {'a': HUNDRED, 'b': HUNDRED}, **options})


def test_unknown_normal_classes_are_refused():
    rates = detection_rates({'a': [True]}, ['x'], normal_scores={})
    with pytest.raises(ValueError, match=r"among the classes \['x'\]; got \['isolated'\]"):
        pivot_rates(rates, normal_classes='isolated')


def test_evaluation_does_not_import_tensorflow():
    code = (
        'import sys, astro_wgan.evaluate as e;'
        'e.ranking_metrics({"a": {"x": [1.0, 2.0], "y": [3.0, 2.0]}}, normal_class="x");'
        'print("tensorflow" in sys.modules)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'False'
