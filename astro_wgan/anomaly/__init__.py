"""Anomaly detection with a trained WGAN: latent search, score and calibration."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'ENCODER_ONLY': 'search.search_config',
        'AnomalyDetector': 'detector',
        'BrightnessTrend': 'calibration.brightness_trend',
        'Calibration': 'calibration.calibration',
        'ClassifierConfig': 'classifier.classifier_config',
        'EncoderConfig': 'search.encoder',
        'LatentSearchConfig': 'search.search_config',
        'LatentSearcher': 'search.latent_search',
        'ScoringConfig': 'scoring',
        'SearchResult': 'search.search_result',
        'critic_features': 'stamp_features.feature_table',
        'measure_residual_statistics': 'measurements',
        'q_values': 'calibration.conformal',
        'score_features': 'stamp_features.feature_scores',
        'train_encoder': 'search.encoder',
    },
)
