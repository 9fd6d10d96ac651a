"""Images, models and light maps that come with the package."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'BundledImage': 'images',
        'describe': 'images',
        'image_path': 'images',
        'load_image': 'images',
        'load_light_map': 'light_maps',
        'load_model': 'models',
        'model_names': 'models',
        'model_path': 'models',
        'names': 'images',
    },
)
