"""Keras callbacks of a training: held-out images, sample grids, limits, history and checkpoints."""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from astropy import units as u
from astropy.table import QTable
from PIL import Image

from astro_wgan.exceptions import TrainingDivergedError
from astro_wgan.files.atomic import atomic_write
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.store import as_stamps
from astro_wgan.wgan.image_statistics import compare_image_statistics, measure_image_statistics
from astro_wgan.wgan.networks import draw_latent
from astro_wgan.wgan.serialization.checkpoint import is_finite, write_checkpoint

__all__ = [
    'MAX_HELD_OUT',
    'HeldOutMonitor',
    'TrainingLimits',
    'TrainingMonitor',
    'TrainingState',
    'sample_grid',
]

#: With more images the distances change by less than their own standard deviation.
MAX_HELD_OUT = 512

#: Stretched intensities that are black and white in a sample grid.
_BLACK, _WHITE = -0.1, 1.0

_CHECKPOINT_SECONDS = 30.0

#: The distance that patience refers to, and the relative decrease that counts as one.
_PATIENCE_COLUMN, _MIN_DECREASE = 'ks_mean', 0.02


class HeldOutMonitor(keras.callbacks.Callback):
    """
    Compare generated images with held-out ones at the end of each epoch.

    The results are added to the logs, where callbacks that come after this one find them, and
    become columns of ``WGAN.history_``:

    ``held_out_wasserstein_distance``
        The critic's estimate of the Wasserstein distance between held-out and generated images.
        Well above ``wasserstein_distance``, the same for the images trained on, when the critic
        overfits.
    ``ks_NAME``, ``wasserstein_NAME``
        For ``flux``, ``half_light_radius``, ``concentration``, ``axis_ratio`` and
        ``power_spectrum``: the two-sample Kolmogorov-Smirnov statistic, and the Wasserstein-1
        distance in units of the standard deviation of the held-out images.
    ``ks_mean``
        Mean of the Kolmogorov-Smirnov statistics.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore` or path-like
        Held-out stamps, all that `~astro_wgan.store.as_stamps` takes; the first 512 are used.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling.
    sample_dir : path-like, optional
        Folder for images of samples from the same latent vectors after each epoch, named by
        iteration: ``samples-000050.png``.
    """

    def __init__(self, stamps, stretch, *, sample_dir=None):
        super().__init__()
        images = stretch.transform(as_stamps(stamps)[:MAX_HELD_OUT])
        self._images = images if images.ndim == 4 else images[..., np.newaxis]
        self._stretch = stretch
        self._real = self._measure(self._images)
        self._sample_dir = None if sample_dir is None else Path(sample_dir)
        if self._sample_dir is not None:
            self._sample_dir.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, epoch, logs=None):
        """Compare, and add the distances to ``logs``."""
        trainer = self.model
        latent = draw_latent(trainer.network, len(self._images), (trainer.seed, -2))
        generated = trainer.sample(latent).numpy()
        distances = compare_image_statistics(self._real, self._measure(generated))
        statistics = [value for name, value in distances.items() if name.startswith('ks_')]
        logs['held_out_wasserstein_distance'] = trainer.wasserstein_distance(
            tf.constant(self._images)
        )
        logs['ks_mean'] = float(np.mean(statistics))
        logs.update(distances)
        if self._sample_dir is not None:
            path = self._sample_dir / f'samples-{int(trainer.iteration.numpy()):06d}.png'
            with atomic_write(path) as temporary:
                sample_grid(generated[:64]).save(temporary, format='PNG')

    def _measure(self, images):
        linear = self._stretch.inverse(images if images.shape[-1] > 1 else images[..., 0])
        return measure_image_statistics(linear.mean(axis=-1) if linear.ndim == 4 else linear)


def sample_grid(images):
    """
    Images side by side in one square grayscale picture.

    Parameters
    ----------
    images : array_like, shape (n, ny, nx, bands)
        Stretched intensity, of which the mean over the bands is shown.

    Returns
    -------
    `PIL.Image.Image`
        The first row of pixels of each image is at its bottom.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.wgan import sample_grid
    >>> sample_grid(np.zeros((9, 16, 16, 1))).size
    (48, 48)
    """
    n, ny, nx = images.shape[:3]
    edge = int(np.ceil(np.sqrt(n)))
    cells = np.full((edge * edge, ny, nx), _BLACK, dtype=np.float32)
    cells[:n] = images.mean(axis=-1)
    grid = cells[:, ::-1].reshape(edge, edge, ny, nx).transpose(0, 2, 1, 3)
    gray = np.clip((grid - _BLACK) / (_WHITE - _BLACK), 0, 1).reshape(edge * ny, edge * nx)
    return Image.fromarray(np.rint(255 * gray).astype(np.uint8))


@dataclass
class TrainingState:
    """
    The state of a training in addition to its weights.

    Attributes
    ----------
    seconds : float
        Training time, over all runs.
    history : list of dict
        Results of each epoch: means of its losses, distances at its end.
    losses : list of dict
        The losses of the current epoch.
    best : float
        Smallest ``ks_mean`` so far.
    waited : int
        Epochs since it decreased.
    """

    seconds: float = 0.0
    history: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    best: float = float('inf')
    waited: int = 0

    def mean_losses(self):
        """Means of the losses of the current epoch."""
        return {name: float(np.mean([x[name] for x in self.losses])) for name in self.losses[0]}

    def close_epoch(self, iteration, results):
        """Append the results of an epoch to the history, and start the next epoch."""
        self.history.append({'iteration': iteration, 'time': self.seconds, **results})
        self.losses = []
        if _PATIENCE_COLUMN in results:
            distance = results[_PATIENCE_COLUMN]
            decreased = distance < (1 - _MIN_DECREASE) * self.best
            self.best = min(self.best, distance)
            self.waited = 0 if decreased else self.waited + 1

    def history_table(self, iteration):
        """
        The history as a table, with a last row for an epoch that is not complete.

        Parameters
        ----------
        iteration : int
            Number of iterations at the end of the training.

        Returns
        -------
        `~astropy.table.QTable`
            Distances that an incomplete epoch lacks are NaN.
        """
        rows = list(self.history)
        if self.losses:
            rows.append({'iteration': iteration, 'time': self.seconds, **self.mean_losses()})
        names = rows[0] if rows else ('iteration', 'time')
        table = QTable({name: [row.get(name, np.nan) for row in rows] for name in names})
        table['time'].unit = u.s
        return table


@dataclass(frozen=True)
class TrainingLimits:
    """
    When a training ends: at the first limit that is reached.

    Parameters
    ----------
    iterations : int or None
        Generator iterations.
    minutes : float or None
        Training time.
    patience : int or None
        Epochs without a decrease of ``ks_mean``.
    """

    iterations: int | None
    minutes: float | None
    patience: int | None

    def fraction_done(self, iteration, state):
        """Progress of a training, from 0 to 1; 1 if it has to end."""
        fractions = [0.0]
        if self.iterations is not None:
            fractions.append(iteration / self.iterations)
        if self.minutes is not None:
            fractions.append(state.seconds / (60 * self.minutes))
        if self.patience is not None and state.waited >= self.patience:
            fractions.append(1.0)
        return min(1.0, max(fractions))


class TrainingMonitor(keras.callbacks.Callback):
    """
    Record time and history, show progress, write checkpoints, and stop a training at its limits.

    Parameters
    ----------
    state : TrainingState
        Updated in place.
    limits : TrainingLimits
        When the training ends.
    checkpoint : path-like or None
        File for the state of the training.
    fingerprint : `~astro_wgan.jobs.Fingerprint` or None
        Stored in the checkpoint.
    progress : bool
        Show a progress line.
    writes : bool
        Whether this process writes the checkpoint.
    """

    def __init__(self, state, limits, *, checkpoint, fingerprint, progress, writes):
        super().__init__()
        self.state = state
        self.limits = limits
        self.checkpoint = checkpoint
        self.fingerprint = fingerprint
        self.writes = writes
        self.line = ProgressLine('training', quiet=not progress)

    def on_train_begin(self, logs=None):
        """Start the clock."""
        self.clock = self.saved = time.monotonic()
        self._report({})

    def on_train_batch_end(self, batch, logs=None):
        """Check losses and limits; write a checkpoint twice a minute."""
        now = time.monotonic()
        self.state.seconds += now - self.clock
        self.clock = now
        if not all(np.isfinite(value) for value in logs.values()):
            self._fail()
        self._report(logs)
        if self._fraction_done >= 1:
            self.model.stop_training = True
        elif now - self.saved > _CHECKPOINT_SECONDS:
            self.save()
            self.saved = now

    def on_epoch_end(self, epoch, logs=None):
        """Append to the history, and check the patience."""
        self.state.close_epoch(self._iteration, logs)
        if self._fraction_done >= 1:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        """Write the last checkpoint."""
        self.save()
        self.line.__exit__()

    def save(self):
        """Write the checkpoint, if one was asked for."""
        if self.checkpoint is not None and self.writes:
            if not is_finite(self.model):
                self._fail()
            write_checkpoint(
                self.checkpoint,
                self.model,
                fingerprint=self.fingerprint,
                progress=asdict(self.state),
            )

    def worker_lost_message(self):
        """The message of a `~astro_wgan.exceptions.WorkerLostError`."""
        return (
            f'Another worker was lost after iteration {self._iteration}. '
            f'{self._checkpoint_state()} Start all workers again to resume from there.'
        )

    @property
    def _iteration(self):
        return int(self.model.iteration.numpy())

    @property
    def _fraction_done(self):
        return self.limits.fraction_done(self._iteration, self.state)

    def _report(self, logs):
        text = f'iteration {self._iteration}'
        if logs:
            critic, distance = logs['critic_loss'], logs['wasserstein_distance']
            text += f'  critic {critic:.3g}  distance {distance:.3g}'
        self.line.update(self._fraction_done, text)

    def _fail(self):
        raise TrainingDivergedError(
            f'The losses or weights are not finite at iteration {self._iteration}. '
            f'{self._checkpoint_state()} Try a lower learning rate, more critic steps, or look for '
            'extreme pixels in the stamps.'
        )

    def _checkpoint_state(self):
        if self.checkpoint is None:
            return 'No checkpoint was asked for.'
        if not Path(self.checkpoint).exists():
            return f'The checkpoint {self.checkpoint} had not been written yet.'
        return f'The last good state is kept in {self.checkpoint}.'
