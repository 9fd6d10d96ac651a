"""Trainings that begin with the weights of another model."""

import numpy as np
import pytest
from astropy import units as u

from astro_wgan import WGAN, StampSet
from astro_wgan.exceptions import CheckpointError
from astro_wgan.wgan import TrainingConfig

NETWORK = WGAN.preset('compact', size=16).network


def squares(n, *, edge, seed):
    rng = np.random.default_rng(seed)
    y, x = np.indices((16, 16)) - 7.5
    edges = edge + rng.uniform(-1, 1, size=(n, 1, 1))
    pixels = 5.0 * (np.maximum(abs(x), abs(y)) < edges) + rng.normal(size=(n, 16, 16))
    return StampSet(pixels, unit='nJy', pixel_scale=0.06 * u.arcsec)


def new_wgan(**training):
    options = {'critic_steps': 2, 'batch_size': 8, 'reconstruction_weight': 0.05, **training}
    return WGAN(NETWORK, TrainingConfig(**options))


def misfit(wgan, stamps):
    """Mean absolute difference of stamps to what the encoder and the generator make of them."""
    images, _ = wgan.images_from_stamps(stamps)
    latent = wgan.encoder_(images, training=False).numpy()
    return np.abs(images - wgan.images_from_latent(latent)).mean()


@pytest.fixture(scope='module')
def fitted():
    return new_wgan(learning_rate=2e-3).fit(
        squares(40, edge=3, seed=1), iterations=200, seed=1, progress=False
    )


@pytest.fixture(scope='module')
def other():
    return squares(16, edge=5, seed=2)


def test_it_begins_where_the_other_model_ended(fitted, other):
    kept = new_wgan(learning_rate=1e-12).fit(
        other, initial_model=fitted, iterations=1, progress=False
    )
    for name in ('generator_', 'critic_', 'encoder_'):
        networks = (getattr(fitted, name), getattr(kept, name))
        for a, b in zip(*(network.get_weights() for network in networks), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    assert kept.provenance_['initial_model'] == fitted.provenance_
    # The field is its own: the stretch is that of the new stamps.
    assert kept.stretch_ != fitted.stretch_


def test_with_few_stamps_it_is_ahead_of_a_new_model(fitted):
    few, fresh = squares(16, edge=3.5, seed=5), squares(64, edge=3.5, seed=4)
    options = {'iterations': 2, 'seed': 3, 'progress': False}
    tuned = new_wgan(learning_rate=2e-3).fit(few, initial_model=fitted, **options)
    new = new_wgan(learning_rate=2e-3).fit(few, **options)
    assert misfit(tuned, fresh) < 0.9 * misfit(new, fresh)


def test_the_start_stays_as_it_is(fitted, other):
    before = fitted.generator_.get_weights()
    new_wgan(learning_rate=1e-2).fit(other, initial_model=fitted, iterations=2, progress=False)
    for a, b in zip(before, fitted.generator_.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_knows_what_its_training_began_with(fitted, other, tmp_path):
    options = {'checkpoint': tmp_path / 'checkpoint', 'progress': False}
    whole = new_wgan().fit(other, initial_model=fitted, iterations=4, progress=False)
    new_wgan().fit(other, initial_model=fitted, iterations=2, **options)
    resumed = new_wgan().fit(other, initial_model=fitted, iterations=4, **options)
    for a, b in zip(whole.generator_.get_weights(), resumed.generator_.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    with pytest.raises(
        CheckpointError,
        match='belongs to another initial model: its generator was given and is not there',
    ):
        new_wgan().fit(other, iterations=4, **options)


def test_what_does_not_fit_is_refused(fitted, other):
    with pytest.raises(ValueError, match='`initial_model` must be a fitted model'):
        new_wgan().fit(other, initial_model=new_wgan(), progress=False)
    paper = WGAN.preset('paper', size=16)
    paper = WGAN(paper.network, TrainingConfig(batch_size=8))
    with pytest.raises(ValueError, match='`initial_model` must have the same network'):
        paper.fit(other, initial_model=fitted, progress=False)
    without = new_wgan(reconstruction_weight=0.0).fit(other, iterations=1, progress=False)
    with pytest.raises(ValueError, match='`initial_model` must have an encoder'):
        new_wgan().fit(other, initial_model=without, progress=False)
