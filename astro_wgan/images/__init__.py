"""Reading of images from files and objects, with unit, uncertainty, mask and WCS."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'Layout': 'layouts.layout',
        'RemoteFiles': '.remote.remote_files',
        'find_blank_pixels': 'blank_pixels',
        'get_layout': 'layouts.layout_registry',
        'layout_names': 'layouts.layout_registry',
        'read_image': 'reading',
        'register_layout': 'layouts.layout_registry',
    },
)
