"""Figures, maps of the critic's features, and pages to look at."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'feature_map': 'maps',
        'plot_compare_by': 'properties',
        'plot_map': 'maps',
        'plot_p_values': 'scores',
        'plot_property_by_score': 'properties',
        'plot_ranking': 'ranking',
        'plot_rate_by': 'rates',
        'plot_rates': 'rates',
        'plot_roc': 'ranking',
        'plot_score_by': 'properties',
        'plot_scores': 'scores',
        'plot_stamps': 'sheets',
        'plot_training': 'training',
        'plot_triptychs': 'sheets',
        'write_gallery': 'gallery',
    },
)
