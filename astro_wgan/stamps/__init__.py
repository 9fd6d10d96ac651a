"""Sets of stamps in memory: made from images, changed, stretched."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'StampSet': 'stampset',
        'Stretch': 'stretch',
        'as_stamps': '.store.stamp_inputs',
        'concatenate': 'stampset',
        'cut_stamps': '.cutouts.cutting',
        'join_cutouts': '.cutouts.conversion',
        'reproject_stamps': '.cutouts.reprojection',
        'to_ccddata': '.cutouts.conversion',
        'to_cutout2d': '.cutouts.conversion',
    },
)
