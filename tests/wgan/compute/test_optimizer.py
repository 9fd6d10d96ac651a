import keras
import numpy as np
import tensorflow as tf

from astro_wgan.wgan.compute.optimizer import ReducedAdam


def test_adam_is_that_of_keras():
    start = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    ends = []
    for kind in (keras.optimizers.Adam, ReducedAdam):
        weights = keras.Variable(start)
        optimizer = kind(0.1, beta_1=0.5, beta_2=0.9)
        for _ in range(5):
            optimizer.apply([tf.constant(start) * weights.value - 0.3], [weights])
        ends.append(weights.numpy())
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-5)
    assert np.abs(ends[0] - start).max() > 0.1
