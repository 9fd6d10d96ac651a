"""Simpler detectors to compare with: k-means, PCA, rotation, isolation forest."""

from astro_wgan.baselines.checks import NotFittedBaselineError
from astro_wgan.baselines.features import CAS_GINI_M20
from astro_wgan.baselines.forest import IsolationForestScore
from astro_wgan.baselines.kmeans import MorphologyKMeans
from astro_wgan.baselines.pca import PCAMahalanobis, PCAResidual
from astro_wgan.baselines.rotation import RotationResidual

__all__ = [
    'CAS_GINI_M20',
    'IsolationForestScore',
    'MorphologyKMeans',
    'NotFittedBaselineError',
    'PCAMahalanobis',
    'PCAResidual',
    'RotationResidual',
]
