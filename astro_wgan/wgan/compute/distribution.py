"""Training on several devices or machines: batches of replicas, and coordination of workers."""

from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from astro_wgan.exceptions import WorkerLostError

__all__ = [
    'Workers',
    'check_strategy',
    'mean_over_replicas',
    'replica_sample',
    'replica_slice',
    'copy_without_strategy',
]

#: Errors of TensorFlow if another process stops responding.
_WORKER_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)


def check_strategy(strategy, training):
    """
    Refuse a strategy under which the training would differ from that of one device.

    Parameters
    ----------
    strategy : `tf.distribute.Strategy` or None
        None for one device.
    training : `~astro_wgan.wgan.TrainingConfig`
        Its ``batch_size`` is that of all replicas together.

    Raises
    ------
    ValueError
        If the batch cannot be divided, or strategy and training are incompatible.
    """
    if tf.distribute.has_strategy():
        raise ValueError(
            'Call `fit` outside of the scope of a tf.distribute strategy, and pass it as '
            f'`strategy`; got the scope of {type(tf.distribute.get_strategy()).__name__}.'
        )
    if strategy is None:
        return
    if not isinstance(strategy, tf.distribute.Strategy):
        raise ValueError(f'`strategy` must be a tf.distribute.Strategy; got {strategy!r}.')
    if isinstance(strategy, tf.distribute.experimental.ParameterServerStrategy):
        raise ValueError(
            '`strategy` must be synchronous; got a ParameterServerStrategy, whose replicas take '
            'their steps independently.'
        )
    replicas = strategy.num_replicas_in_sync
    if training.batch_size % replicas:
        raise ValueError(
            f'`batch_size` of the training must be a multiple of the {replicas} replicas of '
            f'`strategy`; got {training.batch_size}.'
        )
    if training.jit_compile:
        raise ValueError(
            '`jit_compile` of the training must be False under a `strategy`: XLA cannot compile an '
            'iteration in which replicas are synchronized; got True.'
        )
    if training.precision == 'mixed_float16':
        raise ValueError(
            "`precision` of the training must be 'float32' or 'mixed_bfloat16' under a "
            "`strategy`, where Keras cannot scale losses; got 'mixed_float16'."
        )


def replica_slice(batch):
    """
    The part of a batch that belongs to this replica: equal parts, in the order of the replicas.

    Parameters
    ----------
    batch : `tf.Tensor`, shape (n, ...)
        The same on all replicas; n is a multiple of their number.

    Returns
    -------
    `tf.Tensor`, shape (n / replicas, ...)
    """
    replicas = _replicas()
    if replicas == 1:
        return batch
    rows = tf.shape(batch)[0] // replicas
    place = tf.distribute.get_replica_context().replica_id_in_sync_group
    return batch[place * rows : (place + 1) * rows]


def replica_sample(draw, n):
    """
    The part of this replica of random numbers that are drawn for all replicas.

    Each replica draws all of them and uses its own part, so that a training has the same random
    numbers on any number of replicas.

    Parameters
    ----------
    draw : callable
        From a number of rows to a tensor with this number, the same on all replicas.
    n : int
        Number of rows of one replica.

    Returns
    -------
    `tf.Tensor`, shape (n, ...)
    """
    replicas = _replicas()
    return draw(n) if replicas == 1 else replica_slice(draw(n * replicas))


def mean_over_replicas(gradients):
    """The mean of each of a list of tensors over the replicas."""
    if _replicas() == 1:
        return gradients
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)


def copy_without_strategy(network):
    """A copy of a network whose weights are ordinary variables, not distributed ones."""
    if network is None:
        return None
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = network.trainable
    return copy


class Workers:
    """
    The processes of a strategy that train together; often there is only this one.

    Parameters
    ----------
    strategy : `tf.distribute.Strategy`
        The strategy of the trainer.

    Attributes
    ----------
    several : bool
        Whether there are other processes.
    chief : bool
        Whether this process writes files and shows progress.
    """

    def __init__(self, strategy):
        self._strategy = strategy
        cluster = {}
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            cluster = strategy.cluster_resolver.cluster_spec().as_dict()
        self.several = sum(map(len, cluster.values())) > 1
        self.chief = True
        if self.several:
            resolver = strategy.cluster_resolver
            first = 'chief' if 'chief' in cluster else 'worker'
            self.chief = (resolver.task_type, resolver.task_id) == (first, 0)
        self._gather = tf.function(self._gathered)

    def any(self, *flags):
        """For each flag, whether it is set on any worker; the result is the same on all workers."""
        if not self.several:
            return flags
        return tuple(bool(x) for x in self._all(flags).any(axis=0))

    def check_alike(self, values):
        """
        Check that all workers start from the same state.

        Parameters
        ----------
        values : dict of int
            Numbers by the name that the error message gives them.

        Raises
        ------
        ValueError
            If a number differs between workers.
        """
        if not self.several:
            return
        for name, found in zip(values, self._all(values.values()).T, strict=True):
            if np.any(found != found[0]):
                raise ValueError(
                    f'All workers must start from the same state, but their {name} differ: '
                    f'{found.tolist()}.'
                )

    @contextmanager
    def detect_loss(self, message):
        """
        Raise a `~astro_wgan.exceptions.WorkerLostError` if another worker fails.

        Parameters
        ----------
        message : callable
            Returns the message of the error.
        """
        try:
            yield
        except _WORKER_LOST as error:
            if not self.several:
                raise
            raise WorkerLostError(message()) from error

    def _all(self, values):
        """Integers of all workers: array of shape (replicas, number of values)."""
        return self._gather(tf.constant([[int(x) for x in values]], tf.int64)).numpy()

    def _gathered(self, row):
        return self._strategy.gather(self._strategy.run(tf.identity, args=(row,)), axis=0)


def _replicas():
    """Number of replicas in the current replica context; 1 outside of any."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync
