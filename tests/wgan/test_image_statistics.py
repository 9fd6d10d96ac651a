"""Properties of many images at once, and the distances between two sets."""

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from astro_wgan.wgan.image_statistics import compare_image_statistics, measure_image_statistics

Y, X = np.indices((64, 64)) - 31.5


def gaussians(flux=1.0, width=4.0, ratio=1.0, sky=0.0):
    flux, width, ratio, sky = np.broadcast_arrays(flux, width, ratio, sky)
    shape = [a.reshape(-1, 1, 1) for a in (flux, width, ratio, sky)]
    flux, width, ratio, sky = shape
    image = np.exp(-0.5 * ((X / width) ** 2 + (Y / (ratio * width)) ** 2))
    return flux * image / (2 * np.pi * width**2 * ratio) + sky


@pytest.mark.parametrize('sky', [0.0, 3.0])
def test_gaussian_has_the_values_of_the_closed_formula(sky):
    found = measure_image_statistics(gaussians(flux=[1.0, 50.0], width=[3.0, 5.0], sky=sky))
    np.testing.assert_allclose(found['flux'], [1.0, 50.0], rtol=1e-3)
    # A circle of radius r holds 1 - exp(-r^2 / 2 w^2).
    radii = np.sqrt(-2 * np.log(1 - np.array([0.2, 0.5, 0.8])))
    np.testing.assert_allclose(
        found['half_light_radius'], radii[1] * np.array([3.0, 5.0]), rtol=0.03
    )
    np.testing.assert_allclose(found['concentration'], 5 * np.log10(radii[2] / radii[0]), rtol=0.05)
    np.testing.assert_allclose(found['axis_ratio'], 1, atol=1e-3)


@pytest.mark.parametrize('ratio', [0.3, 0.7])
def test_axis_ratio(ratio):
    image = gaussians(ratio=ratio)
    for oriented in (image, image.transpose(0, 2, 1)):
        assert measure_image_statistics(oriented)['axis_ratio'] == pytest.approx(ratio, abs=0.01)


def test_white_noise_has_a_flat_power_spectrum():
    noise = np.random.default_rng(1).normal(scale=3, size=(200, 64, 64))
    mean = (10 ** measure_image_statistics(noise)['power_spectrum']).mean(axis=0)
    np.testing.assert_allclose(mean[1:], 9, rtol=0.03)


def test_images_without_light_have_no_shape():
    found = measure_image_statistics(np.stack([np.zeros((64, 64)), -gaussians()[0]]))
    for name in ('half_light_radius', 'concentration', 'axis_ratio'):
        assert np.isnan(found[name]).all()


def test_distances_are_those_of_scipy():
    rng = np.random.default_rng(1)
    real, made = (
        measure_image_statistics(gaussians(width=rng.uniform(low, 6, size=80)))
        for low in (2.0, 4.0)
    )
    found = compare_image_statistics(real, made)
    a, b = real['half_light_radius'], made['half_light_radius']
    assert found['ks_half_light_radius'] == pytest.approx(ks_2samp(a, b).statistic)
    expected = wasserstein_distance(a, b) / a.std()
    assert found['wasserstein_half_light_radius'] == pytest.approx(expected)
    assert compare_image_statistics(real, real)['wasserstein_power_spectrum'] == 0
    assert found['ks_half_light_radius'] > 3 * found['ks_axis_ratio']


def test_a_set_without_values_is_as_far_as_can_be():
    real, dark = (
        measure_image_statistics(gaussians(width=[2.0, 3.0])),
        measure_image_statistics(np.zeros((2, 64, 64))),
    )
    found = compare_image_statistics(real, dark)
    assert found['ks_concentration'] == 1
    assert found['wasserstein_concentration'] == np.inf
