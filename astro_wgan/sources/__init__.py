"""What is in stamps: sources, the central one and its neighbors, measured as SExtractor does."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'StampCatalog': 'catalog',
        'Segmentation': 'segmentation',
        'SourceFlag': 'flags',
        'measure_sources': 'photometry',
        'segment_stamps': 'segmentation',
    },
)
