"""Anomaly detection in images of galaxies with a Wasserstein GAN, and tools that it needs."""

from astro_wgan.lazy import lazy_names

# Names are imported when they are first used, so that `import astro_wgan` is quick and loads
# TensorFlow only for those who ask for a network.
__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'AnomalyDetector': 'anomaly',
        'Calibration': 'anomaly',
        'LatentSearchConfig': 'anomaly',
        'DetectionConfig': 'detection',
        'Band': 'stamps',
        'StampSet': 'stamps',
        'StampStore': 'store',
        'Stretch': 'stamps',
        'read_image': 'images',
        'measure_sources': 'sources',
        'measure_morphology': 'morphology',
        'WGAN': 'wgan',
        'NetworkConfig': 'wgan',
        'TrainingConfig': 'wgan',
        'HuntConfig': 'hunting',
        'hunt': 'hunting',
        'SurveyConfig': 'surveying',
        'survey': 'surveying',
        '__version__': 'version',
    },
    subpackages=(
        'anomaly',
        'baselines',
        'catalogs',
        'datasets',
        'detection',
        'evaluate',
        'exceptions',
        'gallery',
        'images',
        'injection',
        'jobs',
        'mergers',
        'mocks',
        'morphology',
        'noise',
        'simulate',
        'sources',
        'stamps',
        'store',
        'surveying',
        'visualize',
        'wgan',
    ),
)
