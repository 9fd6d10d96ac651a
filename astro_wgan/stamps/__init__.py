"""From an image to a set of stamps."""

from astro_wgan.stamps.align import reproject_stamps
from astro_wgan.stamps.convert import join_cutouts, to_ccddata, to_cutout2d
from astro_wgan.stamps.cutout import cut_stamps
from astro_wgan.stamps.detection import Detected, Detection, DetectionError, detect
from astro_wgan.stamps.image import ImageError, read_image
from astro_wgan.stamps.stampset import StampSet, concatenate
from astro_wgan.stamps.store import StampStore, StampStoreError
from astro_wgan.stamps.stretch import NotFittedStretchError, Stretch

__all__ = [
    'Detected',
    'Detection',
    'DetectionError',
    'ImageError',
    'NotFittedStretchError',
    'StampSet',
    'StampStore',
    'StampStoreError',
    'Stretch',
    'concatenate',
    'cut_stamps',
    'detect',
    'join_cutouts',
    'read_image',
    'reproject_stamps',
    'to_ccddata',
    'to_cutout2d',
]
