"""Networks, losses and training of the Wasserstein GAN with gradient penalty."""

from astro_wgan.exceptions import (
    CheckpointError,
    NotFittedError,
    TrainingDivergedError,
    WorkerLostError,
)
from astro_wgan.wgan.callbacks import HeldOutWatch, sample_sheet
from astro_wgan.wgan.config import NetworkConfig, TrainingConfig, preset
from astro_wgan.wgan.image_statistics import compare_images, measure_images
from astro_wgan.wgan.model import WGAN
from astro_wgan.wgan.networks import build_critic, build_encoder, build_generator

__all__ = [
    'WGAN',
    'CheckpointError',
    'HeldOutWatch',
    'NetworkConfig',
    'NotFittedError',
    'TrainingConfig',
    'TrainingDivergedError',
    'WorkerLostError',
    'build_critic',
    'build_encoder',
    'build_generator',
    'compare_images',
    'measure_images',
    'preset',
    'sample_sheet',
]
