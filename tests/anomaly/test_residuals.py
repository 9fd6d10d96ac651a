"""What an image and its closest image differ by, as one number."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from astro_wgan.anomaly.residuals import (
    as_planes,
    map_smoothed_residual,
    measure_residuals,
    smoothed_planes,
)
from astro_wgan.stamps.smoothing import smoothed


def measured(images, closest, weights, **options):
    found = measure_residuals(images, closest, weights, **options)
    return {name: values.numpy() for name, values in found.items()}


def statistics(residual, weights, *, smoothing, weight_sigma=None):
    """Against closest images without anything in them."""
    window = {'smoothing': smoothing, 'rotation_smoothing': smoothing, 'weight_sigma': weight_sigma}
    return measured(residual, np.zeros_like(residual), weights, **window)


def structure(residual, weights, **options):
    return statistics(residual, weights, **options)['smoothed_residual']


def peak(residual, weights, **options):
    return statistics(residual, weights, **options)['peak_residual']


@pytest.fixture
def residual():
    return np.random.default_rng(1).normal(size=(4, 20, 24, 2)).astype(np.float32)


def test_smoothed_residual_is_the_mean_absolute_value_after_smoothing(residual):
    found = structure(residual, np.ones_like(residual), smoothing=1.5)
    for k, image in enumerate(residual):
        # Normalized at the borders, where half of the Gaussian lies outside.
        smooth = [gaussian_filter(band, 1.5, mode='reflect') for band in np.moveaxis(image, 2, 0)]
        assert found[k] == pytest.approx(np.abs(smooth).mean(), rel=1e-5)


def test_without_smoothing_it_is_the_mean_absolute_residual(residual):
    found = structure(residual, np.ones_like(residual), smoothing=0)
    np.testing.assert_allclose(found, np.abs(residual).mean(axis=(1, 2, 3)), rtol=1e-6)


def test_masked_pixels_count_in_no_pixel_around(residual):
    weights = np.ones_like(residual)
    weights[:, 5:9, 7:12] = 0
    spoilt = np.where(weights > 0, residual, 1e6).astype(np.float32)
    found = structure(spoilt, weights, smoothing=1.5)
    np.testing.assert_allclose(found, structure(residual, weights, smoothing=1.5), rtol=1e-5)
    assert (found < 1).all()


def test_smoothed_residual_of_masked_images_is_nan(residual):
    weights = np.ones_like(residual)
    weights[2] = 0
    found = structure(residual, weights, smoothing=1.5)
    np.testing.assert_array_equal(np.isnan(found), [False, False, True, False])


def test_pixels_far_from_the_center_count_less():
    residual = np.zeros((3, 21, 31, 1), np.float32)
    residual[0, 10, 15], residual[1, 10, 21], residual[2, 16, 15] = 1, 1, 1
    found = structure(residual, np.ones_like(residual), smoothing=0, weight_sigma=0.2)
    assert found[1] / found[0] == pytest.approx(np.exp(-((6 / 6.2) ** 2) / 2), rel=1e-5)
    assert found[2] / found[0] == pytest.approx(np.exp(-((6 / 4.2) ** 2) / 2), rel=1e-5)
    alike = structure(np.ones_like(residual), np.ones_like(residual), smoothing=1, weight_sigma=0.2)
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


def galaxy(y, x, *, size=33, flux=1.0, width=3.0):
    rows, columns = np.indices((size, size))
    image = flux * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 2 / width**2)
    return image[np.newaxis, ..., np.newaxis].astype(np.float32)


def turned(images, closest, weights=None, smoothing=1.5):
    weights = np.ones_like(images) if weights is None else weights
    # It has a smoothing of its own: that of the others changes nothing.
    window = {'smoothing': 0.7, 'rotation_smoothing': smoothing, 'weight_sigma': 0.2}
    return measured(images, closest, weights, **window)['rotation_residual']


def test_rotation_residual_is_the_minimum_over_nine_shifts(residual):
    closest = np.random.default_rng(2).normal(size=residual.shape).astype(np.float32)
    found = turned(residual, closest)
    for k, (image, other) in enumerate(zip(residual, closest, strict=True)):
        smooth = gaussian_filter(image, (1.5, 1.5, 0))
        opposite = np.rot90(gaussian_filter(other, (1.5, 1.5, 0)), 2)
        differences = [
            # Without the border, where nothing was shifted in.
            (smooth - shift(opposite, (dy, dx, 0), order=0))[1:-1, 1:-1]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        ]
        expected = min(np.sqrt((d**2).mean()) for d in differences)
        assert found[k] == pytest.approx(expected, rel=1e-4)


def test_a_reproduced_companion_has_a_rotation_residual():
    """Its structure is that of a perfect closest image: none."""
    alone = galaxy(16, 16)
    pair = alone + galaxy(8, 10, flux=0.5)
    assert turned(pair, pair) > 10 * turned(alone, alone)
    assert map_smoothed_residual(pair - pair, np.ones_like(pair), smoothing=1.5).sum() == 0


@pytest.mark.parametrize('y', [15.5, 16, 16.5])
def test_rotation_residual_allows_a_center_between_pixels(y):
    """A stamp is cut at a whole pixel, so that its galaxy is half a pixel off at most."""
    assert turned(galaxy(y, 15.5), galaxy(y, 15.5)) < 1e-5
    assert turned(galaxy(y - 1, 14), galaxy(y - 1, 14)) > 0.01


def test_rotation_residual_allows_larger_shifts_if_asked_for():
    """A galaxy moved by a pixel is two pixels off after its rotation."""
    moved, weights = galaxy(17, 15), np.ones((1, 33, 33, 1), np.float32)
    window = {'smoothing': 1, 'rotation_smoothing': 1.5, 'weight_sigma': None}
    found = [
        measured(moved, moved, weights, **window, rotation_shift=d)['rotation_residual']
        for d in (1, 2, 3)
    ]
    assert found[0] > 0.01 > 1e-5 > max(found[1:])
    weights[:, 20:24, 10:14] = 0
    spoilt = np.where(weights > 0, moved, 1e6)
    masked = measured(spoilt, moved, weights, **window, rotation_shift=3)
    assert masked['rotation_residual'] < 1e-5


def test_rotation_residual_ignores_masked_pixels():
    alone, weights = galaxy(16, 16), np.ones((1, 33, 33, 1), np.float32)
    weights[:, 3:8, 20:30] = 0
    spoilt = np.where(weights > 0, alone, 1e6)
    assert turned(spoilt, alone, weights) < 1e-5
    # What is left of a companion beside the mask still does.
    assert turned(spoilt + galaxy(8, 10, flux=0.5), alone, weights) > 0.01
    assert np.isnan(turned(spoilt, alone, np.zeros_like(weights)))


def test_rotation_residual_weights_noisier_pixels_less():
    alone, weights = galaxy(16, 16), np.ones((1, 33, 33, 1), np.float32)
    weights[:, :12, :12] = 0.25
    pair = alone + galaxy(6, 6, flux=0.5, width=1.5)
    share = turned(pair, alone, weights) / turned(pair, alone)
    # The companion, and most of what smoothing spreads of it, lies where weights are a quarter; so
    # do the pixels opposite, in pairs with which others count as much.
    pairs = (weights * weights[:, ::-1, ::-1])[:, 1:-1, 1:-1].mean()
    assert share == pytest.approx(np.sqrt(0.25 / pairs), rel=0.05)


def test_rotation_residual_is_the_same_with_a_masked_sky():
    """A source beside the center, of which masks of the empty sky hide nothing."""
    y, x = np.indices((32, 32)) - 15.5
    source = 3 * np.exp(-((x - 2.5) ** 2 + y**2) / 2 / 2**2)
    rng = np.random.default_rng(5)
    draws = [0.05 * rng.normal(size=(1, 32, 32, 1)) for _ in range(4)]
    closest = source[np.newaxis, ..., np.newaxis].astype(np.float32)
    image = closest + 0.05 * rng.normal(size=closest.shape).astype(np.float32)
    window = {
        'smoothing': 1.5,
        'rotation_smoothing': 1.5,
        'weight_sigma': None,
        'noise': lambda _: draws,
    }
    whole = np.ones_like(closest)
    expected = measured(image, closest, whole, **window)['rotation_residual'][0]
    for hidden in (x < -10, np.abs(y) > 10, np.hypot(x, y) > 11):
        weights = np.where(hidden, 0, 1)[np.newaxis, ..., np.newaxis].astype(np.float32)
        found = measured(image, closest, weights, **window)['rotation_residual'][0]
        assert found == pytest.approx(expected, rel=0.1)
    # Pixels that are hidden here and there hide as much of the source as of the sky.
    weights = (rng.random(closest.shape) > 0.1).astype(np.float32)
    found = measured(image, closest, weights, **window)['rotation_residual'][0]
    assert found == pytest.approx(expected, rel=0.1)


def test_valid_pixels_are_smoothed_as_arrays_are(residual):
    """The baseline of rotated stamps, which needs no TensorFlow, smooths as the detector does."""
    valid = np.random.default_rng(3).random(residual.shape) > 0.3
    planes = as_planes(residual), as_planes(valid)
    found = np.moveaxis(smoothed_planes(*planes, 1.5).numpy(), 1, -1)
    np.testing.assert_allclose(found, smoothed(residual, valid, 1.5), atol=1e-6)
