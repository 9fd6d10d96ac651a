"""`train`: the training loop, with checkpoints, callbacks, Ctrl-C and several workers."""

import hashlib
from pathlib import Path

import keras
import tensorflow as tf

from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps, digest_settings
from astro_wgan.jobs.freed_memory import retain_freed_memory
from astro_wgan.jobs.interrupts import defer_interrupt
from astro_wgan.wgan.callbacks import (
    MAX_HELD_OUT,
    HeldOutMonitor,
    TrainingLimits,
    TrainingMonitor,
    TrainingState,
)
from astro_wgan.wgan.compute.distribution import Workers
from astro_wgan.wgan.data_stream import stream_images
from astro_wgan.wgan.serialization.checkpoint import HELD_OUT, read_checkpoint

__all__ = ['train']

#: Iterations of an epoch if a pass over the stamps is shorter.
_MIN_EPOCH = 25


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
    initial_weights=None,
):
    """
    Train until a limit of iterations, time or patience is reached.

    Parameters
    ----------
    trainer : `~astro_wgan.wgan.trainer.AdversarialTrainer`
        Networks and optimizers; changed in place.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Training set.
    stretch : `~astro_wgan.stamps.Stretch`
        Fitted intensity scaling.
    iterations : int or None
        Generator iterations, counted over all runs that share the checkpoint.
    minutes : float or None
        Time limit, counted likewise; the first limit that is reached ends the training.
    checkpoint : path-like or None
        File that is written every half minute, at the end and on an interrupt. If it exists the
        training resumes from it.
    progress : bool
        Show a progress line.
    held_out : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`, optional
        Stamps that generated images are compared with after each epoch.
    patience : int, optional
        End after this number of epochs without a decrease of ``ks_mean``.
    sample_dir : path-like, optional
        Folder for an image of samples after each epoch.
    callbacks : sequence of `keras.callbacks.Callback`
        Additional callbacks.
    initial_weights : dict, optional
        Description of the model whose weights the training starts from, for the fingerprint of the
        checkpoint; None for random weights.

    Returns
    -------
    `~astro_wgan.wgan.callbacks.TrainingState`

    Raises
    ------
    CheckpointError
        If the checkpoint is damaged or belongs to another training.
    TrainingDivergedError
        If a loss is not finite; the last checkpoint is kept.
    WorkerLostError
        If another process of the trainer's strategy stops responding; the last checkpoint is kept.
    """
    state = TrainingState()
    workers = Workers(trainer.distribute_strategy)
    fingerprint = None
    if checkpoint is not None or workers.several:
        fingerprint = _fingerprint(trainer, stamps, stretch, initial_weights, held_out)
    if checkpoint is not None and Path(checkpoint).exists():
        state = TrainingState(**read_checkpoint(checkpoint, trainer, fingerprint=fingerprint))
    _check_workers(workers, trainer, fingerprint)
    limits = TrainingLimits(iterations, minutes, patience)
    count = trainer.training.images_per_iteration
    start = int(trainer.iteration.numpy())
    if limits.fraction_done(start, state) >= 1:
        return state
    images = tf.data.Dataset.from_generator(
        lambda: stream_images(
            stamps,
            stretch,
            count,
            seed=trainer.seed,
            start=start,
            max_shift=trainer.training.max_shift,
        ),
        output_signature=tf.TensorSpec((count, *trainer.network.image_shape), tf.float32),
    ).prefetch(2)
    monitor = TrainingMonitor(
        state,
        limits,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
        progress=progress and workers.chief,
        writes=workers.chief,
    )
    callbacks = [monitor, *callbacks] if workers.chief else [monitor]
    if held_out is not None:
        # On every worker, since each needs the distance that patience refers to.
        sample_dir = sample_dir if workers.chief else None
        callbacks.insert(0, HeldOutMonitor(held_out, stretch, sample_dir=sample_dir))
    callbacks = keras.callbacks.CallbackList(callbacks, model=trainer)
    per_epoch = max(_MIN_EPOCH, len(stamps) // count)
    with retain_freed_memory(), workers.detect_loss(monitor.worker_lost_message):
        _run(trainer, images, state, callbacks, workers, per_epoch=per_epoch)
    return state


def _fingerprint(trainer, stamps, stretch, initial_weights, held_out):
    """What a checkpoint must agree with for a training to resume from it."""
    fitted = ('sky', 'noise_rms', 'peak', 'unit')
    values = stretch.to_dict()
    described = describe_stamps(stamps)
    described['stretch'] = digest_settings({name: values.pop(name) for name in fitted})
    configuration = {'network': trainer.network, 'training': trainer.training}
    groups = {
        'stamps': described,
        'settings': describe_settings({**configuration, 'stretch': values, 'seed': trainer.seed}),
        'initial model': {} if initial_weights is None else initial_weights,
    }
    if held_out is not None:
        groups[HELD_OUT] = describe_stamps(held_out[:MAX_HELD_OUT])
    return Fingerprint(groups)


def _check_workers(workers, trainer, fingerprint):
    """Refuse workers that differ: they would wait for each other, or train a mixture."""
    text = '' if fingerprint is None else fingerprint.to_json()
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])
    values = {
        'configurations, seeds or stamps': number,
        'first iterations (can all read the checkpoint?)': int(trainer.iteration.numpy()),
    }
    workers.check_alike(values)


def _run(trainer, images, state, callbacks, workers, *, per_epoch):
    """
    Iterate until a callback stops the training.

    Not `keras.Model.fit`, whose epochs start anew in each run: here they are counted from the very
    first iteration, so that a resumed training measures after the same iterations.
    """
    step = tf.function(trainer.train_step, jit_compile=trainer.training.jit_compile)
    trainer.stop_training = False
    callbacks.on_train_begin()
    done = int(trainer.iteration.numpy())
    if state.losses and done % per_epoch == 0:
        # The last run was interrupted just before the end of its epoch.
        callbacks.on_epoch_end(done // per_epoch - 1, state.mean_losses())
    with defer_interrupt() as interrupted:
        try:
            for iteration, batch in enumerate(images, start=done):
                epoch, batch_number = divmod(iteration, per_epoch)
                if batch_number == 0:
                    callbacks.on_epoch_begin(epoch)
                callbacks.on_train_batch_begin(batch_number)
                losses = {name: float(value) for name, value in step(batch).items()}
                state.losses.append(losses)
                callbacks.on_train_batch_end(batch_number, losses)
                if batch_number == per_epoch - 1:
                    callbacks.on_epoch_end(epoch, state.mean_losses())
                stop, interrupt = workers.any(trainer.stop_training, interrupted.is_set())
                if interrupt:
                    interrupted.set()
                if stop or interrupt:
                    break
        except KeyboardInterrupt:
            # Completed iterations are kept. The other workers wait for this message.
            interrupted.set()
            workers.any(False, True)
        callbacks.on_train_end()
        # The others may need the checkpoint that the chief has just written.
        workers.any(False)
    if interrupted.is_set():
        raise KeyboardInterrupt
