"""Sky without sources, the correlation of its noise, and noise like it."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'Autocorrelation': 'autocorrelation_function',
        'PowerSpectrum': 'power_spectra',
        'UndetectedSourceTest': 'undetected_sources',
        'Sky': 'sky',
        'add_noise': 'synthesis',
        'autocorrelation': 'autocorrelation_function',
        'drizzle_autocorrelation': 'drizzle',
        'find_sky': 'clean_sky',
        'estimate_noise_rms': 'noise_rms',
        'make_noise': 'synthesis',
        'noise_correlation_ratio': 'drizzle',
        'power_spectrum': 'power_spectra',
    },
)
