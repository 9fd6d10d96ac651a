"""The training loop around the iteration: data, checkpoints, limits, history, progress."""

import hashlib
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.exceptions import TrainingDivergedError
from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps, digest_settings
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.wgan.callbacks import MAX_HELD_OUT, HeldOutMonitor
from astro_wgan.wgan.compute.distribution import Workers
from astro_wgan.wgan.compute.memory import retain_freed_memory
from astro_wgan.wgan.serialization.checkpoint import (
    HELD_OUT,
    is_finite,
    read_checkpoint,
    write_checkpoint,
)

__all__ = ['TrainingState', 'train']

_CHECKPOINT_SECONDS = 30.0

#: Iterations between two rows of the history, where a pass over the stamps is shorter.
_SHORTEST_EPOCH = 25

#: The distance that patience looks at, and the fraction by which it must fall to count.
_WATCHED, _FALL = 'ks_mean', 0.02


@dataclass
class TrainingState:
    """
    What a training keeps beside the weights.

    Attributes
    ----------
    seconds : float
        Time spent, over all runs.
    history : list of dict
        What was measured in each epoch: means of its losses, distances at its end.
    losses : list of dict
        The losses of the epoch under way.
    best : float
        Smallest distance to the held-out images so far.
    waited : int
        Epochs since it fell.
    """

    seconds: float = 0.0
    history: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    best: float = float('inf')
    waited: int = 0

    def mean_losses(self):
        """Means of the losses of the epoch under way."""
        return {name: float(np.mean([x[name] for x in self.losses])) for name in self.losses[0]}

    def close_epoch(self, iteration, measured):
        """Note what was measured, and begin the next epoch."""
        self.history.append({'iteration': iteration, 'time': self.seconds, **measured})
        self.losses = []
        if _WATCHED in measured:
            fallen = measured[_WATCHED] < (1 - _FALL) * self.best
            self.best = min(self.best, measured[_WATCHED])
            self.waited = 0 if fallen else self.waited + 1


def train(
    trainer,
    stamps,
    stretch,
    *,
    iterations,
    minutes,
    checkpoint,
    progress,
    held_out=None,
    patience=None,
    sample_dir=None,
    callbacks=(),
    origin=None,
):
    """
    Train until a number of iterations or minutes is reached.

    Parameters
    ----------
    trainer : `~astro_wgan.wgan.trainer.AdversarialTrainer`
        Networks and optimizers; changed in place.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
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
    held_out : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`, optional
        Stamps to which the distance is measured after each epoch.
    patience : int, optional
        End after so many epochs in which that distance did not fall.
    sample_dir : path-like, optional
        Folder for a sheet of samples after each epoch.
    callbacks : sequence of `keras.callbacks.Callback`
        More callbacks.
    origin : dict, optional
        What the weights began with, where they are not random, for a fingerprint.

    Returns
    -------
    TrainingState

    Raises
    ------
    CheckpointError
        If the checkpoint is damaged or belongs to another training.
    TrainingDivergedError
        If a loss is no longer finite; the last good checkpoint stays.
    WorkerLostError
        If another process of the trainer's strategy no longer answers; likewise.
    """
    state = TrainingState()
    workers = Workers(trainer.distribute_strategy)
    mark = None
    if checkpoint is not None or workers.several:
        mark = _fingerprint(trainer, stamps, stretch, origin, held_out)
    if checkpoint is not None and Path(checkpoint).exists():
        state = TrainingState(**read_checkpoint(checkpoint, trainer, fingerprint=mark))
    _check_alike(workers, trainer, mark)
    limits = _Limits(iterations, minutes, patience)
    need = trainer.training.images_per_iteration
    start = int(trainer.iteration.numpy())
    if limits.share(start, state) >= 1:
        return state
    images = tf.data.Dataset.from_generator(
        lambda: stream_images(stamps, stretch, need, seed=trainer.seed, start=start),
        output_signature=tf.TensorSpec((need, *trainer.network.image_shape), tf.float32),
    ).prefetch(2)
    first = workers.chief
    keeper = _TrainingMonitor(state, limits, checkpoint, mark, progress and first, writes=first)
    heard = [keeper, *callbacks] if first else [keeper]
    if held_out is not None:
        # All of them: patience looks at what it finds.
        heard.insert(0, HeldOutMonitor(held_out, stretch, sample_dir=sample_dir if first else None))
    heard = keras.callbacks.CallbackList(heard, model=trainer)
    per_epoch = max(_SHORTEST_EPOCH, len(stamps) // need)
    with retain_freed_memory(), workers.watched(keeper.lost):
        _run(trainer, images, state, heard, workers, per_epoch=per_epoch)
    return state


def _check_alike(workers, trainer, mark):
    """Two workers that differ would wait for each other, or learn something that is neither."""
    text = '' if mark is None else mark.to_json()
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])
    values = {
        'configurations, seeds or stamps': number,
        'first iterations (can all read the checkpoint?)': int(trainer.iteration.numpy()),
    }
    workers.check_alike(values)


def _run(trainer, images, state, callbacks, workers, *, per_epoch):
    """
    Iterations until a callback says that it is enough.

    Not `keras.Model.fit`, whose epochs begin anew with each run: here they are counted from the
    first iteration of all, so that a resumed training measures at the same iterations.
    """
    step = tf.function(trainer.train_step, jit_compile=trainer.training.jit_compile)
    trainer.stop_training = False
    callbacks.on_train_begin()
    done = int(trainer.iteration.numpy())
    if state.losses and done % per_epoch == 0:
        # The last run was interrupted just before it could end its epoch.
        callbacks.on_epoch_end(done // per_epoch - 1, state.mean_losses())
    with _interrupts_noted() as interrupted:
        try:
            for iteration, batch in enumerate(images, start=done):
                epoch, place = divmod(iteration, per_epoch)
                if place == 0:
                    callbacks.on_epoch_begin(epoch)
                callbacks.on_train_batch_begin(place)
                losses = {name: float(value) for name, value in step(batch).items()}
                state.losses.append(losses)
                callbacks.on_train_batch_end(place, losses)
                if place == per_epoch - 1:
                    callbacks.on_epoch_end(epoch, state.mean_losses())
                stop, interrupt = workers.any(trainer.stop_training, interrupted.is_set())
                if interrupt:
                    interrupted.set()
                if stop or interrupt:
                    break
        except KeyboardInterrupt:
            # The iterations done are whole all the same. The others wait to hear of it.
            interrupted.set()
            workers.any(False, True)
        callbacks.on_train_end()
        # The others may need the checkpoint that the first has just written.
        workers.any(False)
    if interrupted.is_set():
        raise KeyboardInterrupt


@contextmanager
def _interrupts_noted():
    """
    An event that is set by Ctrl-C, so that an iteration and a checkpoint become whole.

    TensorFlow loses a KeyboardInterrupt that comes while it traces. A second Ctrl-C raises one.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        # Signals go to the main thread.
        yield interrupted
        return
    former = signal.getsignal(signal.SIGINT) or signal.default_int_handler

    def note(number, frame):
        signal.signal(signal.SIGINT, former)
        interrupted.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, former)


def stream_images(stamps, stretch, count, *, seed, start):
    """
    Endless arrays of ``count`` stretched images: each stamp once per epoch, shuffled anew.

    What comes out depends on the seed and the number of arrays before alone, so that a resumed
    training sees the images that the uninterrupted one would have seen.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
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


@dataclass(frozen=True)
class _Limits:
    """When a training ends; the earliest counts."""

    iterations: int | None
    minutes: float | None
    patience: int | None

    def share(self, iteration, state):
        """How much of the way is behind us, 0 to 1."""
        shares = [0.0]
        if self.iterations is not None:
            shares.append(iteration / self.iterations)
        if self.minutes is not None:
            shares.append(state.seconds / (60 * self.minutes))
        if self.patience is not None and state.waited >= self.patience:
            shares.append(1.0)
        return min(1.0, max(shares))


class _TrainingMonitor(keras.callbacks.Callback):
    """Keeps time, history and checkpoints of a training, and ends it."""

    def __init__(self, state, limits, checkpoint, fingerprint, progress, *, writes):
        super().__init__()
        self.state = state
        self.limits = limits
        self.checkpoint = checkpoint
        self.fingerprint = fingerprint
        self.writes = writes
        self.line = ProgressLine('training', quiet=not progress)

    def on_train_begin(self, logs=None):
        self.clock = self.saved = time.monotonic()
        self._report(int(self.model.iteration.numpy()), {})

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        self.state.seconds += now - self.clock
        self.clock = now
        iteration = int(self.model.iteration.numpy())
        if not all(np.isfinite(value) for value in logs.values()):
            self._fail(iteration)
        self._report(iteration, logs)
        if self.limits.share(iteration, self.state) >= 1:
            self.model.stop_training = True
        elif now - self.saved > _CHECKPOINT_SECONDS:
            self.save()
            self.saved = now

    def on_epoch_end(self, epoch, logs=None):
        iteration = int(self.model.iteration.numpy())
        self.state.close_epoch(iteration, logs)
        if self.limits.share(iteration, self.state) >= 1:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.save()
        self.line.__exit__()

    def save(self):
        """Write the checkpoint, if there is one to write."""
        if self.checkpoint is not None and self.writes:
            if not is_finite(self.model):
                self._fail(int(self.model.iteration.numpy()))
            write_checkpoint(
                self.checkpoint,
                self.model,
                fingerprint=self.fingerprint,
                progress=asdict(self.state),
            )

    def lost(self):
        """What to say when another worker is lost."""
        return (
            f'Another worker was lost after iteration {int(self.model.iteration.numpy())}. '
            f'{self._kept()} Start all workers again to go on from there.'
        )

    def _report(self, iteration, logs):
        text = f'iteration {iteration}'
        if logs:
            text += (
                f'  critic {logs["critic_loss"]:.3g}  distance {logs["wasserstein_distance"]:.3g}'
            )
        self.line.update(self.limits.share(iteration, self.state), text)

    def _fail(self, iteration):
        raise TrainingDivergedError(
            f'The losses or weights are not finite at iteration {iteration}. {self._kept()} Try a '
            'lower learning rate, more critic steps, or look for extreme pixels in the stamps.'
        )

    def _kept(self):
        if self.checkpoint is None:
            return 'No checkpoint was asked for.'
        if not Path(self.checkpoint).exists():
            return f'The checkpoint {self.checkpoint} had not been written yet.'
        return f'The last good state is kept in {self.checkpoint}.'


def _fingerprint(trainer, stamps, stretch, origin, held_out):
    """What makes a training this one and no other."""
    fitted = ('sky', 'noise_rms', 'peak', 'unit')
    values = stretch.to_dict()
    described = describe_stamps(stamps)
    described['stretch'] = digest_settings({name: values.pop(name) for name in fitted})
    configuration = {'network': trainer.network, 'training': trainer.training}
    groups = {
        'stamps': described,
        'settings': describe_settings({**configuration, 'stretch': values, 'seed': trainer.seed}),
        'initial model': {} if origin is None else origin,
    }
    if held_out is not None:
        groups[HELD_OUT] = describe_stamps(held_out[:MAX_HELD_OUT])
    return Fingerprint(groups)
