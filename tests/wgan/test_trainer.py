"""One iteration of a training, and how it is laid out as a graph."""

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
