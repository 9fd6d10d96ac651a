"""One iteration of a training, and how it is laid out as a graph."""

import numpy as np
import pytest
import tensorflow as tf

from astro_wgan.wgan import NetworkConfig, TrainingConfig, build_critic, build_generator
from astro_wgan.wgan import trainer as module

NETWORK = NetworkConfig(
    size=16, latent_dim=4, generator_filters=(8, 8, 4), critic_filters=(4, 8), critic_dense=8
)


@pytest.mark.parametrize(
    ('compiled', 'card', 'repeated'),
    [(False, False, True), (True, False, False), (True, True, True)],
)
def test_critic_steps_are_repeated_but_where_xla_compiles_for_a_processor(
    monkeypatch, compiled, card, repeated
):
    monkeypatch.setattr(module, 'has_gpu', lambda: card)
    training = TrainingConfig(batch_size=4, critic_steps=3, jit_compile=compiled)
    networks = build_generator(NETWORK, seed=1), build_critic(NETWORK, seed=2)
    trainer = module.AdversarialTrainer(*networks, NETWORK, training, seed=3)
    images = tf.TensorSpec((12, 16, 16, 1))
    graph = tf.function(trainer.train_step).get_concrete_function(images).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert bool({'While', 'StatelessWhile'} & set(kinds)) is repeated
    # Besides those of the generator, each written step has its convolutions.
    assert (kinds.count('Conv2DBackpropFilter') > 10) is not repeated


@pytest.mark.parametrize('compiled', [False, True])
@pytest.mark.parametrize('bands', [1, 3])
def test_images_are_turned_to_the_eight_orientations_of_the_square(compiled, bands):
    images = np.random.default_rng(1).normal(size=(2, 6, 6, bands)).astype(np.float32)
    turned = tf.function(
        lambda orientation: module.turn(images, orientation, compiled=compiled),
        jit_compile=compiled,
    )
    found = [turned(tf.constant(k)).numpy() for k in range(8)]
    quarters = [np.rot90(images, k, axes=(1, 2)) for k in range(4)]
    expected = quarters + [x[:, ::-1] for x in quarters]
    assert {x.tobytes() for x in found} == {
        x.tobytes() for x in map(np.ascontiguousarray, expected)
    }
    np.testing.assert_array_equal(found[0], images)
    np.testing.assert_array_equal(found[3], images.transpose(0, 2, 1, 3)[:, ::-1])
    np.testing.assert_array_equal(found[4], images[:, :, ::-1])
