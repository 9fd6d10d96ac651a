"""Sets of stamps in memory, and the intensity scaling of stamps."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'Band': '.bands.band',
        'SourceScale': '.cutouts.resampled.source_scale',
        'StampSet': 'stampset',
        'Stamps': 'base',
        'Stretch': 'intensity.stretch',
        'concatenate': 'concatenation',
    },
)
