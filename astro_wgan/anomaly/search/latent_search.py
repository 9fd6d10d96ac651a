"""`LatentSearcher`: the closest image that a generator can make, for many images at once."""

from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from astro_wgan.anomaly.search.initialization import make_parametrization
from astro_wgan.anomaly.search.noise_draws import make_noise
from astro_wgan.anomaly.search.optimizers import make_optimizer
from astro_wgan.anomaly.search.search_loss import SearchLosses
from astro_wgan.anomaly.search.search_result import SearchResult
from astro_wgan.wgan.masked_pixels import fill_masked, limit_length, needs_filling, replace_masked

__all__ = ['LatentSearcher']

#: Checks for convergence within ``patience`` iterations; each interrupts the graph.
_CHECKS = 3


class LatentSearcher:
    """
    Search for the latent vectors of the closest images, for any number of images.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model; its weights do not change.
    search : `~astro_wgan.anomaly.LatentSearchConfig`
        Initialization, losses and stopping rule.
    encoder : `keras.Model`, optional
        From images to latent vectors, for ``init='encoder'``.
    classifier : `~astro_wgan.anomaly.classifier.injection_classifier.InjectionClassifier`, optional
        Of what the search finds; it does not take part in it.

    Attributes
    ----------
    wgan, search, encoder, classifier
        As given. The networks are those that the model had at that time.
    noise : callable
        Realizations of the noise of the model, from
        `~astro_wgan.anomaly.search.noise_draws.make_noise`.
    graphs : dict
        Compiled functions that others have made of this searcher. They end with it.

    Notes
    -----
    The search minimizes L_A = gamma L_R + (1 - gamma) L_F (see
    `~astro_wgan.anomaly.search.search_loss.SearchLosses`).

    Each image has its own optimizer state, and its result is independent of the other images in the
    batch. A converged image is replaced in the batch by the next one, so that no computation is
    spent on it.

    Masked pixels, and in part those of low weight, are filled before a network sees them: from the
    surrounding and the opposite pixels, and, with an encoder, iteratively from the closest image of
    its prediction (`~astro_wgan.wgan.masked_pixels.fill_masked`). L_F and C(x) of the result are
    those of the image filled with its closest image.
    """

    def __init__(self, wgan, search, *, encoder=None, classifier=None):
        self.wgan, self.search, self.encoder, self.classifier = wgan, search, encoder, classifier
        self.noise, self.graphs = make_noise(wgan), {}
        self._losses = SearchLosses(wgan, seed=search.seed)
        self._optimized_losses = self._losses
        if search.precision != 'float32':
            self._optimized_losses = SearchLosses(
                wgan, seed=search.seed, precision=search.precision
            )
        latent = wgan.network.latent_dim
        self._parametrization = make_parametrization(
            search.init, latent, seed=search.seed, encoder=encoder
        )
        settings = search.with_defaults()
        self._optimizer = make_optimizer(settings.optimizer, settings.learning_rate)
        self._patience = settings.patience
        self._trace_graphs(latent, wgan.network.image_shape)

    def _trace_graphs(self, latent, image_shape):
        images, latents = tf.TensorSpec((None, *image_shape)), tf.TensorSpec((None, latent))
        function, by_shape = tf.function, partial(tf.function, reduce_retracing=True)
        self._graph = SimpleNamespace(
            evaluate_initial=function(self.evaluate_initial, input_signature=(images,) * 3),
            evaluate=function(self._evaluate, input_signature=(latents, *(images,) * 3)),
            generate_initial=function(self._generate_initial, input_signature=(images,)),
            with_noise=function(self._losses.with_noise, input_signature=(images,)),
            begin=function(self._begin, input_signature=(images,) * 3),
            # The number of images in the batch varies: one graph for all of them.
            advance=by_shape(self._advance),
            keep=by_shape(_gather),
            keep_and_begin=by_shape(self._keep_and_begin),
        )

    def __reduce__(self):
        """Pickled as its parts, since graphs belong to a process."""
        options = {'encoder': self.encoder, 'classifier': self.classifier}
        return partial(LatentSearcher, **options), (self.wgan, self.search)

    def __call__(self, images, weights, *, report=None):
        """
        Search for the closest image of each image.

        Parameters
        ----------
        images : array_like, shape (n, ny, nx, bands)
            In stretched intensity. Values of masked pixels must be finite and are ignored.
        weights : array_like, shape (n, ny, nx, bands)
            1 for a pixel to use, less for a noisier one, 0 for a masked one.
        report : callable, optional
            Called from time to time with the number of images that are done.

        Returns
        -------
        `SearchResult`
        """
        images, weights = (np.asarray(a, dtype=np.float32) for a in (images, weights))
        filled = fill_masked(images, weights, self._encoder_prediction)
        result = SearchResult._empty(len(images), self._parametrization.size, images.shape[1:])
        if self.search.max_iterations == 1:
            for rows in self._batches(np.arange(len(images)), report):
                inputs = images[rows], weights[rows], filled[rows]
                result._set_initial(rows, *self._graph.evaluate_initial(*inputs))
        elif len(images):
            self._optimize(result, (images, weights, filled), report)
        holed = needs_filling(weights)
        approximate = self.search.precision != 'float32' and self.search.max_iterations > 1
        for rows in self._batches(np.flatnonzero(holed | approximate)):
            inputs = images[rows], weights[rows]
            closest = self._graph.with_noise(result.closest_images[rows]).numpy()
            refilled = np.where(
                _by_image(holed[rows]), replace_masked(*inputs, closest), filled[rows]
            )
            evaluated = self._graph.evaluate(result.latent[rows], *inputs, refilled)
            result._set_evaluated(rows, *evaluated)
        return result

    def _optimize(self, result, inputs, report):
        """Optimize until each image has converged, and set its row of the result."""
        n, size = len(result.latent), self.search.batch_size
        rows = np.arange(min(size, n))
        begun = len(rows)
        target, state = self._graph.begin(*(x[rows] for x in inputs))
        while len(rows):
            state, done = self._graph.advance(target, state)
            done = done.numpy()
            if not done.any():
                continue
            result._set_optimized(rows[done], target, state, done)
            new = np.arange(begun, min(begun + size - np.sum(~done), n))
            begun += len(new)
            rows = np.concatenate([rows[~done], new])
            kept = np.flatnonzero(~done)
            # TensorFlow's convolutions fail for an empty batch on some processors.
            if len(new):
                begins = (x[new] for x in inputs)
                target, state = self._graph.keep_and_begin((target, state), kept, *begins)
            else:
                target, state = self._graph.keep((target, state), kept)
            if report is not None:
                report(begun - len(rows))

    def _batches(self, rows, report=None):
        for begin in range(0, len(rows), self.search.batch_size):
            part = rows[begin : begin + self.search.batch_size]
            yield part
            if report is not None:
                report(begin + len(part))

    @property
    def _encoder_prediction(self):
        """Function from images to the closest images of the encoder; None without one."""
        if self.search.init != 'encoder':
            return None
        size = self.search.batch_size

        def closest(images):
            parts = range(0, len(images), size)
            generate = self._graph.generate_initial
            return np.concatenate([generate(images[k : k + size]).numpy() for k in parts])

        return closest

    def _initial_latent(self, images):
        return self._parametrization.latent(self._parametrization.parameters(images))

    def _generate_initial(self, images):
        """G(z) of the initial z."""
        return self._losses.generate(limit_length(self._initial_latent(images)))

    def evaluate_initial(self, images, weights, filled):
        """
        Latent vectors without optimization, and what follows from them, as part of a graph.

        Parameters
        ----------
        images, weights, filled : `tf.Tensor`, shape (n, ny, nx, bands)
            In stretched intensity, weights of the pixels, and images with masked pixels filled.

        Returns
        -------
        tuple of `tf.Tensor`
            z, G(z), L_R, L_F and C(x), in float32.
        """
        latent = self._initial_latent(filled)
        return latent, *self._evaluate(latent, images, weights, filled)

    def _evaluate(self, latent, images, weights, filled):
        """G(z), L_R, L_F and C(x), in float32."""
        target = self._losses.target(images, weights, filled)
        return *self._losses(latent, target), target.critic_value

    def _begin(self, images, weights, filled):
        """Target and initial state of images that enter the batch."""
        target = self._optimized_losses.target(images, weights, filled)
        n = len(target.images)
        parameters = self._parametrization.parameters(target.filled)
        infinite, zero = tf.fill((n,), np.float32(np.inf)), tf.zeros((n,), tf.int32)
        return target, _State(
            parameters=parameters,
            optimizer_state=self._optimizer.initial_state(parameters),
            iteration=zero,
            best_latent=self._parametrization.latent(parameters),
            best_image=tf.zeros_like(target.images),
            best_residual_loss=infinite,
            best_feature_loss=infinite,
            best_loss=infinite,
            reference_loss=infinite,
            iterations_since=zero,
            converged=tf.zeros((n,), bool),
        )

    def _keep_and_begin(self, tensors, rows, *inputs):
        kept, begun = _gather(tensors, rows), self._begin(*inputs)
        return tf.nest.map_structure(lambda a, b: tf.concat([a, b], axis=0), kept, begun)

    def _advance(self, target, state):
        """State after several iterations, and which images are done."""

        def step(k, state):
            return k + 1, self._iterate(target, state)

        block = min(max(1, self._patience // _CHECKS), self.search.max_iterations)
        state = tf.while_loop(lambda k, _: k < block, step, (tf.constant(0), state))[1]
        return state, self._is_done(state)

    def _is_done(self, state):
        return state.converged | (state.iteration >= self.search.max_iterations)

    def _iterate(self, target, state):
        """Evaluate the loss and record it, then take one step of the optimizer."""
        with tf.GradientTape() as tape:
            tape.watch(state.parameters)
            evaluated = self._evaluate_state(target, state)
        loss = evaluated[-1]
        gradients = tape.gradient(loss, state.parameters)
        state_after = self._recorded(state, *evaluated)
        parameters, optimizer_state = self._optimizer.step(
            state.parameters, gradients, loss, state.optimizer_state, state_after.iteration
        )
        return state_after._replace(parameters=parameters, optimizer_state=optimizer_state)

    def _evaluate_state(self, target, state):
        """z, G(z), L_R, L_F and L_A of the present parameters."""
        latent = self._parametrization.latent(state.parameters)
        generated, residual_loss, feature_loss = self._optimized_losses(latent, target)
        gamma = self.search.gamma
        loss = gamma * residual_loss + (1 - gamma) * feature_loss
        return latent, generated, residual_loss, feature_loss, loss

    def _recorded(self, state, latent, generated, residual_loss, feature_loss, loss):
        """State with the best z so far and the convergence criterion updated."""
        active = ~self._is_done(state)
        better = active & (loss < state.best_loss)
        best_loss = tf.where(better, loss, state.best_loss)
        decreased = best_loss < (1 - self.search.tolerance) * state.reference_loss
        since = tf.where(decreased, 0, state.iterations_since + 1)
        return state._replace(
            iteration=tf.where(active, state.iteration + 1, state.iteration),
            best_latent=tf.where(better[:, tf.newaxis], latent, state.best_latent),
            best_image=tf.where(_by_image(better), generated, state.best_image),
            best_residual_loss=tf.where(better, residual_loss, state.best_residual_loss),
            best_feature_loss=tf.where(better, feature_loss, state.best_feature_loss),
            best_loss=best_loss,
            reference_loss=tf.where(decreased, best_loss, state.reference_loss),
            iterations_since=since,
            converged=state.converged | (active & (since >= self._patience)),
        )


class _State(NamedTuple):
    """State of the search of each image of a batch."""

    parameters: list
    optimizer_state: NamedTuple
    iteration: tf.Tensor
    best_latent: tf.Tensor
    best_image: tf.Tensor
    best_residual_loss: tf.Tensor
    best_feature_loss: tf.Tensor
    best_loss: tf.Tensor
    reference_loss: tf.Tensor
    iterations_since: tf.Tensor
    converged: tf.Tensor


def _by_image(rows):
    return rows[:, tf.newaxis, tf.newaxis, tf.newaxis]


def _gather(tensors, rows):
    """Rows of each tensor of a structure."""
    return tf.nest.map_structure(lambda x: tf.gather(x, rows), tensors)
