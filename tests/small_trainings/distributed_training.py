"""
Trainings by two replicas in one process, and by two processes.

``python distributed_training.py replicas FOLDER`` trains and leaves checkpoints and a model;
``python distributed_training.py worker FOLDER INDEX ADDRESSES`` is one of the processes at the
addresses, a JSON list, and runs for so long that one of them must be killed.
"""

import json
import os
import shutil
import sys

import keras
import numpy as np
import tensorflow as tf

from astro_wgan import WGAN, StampSet
from astro_wgan.exceptions import WorkerLostError
from astro_wgan.wgan import NetworkConfig, TrainingConfig, callbacks

#: Small networks with all that a step can have.
NETWORK = NetworkConfig(
    size=16,
    latent_dim=4,
    generator_filters=(8, 8, 4),
    critic_filters=(4, 8),
    critic_dense=8,
    noise=True,
)
TRAINING = TrainingConfig(
    batch_size=8,
    critic_steps=2,
    learning_rate=1e-3,
    augment=True,
    reconstruction_weight=0.05,
    ema_decay=0.9,
)
OPTIONS = {'seed': 5, 'progress': False}


def noise_stamps():
    """40 stamps of 16 x 16 pixels of white noise."""
    return StampSet(np.random.default_rng(1).normal(size=(40, 16, 16)))


class CopyThirdCheckpoint(keras.callbacks.Callback):
    """A copy of the checkpoint as it is after three iterations, complete once it is there."""

    def __init__(self, checkpoint, copy):
        super().__init__()
        self.checkpoint, self.copy = checkpoint, copy

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.iteration.numpy()) == 3:
            shutil.copy(self.checkpoint, f'{self.copy}.part')
            os.rename(f'{self.copy}.part', self.copy)


def train_by_replicas(folder):
    cpu = tf.config.list_physical_devices('CPU')[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    options = {'strategy': tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1']), **OPTIONS}
    stamps = noise_stamps()
    wgan = WGAN(NETWORK, TRAINING).fit(
        stamps,
        iterations=3,
        checkpoint=f'{folder}/state.npz',
        held_out=stamps[:8],
        patience=9,
        sample_dir=folder,
        **options,
    )
    wgan.save(f'{folder}/model')
    WGAN(NETWORK, TRAINING).fit(
        stamps, iterations=2, checkpoint=f'{folder}/tuned.npz', initial_model=wgan, **options
    )


def train_as_worker(folder, index, addresses):
    task = {'type': 'worker', 'index': int(index)}
    os.environ['TF_CONFIG'] = json.dumps(
        {'cluster': {'worker': json.loads(addresses)}, 'task': task}
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    callbacks._CHECKPOINT_SECONDS = 0.0
    checkpoint = f'{folder}/state.npz'
    copy = CopyThirdCheckpoint(checkpoint, f'{folder}/third-by-{index}.npz')
    try:
        WGAN(NETWORK, TRAINING).fit(
            noise_stamps(),
            iterations=100_000,
            checkpoint=checkpoint,
            strategy=strategy,
            callbacks=[copy],
            **OPTIONS,
        )
    except WorkerLostError as error:
        print(error)


if __name__ == '__main__':
    {'replicas': train_by_replicas, 'worker': train_as_worker}[sys.argv[1]](*sys.argv[2:])
