"""Baseline detectors: k-means, principal components, rotation residual, isolation forest."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'CAS_GINI_M20': 'object_features',
        'IsolationForestScore': 'forest',
        'MorphologyKMeans': 'kmeans',
        'OutlierEstimator': 'scikit_learn',
        'PCAMahalanobis': 'pca',
        'PCAResidual': 'pca',
        'RotationResidual': 'rotation',
    },
)
