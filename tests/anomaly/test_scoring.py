"""Which number ranks the stamps, and what normals it is measured against."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from scipy.ndimage import gaussian_filter
from scipy.stats import ks_2samp, kstest

from astro_wgan.anomaly import BrightnessTrend, Scoring
from astro_wgan.anomaly.calibration import Calibration
from astro_wgan.anomaly.scoring import peak, structure


@pytest.fixture
def residual():
    return np.random.default_rng(1).normal(size=(4, 20, 24, 2)).astype(np.float32)


def test_structure_is_the_mean_absolute_of_the_smoothed_residual(residual):
    found = structure(residual, np.ones_like(residual), smoothing=1.5)
    for k, image in enumerate(residual):
        # Normalised at the borders, where half of the Gaussian lies outside.
        smooth = [gaussian_filter(band, 1.5, mode='reflect') for band in np.moveaxis(image, 2, 0)]
        assert found[k] == pytest.approx(np.abs(smooth).mean(), rel=1e-5)


def test_structure_without_smoothing_is_the_mean_absolute_residual(residual):
    found = structure(residual, np.ones_like(residual), smoothing=0)
    np.testing.assert_allclose(found, np.abs(residual).mean(axis=(1, 2, 3)), rtol=1e-6)


def test_masked_pixels_count_in_no_pixel_around(residual):
    weights = np.ones_like(residual)
    weights[:, 5:9, 7:12] = 0
    spoilt = np.where(weights > 0, residual, 1e6).astype(np.float32)
    found = structure(spoilt, weights, smoothing=1.5)
    np.testing.assert_allclose(found, structure(residual, weights, smoothing=1.5), rtol=1e-5)
    assert (found < 1).all()


def test_structure_of_what_cannot_be_seen_is_nan(residual):
    weights = np.ones_like(residual)
    weights[2] = 0
    found = structure(residual, weights, smoothing=1.5)
    np.testing.assert_array_equal(np.isnan(found), [False, False, True, False])


def test_pixels_far_from_the_centre_count_less():
    residual = np.zeros((3, 21, 31, 1), np.float32)
    residual[0, 10, 15], residual[1, 10, 21], residual[2, 16, 15] = 1, 1, 1
    found = structure(residual, np.ones_like(residual), smoothing=0, reach=0.2)
    assert found[1] / found[0] == pytest.approx(np.exp(-((6 / 6.2) ** 2) / 2), rel=1e-5)
    assert found[2] / found[0] == pytest.approx(np.exp(-((6 / 4.2) ** 2) / 2), rel=1e-5)
    alike = structure(np.ones_like(residual), np.ones_like(residual), smoothing=1, reach=0.2)
    np.testing.assert_allclose(alike, 1, rtol=1e-6)


def test_noise_averages_out_and_shapes_stay():
    """The same mean absolute residual, in noise and in a blob as wide as the filter."""
    y, x = np.indices((128, 128)) - 63.5
    blob = np.exp(-(x**2 + y**2) / 2 / 1.5**2)
    noise = np.random.default_rng(1).normal(size=(128, 128))
    both = np.stack([noise / np.abs(noise).mean(), blob / blob.mean()])[..., np.newaxis]
    found = structure(both, np.ones_like(both), smoothing=1.5)
    assert found[1] == pytest.approx(1, rel=0.01)
    # Of white noise 1 / (2 sqrt(pi) sigma) is left, that is 0.19.
    assert found[0] == pytest.approx(1 / (2 * np.sqrt(np.pi) * 1.5), rel=0.1)


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


def test_p_values_of_fresh_normals_are_uniform():
    score, flux = normals(1000, seed=3)
    trend = BrightnessTrend().fit(score, flux)
    calibration = Calibration(trend.transform(score, flux))
    p_values = calibration.p_value(trend.transform(*normals(1000, seed=4)))
    assert kstest(p_values, 'uniform').pvalue > 0.01


def test_sigma_is_that_of_the_law_that_normals_follow():
    trend = BrightnessTrend().fit(*normals(5000, seed=5))
    sigma = trend.transform(*normals(5000, seed=6))
    assert ks_2samp(sigma, np.random.default_rng(7).normal(size=5000)).statistic < 0.04


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


@pytest.mark.parametrize('n', [1, 2, 29, 30, 99, 100])
def test_few_normals_make_a_simpler_trend(n):
    score, flux = normals(n, seed=10)
    trend = BrightnessTrend().fit(score, flux)
    assert np.isfinite(trend.transform(score, flux)).all()
    assert len(trend.level_) == 1 + (n >= 30) + (n >= 100)


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
    with pytest.raises(ValueError, match='needs scores of held-out normal images; got none'):
        BrightnessTrend().fit([np.nan], [1.0])


def test_trend_goes_through_plain_values():
    score, flux = normals(200, seed=13)
    trend = BrightnessTrend().fit(score, flux)
    again = BrightnessTrend.from_dict(trend.to_dict())
    np.testing.assert_array_equal(again.transform(score, flux), trend.transform(score, flux))


def misfit_of_normals(n, *, seed):
    structure_, flux = normals(n, seed=seed)
    peak_ = np.exp(0.2 * np.random.default_rng(seed + 100).normal(size=n))
    return QTable({'structure': structure_, 'peak': peak_, 'closest_flux': flux * u.nJy})


def test_a_peak_counts_where_it_is_farther_out_by_the_margin():
    normal, fresh = misfit_of_normals(1000, seed=14), misfit_of_normals(1000, seed=15)
    sigma = {}
    for name in ('structure', 'peak'):
        trend = BrightnessTrend().fit(normal[name], normal['closest_flux'].value)
        sigma[name] = trend.transform(fresh[name], fresh['closest_flux'].value)
    scoring = Scoring(peak_margin=1.5)
    score = scoring.score(fresh, scoring.learn(normal))
    np.testing.assert_allclose(score, np.maximum(sigma['structure'], sigma['peak'] - 1.5))
    without = Scoring(peak_margin=None)
    np.testing.assert_allclose(without.score(fresh, without.learn(normal)), sigma['structure'])


def test_peak_is_what_stands_out_most_of_the_smoothed_residual(residual):
    found = peak(residual, np.ones_like(residual), smoothing=1.5)
    for k, image in enumerate(residual):
        smooth = [gaussian_filter(band, 1.5, mode='reflect') for band in np.moveaxis(image, 2, 0)]
        assert found[k] == pytest.approx(np.abs(image - np.moveaxis(smooth, 0, 2)).max(), rel=1e-5)


def test_peak_is_that_of_the_pixels_that_are_seen(residual):
    weights = np.ones_like(residual)
    weights[1, :10], weights[3] = 0, 0
    found = peak(np.where(weights > 0, residual, -1e6), weights, smoothing=0)
    assert found[0] == np.abs(residual[0]).max()
    assert found[1] == np.abs(residual[1, 10:]).max()
    assert np.isnan(found[3])
    smooth = peak(np.where(weights > 0, residual, -1e6), weights, smoothing=1.5)
    assert smooth[1] < 10
    assert np.isnan(smooth[3])


def test_a_hot_pixel_has_more_of_a_peak_than_a_star_as_high():
    """The star is as wide as the smoothing."""
    y, x = np.indices((41, 41)) - 20
    hot = np.zeros((41, 41), np.float32)
    hot[20, 20] = 1
    residual = np.array([hot, np.exp(-(x**2 + y**2) / (2 * 1.5**2))], np.float32)[..., np.newaxis]
    found = peak(residual, np.ones_like(residual), smoothing=1.5)
    # A Gaussian smoothed by one as wide has half of its height.
    np.testing.assert_allclose(found, [1 - 1 / (2 * np.pi * 1.5**2), 0.5], atol=0.01)
    both = Scoring().measure(residual, np.ones_like(residual))
    np.testing.assert_allclose(both['peak'], found)
    expected = structure(residual, np.ones_like(residual), smoothing=1.5, reach=0.3)
    np.testing.assert_allclose(both['structure'], expected)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'statistic': 'sum'}, "`statistic` must be one of .*'paper'.*got 'sum'"),
        ({'smoothing': -1}, '`smoothing` must not be negative; got -1'),
        ({'reach': 0.0}, '`reach` must be above 0, or None; got 0.0'),
    ],
)
def test_scoring_says_what_it_does_not_know(arguments, message):
    with pytest.raises(ValueError, match=message):
        Scoring(**arguments)
