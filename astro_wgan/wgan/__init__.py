"""Networks, losses and training of the Wasserstein GAN with gradient penalty."""

from astro_wgan.exceptions import (
    CheckpointError,
    NotFittedError,
    TrainingDivergedError,
    WorkerLostError,
)
from astro_wgan.wgan.callbacks import HeldOutMonitor, sample_grid
from astro_wgan.wgan.config import NetworkConfig, TrainingConfig
from astro_wgan.wgan.model import WGAN
from astro_wgan.wgan.networks import build_critic, build_encoder, build_generator

__all__ = [
    'WGAN',
    'CheckpointError',
    'HeldOutMonitor',
    'NetworkConfig',
    'NotFittedError',
    'TrainingConfig',
    'TrainingDivergedError',
    'WorkerLostError',
    'build_critic',
    'build_encoder',
    'build_generator',
    'sample_grid',
]
