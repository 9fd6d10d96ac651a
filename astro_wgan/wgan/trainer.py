"""`AdversarialTrainer`: critic steps with gradient penalty and a generator step per iteration."""

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.wgan.compute.critic_gradient import is_piecewise_linear, losses_and_gradients
from astro_wgan.wgan.compute.distribution import (
    mean_over_replicas,
    replica_sample,
    replica_slice,
)
from astro_wgan.wgan.compute.hardware import has_gpu, resolve_precision
from astro_wgan.wgan.compute.optimizer import make_optimizer
from astro_wgan.wgan.compute.precision import with_compute_dtype
from astro_wgan.wgan.data_stream import reorient
from astro_wgan.wgan.losses import (
    critic_loss,
    generator_loss,
    gradient_penalty,
    latent_divergence,
    reconstruction_loss,
)
from astro_wgan.wgan.networks import (
    build_critic,
    build_encoder,
    build_generator,
    copy_weights,
    draw_latent,
    encoder_of_means,
)
from astro_wgan.wgan.noise_layer import build_noise, measure_noise, noise_variance, with_noise

__all__ = ['AdversarialTrainer', 'build_trainer']

# Streams of random numbers: each draw is a function of (seed, iteration, critic step, stream), so
# that a resumed training has the random numbers of an uninterrupted one.
_LATENT, _EPSILON, _ORIENTATION, _NOISE = range(4)
_HELD_OUT, _HELD_OUT_NOISE = -1, -3

#: What a critic step measures.
_CRITIC_METRICS = (
    'critic_loss',
    'wasserstein_distance',
    'gradient_penalty',
    'critic_gradient_norm',
)


class AdversarialTrainer(keras.Model):
    """
    Generator and critic with their optimizers, as a Keras model with one iteration per step.

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
    center : tuple of float, optional
        y and x that images are reoriented around, in pixels; by default their middle.
    noise : `keras.Model`, optional
        As made by `build_noise`: its noise is added to generated images before the critic sees
        them.
    encoder : `keras.Model`, optional
        As made by `build_encoder` with ``variational``, if ``training.reconstruction_weight`` is
        not 0; it needs ``noise``.

    Notes
    -----
    A batch holds the images of all critic steps of one iteration:
    ``critic_steps * batch_size`` stamps in stretched intensity.

    If it is created in the scope of a `tf.distribute.Strategy`, as the networks must be then, each
    replica uses its part of every batch and of every random draw, so that losses and weights are
    those of one device up to rounding.
    """

    def __init__(
        self,
        generator,
        critic,
        network,
        training,
        *,
        seed,
        center=None,
        noise=None,
        encoder=None,
    ):
        super().__init__(name='wgan_gp')
        self.generator = generator
        self.critic = critic
        self.noise = noise
        self.encoder = encoder
        self._noise_variance = None if encoder is None else noise_variance(noise)
        self.network = network
        self.training = training
        self.seed = int(seed)
        self.center = center
        resolved = resolve_precision(training)
        self.precision = precision = resolved.precision
        self._forward_generator = with_compute_dtype(generator, precision)
        self._forward_critic = with_compute_dtype(critic, precision)
        penalty_dtype = 'float32' if resolved.penalty_in_float32 else precision
        same = penalty_dtype == precision
        self._penalty_critic = (
            self._forward_critic if same else with_compute_dtype(critic, penalty_dtype)
        )
        # The explicit gradient is faster, but needs one precision throughout.
        self._explicit_gradient = same and is_piecewise_linear(critic)
        self._forward_encoder = None if encoder is None else with_compute_dtype(encoder, precision)
        self.critic_optimizer = make_optimizer(resolved)
        self.generator_optimizer = make_optimizer(resolved)
        self.critic_optimizer.build(critic.trainable_variables)
        self.generator_optimizer.build(self._generator_variables())
        self.ema_generator = self._copy_for_ema(generator)
        self.ema_encoder = self._copy_for_ema(encoder)
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
            'ema_generator': [] if self.ema_generator is None else self.ema_generator.variables,
            'iteration': [self.iteration],
        }
        if self.encoder is not None:
            groups['encoder'] = self.encoder.variables
        if self.ema_encoder is not None:
            groups['ema_encoder'] = self.ema_encoder.variables
        return [(f'{g}/{k}', v) for g, variables in groups.items() for k, v in enumerate(variables)]

    def train_step(self, images):
        """One iteration on ``critic_steps * batch_size`` images; returns its metrics."""
        strategy = self.distribute_strategy
        metrics = strategy.run(self._replica_step, args=(images,))
        # Outside of the replicas, which cannot write variables that are the same on all of them.
        self._update_ema()
        self.iteration.assign_add(1)
        mean = tf.distribute.ReduceOp.MEAN
        return {name: strategy.reduce(mean, value, axis=None) for name, value in metrics.items()}

    def final_generator(self):
        """The generator of the fitted model: that of averaged weights if there is one."""
        return self.generator if self.ema_generator is None else self.ema_generator

    def final_encoder(self):
        """The encoder of the fitted model, from images to z, or None."""
        encoder = self.encoder if self.ema_encoder is None else self.ema_encoder
        return None if encoder is None else encoder_of_means(encoder)

    def sample(self, latent):
        """Images, with noise, that `final_generator` makes of latent vectors (n, latent_dim)."""
        images = self.final_generator()(latent, training=False)
        return with_noise(images, self.noise, (self.seed, _HELD_OUT_NOISE))

    def wasserstein_distance(self, images):
        """
        The critic's estimate of the Wasserstein distance between images and generated ones.

        Parameters
        ----------
        images : array_like of float32, shape (n, ny, nx, bands)
            Real images in stretched intensity. Every call compares them with images of the same z.

        Returns
        -------
        float
        """
        latent = draw_latent(self.network, len(images), (self.seed, _HELD_OUT))
        generated = self.generator(latent, training=False)
        fake = with_noise(generated, self.noise, (self.seed, _HELD_OUT_NOISE))
        return -float(critic_loss(self._value(images), self._value(fake)))

    def _seed(self, step, stream):
        count = self.iteration * (self.training.critic_steps + 1) + tf.cast(step, tf.int64)
        return tf.stack([tf.cast(self.seed, tf.int64) * 4 + stream, count])

    def _replica_step(self, images):
        """The part of one replica in an iteration."""
        steps, m = self.training.critic_steps, self.training.batch_size

        # The generator does not change during the critic steps.
        latent = tf.concat([self._draw_latent(step) for step in range(steps)], axis=0)
        generated, n = self._forward_generator(latent), self._replica_batch

        def critic_step(step, _):
            real = replica_slice(_batch(images, step, m))
            fake = self._add_noise(_batch(generated, step, n), step)
            return step + 1, self._critic_step(self._reorient(real, step), fake, step)

        state = (tf.constant(0), dict.fromkeys(_CRITIC_METRICS, tf.constant(0.0)))
        if tf.distribute.has_strategy() or (self.training.jit_compile and not has_gpu()):
            # Replicas cannot synchronize within a graph loop, and on CPUs the convolutions of XLA
            # are many times slower in one.
            for _ in range(steps):
                state = critic_step(*state)
        else:
            # Five unrolled steps take three times as long to trace.
            state = tf.while_loop(
                lambda step, _: step < steps, critic_step, state, parallel_iterations=1
            )
        return state[1] | self._generator_step(replica_slice(images[-m:]), tf.constant(steps))

    def _draw_latent(self, step):
        """Latent vectors of one batch."""
        seed = self._seed(step, _LATENT)
        return replica_sample(lambda n: draw_latent(self.network, n, seed), self._replica_batch)

    def _add_noise(self, images, step):
        """Generated images with the noise that the critic sees."""
        return with_noise(images, self.noise, self._seed(step, _NOISE))

    def _value(self, images):
        return self.critic(images, training=False)[0]

    def _critic_step(self, real, fake, step):
        m = self._replica_batch
        seed = self._seed(step, _EPSILON)
        epsilon = replica_sample(lambda n: tf.random.stateless_uniform((n, 1, 1, 1), seed), m)
        weight = self.training.penalty_weight
        if self._explicit_gradient:
            result = losses_and_gradients(
                self.critic, real, fake, epsilon, weight, precision=self.precision
            )
        else:
            result = self._autodiff_gradients(real, fake, epsilon, weight)
        loss, penalty, gradients = result
        total = loss + weight * penalty
        norm = _apply_gradients(self.critic_optimizer, gradients, self.critic.trainable_variables)
        return dict(zip(_CRITIC_METRICS, (total, -loss, penalty, norm), strict=True))

    def _autodiff_gradients(self, real, fake, epsilon, weight):
        """Losses and gradients of a critic step, for any critic and precision."""
        m = self._replica_batch
        with tf.GradientTape() as tape:
            # One call for both gives larger matrix products; there are no batch statistics that
            # could mix them.
            value = self._forward_critic(tf.concat([real, fake], axis=0))[0]
            loss = critic_loss(value[:m], value[m:])
            penalty = gradient_penalty(lambda x: self._penalty_critic(x)[0], real, fake, epsilon)
            scaled = self.critic_optimizer.scale_loss(loss + weight * penalty)
        return loss, penalty, tape.gradient(scaled, self.critic.trainable_variables)

    def _generator_step(self, real, step):
        metrics, latent, m = {}, self._draw_latent(step), self._replica_batch
        with tf.GradientTape() as tape:
            if self.encoder is not None:
                real = self._reorient(real, step)
                mean, log_sigma = self._forward_encoder(real)
                # One call of the generator for both.
                latent = tf.concat([latent, self._sample_posterior(mean, log_sigma, step)], axis=0)
            generated = self._forward_generator(latent)
            loss = generator_loss(self._forward_critic(self._add_noise(generated[:m], step))[0])
            total = loss
            if self.encoder is not None:
                reconstruction = reconstruction_loss(real, generated[m:], self._noise_variance)
                divergence = latent_divergence(mean, log_sigma)
                total += self.training.reconstruction_weight * (reconstruction + divergence)
                chi2 = 2 * reconstruction / np.prod(self.network.image_shape)
                metrics = {'reconstruction_chi2': chi2, 'kl_divergence': divergence}
            scaled = self.generator_optimizer.scale_loss(total)
        variables = self._generator_variables()
        gradients = tape.gradient(scaled, variables)
        norm = _apply_gradients(self.generator_optimizer, gradients, variables)
        return {'generator_loss': loss, 'generator_gradient_norm': norm, **metrics}

    def _sample_posterior(self, mean, log_sigma, step):
        """One z for each real image, drawn from the distribution that the encoder predicts."""
        # The stream of epsilon is free in the generator step, which has no gradient penalty.
        seed, latent = self._seed(step, _EPSILON), self.network.latent_dim
        normal = replica_sample(
            lambda n: tf.random.stateless_normal((n, latent), seed), self._replica_batch
        )
        return mean + tf.exp(log_sigma) * normal

    @property
    def _replica_batch(self):
        """Number of images of a batch that one replica processes."""
        return self.training.batch_size // self.distribute_strategy.num_replicas_in_sync

    def _reorient(self, images, step):
        """With ``augment`` all images in one orientation, drawn at random."""
        if not self.training.augment:
            return images
        seed = self._seed(step, _ORIENTATION)
        orientation = tf.random.stateless_uniform((), seed, maxval=8, dtype=tf.int32)
        options = {'center': self.center, 'compiled': self.training.jit_compile}
        return reorient(images, orientation, **options)

    def _generator_variables(self):
        """The variables that a generator step trains."""
        encoder = [] if self.encoder is None else self.encoder.trainable_variables
        return self.generator.trainable_variables + encoder

    def _copy_for_ema(self, network):
        """A copy of the network for the moving average of its weights, or None."""
        if network is None or not self.training.ema_decay:
            return None
        copy = keras.models.clone_model(network)
        copy.set_weights(network.get_weights())
        copy.trainable = False
        return copy

    def _update_ema(self):
        """Update the moving averages of the weights."""
        pairs = [(self.ema_generator, self.generator), (self.ema_encoder, self.encoder)]
        # With a constant decay the average would be that of the initial weights for long.
        done = tf.cast(self.iteration, tf.float32)
        keep = tf.minimum(self.training.ema_decay, (1 + done) / (10 + done))
        for average, network in pairs:
            if average is not None:
                for mean, weight in zip(average.variables, network.variables, strict=True):
                    mean.assign(keep * mean + (1 - keep) * weight)


def build_trainer(network, training, stamps, stretch, *, seed, center=None, initial_model=None):
    """
    A trainer with new networks.

    Parameters
    ----------
    network, training : `~astro_wgan.wgan.NetworkConfig`, `~astro_wgan.wgan.TrainingConfig`
        Configuration.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Training set, whose noise is measured if ``network.noise`` is true.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling.
    seed : int
        Seed of the weights and of every random draw of the training.
    center : tuple of float, optional
        As for `AdversarialTrainer`.
    initial_model : `~astro_wgan.WGAN`, optional
        A fitted model whose weights are copied, with the same network or with that for a single
        band. Its encoder predicts only the mean of z; the layer of the standard deviation keeps
        its initial weights.

    Returns
    -------
    AdversarialTrainer
    """
    generator = build_generator(network, seed=2 * seed + 1)
    critic = build_critic(network, seed=2 * seed + 2)
    noise = encoder = None
    if network.noise:
        noise = build_noise(network, stretch, measure_noise(stamps, stretch))
    if training.reconstruction_weight:
        encoder = build_encoder(network, variational=True, seed=2 * seed + 3)
    if initial_model is not None:
        copy_weights(generator, initial_model.generator_)
        copy_weights(critic, initial_model.critic_)
        if encoder is not None:
            copy_weights(encoder_of_means(encoder), initial_model.encoder_)
    options = {'seed': seed, 'center': center, 'noise': noise, 'encoder': encoder}
    return AdversarialTrainer(generator, critic, network, training, **options)


def _batch(images, k, n):
    """The k-th batch of n images, of static shape."""
    return tf.slice(images, (k * n, 0, 0, 0), (n, -1, -1, -1))


def _apply_gradients(optimizer, gradients, variables):
    """One step with the mean gradient of all replicas; returns its norm."""
    gradients = mean_over_replicas(gradients)
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer.apply(gradients, variables)
        return tf.linalg.global_norm(gradients)
    norm = tf.linalg.global_norm(gradients) / optimizer.dynamic_scale
    optimizer.apply(gradients, variables)
    # If its scale made the gradient overflow the optimizer skips the step and lowers the scale.
    return tf.where(tf.math.is_finite(norm), norm, 0.0)
