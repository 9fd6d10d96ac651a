"""From an image to a set of stamps."""

from astro_wgan.stamps.detection import Detected, Detection, DetectionError, detect
from astro_wgan.stamps.stampset import StampSet, concatenate

__all__ = ['Detected', 'Detection', 'DetectionError', 'StampSet', 'concatenate', 'detect']
