"""Weights of trained models, to be compared."""

import numpy as np


def weights(wgan):
    return [*wgan.generator_.get_weights(), *wgan.critic_.get_weights()]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
