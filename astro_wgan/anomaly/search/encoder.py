"""Training of an encoder, which predicts the latent vector of the closest image."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.store import as_stamps
from astro_wgan.wgan.data_stream import stream_images
from astro_wgan.wgan.networks import build_encoder, draw_latent

__all__ = ['EncoderConfig', 'train_encoder']

#: Distinguishes the seed of latent vectors from others.
_LATENT_SEED = 7


@dataclass(frozen=True)
class EncoderConfig:
    """
    Configuration of the training of an encoder.

    Parameters
    ----------
    iterations : int
        Number of steps of Adam.
    batch_size : int
        Number of real images in each step, and of generated ones.
    learning_rate : float
        Initial learning rate of Adam; it decreases to a hundredth of that along a cosine.
    gamma : float
        Weight of the residual loss against the feature loss, 0 to 1.
    latent_weight : float
        Weight of the squared distance to the z of a generated image.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    iterations: int = 1000
    batch_size: int = 64
    learning_rate: float = 1e-3
    gamma: float = 0.7
    latent_weight: float = 0.02

    def __post_init__(self):
        for name in ('iterations', 'batch_size'):
            if getattr(self, name) < 1:
                raise ValueError(f'`{name}` must be at least 1; got {getattr(self, name)}.')
        if not self.learning_rate > 0:
            raise ValueError(f'`learning_rate` must be above 0; got {self.learning_rate}.')
        if not 0 <= self.gamma <= 1:
            raise ValueError(f'`gamma` must lie between 0 and 1; got {self.gamma}.')
        if not self.latent_weight >= 0:
            raise ValueError(f'`latent_weight` must not be negative; got {self.latent_weight}.')


def train_encoder(wgan, stamps, *, config=None, seed=0, progress=True):
    """
    Train a network to predict the latent vector of the closest image of a stamp.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model; its weights do not change.
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore` or path-like
        Normal stamps, such as those of the training, or anything else that
        `~astro_wgan.store.as_stamps` takes.
    config : `EncoderConfig`, optional
        Number of steps and weights of the terms.
    seed : int, optional
        Seed of the initial weights, the order of the stamps and the latent vectors.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `keras.Model`
        From stretched images (n, ny, nx, bands) to latent vectors (n, latent).

    Raises
    ------
    ValueError
        If there are no stamps, or they do not fit the model.

    Notes
    -----
    The loss has two terms, as in Storey-Fisher et al. 2021 (arXiv:2105.02434): for generated
    images, the squared distance to their z; for real ones, the loss L_A of the latent search,
    through generator and critic (Schlegl et al. 2019, f-AnoGAN).
    """
    config = EncoderConfig() if config is None else config
    stamps = as_stamps(stamps)
    if not len(stamps):
        raise ValueError('`stamps` must hold at least one stamp to train on; got none.')
    wgan.images_from_stamps(stamps[:1])
    encoder = build_encoder(wgan.network, seed=2 * seed + 3)
    decay = keras.optimizers.schedules.CosineDecay(
        config.learning_rate, config.iterations, alpha=0.01
    )
    step = _make_step(wgan, encoder, keras.optimizers.Adam(decay), config, seed)
    images = stream_images(stamps, wgan.stretch_, config.batch_size, seed=seed, start=0)
    with ProgressLine('encoder', quiet=not progress) as line:
        for iteration in range(config.iterations):
            loss = step(tf.constant(next(images)), tf.constant(iteration))
            line.update((iteration + 1) / config.iterations, f'loss {float(loss):.4f}')
    return encoder


def _make_step(wgan, encoder, optimizer, config, seed):
    generator, critic = wgan.generator_, wgan.critic_
    optimizer.build(encoder.trainable_variables)

    @tf.function
    def step(real, iteration):
        latent = draw_latent(
            wgan.network, config.batch_size, tf.stack([seed + _LATENT_SEED, iteration])
        )
        generated = generator(latent, training=False)
        features = critic(real, training=False)[1]
        with tf.GradientTape() as tape:
            predicted = encoder(tf.concat([real, generated], axis=0), training=True)
            closest = generator(predicted[: config.batch_size], training=False)
            residual_loss = tf.reduce_mean(tf.abs(real - closest))
            closest_features = critic(closest, training=False)[1]
            feature_loss = tf.reduce_mean(tf.abs(features - closest_features))
            distance = tf.reduce_mean(tf.square(predicted[config.batch_size :] - latent))
            search_loss = config.gamma * residual_loss + (1 - config.gamma) * feature_loss
            loss = search_loss + config.latent_weight * distance
        gradients = tape.gradient(loss, encoder.trainable_variables)
        optimizer.apply(gradients, encoder.trainable_variables)
        return search_loss

    return step
