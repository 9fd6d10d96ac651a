"""The tables that judge any detector: detection rates, rankings, comparison of populations."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'average_precision': 'roc',
        'compare_auc': 'roc',
        'compare_by': 'population_comparison',
        'compare_populations': 'population_comparison',
        'compare_properties': 'property_comparison',
        'detection_rates': 'rates',
        'rank_simulations': 'population_comparison',
        'ranking_quality': 'roc',
        'rate_by': 'rates_by_property',
        'roc_auc': 'roc',
        'roc_curve': 'roc',
        'side_by_side': 'rates',
        'top_precision': 'roc',
    },
)
