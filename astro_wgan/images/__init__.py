"""Reading of images from files and objects, with unit, uncertainty, mask and WCS."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'find_blank_pixels': 'blank_pixels',
        'read_image': 'reading',
    },
)
