"""What is in stamps: sources, the central one and its neighbours, measured as SExtractor does."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'Photometry': 'catalog',
        'Segmentation': 'segmentation',
        'SourceFlag': 'flags',
        'measure_sources': 'measurement',
        'segment_stamps': 'segmentation',
    },
)
