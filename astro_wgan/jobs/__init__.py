"""Long computations: identity of their inputs, resuming, progress, parallel execution."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'Fingerprint': 'fingerprint',
        'describe_detector': 'descriptions',
        'describe_model': 'descriptions',
        'describe_networks': 'descriptions',
        'describe_settings': 'descriptions',
        'describe_stamps': 'descriptions',
        'digest': 'digests',
        'digest_settings': 'descriptions',
        'ordered_map': 'parallel',
    },
)
