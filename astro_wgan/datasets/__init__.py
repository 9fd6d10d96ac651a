"""Bundled real images."""

from astro_wgan.datasets.bundled import BundledImage, describe, image_path, load_image, names

__all__ = ['BundledImage', 'describe', 'image_path', 'load_image', 'names']
