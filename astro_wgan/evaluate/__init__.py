"""Tables that evaluate any detector: detection rates, ranking metrics, population comparisons."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'average_precision': 'roc',
        'compare_auc': 'roc',
        'compare_populations': 'population_comparison',
        'compare_populations_by': 'population_comparison',
        'compare_properties': 'property_comparison',
        'detection_rates': 'rates',
        'detection_rates_by': 'rates_by_property',
        'pivot_rates': 'rates',
        'precision_at_k': 'roc',
        'rank_simulations': 'population_comparison',
        'ranking_metrics': 'roc',
        'roc_auc': 'roc',
        'roc_curve': 'roc',
    },
)
