"""The training loop around the iteration: data, checkpoints, limits, history, progress."""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.progress import ProgressLine
from astro_wgan.wgan.checkpoint import read_checkpoint, write_checkpoint
from astro_wgan.wgan.config import to_dict

__all__ = ['TrainingDivergedError', 'TrainingState', 'train']

_CHECKPOINT_SECONDS = 30.0


class TrainingDivergedError(FloatingPointError):
    """The losses of a training are no longer finite."""


@dataclass
class TrainingState:
    """What a training keeps beside the weights: seconds spent and the history of its losses."""

    seconds: float = 0.0
    history: list = field(default_factory=list)

    def to_dict(self):
        """Plain values for the checkpoint."""
        return {'seconds': self.seconds, 'history': self.history}


def train(trainer, stamps, stretch, *, iterations, minutes, checkpoint, progress, callbacks=()):
    """
    Train until a number of iterations or minutes is reached.

    Parameters
    ----------
    trainer : `~astro_wgan.wgan.adversarial.AdversarialTrainer`
        Networks and optimizers; changed in place.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.stamps.StampStore`
        Images to learn from.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling.
    iterations : int or None
        Generator iterations, counted from the first run on.
    minutes : float or None
        Time, counted over all runs of this training; the earlier limit holds.
    checkpoint : path-like or None
        File that is written every half minute, at the end and when the run is interrupted; when
        it exists the training goes on from there.
    progress : bool
        Show a progress line.
    callbacks : sequence of `keras.callbacks.Callback`
        More callbacks for `keras.Model.fit`.

    Returns
    -------
    TrainingState

    Raises
    ------
    CheckpointError
        If the checkpoint is damaged or belongs to another training.
    TrainingDivergedError
        If a loss is no longer finite; the last good checkpoint stays.
    """
    state = TrainingState()
    mark = None
    if checkpoint is not None:
        mark = _fingerprint(trainer, stamps, stretch)
        if Path(checkpoint).exists():
            state = TrainingState(**read_checkpoint(checkpoint, trainer, fingerprint=mark))
    keeper = _Keeper(state, iterations, minutes, checkpoint, mark, progress)
    need = trainer.training.images_per_iteration
    start = int(trainer.iteration.numpy())
    if keeper.is_done(start):
        return state
    images = tf.data.Dataset.from_generator(
        lambda: stream_images(stamps, stretch, need, seed=trainer.seed, start=start),
        output_signature=tf.TensorSpec((need, *trainer.network.image_shape), tf.float32),
    ).prefetch(2)
    per_epoch = max(1, len(stamps) // need)
    epochs = 10**9 if iterations is None else -(-(iterations - start) // per_epoch)
    try:
        trainer.fit(
            images,
            steps_per_epoch=per_epoch,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[keeper, *callbacks],
        )
    except KeyboardInterrupt:
        # Keras ends without a word to its callbacks; the iterations done are whole all the same.
        keeper.on_train_end()
        raise
    return state


def stream_images(stamps, stretch, count, *, seed, start):
    """
    Endless arrays of ``count`` stretched images: each stamp once per epoch, shuffled anew.

    What comes out depends on the seed and the number of arrays before alone, so that a resumed
    training sees the images that the uninterrupted one would have seen.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.stamps.StampStore`
        Images in their own units.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling.
    count : int
        Images per array; may be more than there are stamps.
    seed : int
        Seed of the order.
    start : int
        Arrays to leave out at the beginning.

    Yields
    ------
    `~numpy.ndarray` of float32, shape (count, ny, nx, bands)
    """
    n = len(stamps)
    epoch, skip = divmod(start * count, n)
    waiting = []
    while True:
        order = {'shuffle': True, 'seed': (seed, epoch), 'start': skip}
        for batch in stamps.batches(min(n, count), **order):
            images = stretch.transform(batch)
            waiting.append(images if images.ndim == 4 else images[..., np.newaxis])
            while sum(map(len, waiting)) >= count:
                joined = np.concatenate(waiting)
                yield joined[:count]
                waiting = [joined[count:]]
        epoch, skip = epoch + 1, 0


class _Keeper(keras.callbacks.Callback):
    """Keeps time, history and checkpoints of a training, and ends it."""

    def __init__(self, state, iterations, minutes, checkpoint, fingerprint, progress):
        super().__init__()
        self.state = state
        self.iterations = iterations
        self.minutes = minutes
        self.checkpoint = checkpoint
        self.fingerprint = fingerprint
        self.line = ProgressLine('training', quiet=not progress)
        self.losses = []

    def is_done(self, iteration):
        return (self.iterations is not None and iteration >= self.iterations) or (
            self.minutes is not None and self.state.seconds >= 60 * self.minutes
        )

    def on_train_begin(self, logs=None):
        self.clock = time.monotonic()
        self.saved = self.clock
        self._report(int(self.model.iteration.numpy()), {})

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        self.state.seconds += now - self.clock
        self.clock = now
        iteration = int(self.model.iteration.numpy())
        if not all(np.isfinite(value) for value in logs.values()):
            self._fail(iteration)
        self.losses.append(logs)
        self._report(iteration, logs)
        if self.is_done(iteration):
            self.model.stop_training = True
        elif now - self.saved > _CHECKPOINT_SECONDS:
            self.save()
            self.saved = now

    def on_epoch_end(self, epoch, logs=None):
        self._add_history()

    def on_train_end(self, logs=None):
        self.save()
        self.line.__exit__()

    def save(self):
        """Write the checkpoint, if there is one to write."""
        self._add_history()
        if self.checkpoint is not None:
            write_checkpoint(
                self.checkpoint,
                self.model,
                fingerprint=self.fingerprint,
                progress=self.state.to_dict(),
            )

    def _add_history(self):
        if not self.losses:
            return
        row = {name: float(np.mean([x[name] for x in self.losses])) for name in self.losses[0]}
        row = {'iteration': int(self.model.iteration.numpy()), **row}
        self.state.history.append({**row, 'seconds': self.state.seconds})
        self.losses = []

    def _report(self, iteration, logs):
        shares = [0.0]
        if self.iterations is not None:
            shares.append(iteration / self.iterations)
        if self.minutes is not None:
            shares.append(self.state.seconds / (60 * self.minutes))
        text = f'iteration {iteration}'
        if logs:
            text += f'  critic {logs["critic_loss"]:.3g}  distance {logs["wasserstein"]:.3g}'
        self.line.update(min(1.0, max(shares)), text)

    def _fail(self, iteration):
        kept = 'No checkpoint was asked for.'
        if self.checkpoint is not None and Path(self.checkpoint).exists():
            kept = f'The last good state is kept in {self.checkpoint}.'
        raise TrainingDivergedError(
            f'The losses are not finite at iteration {iteration}. {kept} Try a lower learning '
            'rate, more critic steps, or look for extreme pixels in the stamps.'
        )


def _fingerprint(trainer, stamps, stretch):
    """What makes a training this one and no other."""
    digest = hashlib.sha256(str(len(stamps)).encode())
    # Both ends tell two sets apart; to read all of a large store would take minutes.
    for part in (stamps[:512], stamps[max(0, len(stamps) - 512) :]):
        digest.update(np.ascontiguousarray(part.pixels).tobytes())
    return {
        'network': to_dict(trainer.network),
        'training': to_dict(trainer.training),
        'stretch': stretch.to_dict(),
        'seed': trainer.seed,
        'stamps': digest.hexdigest(),
    }
