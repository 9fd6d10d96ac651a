"""Shapes of galaxies: concentration, asymmetry, smoothness, Gini, M20 and a Sersic fit."""

from astro_wgan.morphology.measure import measure_morphology

__all__ = ['measure_morphology']
