"""Latent search, anomaly score and calibration."""

from astro_wgan.anomaly.calibration import Calibration
from astro_wgan.anomaly.detector import AnomalyDetector
from astro_wgan.anomaly.score import measure_misfit
from astro_wgan.anomaly.search import LatentSearch, LatentSearcher, SearchResult

__all__ = [
    'AnomalyDetector',
    'Calibration',
    'LatentSearch',
    'LatentSearcher',
    'SearchResult',
    'measure_misfit',
]
