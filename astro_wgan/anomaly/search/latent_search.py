"""The closest image that a generator can make: a search in latent space, many images at once."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from astro_wgan.anomaly.search.initialization import STARTS, make_start
from astro_wgan.anomaly.search.noise_draws import make_noise
from astro_wgan.anomaly.search.optimizers import make_descent
from astro_wgan.anomaly.search.search_loss import SearchLosses
from astro_wgan.anomaly.search.search_result import SearchResult
from astro_wgan.wgan.masked_pixels import fill_masked, limit_length, needs_filling, replace_masked

__all__ = ['FIRST_LOOK', 'LatentSearch', 'LatentSearcher', 'SearchResult']

_PRECISIONS = ('float32', 'mixed_bfloat16')

#: Looks at which images have converged, while one that falls no more is waited for.
_LOOKS = 3


@dataclass(frozen=True)
class LatentSearch:
    """
    How the closest image is looked for.

    Parameters
    ----------
    start : {'free', 'mu', 'encoder'}
        ``'free'``: z itself is changed, from the centre of its distribution. ``'mu'``: the paper's
        way; a network of two fully connected layers maps a fixed noise vector y to z, and its
        weights are changed, for each image its own. ``'encoder'``: z itself, from where a trained
        encoder puts it; with ``max_iterations=1`` nothing is searched, for first looks.
    gamma : float
        Weight of the residual loss against the critic-feature loss, 0 to 1.
    optimizer : {'bfgs', 'adam'}, optional
        What takes the steps. Unless given, ``'bfgs'`` for z, be it free or an encoder's, and
        ``'adam'`` for mu's weights, which are too many for the other.
    learning_rate : float, optional
        Adam's step: unless given, 0.1 for z, 0.001 for mu's weights. The longest step of BFGS: 0.5.
    max_iterations : int
        The search ends here at the latest.
    tolerance : float
        An image has converged when its loss has not fallen by this fraction ...
    patience : int, optional
        ... within so many iterations. Unless given, 10 of BFGS and 20 of Adam for a free z, 4 and
        10 for an encoder's, 50 for mu.
    precision : {'float32', 'mixed_bfloat16'}
        What generator and critic compute in while a search goes on. The second is for hardware
        that has units for it: processors with AMX, where it ends as low and sooner, or GPUs.
        Losses and closest images of the result are computed in float32 in any case.
    batch_size : int
        Images that are in work at the same time; changes speed and memory, not results.
    seed : int
        Seed of y and of mu's first weights. They are the same for each image, so that the score of
        an image does not depend on the company it is in.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 3.5, after Schlegl et al. 2017 (arXiv:1703.05921). The
    paper names gamma = 0.7 and about 500 iterations; it leaves the layers of mu, its optimizer and
    the reduction of the losses open. Here mu has as many hidden units as z has numbers, and all
    losses are means, over pixels and over features.
    """

    start: str = 'free'
    gamma: float = 0.7
    optimizer: str | None = None
    learning_rate: float | None = None
    max_iterations: int = 500
    tolerance: float = 0.01
    patience: int | None = None
    precision: str = 'float32'
    batch_size: int = 128
    seed: int = 0

    def __post_init__(self):
        if self.start not in STARTS:
            raise ValueError(f'`start` must be one of {sorted(STARTS)}; got {self.start!r}.')
        allowed = sorted(STARTS[self.start].paces)
        if self.optimizer is not None and self.optimizer not in allowed:
            raise ValueError(
                f'`optimizer` with `start={self.start!r}` must be one of {allowed}; '
                f'got {self.optimizer!r}.'
            )
        if self.precision not in _PRECISIONS:
            raise ValueError(f'`precision` must be one of {_PRECISIONS}; got {self.precision!r}.')
        if not 0 <= self.gamma <= 1:
            raise ValueError(f'`gamma` must lie between 0 and 1; got {self.gamma}.')
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ValueError(f'`learning_rate` must be above 0; got {self.learning_rate}.')
        for name in ('max_iterations', 'patience', 'batch_size'):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise ValueError(f'`{name}` must be at least 1; got {count}.')
        if not self.tolerance >= 0:
            raise ValueError(f'`tolerance` must not be negative; got {self.tolerance}.')


#: One pass of the encoder: nothing is searched.
FIRST_LOOK = LatentSearch(start='encoder', max_iterations=1)


class LatentSearcher:
    """
    Looks for the latent vector of the closest image, for any number of images.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model; its weights stay as they are.
    search : `LatentSearch`
        Start, losses and stopping rule.
    encoder : `keras.Model`, optional
        From images to latent vectors, for ``start='encoder'``.

    Attributes
    ----------
    wgan, search, encoder
        As given. The networks are those that the model had then.
    noise : callable
        Of `~astro_wgan.anomaly.search.noise_draws.make_noise`.

    Notes
    -----
    Minimised is L_A = gamma L_R + (1 - gamma) L_F, the terms of
    `~astro_wgan.anomaly.search.search_loss.SearchLosses`.

    Each image has its own optimizer, and the result does not depend on the images beside it.
    One that has converged leaves, and the next one takes its place: no step is spent on images
    that are done.

    Masked pixels, and in part those of low weight, are filled before a network sees them: from the
    pixels around and opposite, and with an encoder repeatedly from the closest image that it
    predicts (`~astro_wgan.wgan.masked_pixels.fill_masked`). L_F and C(x) of the result are those of
    the image filled with its closest image.
    """

    def __init__(self, wgan, search, *, encoder=None):
        self.wgan, self.search, self.encoder = wgan, search, encoder
        self.noise = make_noise(wgan)
        self._generator = wgan.generator_
        self._critic = wgan.critic_
        self._losses = SearchLosses(wgan, seed=search.seed)
        self._searched = self._losses
        if search.precision != 'float32':
            self._searched = SearchLosses(wgan, seed=search.seed, precision=search.precision)
        latent = wgan.network.latent_dim
        self._start = make_start(search.start, latent, seed=search.seed, encoder=encoder)
        optimizer = search.optimizer or next(iter(self._start.paces))
        pace = self._start.paces[optimizer]
        rate, patience = search.learning_rate, search.patience
        self._descent = make_descent(optimizer, pace.learning_rate if rate is None else rate)
        self._patience = pace.patience if patience is None else patience
        # The number of images in work changes all the time; one graph serves all.
        self._advance = tf.function(self._iterate, reduce_retracing=True)
        spec = tf.TensorSpec((None, *wgan.network.image_shape))
        self._look = tf.function(self._once, input_signature=(spec, spec, spec))
        latents = tf.TensorSpec((None, latent))
        self._measure = tf.function(self._measured, input_signature=(latents, spec, spec, spec))
        self._enter = tf.function(self._entering, input_signature=(spec, spec, spec))
        self._guess = tf.function(self._guessed, input_signature=(spec,))
        self._disguise = tf.function(self._losses.with_noise, input_signature=(spec,))
        self._keep = tf.function(_kept, reduce_retracing=True)
        self._exchange = tf.function(self._exchanged, reduce_retracing=True)

    def __reduce__(self):
        """From its parts, since its graphs belong to this process."""
        return partial(LatentSearcher, encoder=self.encoder), (self.wgan, self.search)

    def __call__(self, images, weights, *, report=None):
        """
        Search for the closest image of each.

        Parameters
        ----------
        images : array_like, shape (n, ny, nx, bands)
            Images in stretched intensity; what stands in masked pixels changes nothing, if it is
            a number.
        weights : array_like, shape (n, ny, nx, bands)
            1 for a pixel to compare, less for one that is noisier, 0 for a masked one.
        report : callable, optional
            Called with the number of images that are done, now and then.

        Returns
        -------
        `SearchResult`
        """
        images, weights = (np.asarray(a, dtype=np.float32) for a in (images, weights))
        seen = fill_masked(images, weights, self._closest_in_one_pass)
        found = SearchResult.empty(len(images), self._start.size, images.shape[1:])
        if self.search.max_iterations == 1:
            for rows in self._batches(np.arange(len(images)), report):
                found.put(rows, *self._look(images[rows], weights[rows], seen[rows]))
        elif len(images):
            self._search_all(found, (images, weights, seen), report)
        holed = needs_filling(weights)
        coarse = self.search.precision != 'float32' and self.search.max_iterations > 1
        for rows in self._batches(np.flatnonzero(holed | coarse)):
            own = images[rows], weights[rows]
            filled = replace_masked(*own, self._disguise(found.closest[rows]).numpy())
            at = np.where(_by_image(holed[rows]), filled, seen[rows])
            found.put_measured(rows, *self._measure(found.latent[rows], *own, at))
        return found

    def _search_all(self, found, inputs, report):
        """Search until each image has converged, and put what is found into its row."""
        n, size = len(found.latent), self.search.batch_size
        rows = np.arange(min(size, n))
        begun = len(rows)
        target, state = self._enter(*(x[rows] for x in inputs))
        while len(rows):
            state, done = self._advance(target, state)
            done = done.numpy()
            if not done.any():
                continue
            found.fill(rows[done], target, state, done)
            fresh = np.arange(begun, min(begun + size - np.sum(~done), n))
            begun += len(fresh)
            rows = np.concatenate([rows[~done], fresh])
            stay = np.flatnonzero(~done)
            # TensorFlow's convolutions do not take an empty batch on every processor.
            if len(fresh):
                entering = (x[fresh] for x in inputs)
                target, state = self._exchange((target, state), stay, *entering)
            else:
                target, state = self._keep((target, state), stay)
            if report is not None:
                report(begun - len(rows))

    def _batches(self, rows, report=None):
        """Rows, so many at a time."""
        for begin in range(0, len(rows), self.search.batch_size):
            part = rows[begin : begin + self.search.batch_size]
            yield part
            if report is not None:
                report(begin + len(part))

    @property
    def _closest_in_one_pass(self):
        """From images to their closest ones by the encoder's word; None without one."""
        if self.search.start != 'encoder':
            return None
        size = self.search.batch_size

        def closest(images):
            parts = range(0, len(images), size)
            return np.concatenate([self._guess(images[k : k + size]).numpy() for k in parts])

        return closest

    def _guessed(self, images):
        """G(z) where the search begins."""
        latent = self._start.latent(self._start.parameters(images))
        return self._losses.draw(limit_length(latent))

    def _once(self, images, weights, seen):
        """Of each image: z, G(z), L_R, L_F and C where the search begins."""
        latent = self._start.latent(self._start.parameters(seen))
        return latent, *self._measured(latent, images, weights, seen)

    def _measured(self, latent, images, weights, seen):
        """Of each image: G(z), L_R, L_F and C, in float32."""
        target = self._losses.target(images, weights, seen)
        return *self._losses(latent, target), target.critic

    def serves(self, wgan, search, encoder):
        """Whether it is what would be made of these, so that its graph can be used again."""
        networks = self._generator is wgan.generator_ and self._critic is wgan.critic_
        return networks and self.search == search and self.encoder is encoder

    def _entering(self, images, weights, seen):
        target = self._searched.target(images, weights, seen)
        return target, self._begin(target)

    def _exchanged(self, tensors, stay, *inputs):
        kept, entering = _kept(tensors, stay), self._entering(*inputs)
        return tf.nest.map_structure(lambda a, b: tf.concat([a, b], axis=0), kept, entering)

    def _begin(self, target):
        n = len(target.images)
        parameters = self._start.parameters(target.seen)
        infinite, zero = tf.fill((n,), np.float32(np.inf)), tf.zeros((n,), tf.int32)
        return _State(
            parameters=parameters,
            memory=self._descent.begin(parameters),
            age=zero,
            best_latent=self._start.latent(parameters),
            best_closest=tf.zeros_like(target.images),
            best_residual=infinite,
            best_feature=infinite,
            best_loss=infinite,
            reference=infinite,
            since=zero,
            converged=tf.zeros((n,), bool),
        )

    def _is_done(self, state):
        return state.converged | (state.age >= self.search.max_iterations)

    def _iterate(self, target, state):
        def step(k, state):
            return k + 1, self._step(target, state)

        block = min(max(1, self._patience // _LOOKS), self.search.max_iterations)
        state = tf.while_loop(lambda k, _: k < block, step, (tf.constant(0), state))[1]
        return state, self._is_done(state)

    def _step(self, target, state):
        """Note the loss where the search stands, then take one step."""
        with tf.GradientTape() as tape:
            tape.watch(state.parameters)
            stand = self._stand(target, state)
        gradients = tape.gradient(stand[-1], state.parameters)
        noted = self._noted(state, *stand)
        parameters, memory = self._descent.step(
            state.parameters, gradients, stand[-1], state.memory, noted.age
        )
        return noted._replace(parameters=parameters, memory=memory)

    def _stand(self, target, state):
        """z, G(z), L_R, L_F and the loss where the search stands."""
        latent = self._start.latent(state.parameters)
        closest, residual, feature = self._searched(latent, target)
        loss = self.search.gamma * residual + (1 - self.search.gamma) * feature
        return latent, closest, residual, feature, loss

    def _noted(self, state, latent, closest, residual, feature, loss):
        """The state with where it stands counted, kept where it is the best, and judged."""
        active = ~self._is_done(state)
        better = active & (loss < state.best_loss)
        best_loss = tf.where(better, loss, state.best_loss)
        fallen = best_loss < (1 - self.search.tolerance) * state.reference
        since = tf.where(fallen, 0, state.since + 1)
        return state._replace(
            age=tf.where(active, state.age + 1, state.age),
            best_latent=tf.where(better[:, tf.newaxis], latent, state.best_latent),
            best_closest=tf.where(_by_image(better), closest, state.best_closest),
            best_residual=tf.where(better, residual, state.best_residual),
            best_feature=tf.where(better, feature, state.best_feature),
            best_loss=best_loss,
            reference=tf.where(fallen, best_loss, state.reference),
            since=since,
            converged=state.converged | (active & (since >= self._patience)),
        )


class _State(NamedTuple):
    """Where the search of each image of a batch stands."""

    parameters: list
    memory: NamedTuple
    age: tf.Tensor
    best_latent: tf.Tensor
    best_closest: tf.Tensor
    best_residual: tf.Tensor
    best_feature: tf.Tensor
    best_loss: tf.Tensor
    reference: tf.Tensor
    since: tf.Tensor
    converged: tf.Tensor


def _by_image(rows):
    return rows[:, tf.newaxis, tf.newaxis, tf.newaxis]


def _kept(tensors, stay):
    """The rows that stay, of each tensor of a structure."""
    return tf.nest.map_structure(lambda x: tf.gather(x, stay), tensors)
