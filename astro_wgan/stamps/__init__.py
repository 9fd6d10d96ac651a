"""From an image to a set of stamps."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'Detected': 'detection',
        'Detection': 'detection',
        'DetectionError': 'detection',
        'ImageError': '.exceptions',
        'NotFittedStretchError': 'stretch',
        'StampSet': 'stampset',
        'StampStore': 'store',
        'StampStoreError': 'store',
        'Stretch': 'stretch',
        'as_stamps': 'inputs',
        'concatenate': 'stampset',
        'cut_stamps': 'cutout',
        'detect': 'detection',
        'join_cutouts': 'convert',
        'read_image': '.images.reading',
        'reproject_stamps': 'align',
        'to_ccddata': 'convert',
        'to_cutout2d': 'convert',
    },
)
