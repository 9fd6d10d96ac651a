"""Latent search, anomaly score and calibration."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'AnomalyDetector': 'detector',
        'BrightnessTrend': 'scoring',
        'Calibration': 'calibration',
        'EncoderConfig': 'search.encoder',
        'LatentSearch': 'search.latent_search',
        'LatentSearcher': 'search.latent_search',
        'Scoring': 'scoring',
        'SearchResult': 'search.search_result',
        'critic_features': 'feature_table',
        'measure_misfit': 'measurements',
        'q_values': 'conformal',
        'train_encoder': 'search.encoder',
    },
)
