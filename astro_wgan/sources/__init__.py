"""What is in stamps: sources, the central one and its neighbours, measured as SExtractor does."""

from astro_wgan.sources.flags import SourceFlag
from astro_wgan.sources.measurement import measure_sources
from astro_wgan.sources.segmentation import Segmentation, segment_stamps
from astro_wgan.sources.tables import Photometry

__all__ = ['Photometry', 'Segmentation', 'SourceFlag', 'measure_sources', 'segment_stamps']
