"""The tables that judge any detector: detection rates, rankings, comparison of populations."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'average_precision': 'roc',
        'compare_auc': 'roc',
        'compare_by': 'populations',
        'compare_populations': 'populations',
        'compare_properties': 'properties',
        'detection_rates': 'rates',
        'rank_simulations': 'populations',
        'ranking_quality': 'roc',
        'rate_by': 'trends',
        'roc_auc': 'roc',
        'roc_curve': 'roc',
        'side_by_side': 'rates',
        'top_precision': 'roc',
    },
)
