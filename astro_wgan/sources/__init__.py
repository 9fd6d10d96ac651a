"""Photometry of stamps: sources, the central galaxy and its neighbors, as in SExtractor."""

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
