"""The encoder: one pass to a start of the search, or to a first look."""

import numpy as np
import pytest

from astro_wgan import AnomalyDetector
from astro_wgan.anomaly import EncoderConfig, LatentSearchConfig, LatentSearcher, train_encoder

CONFIG = EncoderConfig(iterations=150, batch_size=16)
ONE_PASS = LatentSearchConfig(init='encoder', max_iterations=1)


@pytest.fixture(scope='module')
def encoder(wgan, stamps):
    return train_encoder(wgan, stamps[:80], config=CONFIG, seed=1, progress=False)


def loss(found):
    return (0.7 * found.residual_loss + 0.3 * found.feature_loss).mean()


def test_encoder_comes_closer_than_the_center_and_the_search_from_it_closer_still(
    wgan, stamps, encoder
):
    images = wgan.images_from_stamps(stamps[80:])
    center = LatentSearcher(wgan, LatentSearchConfig(max_iterations=1))(*images)
    once = LatentSearcher(wgan, ONE_PASS, encoder=encoder)(*images)
    refined = LatentSearcher(wgan, LatentSearchConfig(init='encoder'), encoder=encoder)(*images)
    whole = LatentSearcher(wgan, LatentSearchConfig())(*images)
    assert loss(once) < 0.9 * loss(center)
    assert loss(refined) < loss(once)
    # Not worse than Adam's from the center, about where BFGS ends from there, in fewer iterations.
    by_adam = LatentSearcher(wgan, LatentSearchConfig(optimizer='adam'))(*images)
    assert loss(refined) < 1.02 * loss(by_adam)
    assert loss(refined) < 1.05 * loss(whole)
    assert refined.iterations.mean() < 0.8 * whole.iterations.mean()


def test_one_pass_gives_the_latent_vector_of_the_encoder(wgan, stamps, encoder):
    images, weights = wgan.images_from_stamps(stamps[:5])
    found = LatentSearcher(wgan, ONE_PASS, encoder=encoder)(images, weights)
    np.testing.assert_allclose(found.latent, encoder(images).numpy(), rtol=1e-4, atol=1e-5)


def test_encoder_finds_the_latent_vectors_of_generated_images(wgan, stamps):
    """Trained on these alone, it turns the generator round."""
    config = EncoderConfig(iterations=300, batch_size=16, latent_weight=10.0)
    encoder = train_encoder(wgan, stamps[:80], config=config, progress=False)
    latent = np.random.default_rng(9).normal(size=(200, wgan.network.latent_dim)).astype(np.float32)
    found = encoder(wgan.images_from_latent(latent)).numpy()
    assert np.mean((found - latent) ** 2) < 0.7


def test_weights_follow_the_seed(wgan, stamps):
    config = EncoderConfig(iterations=2, batch_size=8)
    encoders = [
        train_encoder(wgan, stamps[:20], config=config, seed=seed, progress=False)
        for seed in (1, 1, 2)
    ]
    first, again, other = (encoder.get_weights() for encoder in encoders)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_detector_keeps_its_encoder(wgan, stamps, tmp_path):
    config = EncoderConfig(iterations=5, batch_size=8)
    detector = AnomalyDetector(wgan, search=LatentSearchConfig(max_iterations=5))
    detector.calibrate(stamps[80:100], progress=False)
    detector.train_encoder(stamps[:80], config=config, progress=False)
    assert detector.search.init == 'encoder'
    assert not hasattr(detector, 'calibration_')
    detector.calibrate(stamps[80:100], progress=False)
    table = detector.score(stamps[:4], progress=False)
    detector.save(tmp_path)
    again = AnomalyDetector.load(tmp_path).score(stamps[:4], progress=False)
    np.testing.assert_allclose(again['score'], table['score'], rtol=1e-5)


def test_a_search_from_an_encoder_needs_one(wgan, stamps):
    detector = AnomalyDetector(wgan, search=LatentSearchConfig(init='encoder'))
    with pytest.raises(ValueError, match='needs a trained encoder'):
        detector.measure(stamps[:2], progress=False)


def test_no_stamps_are_refused(wgan, stamps):
    with pytest.raises(ValueError, match='at least one stamp'):
        train_encoder(wgan, stamps[:0], progress=False)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'iterations': 0}, '`iterations` must be at least 1'),
        ({'learning_rate': -1.0}, '`learning_rate` must be above 0'),
        ({'gamma': 2.0}, '`gamma` must lie between 0 and 1'),
        ({'latent_weight': -0.1}, '`latent_weight` must not be negative'),
    ],
)
def test_impossible_values_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EncoderConfig(**options)
