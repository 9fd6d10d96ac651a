"""Shapes of galaxies: concentration, asymmetry, smoothness, Gini, M20 and a Sersic fit."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'measure_morphology': 'measure',
    },
)
