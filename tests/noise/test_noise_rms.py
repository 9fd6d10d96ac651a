import numpy as np
import pytest

from astro_wgan import StampSet, StampStore
from astro_wgan.noise import estimate_noise_rms

RNG = np.random.default_rng(4)


def test_white_noise_on_smooth_light_is_measured():
    y, x = np.indices((64, 64)) - 31.5
    images = 500 * np.exp(-(x**2 + y**2) / 2 / 12**2) + RNG.normal(scale=3, size=(20, 64, 64))
    assert estimate_noise_rms(images).mean() == pytest.approx(3, rel=0.02)


def test_planes_and_parabolas_are_not_noise():
    y, x = np.indices((1, 32, 32))[1:]
    np.testing.assert_allclose(estimate_noise_rms(3.0 * x * y + x**2 - y**2 + 7), 0, atol=1e-9)
    assert estimate_noise_rms(1.0 * x**2 * y**2).item() > 0.5


def test_pixels_that_do_not_count_change_nothing():
    images = RNG.normal(size=(2, 40, 40))
    images[0, :, 20:] = np.nan
    np.testing.assert_allclose(
        estimate_noise_rms(images)[0], estimate_noise_rms(images[:1, :, :20])[0]
    )


def test_without_a_square_of_valid_pixels_there_is_no_value():
    images = np.ones((2, 8, 8))
    images[0] = np.nan
    assert np.isnan(estimate_noise_rms(images)[0])
    assert estimate_noise_rms(images)[1] == 0
    assert np.isnan(estimate_noise_rms(np.ones((1, 2, 2)))).all()


def test_each_band_by_itself_or_all_together():
    images = RNG.normal(size=(3, 50, 50, 2)) * [1, 4]
    by_band = estimate_noise_rms(images)
    assert by_band.shape == (3, 2)
    np.testing.assert_allclose(by_band.mean(axis=0), [1, 4], rtol=0.1)
    assert np.shape(estimate_noise_rms(images, axis=None)) == ()


def test_masked_pixels_do_not_count():
    images = np.random.default_rng(1).normal(size=(2, 30, 30))
    hole = np.zeros(images.shape, dtype=bool)
    hole[0, 10:13, 5:9] = True
    masked = np.ma.array(np.where(hole, 1e6 * images, images), mask=hole)
    expected = estimate_noise_rms(np.where(hole, np.nan, images))
    np.testing.assert_array_equal(estimate_noise_rms(masked), expected)


@pytest.mark.parametrize('dtype', ['u1', 'u2', 'i2', 'u8'])
def test_whole_numbers_have_the_scatter_of_floats(dtype):
    images = np.random.default_rng(1).poisson(100, size=(2, 40, 40)).astype(dtype)
    np.testing.assert_array_equal(
        estimate_noise_rms(images), estimate_noise_rms(images.astype(float))
    )


def test_stamps_are_taken_in_all_their_forms(tmp_path):
    images = RNG.normal(size=(2, 40, 40))
    mask = np.zeros(images.shape, dtype=bool)
    mask[0, :, 20:] = True
    expected = estimate_noise_rms(np.where(mask, np.nan, images))
    stamps = StampSet(images, mask=mask)
    store = StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps)
    for data in (stamps, store, tmp_path / 'stamps.zarr'):
        np.testing.assert_allclose(estimate_noise_rms(data), expected)
