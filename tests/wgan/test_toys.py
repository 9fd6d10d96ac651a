"""The whole adversarial training on points in a plane, where the true distance can be computed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from astro_wgan.wgan import NetworkConfig, TrainingConfig
from astro_wgan.wgan.trainer import AdversarialTrainer

CENTRES = {
    8: 2 * np.column_stack([f(np.arange(8) * np.pi / 4) for f in (np.cos, np.sin)]),
    25: np.stack(np.meshgrid(np.arange(-2.0, 3), np.arange(-2.0, 3)), axis=-1).reshape(-1, 2),
}


def draw_points(centres, n, rng):
    points = centres[rng.integers(len(centres), size=n)] + 0.05 * rng.normal(size=(n, 2))
    return as_images(points)


def as_images(points):
    """Points as images of 1 x 2 pixels, which is what the trainer takes."""
    return points.reshape(-1, 1, 2, 1).astype(np.float32)


def dense_layers(x, width):
    for _ in range(3):
        x = layers.Dense(width, activation='relu')(x)
    return x


def build_generator(width):
    latent = keras.Input((2,))
    points = layers.Dense(2)(dense_layers(latent, width))
    return keras.Model(latent, layers.Reshape((1, 2, 1))(points))


def build_critic(width):
    image = keras.Input((1, 2, 1))
    features = dense_layers(layers.Flatten()(image), width)
    return keras.Model(image, [layers.Dense(1)(features), features])


def new_trainer(generator, critic, **options):
    training = TrainingConfig(batch_size=128, critic_steps=5, learning_rate=1e-3, **options)
    return AdversarialTrainer(generator, critic, NetworkConfig(latent_dim=2), training, seed=1)


def run(trainer, centres, iterations, rng):
    step = tf.function(trainer.train_step, jit_compile=trainer.training.jit_compile)
    for _ in range(iterations):
        step(draw_points(centres, 640, rng))


@pytest.mark.parametrize(('modes', 'width', 'iterations'), [(8, 64, 600), (25, 128, 300)])
def test_all_modes_are_covered(modes, width, iterations):
    keras.utils.set_random_seed(1)
    rng, centres = np.random.default_rng(1), CENTRES[modes]
    trainer = new_trainer(build_generator(width), build_critic(width), penalty_weight=0.1)
    run(trainer, centres, iterations, rng)
    latent = rng.normal(size=(2000, 2)).astype(np.float32)
    distance = cdist(trainer.generator(latent).numpy().reshape(-1, 2), centres)
    near = distance.min(axis=1) < 0.25
    counts = np.bincount(distance.argmin(axis=1)[near], minlength=modes)
    assert (counts > 0.1 * near.sum() / modes).all()


@pytest.mark.parametrize(('modes', 'compiled'), [(8, False), (25, True)])
def test_distance_is_the_exact_one_on_held_out_points(modes, compiled):
    """Of a generator that stays as it is, the critic finds the true Wasserstein distance."""
    keras.utils.set_random_seed(1)
    rng, centres = np.random.default_rng(1), CENTRES[modes]
    latent = keras.Input((2,))
    generator = keras.Model(latent, layers.Reshape((1, 2, 1))(layers.Dense(2)(latent)))
    generator.set_weights([np.eye(2), np.array([0.5, 0.0])])
    trainer = new_trainer(generator, build_critic(64), penalty_weight=10, jit_compile=compiled)
    trainer.generator_optimizer.learning_rate.assign(0)
    run(trainer, centres, 400, rng)

    real = draw_points(centres, 2000, rng)
    fake = as_images(rng.normal(size=(2000, 2)) + (0.5, 0))
    cost = cdist(real.reshape(-1, 2), fake.reshape(-1, 2))
    exact = cost[linear_sum_assignment(cost)].mean()
    value = [trainer.critic(points)[0].numpy().mean() for points in (real, fake)]
    assert value[0] - value[1] == pytest.approx(exact, rel=0.1)
