"""Detection of sources, and the background and noise around them."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'DetectionResult': 'sep_detection',
        'DetectionConfig': 'detection_config',
        'detect': 'sep_detection',
    },
)
