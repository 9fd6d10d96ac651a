"""Autocorrelation and power spectrum of sky with holes in it."""

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData

from astro_wgan import StampSet, StampStore
from astro_wgan.noise import Autocorrelation, autocorrelation

RNG_SEED = 3


def correlated_noise(shape, seed=RNG_SEED):
    """White noise averaged over two pixels along x: covariance 1/2, and 1/4 at a lag of one."""
    white = np.random.default_rng(seed).normal(size=(*shape[:-1], shape[-1] + 1))
    return (white[..., :-1] + white[..., 1:]) / 2


def brute_force(image, valid, dy, dx, mean):
    """Mean product over all pairs of pixels that are both there, one pair after the other."""
    ny, nx = image.shape
    products = [
        (image[y, x] - mean) * (image[y + dy, x + dx] - mean)
        for y in range(ny)
        for x in range(nx)
        if 0 <= y + dy < ny and 0 <= x + dx < nx and valid[y, x] and valid[y + dy, x + dx]
    ]
    return np.mean(products)


@pytest.mark.parametrize('masked_fraction', [0.0, 0.4])
def test_covariance_is_that_of_all_pairs_one_by_one(masked_fraction):
    rng = np.random.default_rng(1)
    image = correlated_noise((20, 26)) + 5
    valid = rng.random(image.shape) >= masked_fraction
    ccd = CCDData(image, mask=~valid, unit='adu')
    found = autocorrelation(ccd, max_lag=3, mean=5 * u.adu)
    assert found.covariance.unit == u.adu**2
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            expected = brute_force(image, valid, dy, dx, 5.0)
            assert found.covariance[3 + dy, 3 + dx].value == pytest.approx(expected, abs=1e-6)


def test_gaps_do_not_bias_it():
    image = correlated_noise((400, 400))
    holes = np.random.default_rng(2).random(image.shape) < 0.5
    image[holes] = 1e6
    found = autocorrelation(CCDData(image, mask=holes, unit=''), max_lag=4)
    np.testing.assert_allclose(found.coefficients[4, 4:7], [1, 0.5, 0], atol=0.02)
    np.testing.assert_allclose(found.coefficients[5:, 4], 0, atol=0.02)


def test_errors_are_the_scatter_of_many_measurements():
    found = [autocorrelation(correlated_noise((64, 64), seed), max_lag=2) for seed in range(60)]
    scatter = np.std([f.covariance.value for f in found], axis=0)
    error = np.mean([f.covariance_err.value for f in found], axis=0)
    np.testing.assert_allclose(error, scatter, rtol=0.5)


def test_estimated_mean_takes_nothing_away():
    stamps = StampSet(correlated_noise((500, 16, 16)))
    # The mean of each stamp alone would hide the power at large scales.
    found = autocorrelation(stamps, max_lag=8)
    assert found.covariance[8, 8].value == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize('max_lag', [-1, 9])
def test_impossible_lags_are_refused(max_lag):
    with pytest.raises(ValueError, match='`max_lag` must be between 0 and 8'):
        autocorrelation(np.zeros((16, 16)), max_lag=max_lag)


@pytest.mark.parametrize(
    'covariance', [np.ones((2, 2)), np.full((3, 3), np.nan), -np.ones((3, 3)), np.arange(9.0)]
)
def test_what_is_no_correlation_function_is_refused(covariance):
    with pytest.raises(ValueError, match=r'covariance|correlation'):
        Autocorrelation.from_array(covariance)


def test_stamps_are_taken_in_all_their_forms(tmp_path):
    pixels = correlated_noise((30, 16, 16))
    expected = autocorrelation(pixels, max_lag=2)
    stamps = StampSet(pixels)
    store = StampStore.from_stamps(tmp_path / 'sky.zarr', stamps)
    cutouts = [CCDData(image, unit='') for image in pixels]
    for data in (stamps, store, tmp_path / 'sky.zarr', cutouts):
        measured = autocorrelation(data, max_lag=2)
        np.testing.assert_allclose(measured.covariance, expected.covariance, rtol=1e-5, atol=1e-7)


def test_several_bands_are_refused():
    with pytest.raises(ValueError, match='`data` must have one band'):
        autocorrelation(StampSet(np.ones((3, 8, 8, 2))))
