"""The Gaussian process of log odds, against sums over a grid."""

import numpy as np
import pytest
from scipy.special import expit, log_expit

from astro_wgan.labeling.binary_process import BinaryProcess


def test_of_one_source_all_is_known_by_integration():
    grid = np.linspace(-30, 30, 20_001)
    process = BinaryProcess.fit(np.array([[1.5]]), np.array([0.4]), np.array([True]))
    prior = np.exp(-((grid - 0.4) ** 2) / 3)
    prior /= prior.sum()
    exact = np.log((prior * expit(grid)).sum())
    assert process.evidence == pytest.approx(exact, abs=0.02)
    # Nothing else is known of it.
    assert process.left_out[0] == pytest.approx(exact, abs=0.02)
    log_odds, variance = process.predict(np.array([[1.5]]), np.array([0.4]), np.array([1.5]))
    posterior = prior * expit(grid)
    posterior /= posterior.sum()
    mean = posterior @ grid
    assert log_odds[0] == pytest.approx(mean, abs=0.05)
    assert variance[0] == pytest.approx(posterior @ (grid - mean) ** 2, rel=0.1)


def test_the_most_probable_log_odds_are_a_maximum():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(12, 2))
    kernel = 4 * np.exp(-((points[:, np.newaxis] - points) ** 2).sum(axis=2)) + 0.5 * np.eye(12)
    mean, positive = rng.normal(size=12), rng.random(12) > 0.5
    process = BinaryProcess.fit(kernel, mean, positive)

    def objective(log_odds):
        shift = log_odds - mean
        sign = np.where(positive, 1, -1)
        return log_expit(sign * log_odds).sum() - shift @ np.linalg.solve(kernel, shift) / 2

    best = objective(process.log_odds)
    for _ in range(50):
        assert objective(process.log_odds + 0.01 * rng.normal(size=12)) < best


@pytest.mark.parametrize('level', [-30.0, -5.0, 30.0])
def test_a_prior_far_from_the_labels_leads_to_the_maximum_all_the_same(level):
    rng = np.random.default_rng(3)
    points, positive = rng.normal(size=200), rng.random(200) > 0.5
    kernel = 0.25 + np.exp(-((points[:, np.newaxis] - points) ** 2))
    mean = level + rng.normal(size=200)
    process = BinaryProcess.fit(kernel, mean, positive)
    # Where the gradient of the logarithm of the posterior vanishes.
    slope = positive - expit(process.log_odds)
    np.testing.assert_allclose(process.log_odds - mean, kernel @ slope, rtol=1e-3, atol=1e-3)
    assert (process.left_out <= 0).all()
    assert np.isfinite(process.evidence)


def test_sources_that_are_left_out_are_predicted_by_the_others():
    rng = np.random.default_rng(2)
    points = rng.normal(size=30)
    kernel = 3 * np.exp(-((points[:, np.newaxis] - points) ** 2))
    mean, positive = np.zeros(30), points + 0.5 * rng.normal(size=30) > 0
    found = BinaryProcess.fit(kernel, mean, positive).left_out
    for row in range(0, 30, 5):
        others = np.arange(30) != row
        process = BinaryProcess.fit(kernel[np.ix_(others, others)], mean[others], positive[others])
        log_odds, variance = process.predict(kernel[[row]][:, others], mean[[row]], np.array([3.0]))
        sign = 1 if positive[row] else -1
        expected = log_expit(sign * log_odds / np.sqrt(1 + np.pi * variance / 8))
        assert found[row] == pytest.approx(expected[0], abs=0.1)
