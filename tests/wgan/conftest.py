"""Small stamps and models for the tests of trainings."""

import numpy as np
import pytest
from astropy import units as u

import astro_wgan
from astro_wgan import StampSet
from astro_wgan.wgan import NetworkConfig, TrainingConfig


@pytest.fixture(scope='session')
def stamps():
    """Noisy squares of several sizes: 40 stamps of 16 x 16 pixels."""
    rng = np.random.default_rng(1)
    y, x = np.indices((16, 16)) - 7.5
    edge = rng.uniform(2, 6, size=(40, 1, 1))
    pixels = 5.0 * (np.maximum(abs(x), abs(y)) < edge) + rng.normal(size=(40, 16, 16))
    return StampSet(pixels, unit='nJy', pixel_scale=0.06 * u.arcsec)


@pytest.fixture(scope='session')
def new_wgan():
    """A function that makes a model that is quick to train, with settings of its training."""

    def make(**training):
        options = {'critic_steps': 2, 'batch_size': 8, 'augment': True, **training}
        network = NetworkConfig.preset('compact', size=16)
        return astro_wgan.WGAN(network, TrainingConfig(**options))

    return make


@pytest.fixture(scope='session')
def whole(stamps, new_wgan):
    """A model after six iterations without an interruption, with the seed 5."""
    return new_wgan().fit(stamps, iterations=6, seed=5, progress=False)
