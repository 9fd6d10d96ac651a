"""Power spectrum of noise."""

import numpy as np

from astro_wgan.noise import power_spectrum

RNG_SEED = 3


def correlated_noise(shape, seed=RNG_SEED):
    """White noise averaged over two pixels along x: covariance 1/2, and 1/4 at a lag of one."""
    white = np.random.default_rng(seed).normal(size=(*shape[:-1], shape[-1] + 1))
    return (white[..., :-1] + white[..., 1:]) / 2


def test_power_spectrum_is_the_transform_of_the_covariance():
    """0.5 + 0.5 cos(2 pi f) along x for the covariance (1/4, 1/2, 1/4)."""
    found = power_spectrum(correlated_noise((512, 512)), max_lag=16).along('x')
    expected = 0.5 * (1 + np.cos(2 * np.pi * np.asarray(found['frequency'])))
    np.testing.assert_allclose(np.asarray(found['power']), expected, atol=0.06)
