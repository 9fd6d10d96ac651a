"""Weights of masked and noisy pixels, and their filling."""

import numpy as np
import pytest

from astro_wgan import datasets
from astro_wgan.simulate import simulate
from astro_wgan.stamps import StampSet, Stretch
from astro_wgan.wgan.masked_pixels import (
    fill_from_neighbors,
    fill_masked,
    fill_missing_bands,
    limit_length,
    needs_filling,
    pixel_weights,
    replace_masked,
    visible_fraction,
)

RNG = np.random.default_rng(5)


@pytest.fixture
def disk():
    """A bright round source on the sky, which is 0, and weights of 1."""
    y, x = np.indices((25, 25)) - 12
    image = np.exp(-np.hypot(y, x) / 4).astype(np.float32)[np.newaxis, ..., np.newaxis]
    return image, np.ones_like(image)


def test_pixels_are_seen_in_full_from_half_the_weight_on():
    weights = [0, 1e-6, 0.1, 0.25, 0.5, 0.7, 1]
    np.testing.assert_allclose(visible_fraction(weights), [0, 2e-6, 0.2, 0.5, 1, 1, 1], rtol=1e-6)


def test_holes_are_what_can_and_has_to_be_filled():
    weights = np.ones((5, 3, 3, 1), np.float32)
    weights[1], weights[2, 1, 1], weights[3, 0, 0], weights[4, 0, 0] = 0, 0, 0.5, 0.49
    assert needs_filling(weights).tolist() == [False, False, True, False, True]


@pytest.mark.parametrize('hidden', [np.nan, np.inf, -1e30, 0.0])
def test_values_of_masked_pixels_do_not_matter(disk, hidden):
    image, weights = disk
    weights[:, 8:15, 10:14] = 0
    spoilt = np.where(weights > 0, image, hidden).astype(np.float32)
    for fill in (
        fill_from_neighbors,
        fill_masked,
        lambda i, w: replace_masked(i, w, np.ones_like(i)),
    ):
        np.testing.assert_array_equal(fill(spoilt, weights), fill(image, weights))


def test_an_edge_is_filled_from_opposite_pixels_and_the_sky(disk):
    image, weights = disk
    weights[:, :, :9] = 0
    filled = fill_from_neighbors(image, weights)
    # The source is symmetric, and so is the filled image, except for the smoothing.
    assert np.abs(filled - image)[:, :, 5:9].max() < 0.1
    assert np.abs(image)[:, :, 5:9].max() > 0.3
    np.testing.assert_array_equal(filled[:, :, 9:], image[:, :, 9:])
    weights[:] = 0
    weights[:, :3, :3] = 1
    assert np.abs(fill_from_neighbors(image, weights)[:, 10:15, 10:15]).max() < 1e-3


def test_filling_goes_on_to_the_fit_of_what_is_left():
    """With components in place of networks it ends at the least squares of the pixels left."""
    components = np.linalg.qr(RNG.normal(size=(64, 3)))[0].astype(np.float32)
    images = (RNG.normal(size=(6, 3)) @ components.T + 0.01 * RNG.normal(size=(6, 64))).astype('f4')
    weights = (RNG.random((6, 64)) > 0.2).astype(np.float32)
    weights[0] = 1

    def closest(flat):
        return (flat.reshape(-1, 64) @ components @ components.T).reshape(flat.shape)

    shape = (6, 8, 8, 1)
    filled = fill_masked(images.reshape(shape), weights.reshape(shape), closest, iterations=200)
    found = closest(filled).reshape(6, 64)
    for image, weight, closest_images in zip(images, weights, found, strict=True):
        use = weight > 0
        fit = np.linalg.lstsq(components[use], image[use], rcond=None)[0]
        np.testing.assert_allclose(closest_images, components @ fit, atol=1e-5)
    np.testing.assert_array_equal(filled[0], images[0].reshape(8, 8, 1))


def test_images_without_masked_pixels_are_returned(disk):
    assert fill_masked(*disk) is disk[0]


def test_latent_vectors_do_not_run_away():
    latent = RNG.normal(size=(3, 16)).astype(np.float32)
    latent[1] *= 1e4
    shortened = limit_length(latent).numpy()
    np.testing.assert_array_equal(shortened[[0, 2]], latent[[0, 2]])
    assert np.linalg.norm(shortened[1]) == pytest.approx(20, rel=1e-5)
    np.testing.assert_allclose(shortened[1] / 20, latent[1] / np.linalg.norm(latent[1]), rtol=1e-4)


def test_the_critic_sees_nearly_what_it_would_see_without_a_mask():
    pytest.importorskip('galsim')
    wgan = datasets.load_model().wgan
    stamps = simulate('normal', 60, seed=8)
    mask = np.zeros(stamps.pixels.shape, bool)
    mask[:, :, 30:33], mask[::2, :12] = True, True
    masked = StampSet(stamps.pixels, unit='nJy', mask=mask)
    scatter = wgan.critic_features(stamps).std(axis=0).mean()
    for what, room in (('features', 0.4), ('value', 0.4)):
        seen = getattr(wgan, f'critic_{what}')
        whole, part = seen(stamps), seen(masked)
        limit = scatter if what == 'features' else whole.std()
        assert np.sqrt(np.mean((part - whole) ** 2)) < room * limit
        assert abs(np.mean(part - whole)) < 0.1 * limit


WEIGHTS_RNG = np.random.default_rng(3)
LINEAR = Stretch('linear', sky=0, noise_rms=1, peak=50)


def weights_of(pixels, stretch=LINEAR, **options):
    return pixel_weights(StampSet(pixels, **options), stretch)


def test_without_uncertainty_only_the_mask_counts():
    pixels = WEIGHTS_RNG.normal(size=(2, 5, 5))
    pixels[0, 1, 1] = np.nan
    weights = weights_of(pixels)
    assert weights[0, 1, 1] == 0
    assert weights.sum() == 49


@pytest.mark.parametrize('scale', [1.0, 1e-3, 1e6])
def test_weights_are_inverse_variances_of_what_is_noisier_than_the_median(scale):
    uncertainty = WEIGHTS_RNG.uniform(1, 4, size=(3, 7, 7))
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


@pytest.mark.parametrize('scope', ['global', 'stamp'])
def test_a_fitted_stretch_has_the_weights_of_its_levels(scope):
    pixels = WEIGHTS_RNG.normal(size=(20, 9, 9))
    pixels[:, 4, 4] += 30
    stamps = StampSet(pixels, uncertainty=WEIGHTS_RNG.uniform(1, 3, size=pixels.shape))
    stretch = Stretch(scope=scope).fit(stamps)
    levels = {'sky': stretch.sky_, 'noise_rms': stretch.noise_rms_, 'peak': stretch.peak_}
    weights = pixel_weights(stamps, stretch)
    assert (weights < 1).any()
    np.testing.assert_array_equal(weights, pixel_weights(stamps, Stretch(**levels)))
    assert stretch.scope == scope


def test_bands_without_a_signal_suggest_nothing():
    images = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype(np.float32)
    seen = np.array([[True, True, False], [False, False, False]])
    filled = fill_missing_bands(images, seen, [1, 0, 2])
    np.testing.assert_allclose(filled[0, ..., 2], 2 * images[0, ..., 0], rtol=1e-5)
    np.testing.assert_array_equal(filled[0, ..., :2], images[0, ..., :2])
    np.testing.assert_array_equal(filled[1], images[1])
    assert np.isfinite(fill_missing_bands(images, seen, [0, 0, 0])).all()


def test_the_search_for_stamps_that_lack_a_band_starts_from_the_others():
    images = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype(np.float32)
    weights = np.ones_like(images)
    weights[0, ..., 1] = 0
    images[0, ..., 1] = np.nan
    filled = fill_from_neighbors(images, weights)
    np.testing.assert_allclose(filled[0, ..., 1], images[0][..., [0, 2]].mean(axis=-1), rtol=1e-5)
    np.testing.assert_array_equal(filled[1], images[1])
    # Hardly any weight is a mask.
    weights[0, ..., 1], images[0, ..., 1] = 1e-6, 5.0
    np.testing.assert_allclose(fill_from_neighbors(images, weights), filled, atol=1e-2)
