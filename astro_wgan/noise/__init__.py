"""Sky and its noise: where it is, how it is correlated, and mock images that wear the same."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'Autocorrelation': 'correlation',
        'PowerSpectrum': 'spectrum',
        'ResidualSources': 'residuals',
        'Sky': 'sky',
        'SkyError': 'sky',
        'add_noise': 'matched',
        'autocorrelation': 'correlation',
        'drizzle_autocorrelation': 'drizzle',
        'find_sky': 'finding',
        'finest_scatter': 'finest',
        'make_noise': 'made',
        'noise_correlation_ratio': 'drizzle',
        'power_spectrum': 'spectrum',
    },
)
