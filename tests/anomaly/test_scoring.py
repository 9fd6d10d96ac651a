"""Which number ranks the stamps, and what normals it is measured against."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan.anomaly import BrightnessTrend, ScoringConfig
from astro_wgan.anomaly.residuals import measure_residuals


def normals(n, *, seed):
    """Scores that rise with brightness and scatter more for the bright."""
    rng = np.random.default_rng(seed)
    flux = rng.lognormal(sigma=1.2, size=n)
    x = np.arcsinh(flux)
    return np.exp(0.4 * x + 0.05 * x**2 + (0.05 + 0.1 * x) * rng.normal(size=n)), flux


def measurements_of_normals(n, *, seed):
    table = QTable({'closest_flux': normals(n, seed=seed)[1] * u.nJy})
    table['smoothed_residual'] = normals(n, seed=seed)[0]
    for k, name in enumerate(('rotation_residual', 'peak_residual')):
        scatter = np.random.default_rng(seed + 100 + k).normal(size=n)
        table[name] = np.exp(0.2 * scatter)
    return table


def added(excess):
    """Nothing, a square, and the tangent of the square at 1.5."""
    return np.select([excess < 0, excess < 1.5], [0, excess**2], 3 * excess - 2.25)


def test_excess_over_a_margin_is_squared_and_added():
    normal, fresh = measurements_of_normals(1000, seed=14), measurements_of_normals(1000, seed=15)
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


def test_the_color_term_is_the_score_where_it_is_higher():
    normal, fresh = measurements_of_normals(1000, seed=14), measurements_of_normals(1000, seed=15)
    scoring = ScoringConfig(color_weight=1.5)
    alone = scoring.score(fresh, scoring.fit_trends(normal))
    for table, seed in ((normal, 30), (fresh, 31)):
        scatter = np.random.default_rng(seed).normal(size=len(table))
        table['color_residual'] = np.exp(0.2 * scatter)
    fresh['color_residual'][3] = np.nan
    fresh['smoothed_residual'][4] = np.nan
    flux = [np.asarray(table['closest_flux']) for table in (normal, fresh)]
    trend = BrightnessTrend().fit(normal['color_residual'], flux[0])
    color = 1.5 * trend.transform(fresh['color_residual'], flux[1])
    found = scoring.score(fresh, scoring.fit_trends(normal))
    assert found[3] == alone[3]
    assert np.isnan(found[4])
    rest = np.delete(np.arange(1000), [3, 4])
    np.testing.assert_allclose(found[rest], np.maximum(alone, color)[rest])
    assert 100 < (found[rest] > alone[rest]).sum() < 900
    # Trends of a detector that knew no colors.
    former = {k: v for k, v in scoring.fit_trends(normal).items() if k != 'color_residual'}
    np.testing.assert_array_equal(scoring.score(fresh, former)[rest], alone[rest])
    without = ScoringConfig(color_weight=0)
    assert 'color_residual' not in without.columns
    np.testing.assert_array_equal(
        without.score(fresh, without.fit_trends(normal))[rest], alone[rest]
    )


def test_residuals_are_measured_with_the_window_of_the_score():
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


def test_a_term_that_is_nan_contributes_nothing():
    normal, fresh = measurements_of_normals(200, seed=16), measurements_of_normals(10, seed=17)
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
        ({'rotation_shift': 0}, '`rotation_shift` must be a whole number.*got 0'),
        ({'rotation_shift': np.inf}, '`rotation_shift` must be a whole number.*got inf'),
        ({'color_weight': -1.0}, '`color_weight` must not be negative; got -1.0'),
        ({'injection_weight': -1.0}, '`injection_weight` must not be negative; got -1.0'),
        ({'critic_weight': np.nan}, '`critic_weight` must be a finite number; got nan'),
        (
            dict.fromkeys(
                ('injection_weight', 'residual_weight', 'absolute_weight', 'critic_weight'), 0.0
            ),
            '`injection_weight`, `residual_weight`, `absolute_weight` and `critic_weight` must',
        ),
        ({'color_weight': np.inf}, '`color_weight` must be a finite number; got inf'),
        ({'color_smoothing': '1'}, "`color_smoothing` must be a finite number; got '1'"),
        ({'peak_margin': np.nan}, '`peak_margin` must be a finite number, or None; got nan'),
        ({'weight_sigma': 0.0}, '`weight_sigma` must be above 0, or None; got 0.0'),
    ],
)
def test_invalid_scoring_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScoringConfig(**arguments)


def test_a_margin_is_at_most_the_99th_percentile_of_the_normals():
    """Where the scatter is that of two populations, no normal lies three of it above the trend."""
    normal, fresh = measurements_of_normals(1000, seed=19), measurements_of_normals(200, seed=20)
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


def test_a_term_that_is_nan_in_all_normals_is_left_out():
    normal, fresh = measurements_of_normals(50, seed=23), measurements_of_normals(10, seed=24)
    normal['rotation_residual'] = np.nan
    scoring, alone = ScoringConfig(), ScoringConfig(rotation_margin=None)
    np.testing.assert_array_equal(
        scoring.score(fresh, scoring.fit_trends(normal)),
        alone.score(fresh, alone.fit_trends(normal)),
    )
