"""An encoder: from an image to the latent vector of its closest image, in one pass."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.wgan.data_stream import stream_images
from astro_wgan.wgan.networks import build_encoder, draw_latent

__all__ = ['EncoderConfig', 'train_encoder']

_LATENT = 7


@dataclass(frozen=True)
class EncoderConfig:
    """
    How an encoder is trained.

    Parameters
    ----------
    iterations : int
        Steps of Adam.
    batch_size : int
        Real images in each step, and as many generated ones.
    learning_rate : float
        Adam's step at the start; it falls to a hundredth along a cosine.
    gamma : float
        Weight of the residual loss against the critic-feature loss.
    latent_weight : float
        Weight of the squared distance to the z that made a generated image.

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
    Train a network to say where in latent space the closest image of a stamp lies.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model; its weights stay as they are.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Normal stamps, those of the training among them if you like.
    config : `EncoderConfig`, optional
        Steps and weights.
    seed : int, optional
        Seed of weights, order and latent vectors.
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
    Two terms are minimised, as in Storey-Fisher et al. 2021 (arXiv:2105.02434): of generated
    images, whose z is known, the squared distance to it; of real ones the loss L_A of the latent
    search itself, through generator and critic (Schlegl et al. 2019, f-AnoGAN).
    """
    config = EncoderConfig() if config is None else config
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
        latent = draw_latent(wgan.network, config.batch_size, tf.stack([seed + _LATENT, iteration]))
        made = generator(latent, training=False)
        features = critic(real, training=False)[1]
        with tf.GradientTape() as tape:
            found = encoder(tf.concat([real, made], axis=0), training=True)
            closest = generator(found[: config.batch_size], training=False)
            residual = tf.reduce_mean(tf.abs(real - closest))
            feature = tf.reduce_mean(tf.abs(features - critic(closest, training=False)[1]))
            distance = tf.reduce_mean(tf.square(found[config.batch_size :] - latent))
            misfit = config.gamma * residual + (1 - config.gamma) * feature
            loss = misfit + config.latent_weight * distance
        gradients = tape.gradient(loss, encoder.trainable_variables)
        optimizer.apply(gradients, encoder.trainable_variables)
        return misfit

    return step
