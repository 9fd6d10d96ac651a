"""Noise that a WGAN keeps apart from what its generator makes."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import convolve2d

from astro_wgan import WGAN, StampSet
from astro_wgan.anomaly import LatentSearchConfig, LatentSearcher
from astro_wgan.stamps import Stretch
from astro_wgan.wgan import NetworkConfig, TrainingConfig
from astro_wgan.wgan.noise_layer import build_noise, draw_noise, measure_noise

#: White noise averaged with its neighbors.
MIXING = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / np.sqrt(20)


def sky_alone(n, *, seed, size=32):
    """Correlated noise of variance 1 without any source."""
    noise = np.random.default_rng(seed).normal(size=(n, size + 2, size + 2))
    return np.array([convolve2d(one, MIXING, 'valid') for one in noise])


def blobs(n, *, seed, size=32):
    """Round blobs of many brightnesses on correlated noise of variance 1."""
    y, x = np.indices((size, size)) - (size - 1) / 2
    flux = np.random.default_rng(seed).uniform(20, 200, (n, 1, 1))
    pixels = sky_alone(n, seed=seed, size=size) + flux * np.exp(-(x**2 + y**2) / 2 / 2.5**2)
    return StampSet(pixels, unit='nJy')


@pytest.fixture(scope='module')
def stamps():
    return blobs(200, seed=1)


def covariance(images, dy, dx):
    ny, nx = images.shape[1:3]
    return np.mean(images[:, dy:, dx:] * images[:, : ny - dy, : nx - dx])


@pytest.mark.parametrize('kind', ['asinh', 'linear'])
def test_noise_is_that_of_the_sky(stamps, kind):
    """In stretched intensity it has variance and correlation of sky that has no sources."""
    stretch = Stretch(kind=kind).fit(stamps)
    kernel = measure_noise(stamps, stretch)
    noise = build_noise(NetworkConfig.preset('compact', size=32), stretch, kernel)
    made = draw_noise(noise, tf.zeros((1000, 32, 32, 1)), (1, 2)).numpy()[..., 0]
    sky = stretch.transform(StampSet(sky_alone(1000, seed=9), unit='nJy'))
    sky -= sky.mean()
    for lag in [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 2)]:
        shares = [covariance(images, *lag) / sky.var() for images in (made, sky)]
        assert shares[0] == pytest.approx(shares[1], abs=0.03), lag


def test_bright_pixels_have_the_noise_that_asinh_leaves_them(stamps):
    stretch = Stretch().fit(stamps)
    noise = build_noise(
        NetworkConfig.preset('compact', size=32), stretch, measure_noise(stamps, stretch)
    )
    white, level = (1, 2), 0.6
    at_sky = draw_noise(noise, tf.zeros((50, 32, 32, 1)), white).numpy()
    bright = draw_noise(noise, tf.fill((50, 32, 32, 1), level), white).numpy()
    # The slope of the inverse by a finite difference: the noise in nJy is the same.
    step = 1e-3
    ends = np.array([[-step, step], [level - step, level + step]])[:, np.newaxis]
    slopes = np.diff(stretch.inverse(ends)[:, 0])[:, 0]
    np.testing.assert_allclose(bright * slopes[1], at_sky * slopes[0], rtol=0.01, atol=1e-4)


def test_bands_have_noise_of_their_own():
    quiet, loud = blobs(60, seed=1).pixels, 5 * blobs(60, seed=2).pixels
    stamps = StampSet(np.stack([quiet, loud], axis=-1), unit='nJy')
    stretch = Stretch().fit(stamps)
    kernel = measure_noise(stamps, stretch)
    noise = build_noise(NetworkConfig.preset('compact', size=32, bands=2), stretch, kernel)
    made = draw_noise(noise, tf.zeros((200, 32, 32, 2)), (1, 2)).numpy()
    sky = sky_alone(200, seed=9)
    sky = stretch.transform(StampSet(np.stack([sky, 5 * sky], axis=-1), unit='nJy'))
    np.testing.assert_allclose(made.std(axis=(0, 1, 2)), sky.std(axis=(0, 1, 2)), rtol=0.03)


def test_stretches_by_stamp_are_refused(stamps):
    with pytest.raises(ValueError, match=r"`noise`.*'global'; got 'stamp'"):
        measure_noise(stamps, Stretch(scope='stamp').fit(stamps))


def test_without_sky_noise_is_white_and_as_strong_as_the_finest_structure(stamps):
    """As if a source lay under every pixel."""
    y, x = np.indices((32, 32)) / 16
    noise = np.random.default_rng(1).normal(size=(50, 32, 32))
    full = StampSet(100 + 20 * y + 30 * np.sin(x * y) + noise, unit='nJy')
    stretch = Stretch(kind='linear').fit(stamps)
    kernel = measure_noise(full, stretch)[..., 0]
    zero, one = stretch.transform(StampSet(np.stack([0 * y, 0 * y + 1]), unit='nJy'))[:, 0, 0]
    assert kernel[3, 3] == pytest.approx(one - zero, rel=0.05)
    assert np.count_nonzero(kernel) == 1


def test_images_without_noise_are_given_a_little(stamps):
    stretch = Stretch().fit(stamps)
    y, x = np.indices((32, 32)) - 15.5
    clean = StampSet(np.tile(100 * np.exp(-(x**2 + y**2) / 8), (20, 1, 1)), unit='nJy')
    kernel = measure_noise(clean, stretch)
    assert 0 < np.sqrt(np.sum(kernel**2)) < 0.01


@pytest.fixture(scope='module')
def wgan(stamps):
    network = NetworkConfig.preset('compact', size=32)
    training = TrainingConfig(critic_steps=2, batch_size=16, learning_rate=1e-3, ema_decay=0.9)
    wgan = WGAN(replace(network, noise=True, latent_dim=4), training)
    return wgan.fit(stamps, iterations=40, seed=1, progress=False)


def test_generated_stamps_have_noise_and_closest_images_have_not(wgan):
    latent = np.zeros((2, 4), np.float32)
    made = wgan.generate(latent=latent, seed=3).pixels
    clean = wgan.stamps_from_images(wgan.images_from_latent(latent)).pixels
    corner = (slice(None), slice(0, 8), slice(0, 8))
    np.testing.assert_allclose(clean[0], clean[1], atol=1e-4)
    assert np.std((made - clean)[corner]) == pytest.approx(1, rel=0.15)
    assert not np.allclose(made[0], made[1], atol=0.5)


def test_resumed_training_has_the_same_noise(wgan, stamps, tmp_path):
    parts = WGAN(wgan.network, wgan.training)
    for iterations in (15, 40):
        parts.fit(
            stamps,
            iterations=iterations,
            seed=1,
            checkpoint=tmp_path / 'training.npz',
            progress=False,
        )
    for name in ('generator_', 'critic_', 'noise_'):
        pairs = zip(
            getattr(parts, name).get_weights(), getattr(wgan, name).get_weights(), strict=True
        )
        assert all(np.array_equal(a, b) for a, b in pairs), name


def test_noise_is_saved_with_the_model(wgan, tmp_path):
    wgan.save(tmp_path)
    again = WGAN.load(tmp_path)
    np.testing.assert_array_equal(again.generate(3, seed=1).pixels, wgan.generate(3, seed=1).pixels)


def test_search_compares_critic_features_of_images_with_noise(wgan, stamps):
    """The same for each image, so that a score is independent of the other images."""
    images = wgan.images_from_stamps(stamps[:6])
    searcher = LatentSearcher(wgan, LatentSearchConfig(optimizer='adam', max_iterations=12))
    together = searcher(*images)
    alone = searcher(*(part[4:5] for part in images))
    np.testing.assert_allclose(together.feature_loss[4], alone.feature_loss[0], rtol=1e-3)
    closest = wgan.images_from_latent(together.latent)
    np.testing.assert_allclose(
        together.residual_loss, np.abs(images[0] - closest).mean(axis=(1, 2, 3)), rtol=1e-4
    )
    noisy = closest + draw_noise(wgan.noise_, tf.constant(closest), (0, 0), shared=True)
    c = [wgan.critic_(x, training=False)[1].numpy() for x in (images[0], noisy)]
    np.testing.assert_allclose(
        together.feature_loss, np.abs(c[0] - c[1]).mean(axis=(1, 2, 3)), rtol=1e-3
    )
