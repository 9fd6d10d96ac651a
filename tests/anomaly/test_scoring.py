"""Which number ranks the stamps, and what normals it is measured against."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from scipy.stats import ks_2samp, kstest

from astro_wgan.anomaly import BrightnessTrend, ScoringConfig
from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.anomaly.residuals import measure_residuals


def normals(n, *, seed):
    """Scores that rise with brightness and scatter more for the bright."""
    rng = np.random.default_rng(seed)
    flux = rng.lognormal(sigma=1.2, size=n)
    x = np.arcsinh(flux)
    return np.exp(0.4 * x + 0.05 * x**2 + (0.05 + 0.1 * x) * rng.normal(size=n)), flux


def test_false_positives_are_as_many_at_each_brightness():
    """Those of a single threshold are not."""
    score, flux = normals(4000, seed=1)
    trend = BrightnessTrend().fit(score, flux)
    fresh_score, fresh_flux = normals(20000, seed=2)
    quarter = np.digitize(fresh_flux, np.quantile(fresh_flux, [0.25, 0.5, 0.75]))
    rates = {}
    for name, known, fresh in (
        ('plain', score, fresh_score),
        ('by brightness', trend.transform(score, flux), trend.transform(fresh_score, fresh_flux)),
    ):
        above = fresh > Calibration(known).thresholds()[90]
        rates[name] = [above[quarter == k].mean() for k in range(4)]
    np.testing.assert_allclose(rates['by brightness'], 0.1, atol=0.02)
    assert min(rates['plain']) < 0.001
    assert max(rates['plain']) > 0.3


def test_scatter_below_the_trend_does_not_count():
    """The fainter, the farther normals lie below the trend; above it all scatter alike."""
    rng = np.random.default_rng(20)
    x = rng.uniform(size=40000)
    deviation = rng.normal(size=x.size)
    deviation *= np.where(deviation > 0, 0.1, 0.05 + 0.25 * (1 - x))
    flux = np.sinh(1 + x)
    known, fresh = slice(0, 20000), slice(20000, None)
    trend = BrightnessTrend().fit(np.exp(deviation[known]), flux[known])
    sigma = trend.transform(np.exp(deviation), flux)
    above = sigma[fresh] > np.quantile(sigma[known], 0.9)
    rates = [above[np.digitize(x[fresh], [0.25, 0.5, 0.75]) == k].mean() for k in range(4)]
    np.testing.assert_allclose(rates, 0.1, atol=0.02)


def test_p_values_of_fresh_normals_are_uniform():
    score, flux = normals(1000, seed=3)
    trend = BrightnessTrend().fit(score, flux)
    calibration = Calibration(trend.transform(score, flux))
    p_values = calibration.p_values(trend.transform(*normals(1000, seed=4)))
    assert kstest(p_values, 'uniform').pvalue > 0.01


def test_sigma_is_that_of_the_law_that_normals_follow():
    trend = BrightnessTrend().fit(*normals(5000, seed=5))
    sigma = trend.transform(*normals(5000, seed=6))
    assert ks_2samp(sigma, np.random.default_rng(7).normal(size=5000)).statistic < 0.04


@pytest.mark.parametrize('flux_of_it', [1e6, 1e12, 1e40, -1e40])
@pytest.mark.parametrize('score_of_it', [0.01, 1.0, 1e30])
def test_a_flux_that_is_none_does_not_bend_the_trend(flux_of_it, score_of_it):
    score, flux = normals(60, seed=3)
    clean = BrightnessTrend().fit(score, flux)
    expected = clean.transform(score, flux)
    found = BrightnessTrend().fit([*score, score_of_it], [*flux, flux_of_it])
    assert np.allclose(found.transform(score, flux), expected, atol=0.3)
    assert np.isfinite(found.transform([score_of_it], [flux_of_it])).all()


def test_strange_ones_among_the_normals_hardly_move_the_trend():
    score, flux = normals(1000, seed=8)
    clean = BrightnessTrend().fit(score, flux).transform(score, flux)
    spoilt = score.copy()
    spoilt[::20] *= 5
    found = BrightnessTrend().fit(spoilt, flux).transform(score, flux)
    np.testing.assert_allclose(found, clean, atol=0.25)


def test_beyond_the_known_brightnesses_nothing_is_extrapolated():
    trend = BrightnessTrend().fit(*normals(500, seed=9))
    brightest = normals(500, seed=9)[1].max()
    ends, beyond = trend.transform([3, 3], [brightest, 1e9])
    assert beyond == pytest.approx(ends)


@pytest.mark.parametrize('n', [1, 2, 29, 30, 99, 100, 999, 1000])
def test_few_normals_make_a_simpler_trend(n):
    score, flux = normals(n, seed=10)
    trend = BrightnessTrend().fit(score, flux)
    assert np.isfinite(trend.transform(score, flux)).all()
    assert len(trend.mean_coefficients_) == 1 + (n >= 30) + (n >= 100) + 2 * (n >= 1000)
    assert len(trend.scatter_coefficients_) == 1 + (n >= 30) + (n >= 1000)


def test_normals_of_one_brightness_have_no_trend():
    score = normals(200, seed=11)[0]
    sigma = BrightnessTrend().fit(score, np.ones(200)).transform(score, np.ones(200))
    np.testing.assert_array_equal(np.argsort(sigma), np.argsort(score))


def test_rows_without_a_score_are_left_out():
    score, flux = normals(200, seed=12)
    holed = np.append(score, [np.nan, np.inf, 1.0]), np.append(flux, [1.0, 1.0, np.nan])
    trend = BrightnessTrend().fit(*holed)
    known = BrightnessTrend().fit(score, flux)
    np.testing.assert_allclose(trend.transform(score, flux), known.transform(score, flux))
    sigma = trend.transform(*holed)
    assert np.isnan(sigma[[200, 202]]).all()
    assert sigma[201] == np.inf
    with pytest.raises(ValueError, match='needs scores of held-out normal stamps; got none'):
        BrightnessTrend().fit([np.nan], [1.0])


def test_trend_goes_through_plain_values():
    score, flux = normals(200, seed=13)
    trend = BrightnessTrend().fit(score, flux)
    again = BrightnessTrend.from_dict(trend.to_dict())
    np.testing.assert_array_equal(again.transform(score, flux), trend.transform(score, flux))


def misfit_of_normals(n, *, seed):
    table = QTable({'closest_flux': normals(n, seed=seed)[1] * u.nJy})
    table['smoothed_residual'] = normals(n, seed=seed)[0]
    for k, name in enumerate(('rotation_residual', 'peak_residual')):
        scatter = np.random.default_rng(seed + 100 + k).normal(size=n)
        table[name] = np.exp(0.2 * scatter)
    return table


def added(excess):
    """Nothing, a square, and the tangent of the square at 1.5."""
    return np.select([excess < 0, excess < 1.5], [0, excess**2], 3 * excess - 2.25)


def test_what_lies_beyond_its_margin_is_added_as_its_square():
    normal, fresh = misfit_of_normals(1000, seed=14), misfit_of_normals(1000, seed=15)
    sigma = {}
    for name in ('smoothed_residual', 'rotation_residual', 'peak_residual'):
        trend = BrightnessTrend().fit(normal[name], normal['closest_flux'].value)
        sigma[name] = trend.transform(fresh[name], fresh['closest_flux'].value)

    def score(**margins):
        scoring = ScoringConfig(**margins)
        return scoring.score(fresh, scoring.fit_trends(normal))

    turned, peak = added(sigma['rotation_residual'] - 0.5), added(sigma['peak_residual'] - 1.5)
    assert min((turned > 0).sum(), (peak > 0).sum(), (turned > 2.25).sum()) > 10
    expected = sigma['smoothed_residual'] + turned + peak
    np.testing.assert_allclose(score(rotation_margin=0.5, peak_margin=1.5), expected)
    np.testing.assert_allclose(score(rotation_margin=0.5, peak_margin=None), expected - peak)
    without = score(rotation_margin=None, peak_margin=None)
    np.testing.assert_allclose(without, sigma['smoothed_residual'])


def test_differences_are_measured_with_the_smoothing_and_reach_of_the_score():
    images, closest = np.random.default_rng(18).normal(size=(2, 3, 16, 16, 1)).astype(np.float32)
    weights = np.ones_like(images)
    windows = (
        (ScoringConfig(), {'smoothing': 1.5, 'rotation_smoothing': 3.5, 'weight_sigma': 0.18}),
        (
            ScoringConfig.paper(),
            {'smoothing': 0.0, 'rotation_smoothing': 0.0, 'weight_sigma': None},
        ),
    )
    for scoring, window in windows:
        found = scoring.measure(images, closest, weights)
        expected = measure_residuals(images, closest, weights, **window)
        for name in ('smoothed_residual', 'rotation_residual', 'peak_residual'):
            np.testing.assert_array_equal(found[name], expected[name])
        parts = scoring.anomaly_map(images - closest, weights).sum(axis=(1, 2, 3))
        np.testing.assert_allclose(parts, found['smoothed_residual'], rtol=1e-6)


def test_a_term_that_cannot_be_told_adds_nothing():
    normal, fresh = misfit_of_normals(200, seed=16), misfit_of_normals(10, seed=17)
    fresh['rotation_residual'][3] = np.nan
    scoring = ScoringConfig(peak_margin=None)
    score = scoring.score(fresh, scoring.fit_trends(normal))
    alone = ScoringConfig(rotation_margin=None, peak_margin=None)
    assert score[3] == alone.score(fresh, alone.fit_trends(normal))[3]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'statistic': 'sum'}, "`statistic` must be one of .*'paper_score'.*got 'sum'"),
        ({'smoothing': -1}, '`smoothing` must not be negative; got -1'),
        ({'rotation_smoothing': -2}, '`rotation_smoothing` must not be negative; got -2'),
        ({'weight_sigma': 0.0}, '`weight_sigma` must be above 0, or None; got 0.0'),
    ],
)
def test_scoring_says_what_it_does_not_know(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScoringConfig(**arguments)


def test_a_margin_is_no_more_than_what_one_normal_in_a_hundred_exceeds():
    """Where the scatter is that of two populations, no normal lies three of it above the trend."""
    normal, fresh = misfit_of_normals(1000, seed=19), misfit_of_normals(200, seed=20)
    peaks = np.random.default_rng(21).choice([1.0, 1.5], size=1000, p=[0.7, 0.3])
    normal['peak_residual'] = peaks * np.random.default_rng(22).lognormal(0, 0.02, size=1000)
    fresh['peak_residual'] = 1.0
    fresh['peak_residual'][7] = 3.0
    scoring = ScoringConfig(rotation_margin=None)
    trends = scoring.fit_trends(normal)
    sigma = trends['peak_residual'].transform(normal['peak_residual'], normal['closest_flux'].value)
    assert sigma.max() < 3
    assert np.mean(sigma > trends['peak_residual'].percentile_99_) == pytest.approx(0.01, abs=0.002)
    found = trends['peak_residual'].transform(fresh['peak_residual'], fresh['closest_flux'].value)
    alone = ScoringConfig(rotation_margin=None, peak_margin=None)
    more = scoring.score(fresh, trends) - alone.score(fresh, alone.fit_trends(normal))
    np.testing.assert_allclose(
        more, added(found - trends['peak_residual'].percentile_99_), atol=1e-12
    )
    assert more[7] > 1
    # A higher one than the margin does not raise it.
    lower = ScoringConfig(rotation_margin=None, peak_margin=0.0)
    assert lower.score(fresh, trends)[7] > scoring.score(fresh, trends)[7]


def test_a_term_that_cannot_be_told_of_any_normal_is_left_out():
    normal, fresh = misfit_of_normals(50, seed=23), misfit_of_normals(10, seed=24)
    normal['rotation_residual'] = np.nan
    scoring, alone = ScoringConfig(), ScoringConfig(rotation_margin=None)
    np.testing.assert_array_equal(
        scoring.score(fresh, scoring.fit_trends(normal)),
        alone.score(fresh, alone.fit_trends(normal)),
    )
