"""From images to a ranked table of anomalous sources and a page, in one call."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'CutConfig': 'cut_config',
        'DetectorConfig': 'detector_config',
        'HuntConfig': 'hunt_config',
        'HuntResult': 'pipeline',
        'hunt': 'pipeline',
        'summarize_hunt': 'hunt_summary',
        'train_detector': 'detector_training',
    },
)
