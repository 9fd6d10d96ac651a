"""Filters of white noise, and fields with the distribution of given pixels."""

import numpy as np
import pytest
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.noise.random_fields import MarginalDistribution, NoiseFilter, gaussian_noise

KERNEL = np.outer([0.3, 1.0, 0.3], [0.3, 1.0, 0.3])


def test_filtered_white_noise_has_the_correlation():
    noise_filter = NoiseFilter(KERNEL, (16, 20))
    white = np.random.default_rng(1).normal(size=(2000, *noise_filter.box)).astype(np.float32)
    noise = noise_filter.apply(white)
    assert noise.shape == (2000, 16, 20)
    assert noise.var() == pytest.approx(1, rel=0.02)
    assert (noise[:, :, 1:] * noise[:, :, :-1]).mean() == pytest.approx(0.3, abs=0.01)
    assert (noise[:, 1:, 1:] * noise[:, :-1, :-1]).mean() == pytest.approx(0.09, abs=0.01)


def test_mapped_noise_has_distribution_and_correlation():
    values = np.random.default_rng(2).gamma(4, size=10**5)
    marginal = MarginalDistribution(values)
    noise_filter = NoiseFilter(marginal.gaussian_correlation(KERNEL), (24, 24))
    noise = gaussian_noise(noise_filter, 3000, sigma=1.0, rng=np.random.default_rng(3))
    marginal.apply(noise)
    expected = (values - values.mean()) / values.std()
    levels = [0.01, 0.1, 0.5, 0.9, 0.99]
    np.testing.assert_allclose(np.quantile(noise, levels), np.quantile(expected, levels), atol=0.03)
    assert (noise[:, :, 1:] * noise[:, :, :-1]).mean() == pytest.approx(0.3, abs=0.01)


def test_impossible_correlations_are_reported():
    # Four pixels in a cross cannot all be anticorrelated with the one in the middle.
    cross = np.array([[0.0, -0.9, 0.0], [-0.9, 1.0, -0.9], [0.0, -0.9, 0.0]])
    with pytest.warns(AstropyUserWarning, match=r'\d+ percent of its power would be negative'):
        NoiseFilter(cross, (16, 16))
