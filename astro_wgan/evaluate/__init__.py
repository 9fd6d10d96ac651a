"""The tables that judge any detector: detection rates, rankings, comparison of populations."""

from astro_wgan.evaluate.populations import compare_by, compare_populations, rank_simulations
from astro_wgan.evaluate.rates import detection_rates, side_by_side
from astro_wgan.evaluate.roc import (
    average_precision,
    compare_auc,
    ranking_quality,
    roc_auc,
    roc_curve,
    top_precision,
)
from astro_wgan.evaluate.trends import rate_by

__all__ = [
    'average_precision',
    'compare_auc',
    'compare_by',
    'compare_populations',
    'detection_rates',
    'rank_simulations',
    'ranking_quality',
    'rate_by',
    'roc_auc',
    'roc_curve',
    'side_by_side',
    'top_precision',
]
