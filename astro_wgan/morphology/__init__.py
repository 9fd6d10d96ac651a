"""Morphology of galaxies: CAS, Gini, M20 and Sersic fits, with statmorph."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'measure_morphology': 'measure',
    },
)
