"""Pixels of the sky in place of sources."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from astro_wgan.detection import DetectionConfig
from astro_wgan.neighbors.sky_patches import SkyPixels, draw_sky


def correlated(shape, seed, width=1.0):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), width, mode='wrap')
    return noise / noise.std()


def lag_one(values, where):
    both = where[:, 1:] & where[:, :-1]
    return np.mean(values[:, 1:][both] * values[:, :-1][both]) / np.mean(values[where] ** 2)


def test_each_pixel_gets_a_clean_one():
    random = np.random.default_rng(1)
    target = random.random((40, 50)) < 0.2
    clean = ~target & (random.random((40, 50)) < 0.5)
    places, sky = draw_sky(target, clean, np.random.default_rng(2))
    assert np.array_equal(np.argwhere(target), places)
    assert clean[tuple(sky.T)].all()


def test_correlation_and_distribution_of_the_noise_are_kept():
    shape = (64, 64)
    y, x = np.indices(shape)
    target = np.hypot(x - 20, y - 40) < 12
    before, after, spread = [], [], []
    for seed in range(40):
        noise = correlated(shape, seed)
        places, sky = draw_sky(target, ~target, np.random.default_rng(seed))
        filled = noise.copy()
        filled[tuple(places.T)] = noise[tuple(sky.T)]
        before.append(lag_one(noise, target))
        after.append(lag_one(filled, target))
        spread.append(filled[target].std())
    assert np.mean(before) == pytest.approx(np.exp(-1 / 4), abs=0.03)
    assert np.mean(after) > 0.9 * np.mean(before)
    assert np.mean(spread) == pytest.approx(1, abs=0.1)


def test_the_same_seed_draws_the_same_sky():
    target = np.zeros((20, 20), bool)
    target[5:12, 5:12] = True
    first, second, other = (
        draw_sky(target, ~target, np.random.default_rng(seed))[1] for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize('n_clean', [0, 15])
def test_too_little_sky_replaces_nothing(n_clean):
    clean = np.zeros((10, 10), bool)
    clean.ravel()[:n_clean] = True
    places, sky = draw_sky(~clean, clean, np.random.default_rng(1))
    assert places.shape == sky.shape == (0, 2)


def test_the_background_under_the_source_is_that_of_the_source():
    y, x = np.indices((256, 256))
    slope = 0.5 * x
    image = (slope + np.random.default_rng(3).normal(size=slope.shape)).astype('f4')
    target = np.hypot(x - 60, y - 128) < 10
    places, sky = draw_sky(target, x > 120, np.random.default_rng(4))
    stamp = image.copy()
    source = SkyPixels(
        image, mask=None, uncertainty=None, detection=DetectionConfig(background_box=32)
    )
    source.fill(stamp, None, places, sky, np.array([0, 0]))
    assert np.mean(stamp[target] - slope[target]) == pytest.approx(0, abs=0.5)
    assert np.std(stamp[target] - slope[target]) == pytest.approx(1, abs=0.2)


def test_sky_that_a_band_has_not_becomes_nan():
    image = np.arange(36.0, dtype='f4').reshape(6, 6)
    mask = image == 7
    stamp, deviation = image.copy(), np.ones((6, 6), 'f4')
    source = SkyPixels(image, mask=mask, uncertainty=2 * image, detection=DetectionConfig())
    places, sky = np.array([[0, 0], [0, 1]]), np.array([[1, 1], [2, 2]])
    source.fill(stamp, deviation, places, sky, np.array([0, 0]))
    assert np.isnan(stamp[0, 0])
    assert stamp[0, 1] == 14
    assert deviation[0, 1] == 28
