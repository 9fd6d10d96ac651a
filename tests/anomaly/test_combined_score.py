"""The score of a detector with a classifier: a sum of logarithms of probabilities."""

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan.anomaly import BrightnessTrend, ScoringConfig
from astro_wgan.anomaly.calibration.tail_probability import TailProbability
from astro_wgan.anomaly.combined_score import check_tails, with_sum

RESIDUALS = ('smoothed_residual', 'rotation_residual', 'peak_residual')


def measurements(n, *, seed, classified=True, color=False):
    rng = np.random.default_rng(seed)
    flux = rng.lognormal(size=n)
    table = QTable({'closest_flux': flux})
    for name in (*RESIDUALS, *(('color_residual',) if color else ())):
        table[name] = np.exp(0.3 * np.arcsinh(flux) + 0.2 * rng.normal(size=n))
    if classified:
        table['injection_log_odds'] = 3 * rng.normal(size=n)
    table['critic_value'] = 5 + rng.normal(size=n)
    return table


@pytest.fixture
def normal():
    return measurements(500, seed=1)


@pytest.fixture
def fresh():
    return measurements(300, seed=2)


def scored(scoring, normal, fresh):
    return scoring.score(fresh, scoring.fit_trends(normal))


def without_classifier(table):
    return table[[name for name in table.colnames if name != 'injection_log_odds']]


def test_it_is_the_weighted_sum_of_its_terms(normal, fresh):
    weights = {'injection_weight': 3.0, 'residual_weight': 1.5, 'absolute_weight': 0.8}
    scoring = ScoringConfig(**weights, critic_weight=0.25)
    residual = [
        scored(scoring, without_classifier(normal), without_classifier(table))
        for table in (normal, fresh)
    ]
    expected = 1.5 * TailProbability().fit(residual[0]).transform(residual[1])
    trend = BrightnessTrend().fit(np.exp(normal['injection_log_odds']), normal['closest_flux'])
    odds = [
        trend.transform(np.exp(table['injection_log_odds']), table['closest_flux'])
        for table in (normal, fresh)
    ]
    expected = expected + 3.0 * TailProbability().fit(odds[0]).transform(odds[1])
    tail = TailProbability().fit(-normal['critic_value'])
    expected = expected + 0.25 * tail.transform(-fresh['critic_value'])
    for name in ('smoothed_residual', 'rotation_residual'):
        tail = TailProbability().fit(np.log(normal[name]))
        expected = expected + 0.4 * tail.transform(np.log(fresh[name]))
    np.testing.assert_allclose(scored(scoring, normal, fresh), expected)


def test_weights_have_no_effect_without_a_classifier(normal, fresh):
    normal, fresh = without_classifier(normal), without_classifier(fresh)
    expected = scored(ScoringConfig(), normal, fresh)
    other = ScoringConfig(injection_weight=7.0, residual_weight=3.0, critic_weight=0.0)
    np.testing.assert_array_equal(scored(other, normal, fresh), expected)
    assert set(other.fit_trends(normal)) == {*RESIDUALS}


@pytest.mark.parametrize('scoring', [ScoringConfig.paper(), ScoringConfig(by_brightness=False)])
def test_the_statistic_itself_does_not_change(scoring, normal, fresh):
    fresh['paper_score'] = np.arange(300.0)
    assert scoring.fit_trends(normal) == {}
    np.testing.assert_array_equal(scoring.score(fresh, {}), fresh[scoring.statistic])
    assert scoring.contributions(fresh, {}) == {}


def test_the_residuals_alone_rank_as_without_a_classifier(normal, fresh):
    weights = {'injection_weight': 0.0, 'absolute_weight': 0.0, 'critic_weight': 0.0}
    scoring = ScoringConfig(**weights, residual_weight=1.0)
    found = scored(scoring, normal, fresh)
    plain = scored(scoring, without_classifier(normal), without_classifier(fresh))
    above = found > 0  # none of the others is strange
    assert above.sum() > 250
    assert (plain[~above] < plain[above].min()).all()
    np.testing.assert_array_equal(np.argsort(found[above]), np.argsort(plain[above]))


@pytest.mark.parametrize(
    ('name', 'values'),
    [
        ('injection_log_odds', [0.0, 2.0, 9.0, 40.0, 500.0]),
        ('critic_value', [5.0, 3.0, 0.0, -50.0, -500.0]),
        ('smoothed_residual', [1.0, 2.0, 4.0, 16.0, 64.0]),
        ('rotation_residual', [3.0, 4.0, 16.0, 64.0, 1e6]),
    ],
)
def test_it_rises_with_each_term(normal, fresh, name, values):
    fresh = fresh[[0] * len(values)]
    fresh[name] = values
    assert (np.diff(scored(ScoringConfig(), normal, fresh)) > 0).all()


def test_a_high_value_of_the_critic_is_not_strange(normal, fresh):
    fresh = fresh[[0, 0]]
    fresh['critic_value'] = [8.5, 1e6]
    assert np.ptp(scored(ScoringConfig(), normal, fresh)) == 0


def test_terms_that_are_nan_contribute_nothing_but_the_residual(normal, fresh):
    fresh = fresh[[0, 0, 0]]
    fresh['injection_log_odds'][1] = np.nan
    fresh['smoothed_residual'][2] = np.nan
    found = scored(ScoringConfig(), normal, fresh)
    alone = scored(ScoringConfig(injection_weight=0.0), normal, fresh)
    assert found[1] == pytest.approx(alone[1])
    assert found[0] > found[1]
    assert np.isnan(found).tolist() == [False, False, True]


def test_a_term_that_is_nan_in_all_normals_is_left_out(normal, fresh):
    normal['critic_value'] = np.nan
    expected = scored(ScoringConfig(critic_weight=0.0), normal, fresh)
    np.testing.assert_array_equal(scored(ScoringConfig(), normal, fresh), expected)


def test_an_infinite_residual_has_an_infinite_score_unless_it_has_no_weight(normal, fresh):
    fresh['peak_residual'][0] = np.inf
    assert scored(ScoringConfig(), normal, fresh)[0] == np.inf
    found = ScoringConfig().contributions(fresh, ScoringConfig().fit_trends(normal))
    assert found['score_peak_residual'][0] == np.inf
    assert sum(found.values())[0] == np.inf
    assert np.isfinite(scored(ScoringConfig(residual_weight=0.0), normal, fresh)).all()


def test_terms_of_incomplete_stamps_are_less_reliable(normal, fresh):
    fresh = fresh[[0, 0, 0]]
    fresh['injection_log_odds'] = 20.0
    fresh['used_fraction'] = [1.0, 1 / 3, 0.0]
    found = ScoringConfig().contributions(fresh, ScoringConfig().fit_trends(normal))
    for name in ('score_injection', 'score_critic'):
        assert found[name] == pytest.approx(found[name][0] * np.array([1, 0.75, 0]))


@pytest.mark.parametrize('classified', [True, False])
@pytest.mark.parametrize('color', [True, False])
@pytest.mark.parametrize('statistic', ['smoothed_residual', 'residual_loss'])
def test_contributions_add_up_to_the_score(classified, color, statistic):
    normal, fresh = (
        measurements(400, seed=seed, classified=classified, color=color) for seed in (1, 2)
    )
    for table in (normal, fresh):
        table['residual_loss'] = table['smoothed_residual']
    fresh[statistic][3] = np.nan
    fresh['rotation_residual'][5:20] *= 5
    scoring = ScoringConfig(statistic)
    trends = scoring.fit_trends(normal)
    score, found = scoring.score(fresh, trends), scoring.contributions(fresh, trends)
    np.testing.assert_allclose(sum(found.values()), score, rtol=1e-12, atol=1e-12)
    assert np.isnan([part[3] for part in found.values()]).all()
    expected = [f'score_{statistic}', 'score_rotation_residual', 'score_peak_residual']
    expected += ['score_color_residual'] if color else []
    expected += ['score_injection', 'score_critic'] if classified else []
    assert list(found) == expected
    assert (found['score_rotation_residual'][5:20] > 0.5).all()


def test_residual_terms_are_shares_in_proportion_to_their_positive_parts(normal, fresh):
    fresh['rotation_residual'][:50] *= 5
    scoring = ScoringConfig(absolute_weight=0.0)
    plain = scoring.contributions(
        without_classifier(fresh), scoring.fit_trends(without_classifier(normal))
    )
    found = scoring.contributions(fresh, scoring.fit_trends(normal))
    positive = {name: np.maximum(part, 0) for name, part in plain.items()}
    whole, total = sum(found[name] for name in plain), sum(positive.values())
    some = total > 0
    assert 50 < some.sum() < 300
    for name, part in positive.items():
        np.testing.assert_allclose(found[name][some], (whole * part)[some] / total[some])
    np.testing.assert_array_equal(found['score_smoothed_residual'][~some], whole[~some])


def test_residuals_among_all_normals_are_added_to_the_parts_of_these_residuals(normal, fresh):
    weights = {'injection_weight': 0.0, 'residual_weight': 0.0, 'critic_weight': 0.0}
    scoring = ScoringConfig(**weights, absolute_weight=3.0)
    found = scoring.contributions(fresh, scoring.fit_trends(normal))
    for name in ('smoothed_residual', 'rotation_residual'):
        tail = TailProbability().fit(np.log(normal[name]))
        np.testing.assert_allclose(
            found[f'score_{name}'], 1.5 * tail.transform(np.log(fresh[name]))
        )
    assert not found['score_peak_residual'].any()


def test_contributions_take_another_sum():
    parts = {
        'a': np.array([1.0, -1.0, 0.0, 2.0, np.nan, 0.0]),
        'b': np.array([3.0, 3.0, 0.0, 2.0, np.nan, 2.0]),
    }
    found = with_sum(parts, np.array([8.0, 1.0, 2.0, 4.0, np.nan, np.inf]))
    np.testing.assert_array_equal(found['a'], [2.0, -2.0, 2.0, 2.0, np.nan, np.inf])
    np.testing.assert_array_equal(found['b'], [6.0, 3.0, 0.0, 2.0, np.nan, 2.0])


def test_tails_belong_to_a_classifier(normal):
    scoring = ScoringConfig()
    tails, plain = scoring.fit_trends(normal), scoring.fit_trends(without_classifier(normal))
    check_tails(scoring, tails, has_classifier=True)
    check_tails(scoring, plain, has_classifier=False)
    check_tails(ScoringConfig.paper(), {}, has_classifier=True)
    with pytest.raises(
        ValueError, match=r'must have residual, injection, injection_log_odds; .*lack'
    ):
        check_tails(scoring, plain, has_classifier=True)
    with pytest.raises(ValueError, match='have tail probabilities, but there is no classifier'):
        check_tails(scoring, tails, has_classifier=False)
