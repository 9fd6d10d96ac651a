"""
A short training that is monitored on held-out stamps.

``python monitored_training.py CHECKPOINT`` runs it for so long that it must be killed, and writes
the checkpoint after each iteration.
"""

import sys

import numpy as np

from astro_wgan import WGAN, StampSet
from astro_wgan.wgan import TrainingConfig, callbacks


def noisy_squares(seed):
    """Squares of several sizes on noise: 40 stamps of 16 x 16 pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((16, 16)) - 7.5
    edge = rng.uniform(2, 6, size=(40, 1, 1))
    pixels = 5.0 * (np.maximum(abs(x), abs(y)) < edge) + rng.normal(size=(40, 16, 16))
    return StampSet(pixels, unit='nJy')


def fit(iterations, **options):
    """The model after some iterations; options are those of `~astro_wgan.WGAN.fit`."""
    training = TrainingConfig(critic_steps=2, batch_size=8, augment=True, ema_decay=0.9)
    wgan = WGAN(WGAN.preset('compact', size=16).network, training)
    options = {'held_out': noisy_squares(2), 'seed': 5, 'progress': False, **options}
    return wgan.fit(noisy_squares(1), iterations=iterations, **options)


if __name__ == '__main__':
    callbacks._CHECKPOINT_SECONDS = 0.0
    fit(100_000, checkpoint=sys.argv[1])
