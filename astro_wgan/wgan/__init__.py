"""Networks, losses and training of the Wasserstein GAN with gradient penalty."""

from astro_wgan.wgan.checkpoint import CheckpointError
from astro_wgan.wgan.config import NetworkConfig, TrainingConfig, preset
from astro_wgan.wgan.distributed import WorkerLostError
from astro_wgan.wgan.model import WGAN, NotFittedError
from astro_wgan.wgan.networks import build_critic, build_encoder, build_generator
from astro_wgan.wgan.populations import compare_images, measure_images
from astro_wgan.wgan.training import TrainingDivergedError
from astro_wgan.wgan.watching import HeldOutWatch, sample_sheet

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
