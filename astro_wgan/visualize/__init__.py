"""Pictures and pages to look at."""

from astro_wgan.visualize.gallery import write_gallery

__all__ = ['write_gallery']
