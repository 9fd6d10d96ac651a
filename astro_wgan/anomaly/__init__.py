"""Latent search, anomaly score and calibration."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'AnomalyDetector': 'detector',
        'BrightnessTrend': 'scoring',
        'Calibration': 'calibration',
        'DriftWarning': 'drift',
        'EncoderConfig': 'encoder',
        'LatentSearch': 'search',
        'LatentSearcher': 'search',
        'Scoring': 'scoring',
        'SearchResult': 'search_result',
        'critic_features': 'features',
        'measure_misfit': 'misfit',
        'q_values': 'conformal',
        'train_encoder': 'encoder',
    },
)
