import numpy as np
import pytest
from scipy.stats import mannwhitneyu

pytest.importorskip('sklearn')

from benchmarks.detectors.judgment import (
    area_with_error,
    matched_area,
    precision_at,
    propensity,
    shares_above,
)

NORMAL, ANOMALOUS = np.arange(1000), np.arange(1000, 1400)


@pytest.fixture(scope='module')
def confounded():
    """A score that follows a confound, of which anomalies have more, and nothing else."""
    rng = np.random.default_rng(1)
    confound = rng.normal(size=1400)
    confound[ANOMALOUS] += 1.5
    return confound, confound + 0.1 * rng.normal(size=1400)


def test_area_is_that_of_mann_and_whitney(confounded):
    score = confounded[1]
    area, error = area_with_error(score, NORMAL, ANOMALOUS)
    expected = mannwhitneyu(score[ANOMALOUS], score[NORMAL]).statistic / (400 * 1000)
    assert area == pytest.approx(expected, rel=1e-12)
    assert 0.005 < error < 0.02


def test_matching_removes_what_the_confound_alone_tells(confounded):
    confound, score = confounded
    plain = area_with_error(score, NORMAL, ANOMALOUS)[0]
    matched, error = matched_area(score, NORMAL, ANOMALOUS, confound)
    assert plain > 0.83
    assert matched < 0.62
    assert 0.01 < error < 0.05


def test_matching_leaves_what_has_nothing_to_do_with_the_confound(confounded):
    rng = np.random.default_rng(2)
    score = rng.normal(size=1400)
    score[ANOMALOUS] += 1
    plain = area_with_error(score, NORMAL, ANOMALOUS)[0]
    matched, error = matched_area(score, NORMAL, ANOMALOUS, confounded[0])
    assert matched == pytest.approx(plain, abs=3 * error)


def test_strata_of_few_normals_do_not_count():
    by = np.r_[np.zeros(1000), np.ones(400)]
    assert np.isnan(matched_area(by, NORMAL, ANOMALOUS, by)[0])


def test_propensity_orders_as_the_only_confound_does(confounded):
    noise = np.random.default_rng(3).normal(size=1400)
    odds = propensity({'size': confounded[0], 'noise': noise}, NORMAL, ANOMALOUS)
    assert np.corrcoef(odds, confounded[0])[0, 1] > 0.9


def test_precision_of_a_perfect_and_of_no_score():
    score = np.r_[np.zeros(1000), np.ones(400)]
    assert precision_at(score, NORMAL, ANOMALOUS, 0.01) == pytest.approx((1, 1))
    blind = precision_at(np.zeros(1400), NORMAL, ANOMALOUS, 0.01)
    assert blind == pytest.approx((0.01, 0))


def test_precision_at_a_prevalence_by_hand():
    # Nine in ten anomalies are above all normals but one in a thousand, which is above all.
    score = np.r_[3.0, np.zeros(999), np.full(360, 2.0), np.full(40, -1.0)]
    # At 1:100 there are 9900 normals: the first of 1000 stands for 9.9 of the 100 listed.
    precision = precision_at(score, NORMAL, ANOMALOUS, 0.01)[1]
    assert precision == pytest.approx(0.90, abs=0.002)


def test_shares_above_thresholds_that_hold():
    held_out = np.arange(1.0, 100.0)
    score = np.array([90.0, 91.0, 10.0, 95.5])
    shares = shares_above(score, {'all': np.arange(4), 'low': np.array([2])}, held_out, (90, 95))
    assert shares == {'all': {90: 50, 95: 25}, 'low': {90: 0, 95: 0}}
