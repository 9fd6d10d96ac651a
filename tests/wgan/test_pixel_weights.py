import numpy as np
import pytest

from astro_wgan import StampSet
from astro_wgan.stamps import Stretch
from astro_wgan.wgan.pixel_weights import pixel_weights

RNG = np.random.default_rng(3)
LINEAR = Stretch('linear', sky=0, noise_rms=1, peak=50)


def weights_of(pixels, stretch=LINEAR, **options):
    return pixel_weights(StampSet(pixels, **options), stretch)


def test_without_uncertainty_only_the_mask_counts():
    pixels = RNG.normal(size=(2, 5, 5))
    pixels[0, 1, 1] = np.nan
    weights = weights_of(pixels)
    assert weights[0, 1, 1] == 0
    assert weights.sum() == 49


@pytest.mark.parametrize('scale', [1.0, 1e-3, 1e6])
def test_weights_are_inverse_variances_of_what_is_noisier_than_the_median(scale):
    uncertainty = RNG.uniform(1, 4, size=(3, 7, 7))
    typical = np.median(uncertainty, axis=(1, 2), keepdims=True)
    found = weights_of(np.zeros((3, 7, 7)), uncertainty=scale * uncertainty)
    expected = np.minimum(1, (typical / uncertainty) ** 2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_asinh_compresses_the_noise_of_bright_pixels():
    pixels = np.zeros((1, 5, 5))
    pixels[0, 2, 2] = 40.0
    uncertainty = np.ones_like(pixels)
    uncertainty[0, 2, 2] = 3.0
    stretch = Stretch('asinh', sky=0, noise_rms=1, peak=50)
    # The slope of asinh five standard deviations below, by its formula, relative to the sky's.
    slope = 1 / np.cosh(np.arcsinh(25 / 50 / np.array(stretch.softening_levels)))[0]
    found = weights_of(pixels, stretch, uncertainty=uncertainty)[0, 2, 2]
    assert 3 * slope < 1
    assert found == 1
    assert weights_of(pixels, LINEAR, uncertainty=uncertainty)[0, 2, 2] == pytest.approx(1 / 9)


@pytest.mark.parametrize('value', [0, 1e3, -2e3, 5e3])
def test_a_pixel_that_may_be_sky_has_the_noise_of_sky(value):
    """Where asinh is flat a wild value looks precise."""
    pixels, uncertainty = np.zeros((1, 5, 5)), np.ones((1, 5, 5))
    pixels[0, 2, 2], uncertainty[0, 2, 2] = value, 1e3
    stretch = Stretch('asinh', sky=0, noise_rms=1, peak=50)
    expected = (np.arcsinh(1 / 3) / np.arcsinh(1e3 / 3)) ** 2
    found = weights_of(pixels, stretch, uncertainty=uncertainty)[0, 2, 2]
    assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -1.0])
def test_what_is_no_uncertainty_is_not_used(bad):
    uncertainty = np.ones((1, 4, 4))
    uncertainty[0, 0, 0] = bad
    weights = weights_of(np.zeros((1, 4, 4)), uncertainty=uncertainty)
    assert weights[0, 0, 0] == 0
    assert weights.sum() == 15


def test_zero_uncertainty_everywhere_is_as_none():
    weights = weights_of(np.ones((1, 4, 4)), uncertainty=np.zeros((1, 4, 4)))
    assert (weights == 1).all()


def test_each_band_has_its_own_median():
    stretch = Stretch('linear', sky=(0, 0), noise_rms=(1, 1), peak=(50, 50))
    uncertainty = np.ones((1, 4, 4, 2)) * [1, 5]
    weights = weights_of(np.zeros((1, 4, 4, 2)), stretch, uncertainty=uncertainty)
    assert (weights == 1).all()
