"""`AdversarialTrainer`: its graph, averaged weights, and trainings on points in a plane."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from astro_wgan.wgan import NetworkConfig, TrainingConfig, build_critic, build_generator
from astro_wgan.wgan import trainer as module
from astro_wgan.wgan.trainer import AdversarialTrainer

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
    trainer = AdversarialTrainer(*networks, NETWORK, training, seed=3)
    images = tf.TensorSpec((12, 16, 16, 1))
    graph = tf.function(trainer.train_step).get_concrete_function(images).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert bool({'While', 'StatelessWhile'} & set(kinds)) is repeated
    # Besides those of the generator, each written step has its convolutions.
    assert (kinds.count('Conv2DBackpropFilter') > 10) is not repeated


def new_trainer(**options):
    network = NetworkConfig.preset('compact', size=16, bands=1)
    training = TrainingConfig(critic_steps=2, batch_size=8, **options)
    return AdversarialTrainer(
        build_generator(network, seed=1), build_critic(network, seed=2), network, training, seed=3
    )


def test_average_follows_the_generator():
    trainer = new_trainer(ema_decay=0.15, learning_rate=1e-3)
    expected = trainer.generator.get_weights()
    images = np.random.default_rng(1).normal(size=(16, 16, 16, 1)).astype(np.float32)
    for iteration in range(3):
        trainer.train_step(images)
        keep = min(0.15, (1 + iteration) / (10 + iteration))
        pairs = zip(expected, trainer.generator.get_weights(), strict=True)
        expected = [keep * average + (1 - keep) * weight for average, weight in pairs]
    for found, average in zip(trainer.final_generator().get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, average, rtol=1e-5, atol=1e-7)


def test_iteration_written_out_for_xla_is_that_of_the_loop():
    images = np.random.default_rng(1).normal(size=(16, 16, 16, 1)).astype(np.float32)
    steps = [tf.function(new_trainer(jit_compile=flag).train_step) for flag in (False, True)]
    for _ in range(2):
        expected, found = (step(images) for step in steps)
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(float(value), rel=1e-4, abs=1e-6), name


CENTERS = {
    8: 2 * np.column_stack([f(np.arange(8) * np.pi / 4) for f in (np.cos, np.sin)]),
    25: np.stack(np.meshgrid(np.arange(-2.0, 3), np.arange(-2.0, 3)), axis=-1).reshape(-1, 2),
}


def draw_points(centers, n, rng):
    points = centers[rng.integers(len(centers), size=n)] + 0.05 * rng.normal(size=(n, 2))
    return as_images(points)


def as_images(points):
    """Points as images of 1 x 2 pixels, which is what the trainer takes."""
    return points.reshape(-1, 1, 2, 1).astype(np.float32)


def dense_layers(x, width):
    for _ in range(3):
        x = layers.Dense(width, activation='relu')(x)
    return x


def dense_generator(width):
    latent = keras.Input((2,))
    points = layers.Dense(2)(dense_layers(latent, width))
    return keras.Model(latent, layers.Reshape((1, 2, 1))(points))


def dense_critic(width):
    image = keras.Input((1, 2, 1))
    features = dense_layers(layers.Flatten()(image), width)
    return keras.Model(image, [layers.Dense(1)(features), features])


def point_trainer(generator, critic, **options):
    training = TrainingConfig(batch_size=128, critic_steps=5, learning_rate=1e-3, **options)
    return AdversarialTrainer(generator, critic, NetworkConfig(latent_dim=2), training, seed=1)


def run(trainer, centers, iterations, rng):
    step = tf.function(trainer.train_step, jit_compile=trainer.training.jit_compile)
    for _ in range(iterations):
        step(draw_points(centers, 640, rng))


@pytest.mark.parametrize(('modes', 'width', 'iterations'), [(8, 64, 600), (25, 128, 300)])
def test_all_modes_are_covered(modes, width, iterations):
    keras.utils.set_random_seed(1)
    rng, centers = np.random.default_rng(1), CENTERS[modes]
    trainer = point_trainer(dense_generator(width), dense_critic(width), penalty_weight=0.1)
    run(trainer, centers, iterations, rng)
    latent = rng.normal(size=(2000, 2)).astype(np.float32)
    distance = cdist(trainer.generator(latent).numpy().reshape(-1, 2), centers)
    near = distance.min(axis=1) < 0.25
    counts = np.bincount(distance.argmin(axis=1)[near], minlength=modes)
    assert (counts > 0.1 * near.sum() / modes).all()


@pytest.mark.parametrize(('modes', 'compiled'), [(8, False), (25, True)])
def test_the_critic_finds_the_exact_wasserstein_distance(modes, compiled):
    """For a generator that is not trained, on held-out points."""
    keras.utils.set_random_seed(1)
    rng, centers = np.random.default_rng(1), CENTERS[modes]
    latent = keras.Input((2,))
    generator = keras.Model(latent, layers.Reshape((1, 2, 1))(layers.Dense(2)(latent)))
    generator.set_weights([np.eye(2), np.array([0.5, 0.0])])
    trainer = point_trainer(generator, dense_critic(64), penalty_weight=10, jit_compile=compiled)
    trainer.generator_optimizer.learning_rate.assign(0)
    run(trainer, centers, 400, rng)

    real = draw_points(centers, 2000, rng)
    fake = as_images(rng.normal(size=(2000, 2)) + (0.5, 0))
    cost = cdist(real.reshape(-1, 2), fake.reshape(-1, 2))
    exact = cost[linear_sum_assignment(cost)].mean()
    value = [trainer.critic(points)[0].numpy().mean() for points in (real, fake)]
    assert value[0] - value[1] == pytest.approx(exact, rel=0.1)
