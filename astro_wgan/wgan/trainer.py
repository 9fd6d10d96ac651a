"""One generator iteration: several critic steps with gradient penalty, then one generator step."""

from functools import partial

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.wgan.compute.critic_gradient import is_piecewise_linear, losses_and_gradients
from astro_wgan.wgan.compute.distribution import (
    ReducedAdam,
    mean_over_replicas,
    replica_sample,
    replica_slice,
)
from astro_wgan.wgan.compute.hardware import has_gpu, resolve_precision
from astro_wgan.wgan.compute.precision import with_compute_dtype
from astro_wgan.wgan.losses import (
    critic_loss,
    generator_loss,
    gradient_penalty,
    latent_divergence,
    reconstruction_loss,
)
from astro_wgan.wgan.networks import encoder_of_means
from astro_wgan.wgan.noise_layer import noise_variance, with_noise

__all__ = ['AdversarialTrainer', 'draw_latent', 'turn']

# Streams of random numbers: each draw is a function of (seed, iteration, critic step, stream), so
# that a resumed training draws what the uninterrupted one would have drawn.
_LATENT, _EPSILON, _TURN, _NOISE = range(4)
_HELD_OUT, _HELD_OUT_NOISE = -1, -3

# What a critic step measures.
_MEASURED = ('critic_loss', 'wasserstein_distance', 'gradient_penalty', 'critic_gradient_norm')


def draw_latent(config, n, seed):
    """
    Latent vectors from the distribution that the generator is trained on.

    Parameters
    ----------
    config : `~astro_wgan.wgan.NetworkConfig`
        Names distribution and length.
    n : int
        How many.
    seed : tensor_like of int, shape (2,)
        Seed of `tf.random.stateless_normal`.

    Returns
    -------
    `tf.Tensor` of float32, shape (n, latent)
    """
    shape = (n, config.latent_dim)
    if config.latent_distribution == 'uniform':
        return tf.random.stateless_uniform(shape, seed, minval=-1, maxval=1)
    return tf.random.stateless_normal(shape, seed)


def turn(images, orientation, *, compiled=False):
    """
    One of the eight orientations of the square, the same for all images.

    Parameters
    ----------
    images : `tf.Tensor`, shape (n, size, size, bands)
        Square images.
    orientation : `tf.Tensor` of int, scalar
        0 to 7: bit 0 transposes, bits 1 and 2 reflect along y and x, in this order.
    compiled : bool
        Whether XLA compiles it: then all are in the graph as one choice by pixel, since a choice
        of what to compute would have a graphics card wait for the processor.

    Returns
    -------
    `tf.Tensor`, shape (n, size, size, bands)
    """
    if not compiled:
        return tf.switch_case(orientation, [partial(_oriented, images, k) for k in range(8)])
    for k in range(3):
        chosen = tf.bitwise.bitwise_and(orientation, 1 << k) > 0
        images = tf.where(chosen, _oriented(images, 1 << k), images)
    return images


class AdversarialTrainer(keras.Model):
    """
    Generator and critic with their optimizers, as a Keras model whose step is one iteration.

    Parameters
    ----------
    generator, critic : `keras.Model`
        As made by `build_generator` and `build_critic`.
    network : `~astro_wgan.wgan.NetworkConfig`
        Latent size and distribution.
    training : `~astro_wgan.wgan.TrainingConfig`
        Steps, rates and penalty.
    seed : int
        Seed of every random draw.
    noise : `keras.Model`, optional
        As made by `build_noise`: what the critic is shown has this noise added.
    encoder : `keras.Model`, optional
        As made by `build_encoder` with ``spread``, if ``training.reconstruction_weight`` is not 0;
        it needs ``noise``.

    Notes
    -----
    A batch holds the images of all critic steps of one iteration:
    ``critic_steps * batch_size`` stamps in stretched intensity.

    Made within the scope of a `tf.distribute.Strategy`, as the networks must be then, each replica
    takes its share of every batch and of every random draw, so that losses and weights are those
    of one device but for rounding.
    """

    def __init__(self, generator, critic, network, training, *, seed, noise=None, encoder=None):
        super().__init__(name='wgan_gp')
        self.generator = generator
        self.critic = critic
        self.noise = noise
        self.encoder = encoder
        self._variance = None if encoder is None else noise_variance(noise)
        self.network = network
        self.training = training
        self.seed = int(seed)
        definite = resolve_precision(training)
        self.precision = precision = definite.precision
        self._generate = with_compute_dtype(generator, precision)
        self._judge = with_compute_dtype(critic, precision)
        between = 'float32' if definite.penalty_in_float32 else precision
        alike = between == precision
        self._judge_between = self._judge if alike else with_compute_dtype(critic, between)
        # Written out is faster, but only in one precision.
        self._written_out = alike and is_piecewise_linear(critic)
        self._encode = None if encoder is None else with_compute_dtype(encoder, precision)
        self.critic_optimizer = _optimizer(definite)
        self.generator_optimizer = _optimizer(definite)
        self.critic_optimizer.build(critic.trainable_variables)
        self.generator_optimizer.build(self._drawing_variables())
        self.averaged = self._followed(generator)
        self.averaged_encoder = self._followed(encoder)
        self.iteration = self.add_weight(
            shape=(), dtype='int64', initializer='zeros', trainable=False, name='iteration'
        )
        self.compile(jit_compile=training.jit_compile)

    def state_variables(self):
        """Everything that training changes, as pairs of name and variable, in a fixed order."""
        groups = {
            'generator': self.generator.variables,
            'critic': self.critic.variables,
            'generator_optimizer': self.generator_optimizer.variables,
            'critic_optimizer': self.critic_optimizer.variables,
            'averaged': [] if self.averaged is None else self.averaged.variables,
            'iteration': [self.iteration],
        }
        if self.encoder is not None:
            groups['encoder'] = self.encoder.variables
        if self.averaged_encoder is not None:
            groups['averaged_encoder'] = self.averaged_encoder.variables
        return [(f'{g}/{k}', v) for g, variables in groups.items() for k, v in enumerate(variables)]

    def train_step(self, images):
        """One iteration on ``critic_steps * batch_size`` images; returns what was measured."""
        strategy = self.distribute_strategy
        measured = strategy.run(self._steps, args=(images,))
        # Not within the replicas, which could not write what is alike on all of them.
        self._follow()
        self.iteration.assign_add(1)
        mean = tf.distribute.ReduceOp.MEAN
        return {name: strategy.reduce(mean, value, axis=None) for name, value in measured.items()}

    def drawing(self):
        """The generator to draw with: the averaged one, where there is one."""
        return self.generator if self.averaged is None else self.averaged

    def encoding(self):
        """The encoder that belongs to the generator to draw with: from images to z, or None."""
        encoder = self.encoder if self.averaged_encoder is None else self.averaged_encoder
        return None if encoder is None else encoder_of_means(encoder)

    def draw(self, latent):
        """Images of latent vectors (n, latent) by the generator to draw with, noise added."""
        images = self.drawing()(latent, training=False)
        return with_noise(images, self.noise, (self.seed, _HELD_OUT_NOISE))

    def distance(self, images):
        """
        The critic's estimate of the Wasserstein distance between images and generated ones.

        Parameters
        ----------
        images : array_like of float32, shape (n, ny, nx, bands)
            Real images in stretched intensity. Each call compares them with the same z.

        Returns
        -------
        float
        """
        latent = draw_latent(self.network, len(images), (self.seed, _HELD_OUT))
        made = self.generator(latent, training=False)
        fake = with_noise(made, self.noise, (self.seed, _HELD_OUT_NOISE))
        return -float(critic_loss(self._value(images), self._value(fake)))

    def _seed(self, step, stream):
        count = self.iteration * (self.training.critic_steps + 1) + tf.cast(step, tf.int64)
        return tf.stack([tf.cast(self.seed, tf.int64) * 4 + stream, count])

    def _steps(self, images):
        """What one replica does in an iteration."""
        steps, m = self.training.critic_steps, self.training.batch_size

        # The generator stays as it is during the critic's steps.
        made = self._generate(tf.concat([self._latent(step) for step in range(steps)], axis=0))
        rows = self._rows

        def critic_step(step, _):
            real = replica_slice(_batch(images, step, m))
            fake = self._noisy(_batch(made, step, rows), step)
            return step + 1, self._critic_step(self._turned(real, step), fake, step)

        state = (tf.constant(0), dict.fromkeys(_MEASURED, tf.constant(0.0)))
        if tf.distribute.has_strategy() or (self.training.jit_compile and not has_gpu()):
            # Replicas cannot wait for each other in a loop, and XLA's convolutions for processors
            # are many times slower in one.
            for _ in range(steps):
                state = critic_step(*state)
        else:
            # Written out, five steps take three times as long to trace.
            state = tf.while_loop(
                lambda step, _: step < steps, critic_step, state, parallel_iterations=1
            )
        return state[1] | self._generator_step(replica_slice(images[-m:]), tf.constant(steps))

    def _latent(self, step):
        """Latent vectors of one batch."""
        seed = self._seed(step, _LATENT)
        return replica_sample(lambda n: draw_latent(self.network, n, seed), self._rows)

    def _noisy(self, images, step):
        """Generated images as the critic sees them."""
        return with_noise(images, self.noise, self._seed(step, _NOISE))

    def _value(self, images):
        return self.critic(images, training=False)[0]

    def _critic_step(self, real, fake, step):
        m = self._rows
        seed = self._seed(step, _EPSILON)
        epsilon = replica_sample(lambda n: tf.random.stateless_uniform((n, 1, 1, 1), seed), m)
        weight = self.training.penalty_weight
        if self._written_out:
            found = losses_and_gradients(
                self.critic, real, fake, epsilon, weight, precision=self.precision
            )
        else:
            found = self._differentiated(real, fake, epsilon, weight)
        loss, penalty, gradients = found
        total = loss + weight * penalty
        norm = _descend(self.critic_optimizer, gradients, self.critic.trainable_variables)
        return dict(zip(_MEASURED, (total, -loss, penalty, norm), strict=True))

    def _differentiated(self, real, fake, epsilon, weight):
        """Losses and gradients of a critic step for any critic and precision."""
        m = self._rows
        with tf.GradientTape() as tape:
            # One pass for both: larger matrix products, and no batch statistics that could mix.
            value = self._judge(tf.concat([real, fake], axis=0))[0]
            loss = critic_loss(value[:m], value[m:])
            penalty = gradient_penalty(lambda x: self._judge_between(x)[0], real, fake, epsilon)
            scaled = self.critic_optimizer.scale_loss(loss + weight * penalty)
        return loss, penalty, tape.gradient(scaled, self.critic.trainable_variables)

    def _generator_step(self, real, step):
        measured, latent, m = {}, self._latent(step), self._rows
        with tf.GradientTape() as tape:
            if self.encoder is not None:
                real = self._turned(real, step)
                mean, log_spread = self._encode(real)
                # One pass for both.
                latent = tf.concat([latent, self._scattered(mean, log_spread, step)], axis=0)
            made = self._generate(latent)
            loss = generator_loss(self._judge(self._noisy(made[:m], step))[0])
            total = loss
            if self.encoder is not None:
                misfit = reconstruction_loss(real, made[m:], self._variance)
                divergence = latent_divergence(mean, log_spread)
                total += self.training.reconstruction_weight * (misfit + divergence)
                pixels = np.prod(self.network.image_shape)
                measured = {'reconstruction_chi2': 2 * misfit / pixels, 'kl_divergence': divergence}
            scaled = self.generator_optimizer.scale_loss(total)
        variables = self._drawing_variables()
        norm = _descend(self.generator_optimizer, tape.gradient(scaled, variables), variables)
        return {'generator_loss': loss, 'generator_gradient_norm': norm, **measured}

    def _scattered(self, mean, log_spread, step):
        """One z for each real image, from the distribution that the encoder gives."""
        # Of the streams of this step, the generator's, the penalty does not use its own.
        seed, latent = self._seed(step, _EPSILON), self.network.latent_dim
        scatter = replica_sample(
            lambda n: tf.random.stateless_normal((n, latent), seed), self._rows
        )
        return mean + tf.exp(log_spread) * scatter

    @property
    def _rows(self):
        """Images of a batch that one replica has."""
        return self.training.batch_size // self.distribute_strategy.num_replicas_in_sync

    def _turned(self, images, step):
        """Images as they are, or in one of their orientations, drawn at random."""
        if not self.training.augment:
            return images
        which = tf.random.stateless_uniform((), self._seed(step, _TURN), maxval=8, dtype=tf.int32)
        return turn(images, which, compiled=self.training.jit_compile)

    def _drawing_variables(self):
        """What a generator step changes."""
        encoder = [] if self.encoder is None else self.encoder.trainable_variables
        return self.generator.trainable_variables + encoder

    def _followed(self, network):
        """A copy of the network for the average of its weights, where one is asked for."""
        if network is None or not self.training.ema_decay:
            return None
        copy = keras.models.clone_model(network)
        copy.set_weights(network.get_weights())
        copy.trainable = False
        return copy

    def _follow(self):
        """Let the averaged networks follow the trained ones."""
        followed = [(self.averaged, self.generator), (self.averaged_encoder, self.encoder)]
        # At the start the average would still be that of the random first weights.
        done = tf.cast(self.iteration, tf.float32)
        keep = tf.minimum(self.training.ema_decay, (1 + done) / (10 + done))
        for averaged, network in followed:
            if averaged is not None:
                for average, weight in zip(averaged.variables, network.variables, strict=True):
                    average.assign(keep * average + (1 - keep) * weight)


def _oriented(images, orientation):
    """As `turn`, for an orientation that is known before the graph runs."""
    if orientation & 1:
        images = tf.transpose(images, (0, 2, 1, 3))
    reflected = [axis for axis in (1, 2) if orientation >> axis & 1]
    return tf.reverse(images, axis=reflected) if reflected else tf.identity(images)


def _batch(images, k, n):
    """The k-th batch of n images; their number is known before the graph runs."""
    return tf.slice(images, (k * n, 0, 0, 0), (n, -1, -1, -1))


def _optimizer(training):
    adam = ReducedAdam(training.learning_rate, beta_1=training.beta_1, beta_2=training.beta_2)
    if training.precision == 'mixed_float16':
        # Its small numbers end at 6e-8, where gradients of a mean over pixels begin.
        return keras.optimizers.LossScaleOptimizer(adam)
    return adam


def _descend(optimizer, gradients, variables):
    """One step along the mean of the gradients of all replicas; returns its norm."""
    gradients = mean_over_replicas(gradients)
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer.apply(gradients, variables)
        return tf.linalg.global_norm(gradients)
    norm = tf.linalg.global_norm(gradients) / optimizer.dynamic_scale
    optimizer.apply(gradients, variables)
    # The optimizer leaves out a step that its scale let overflow, and tries a smaller scale.
    return tf.where(tf.math.is_finite(norm), norm, 0.0)
