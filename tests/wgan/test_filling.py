import numpy as np
import pytest

from astro_wgan import datasets
from astro_wgan.simulate import simulate
from astro_wgan.stamps import StampSet
from astro_wgan.wgan.filling import (
    fill_holes,
    filled_with,
    first_filling,
    has_holes,
    seen_share,
    within_reach,
)

RNG = np.random.default_rng(5)


@pytest.fixture
def disc():
    """A bright round source on the sky, which is 0, and weights of 1."""
    y, x = np.indices((25, 25)) - 12
    image = np.exp(-np.hypot(y, x) / 4).astype(np.float32)[np.newaxis, ..., np.newaxis]
    return image, np.ones_like(image)


def test_pixels_are_seen_in_full_from_half_the_weight_on():
    weights = [0, 1e-6, 0.1, 0.25, 0.5, 0.7, 1]
    np.testing.assert_allclose(seen_share(weights), [0, 2e-6, 0.2, 0.5, 1, 1, 1], rtol=1e-6)


def test_holes_are_what_can_and_has_to_be_filled():
    weights = np.ones((5, 3, 3, 1), np.float32)
    weights[1], weights[2, 1, 1], weights[3, 0, 0], weights[4, 0, 0] = 0, 0, 0.5, 0.49
    assert has_holes(weights).tolist() == [False, False, True, False, True]


@pytest.mark.parametrize('hidden', [np.nan, np.inf, -1e30, 0.0])
def test_nothing_shows_of_what_is_masked(disc, hidden):
    image, weights = disc
    weights[:, 8:15, 10:14] = 0
    spoilt = np.where(weights > 0, image, hidden).astype(np.float32)
    for fill in (first_filling, fill_holes, lambda i, w: filled_with(i, w, np.ones_like(i))):
        np.testing.assert_array_equal(fill(spoilt, weights), fill(image, weights))


def test_an_edge_is_filled_by_what_is_opposite_and_the_sky(disc):
    image, weights = disc
    weights[:, :, :9] = 0
    filled = first_filling(image, weights)
    # The source is that turned; so is what fills its missing part, but for the smoothing.
    assert np.abs(filled - image)[:, :, 5:9].max() < 0.1
    assert np.abs(image)[:, :, 5:9].max() > 0.3
    np.testing.assert_array_equal(filled[:, :, 9:], image[:, :, 9:])
    weights[:] = 0
    weights[:, :3, :3] = 1
    assert np.abs(first_filling(image, weights)[:, 10:15, 10:15]).max() < 1e-3


def test_filling_goes_on_to_the_fit_of_what_is_left():
    """With components in place of networks it ends at the least squares of the pixels left."""
    components = np.linalg.qr(RNG.normal(size=(64, 3)))[0].astype(np.float32)
    images = (RNG.normal(size=(6, 3)) @ components.T + 0.01 * RNG.normal(size=(6, 64))).astype('f4')
    weights = (RNG.random((6, 64)) > 0.2).astype(np.float32)
    weights[0] = 1

    def closest(flat):
        return (flat.reshape(-1, 64) @ components @ components.T).reshape(flat.shape)

    shape = (6, 8, 8, 1)
    filled = fill_holes(images.reshape(shape), weights.reshape(shape), closest, rounds=200)
    found = closest(filled).reshape(6, 64)
    for image, weight, closest_image in zip(images, weights, found, strict=True):
        use = weight > 0
        fit = np.linalg.lstsq(components[use], image[use], rcond=None)[0]
        np.testing.assert_allclose(closest_image, components @ fit, atol=1e-5)
    np.testing.assert_array_equal(filled[0], images[0].reshape(8, 8, 1))


def test_whole_images_are_handed_through(disc):
    assert fill_holes(*disc) is disc[0]


def test_latent_vectors_do_not_run_away():
    latent = RNG.normal(size=(3, 16)).astype(np.float32)
    latent[1] *= 1e4
    shortened = within_reach(latent).numpy()
    np.testing.assert_array_equal(shortened[[0, 2]], latent[[0, 2]])
    assert np.linalg.norm(shortened[1]) == pytest.approx(20, rel=1e-5)
    np.testing.assert_allclose(shortened[1] / 20, latent[1] / np.linalg.norm(latent[1]), rtol=1e-4)


def test_the_critic_sees_nearly_what_it_would_see_without_a_mask():
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
