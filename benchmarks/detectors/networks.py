"""Detectors that are networks: an autoencoder, the WGAN, and one that was shown the labels."""

import time
from dataclasses import replace

import keras
import numpy as np
from scipy.ndimage import gaussian_filter

from astro_wgan import WGAN, AnomalyDetector, datasets
from astro_wgan.anomaly import ScoringConfig, critic_features
from astro_wgan.baselines import IsolationForestScore
from astro_wgan.files.atomic import read_arrays, write_arrays
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.stamps import Stretch
from astro_wgan.wgan import NetworkConfig, build_encoder, build_generator

__all__ = ['Autoencoder', 'ForestOnCritic', 'Supervised', 'WganDetector', 'train_for']

#: Standard deviation in pixels of what residuals are smoothed with: about that of the PSF.
_SMOOTHING = 1.5

#: Images between two checks of the time, and seconds between two of the validation set.
_ROUND = 2048
_LOOK = 20.0


class Autoencoder:
    """Encoder and decoder of the compact WGAN's layers, 16 latent numbers; smoothed residual."""

    def __init__(self, *, minutes, folder, seed=1, stretch=None):
        self.minutes, self.folder, self.seed, self.stretch = minutes, folder, seed, stretch

    def fit(self, populations):
        stretch = None if self.stretch is None else self.stretch.fit(populations.train)
        images, self._stretch = _stretched(populations.train, stretch)
        _, size, _, bands = images.shape
        network = replace(NetworkConfig.preset('compact'), latent_dim=16, size=size, bands=bands)
        self._network = keras.Sequential(
            [
                build_encoder(network, seed=self.seed),
                build_generator(network, seed=self.seed + 1),
            ]
        )
        train_for(
            self._network,
            images,
            loss='mean_squared_error',
            minutes=self.minutes,
            checkpoint=self.folder / 'autoencoder.npz',
            seed=self.seed,
        )
        return self

    def score(self, stamps):
        images = _stretched(stamps, self._stretch)[0]
        residual = images - self._network.predict(images, batch_size=256, verbose=0)
        return _smoothed(residual)


class WganDetector:
    """
    The package's own detector, trained as the model that it ships, with the defaults else.

    A tenth of the normals are not trained on; by them scores are compared with those of normals
    that are as bright. As in the ``paper``, networks of the same layers draw noise, too, have no
    encoder, take five critic steps and 16 latent numbers; a free z is searched, and the score is
    the loss.
    """

    def __init__(self, *, minutes, folder, paper=False, seed=1):
        self.minutes, self.folder, self.paper, self.seed = minutes, folder, paper, seed

    def fit(self, populations):
        shipped = datasets.load_model().wgan
        network, training = shipped.network, shipped.training
        if self.paper:
            network = replace(network, noise=False, latent_dim=16)
            training = replace(
                training, reconstruction_weight=0.0, critic_steps=5, learning_rate=2e-4
            )
        cut = 9 * len(populations.train) // 10
        wgan = WGAN(network, training).fit(
            populations.train[:cut],
            minutes=self.minutes,
            seed=self.seed,
            checkpoint=self.folder / 'wgan.checkpoint',
        )
        wgan.save(self.folder / 'model')
        self._detector = AnomalyDetector(
            wgan, scoring=ScoringConfig.paper() if self.paper else None
        )
        if not self.paper:
            self._detector.calibrate(populations.train[cut:])
        return self

    def score(self, stamps):
        resume = self.folder / f'{stamps.ids[0]}-{len(stamps)}.misfit'
        misfit = self._detector.measure(stamps, output=resume)
        if self.paper:
            return np.asarray(misfit['paper_score'])
        return np.asarray(self._detector.score(misfit)['score'])


class ForestOnCritic:
    """Isolation forest on 64 components of the critic's features, of the WGAN in ``trained``."""

    def __init__(self, *, minutes, folder, trained, seed=1):
        self.minutes, self.folder, self.seed = minutes, folder.parent / trained, seed

    def fit(self, populations):
        if not (self.folder / 'model').exists():
            self.folder.mkdir(exist_ok=True)
            options = {'minutes': self.minutes, 'folder': self.folder, 'seed': self.seed}
            WganDetector(**options).fit(populations)
        self._wgan = WGAN.load(self.folder / 'model')
        self._forest = IsolationForestScore(columns=['features'], n_components=64, seed=self.seed)
        self._forest.fit(critic_features(self._wgan, populations.train))
        return self

    def score(self, stamps):
        return np.asarray(self._forest.score(critic_features(self._wgan, stamps))['score'])


class Supervised:
    """The critic's layers, shown labeled normals and anomalies: log odds of the latter."""

    def __init__(self, *, minutes, folder, seed=1):
        self.minutes, self.folder, self.seed = minutes, folder, seed

    def fit(self, populations):
        sets = [populations.train, *populations.labeled.values()]
        normals, self._stretch = _stretched(sets[0])
        others = [_stretched(stamps, self._stretch)[0] for stamps in sets[1:]]
        labels = np.repeat(np.arange(len(sets)), [len(stamps) for stamps in sets])
        network = NetworkConfig.preset('compact')
        self._network = build_encoder(replace(network, latent_dim=len(sets)), seed=self.seed)
        train_for(
            self._network,
            np.concatenate([normals, *others]),
            labels,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            minutes=self.minutes,
            checkpoint=self.folder / 'supervised.npz',
            seed=self.seed,
        )
        return self

    def score(self, stamps):
        images = _stretched(stamps, self._stretch)[0]
        logits = self._network.predict(images, batch_size=256, verbose=0).astype(float)
        return np.logaddexp.reduce(logits[:, 1:], axis=1) - logits[:, 0]


def _smoothed(residual):
    """Root mean square of each residual (n, ny, nx, bands) after smoothing."""
    smooth = gaussian_filter(residual, (0, _SMOOTHING, _SMOOTHING, 0))
    return np.sqrt((smooth**2).mean(axis=(1, 2, 3)))


def _stretched(stamps, stretch=None):
    """Images as networks see them, shape (n, ny, nx, bands), and the stretch that made them."""
    stretch = Stretch().fit(stamps) if stretch is None else stretch
    images = stretch.transform(stamps)
    return (images if images.ndim == 4 else images[..., np.newaxis]), stretch


# Training by the clock


def train_for(network, images, labels=None, *, loss, minutes, checkpoint, seed, rate=1e-3):
    """
    Train a network for some minutes and leave it with the weights that were best on validation.

    Parameters
    ----------
    network : `keras.Model`
        Not compiled yet.
    images : `~numpy.ndarray`, shape (n, ny, nx, bands)
        A tenth of them, at random, are for validation; the others are shown in all eight
        orientations.
    labels : `~numpy.ndarray` of int, shape (n,), optional
        What to learn; without them, the images themselves.
    loss
        Of Keras.
    minutes : float
        Counted over all runs that share a checkpoint. The learning rate falls to 0 over them.
    checkpoint : path-like
        Where it exists, training goes on from it.
    seed : int
        Of the choice, the order and the orientations.
    rate : float
        Learning rate at the start.
    """
    network.compile(keras.optimizers.Adam(rate), loss)
    network.optimizer.build(network.trainable_variables)
    order = np.random.default_rng(seed).permutation(len(images))
    kept_out, shown = np.split(order, [len(images) // 10])
    state = _State(network, checkpoint)
    looked = state.seconds
    with ProgressLine(f'training {network.name}') as line:
        while state.seconds < 60 * minutes:
            start, done = time.perf_counter(), state.seconds / (60 * minutes)
            network.optimizer.learning_rate = rate * (1 + np.cos(np.pi * done)) / 2
            rng = np.random.default_rng((seed, state.rounds))
            rows = rng.choice(shown, min(_ROUND, len(shown)), replace=False)
            turned = _turned(images[rows], rng)
            targets = turned if labels is None else labels[rows]
            network.fit(turned, targets, batch_size=64, shuffle=False, verbose=0)
            state.add_round(time.perf_counter() - start)
            if state.seconds - looked > _LOOK or state.seconds >= 60 * minutes:
                looked = state.seconds
                targets = images[kept_out] if labels is None else labels[kept_out]
                state.keep(network.evaluate(images[kept_out], targets, verbose=0))
                line.update(min(1.0, done), f'best validation loss {state.best_loss:.5f}')
    network.set_weights(state.best)


class _State:
    """Weights, moments, time and the best weights: what a training goes on from."""

    def __init__(self, network, path):
        self._network, self._path = network, path
        self.seconds, self.rounds, self.best_loss, self.best = 0.0, 0, np.inf, None
        if path.exists():
            self._read(read_arrays(path))

    def add_round(self, seconds):
        self.seconds += seconds
        self.rounds += 1

    def keep(self, validation_loss):
        """Note how good the network is now, and write everything."""
        if validation_loss < self.best_loss:
            self.best_loss, self.best = validation_loss, self._network.get_weights()
        parts = {
            'weights': self._network.get_weights(),
            'best': self.best,
            'moments': [variable.numpy() for variable in self._network.optimizer.variables],
        }
        arrays = {f'{name}-{k}': a for name, part in parts.items() for k, a in enumerate(part)}
        numbers = [self.seconds, self.rounds, self.best_loss]
        write_arrays(self._path, numbers=numbers, **arrays)

    def _read(self, arrays):
        self.seconds, rounds, self.best_loss = arrays['numbers'].tolist()
        self.rounds = int(rounds)
        self.best = _part(arrays, 'best')
        self._network.set_weights(_part(arrays, 'weights'))
        variables = self._network.optimizer.variables
        for variable, value in zip(variables, _part(arrays, 'moments'), strict=True):
            variable.assign(value)


def _part(arrays, name):
    count = sum(key.startswith(f'{name}-') for key in arrays)
    return [arrays[f'{name}-{k}'] for k in range(count)]


def _turned(images, rng):
    """Each image in one of its eight orientations."""
    turned, which = np.empty_like(images), rng.integers(8, size=len(images))
    for k in range(8):
        some = np.rot90(images[which == k], k % 4, axes=(1, 2))
        turned[which == k] = some[:, ::-1] if k >= 4 else some
    return turned
