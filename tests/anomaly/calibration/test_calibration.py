import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable
from astropy.utils.masked import Masked
from scipy import stats

from astro_wgan.anomaly import Calibration, ScoringConfig, q_values
from astro_wgan.anomaly.calibration.conformal import conformal_p_values
from astro_wgan.anomaly.calibration.contamination import normal_probabilities

RNG = np.random.default_rng(1)


def test_thresholds_are_order_statistics():
    scores = RNG.permutation(np.arange(1.0, 200.0))
    assert Calibration(scores).thresholds() == {85: 170.0, 90: 180.0, 95: 190.0}


def test_training_thresholds_are_the_papers_percentiles():
    training = RNG.normal(size=1000)
    found = Calibration(RNG.normal(size=10), training).thresholds(reference='training')
    assert found == {level: np.percentile(training, level) for level in (85, 90, 95)}


def test_too_few_normals_give_an_infinite_threshold():
    # With 9 normal images, one in ten new ones is the largest of all: 95 percent is out of reach.
    assert Calibration(np.arange(9.0)).thresholds() == {85: 8.0, 90: 8.0, 95: np.inf}


def test_new_normal_images_exceed_a_threshold_as_often_as_promised():
    rates = []
    for _ in range(300):
        calibration = Calibration(RNG.gamma(2, size=49))
        rates.append(np.mean(RNG.gamma(2, size=200) > calibration.thresholds()[90]))
    # k = 45 of 49: the expected share above is 5 / 50.
    assert np.mean(rates) == pytest.approx(0.1, abs=0.01)


def test_p_values_of_new_normal_images_are_uniform():
    calibration = Calibration(RNG.normal(size=5000))
    p = calibration.p_values(RNG.normal(size=2000))
    assert stats.kstest(p, 'uniform').pvalue > 0.01


def test_p_values_by_counting():
    held_out = RNG.integers(0, 20, size=50).astype(float)
    scores = np.array([-1.0, 3.0, 7.5, 19.0, 100.0])
    expected = [(1 + np.sum(held_out >= s)) / 51 for s in scores]
    np.testing.assert_allclose(Calibration(held_out).p_values(scores), expected)


def test_member_is_compared_with_the_others():
    held_out = np.arange(10.0)
    all_of_them = np.ones(10, bool)
    expected = [(1 + np.sum(np.delete(held_out, k) >= held_out[k])) / 10 for k in range(10)]
    np.testing.assert_allclose(
        Calibration(held_out).p_values(held_out, in_calibration=all_of_them), expected
    )


def test_missing_scores_are_left_out():
    calibration = Calibration([1.0, np.nan, 2.0, -np.inf])
    assert calibration.held_out_scores.tolist() == [1.0, 2.0]
    assert np.isnan(calibration.p_values([np.nan])).all()


def test_infinite_scores_are_the_highest():
    # To leave them out would make the threshold of 95 percent one that 15 percent lie above.
    scores = np.append(np.arange(1.0, 90.0), np.full(10, np.inf))
    calibration = Calibration(scores, scores)
    assert calibration.thresholds((85, 89, 95)) == {85: 85.0, 89: 89.0, 95: np.inf}
    assert calibration.thresholds((50, 95), reference='training') == {50: 50.0, 95: np.inf}
    assert calibration.p_values([100.0, np.inf]).tolist() == [0.11, 0.11]


def test_levels_from_nothing_to_everything():
    calibration = Calibration([1.0, 2.0, 3.0], [4.0, 5.0])
    assert calibration.thresholds((0, 25, 75, 100)) == {0: -np.inf, 25: 1.0, 75: 3.0, 100: np.inf}
    assert calibration.thresholds((0, 100), reference='training') == {0: 4.0, 100: 5.0}


@pytest.mark.parametrize('level', [-1, 100.1, np.nan])
def test_percentiles_out_of_range_are_refused(level):
    with pytest.raises(ValueError, match='`percentiles` must lie between 0 and 100; got'):
        Calibration([1.0]).thresholds([level])


@pytest.mark.parametrize('scores', [[], [np.nan], [-np.inf]])
def test_nothing_to_calibrate_on_is_an_error(scores):
    with pytest.raises(ValueError, match='scores of held-out normal stamps; got none'):
        Calibration(scores)
    with pytest.raises(ValueError, match='scores of training normal stamps; got none'):
        Calibration([1.0], scores)


def test_unknown_or_missing_references_are_refused():
    calibration = Calibration([1.0])
    with pytest.raises(
        ValueError, match="`reference` must be 'held-out' or 'training'; got 'both'"
    ):
        calibration.thresholds(reference='both')
    with pytest.raises(ValueError, match='no scores of training images'):
        calibration.thresholds(reference='training')


def test_dictionary_restores_the_calibration():
    calibration = Calibration(RNG.normal(size=5), RNG.normal(size=3))
    restored = Calibration(**calibration.to_dict())
    np.testing.assert_array_equal(restored.held_out_scores, calibration.held_out_scores)
    np.testing.assert_array_equal(restored.training_scores, calibration.training_scores)


def test_q_values_by_the_step_up_procedure():
    p = RNG.uniform(size=40) ** 3
    p[7] = np.nan
    found = q_values(p)
    assert np.isnan(found[7])
    known = np.delete(p, 7)
    for rate in (0.05, 0.1, 0.3):
        # Benjamini & Hochberg 1995: the largest k with p_(k) <= k rate / n.
        ordered = np.sort(known)
        below = np.flatnonzero(ordered <= rate * np.arange(1, 40) / 39)
        listed = known <= ordered[below[-1]] if len(below) else np.zeros(39, bool)
        np.testing.assert_array_equal(np.delete(found, 7) <= rate, listed)


def test_false_discoveries_are_as_rare_as_promised():
    shares = []
    for _ in range(100):
        calibration = Calibration(RNG.normal(size=1000))
        scores = np.concatenate([RNG.normal(size=200), RNG.normal(6, size=20)])
        listed = q_values(calibration.p_values(scores)) <= 0.2
        shares.append(listed[:200].sum() / max(1, listed.sum()))
    # Expected: at most 0.2 times the share of normals, 200 / 220.
    assert 0.1 < np.mean(shares) < 0.21


def test_no_q_value_without_p_value():
    assert np.isnan(q_values([np.nan, np.nan])).all()
    assert q_values([]).shape == (0,)


def measurements_of(score, flux):
    names = ('smoothed_residual', 'rotation_residual', 'peak_residual')
    table = QTable([*score], names=names)
    table['closest_flux'] = flux
    table['noise_rms'] = 1.0
    table['id'] = np.arange(len(flux))
    return table


def normals(n, rng, *, classified=False):
    """Three measures that rise with brightness and scatter more for the bright."""
    flux = rng.lognormal(sigma=1.2, size=n)
    x = np.arcsinh(flux)
    scatter = rng.normal(size=(3, n)) + rng.exponential(0.5, size=(3, n))
    table = measurements_of(np.exp(0.4 * x + (0.05 + 0.1 * x) * scatter), flux)
    if classified:
        table['injection_log_odds'] = rng.normal(size=n) + 0.5 * scatter[0]
        table['critic_value'] = rng.normal(size=n)
    return table


@pytest.mark.parametrize(
    ('n', 'classified', 'repeats'),
    [(1, False, 100), (2, False, 100), (10, False, 60), (30, False, 40), (100, False, 30)]
    + [(1, True, 20), (10, True, 40), (50, True, 30), (200, True, 20), (1000, True, 8)],
)
def test_p_values_hold_for_few_normals(n, classified, repeats):
    """Over many calibrations, of each a few fresh normals: p <= a for a share a of them at most."""
    rng = np.random.default_rng(n)
    p_values = []
    for _ in range(repeats):
        table = normals(n + 40, rng, classified=classified)
        calibration = Calibration.from_measurements(table[:n], scoring=ScoringConfig())
        p_values.append(calibration.p_values(calibration.score(table[n:])))
    for level in (0.2, 0.1, 0.05, 1 / (n + 1)):
        rates = [np.mean(p <= level + 1e-12) for p in p_values]
        error = np.std(rates) / np.sqrt(len(rates))
        allowed = np.floor(level * (n + 1) + 1e-9) / (n + 1)
        assert np.mean(rates) <= allowed + 3 * error
        if n >= 30 and allowed > 0.04:
            assert np.mean(rates) > 0.6 * allowed


def test_each_held_out_score_is_that_of_trends_that_do_not_know_it():
    table = normals(20, np.random.default_rng(1))
    calibration = Calibration.from_measurements(table, scoring=ScoringConfig())
    for k in (0, 7, 19):
        others = table[np.arange(20) != k]
        scoring = ScoringConfig()
        expected = scoring.score(table[k : k + 1], scoring.fit_trends(others))[0]
        found = calibration.held_out_scores[calibration.ids == k]
        assert found == pytest.approx(expected)


def test_pure_normals_are_not_taken_for_anomalies_where_probabilities_are_added():
    """The sum is skewed, as an exponential distribution, so that its tail looks like anomalies."""
    estimated = []
    for seed in range(5):
        table = normals(400, np.random.default_rng(seed), classified=True)
        options = {'scoring': ScoringConfig(), 'contamination': 'estimate'}
        found = Calibration.from_measurements(table, **options)
        estimated.append((found.contamination, normal_probabilities(found.held_out_scores)[1]))
    assert np.max(estimated, axis=0)[0] < 0.05
    assert np.mean(estimated, axis=0)[1] > 0.07


def test_probabilities_of_members_fall_with_their_score_where_probabilities_are_added():
    table = normals(400, np.random.default_rng(3), classified=True)
    table['injection_log_odds'][:60] += 4
    table['smoothed_residual'][:60] *= 2
    options = {'scoring': ScoringConfig(), 'contamination': 0.15}
    found = Calibration.from_measurements(table, **options)
    assert (np.diff(found.probabilities) <= 0).all()
    assert found.probabilities[-20:].mean() < 0.6 < 0.8 < found.probabilities[:300].mean()


@pytest.mark.parametrize('classified', [False, True])
def test_contributions_of_members_add_up_to_their_cross_fitted_scores(classified):
    table = normals(60, np.random.default_rng(7), classified=classified)
    calibration = Calibration.from_measurements(table, scoring=ScoringConfig())
    in_calibration = np.arange(60) < 30
    scores = calibration.score(table, in_calibration=in_calibration)
    assert (scores[:30] != calibration.score(table)[:30]).all()
    found = calibration.contributions(table, scores)
    np.testing.assert_allclose(sum(found.values()), scores, rtol=1e-9, atol=1e-9)
    plain = calibration.scoring.contributions(table, calibration.trends)
    for name, part in plain.items():
        np.testing.assert_allclose(found[name][30:], part[30:], rtol=1e-12)
    if classified:
        ratio = found['score_injection'][:30] / plain['score_injection'][:30]
        expected = (scores / calibration.score(table))[:30]
        np.testing.assert_allclose(ratio[plain['score_injection'][:30] > 0].min(), expected.min())


def test_a_member_with_a_score_of_another_is_never_beyond_all_chance():
    """No p-value is below that of a score above all others, be it told that it is among them."""
    calibration = Calibration(np.arange(1.0, 11.0))
    assert calibration.p_values([20.0, 10.0], in_calibration=[True, True]).tolist() == [
        1 / 11,
        1 / 10,
    ]


def test_members_have_the_scores_that_they_were_calibrated_with():
    table = normals(200, np.random.default_rng(2))
    calibration = Calibration.from_measurements(table[:100], scoring=ScoringConfig())
    in_calibration = np.arange(200) < 100
    scores = calibration.score(table, in_calibration=in_calibration)
    assert sorted(scores[:100]) == calibration.held_out_scores.tolist()
    np.testing.assert_array_equal(scores[100:], calibration.score(table)[100:])
    # Compared with the others alone, the lowest of a hundred has one of 1.
    assert calibration.p_values(scores, in_calibration=in_calibration)[:100].max() == 1
    with pytest.raises(
        ValueError, match=r'`in_calibration` must be True only .* 1 are not .* the id 150'
    ):
        calibration.score(table, in_calibration=np.arange(200) == 150)


def test_thresholds_and_p_values_agree_where_normals_count_by_a_probability():
    rng = np.random.default_rng(3)
    scores = np.round(rng.normal(size=300), 1)
    probabilities = np.linspace(1, 0, 300)[np.argsort(np.argsort(scores))]
    calibration = Calibration(scores, probabilities=probabilities)
    trial = np.round(rng.normal(size=2000), 1)
    for level, threshold in calibration.thresholds([50, 85, 90, 99]).items():
        allowed = round(1 - level / 100, 9) + 1e-12
        np.testing.assert_array_equal(trial > threshold, calibration.p_values(trial) <= allowed)


@pytest.mark.parametrize(
    'mask', [lambda v, m: Masked(v, mask=m), lambda v, m: np.ma.array(v, mask=m)]
)
def test_masked_scores_are_none(mask):
    masked = mask(np.arange(10.0), np.arange(10) > 5)
    assert Calibration(masked).held_out_scores.tolist() == [0, 1, 2, 3, 4, 5]
    p_values = Calibration(np.arange(10.0)).p_values(masked)
    np.testing.assert_array_equal(np.isnan(p_values), np.arange(10) > 5)


def test_a_probability_for_each_score_is_needed():
    with pytest.raises(ValueError, match='`probabilities` must have one value for each of the 3'):
        Calibration([1.0, 2.0, 3.0], probabilities=[1.0])


@pytest.mark.parametrize('kind', [np.ma.array, Masked, MaskedColumn])
def test_masked_p_values_are_none(kind):
    # The smallest would be first of all.
    p, mask = [0.001, 0.02, 1e-9, 0.9], [False, False, True, False]
    found, right = q_values(kind(p, mask=mask)), stats.false_discovery_control([0.001, 0.02, 0.9])
    assert np.isnan(found[2])
    np.testing.assert_allclose(np.delete(found, 2), right)
    p = conformal_p_values(kind([2.5, 9.0], mask=[False, True]), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(p, [0.5, np.nan])


def test_masked_members_are_none():
    calibration = Calibration(np.arange(1.0, 100.0))
    scores = [50.0, 50.0, 50.0]
    right = calibration.p_values(scores, in_calibration=[True, False, False])
    assert right[0] == pytest.approx(50 / 99)
    assert right[1] == pytest.approx(51 / 100)
    found = calibration.p_values(
        scores, in_calibration=np.ma.array([True, True, False], mask=[False, True, False])
    )
    np.testing.assert_array_equal(found, right)
    with pytest.raises(
        ValueError, match=r'`in_calibration` must have one value for each score, \(3,\)'
    ):
        calibration.p_values(scores, in_calibration=[True])
