"""One small model and its stamps for all tests of the detector."""

from dataclasses import replace

import pytest

import astro_wgan
from astro_wgan.testing import make_stamps
from astro_wgan.wgan import NetworkConfig, TrainingConfig


@pytest.fixture(scope='session')
def stamps():
    """Round blobs of various sizes on noise: 120 stamps of 16 x 16 pixels."""
    return make_stamps(120, shape=(16, 16), sigma=(1.5, 3), seed=1, dtype=float, table=None)


@pytest.fixture(scope='session')
def wgan(stamps):
    """As in the paper: the generator draws noise, too, and there is no encoder."""
    network = replace(NetworkConfig.preset('compact', size=16), noise=False, latent_dim=16)
    # Not the preset's, which may change; in float32, the same on every machine.
    training = TrainingConfig(critic_steps=5, learning_rate=2e-4, augment=True, ema_decay=0.995)
    return astro_wgan.WGAN(network, training).fit(stamps, iterations=10, seed=1, progress=False)
