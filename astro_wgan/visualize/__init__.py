"""Figures of stamps, scores, detection rates and trainings."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'embed_features': 'embedding',
        'plot_populations_by': 'properties',
        'plot_embedding': 'embedding',
        'plot_p_values': 'scores',
        'plot_property_by_score': 'properties',
        'plot_ranking': 'ranking',
        'plot_detection_rates_by': 'detection_rates',
        'plot_detection_rates': 'detection_rates',
        'plot_roc': 'ranking',
        'plot_score_by': 'properties',
        'plot_scores': 'scores',
        'plot_stamps': 'stamp_grid',
        'plot_training': 'training_history',
        'plot_triptychs': 'stamp_grid',
    },
)
