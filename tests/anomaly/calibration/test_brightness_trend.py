"""Dependence of scores of normals on brightness."""

import re

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from astro_wgan.anomaly import BrightnessTrend
from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.exceptions import NotFittedError
from astro_wgan.jobs import digest_settings


def normals(n, *, seed):
    """Scores that rise with brightness and scatter more for the bright."""
    rng = np.random.default_rng(seed)
    flux = rng.lognormal(sigma=1.2, size=n)
    x = np.arcsinh(flux)
    return np.exp(0.4 * x + 0.05 * x**2 + (0.05 + 0.1 * x) * rng.normal(size=n)), flux


def test_false_positive_rate_is_independent_of_brightness():
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


def test_scatter_below_the_trend_is_ignored():
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


def test_deviation_is_that_of_the_distribution_of_normals():
    trend = BrightnessTrend().fit(*normals(5000, seed=5))
    sigma = trend.transform(*normals(5000, seed=6))
    assert ks_2samp(sigma, np.random.default_rng(7).normal(size=5000)).statistic < 0.04


@pytest.mark.parametrize('flux_of_it', [1e6, 1e12, 1e40, -1e40])
@pytest.mark.parametrize('score_of_it', [0.01, 1.0, 1e30])
def test_extreme_fluxes_do_not_affect_the_trend(flux_of_it, score_of_it):
    score, flux = normals(60, seed=3)
    clean = BrightnessTrend().fit(score, flux)
    expected = clean.transform(score, flux)
    found = BrightnessTrend().fit([*score, score_of_it], [*flux, flux_of_it])
    assert np.allclose(found.transform(score, flux), expected, atol=0.3)
    assert np.isfinite(found.transform([score_of_it], [flux_of_it])).all()


def test_anomalies_among_the_normals_hardly_affect_the_trend():
    score, flux = normals(1000, seed=8)
    clean = BrightnessTrend().fit(score, flux).transform(score, flux)
    spoilt = score.copy()
    spoilt[::20] *= 5
    found = BrightnessTrend().fit(spoilt, flux).transform(score, flux)
    np.testing.assert_allclose(found, clean, atol=0.25)


def test_trend_is_constant_beyond_the_range_of_the_normals():
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


def test_trend_is_restored_from_plain_values():
    score, flux = normals(200, seed=13)
    trend = BrightnessTrend().fit(score, flux)
    again = BrightnessTrend.from_dict(trend.to_dict())
    np.testing.assert_array_equal(again.transform(score, flux), trend.transform(score, flux))


def test_a_trend_that_is_not_fitted_says_so():
    assert repr(BrightnessTrend()) == '<BrightnessTrend: not fitted>'
    with pytest.raises(NotFittedError, match='call `fit`'):
        BrightnessTrend().transform([1.0], [1.0])


def test_digests_of_trends_depend_on_what_was_learned():
    trend = BrightnessTrend().fit(*normals(200, seed=13))
    assert re.fullmatch(r'<BrightnessTrend: degrees \(2, 1\), flux scale .*>', repr(trend))
    before = digest_settings({'trend': trend})
    trend.min_scatter_ *= 2
    assert digest_settings({'trend': trend}) != before
