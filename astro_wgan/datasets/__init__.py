"""Images, light maps and a trained model that come with the package."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'BundledImage': 'images',
        'image_info': 'images',
        'image_names': 'images',
        'image_path': 'images',
        'light_map_names': 'light_maps',
        'light_map_paths': 'light_maps',
        'load_image': 'images',
        'load_light_map': 'light_maps',
        'load_model': 'models',
        'model_names': 'models',
        'model_path': 'models',
    },
)
