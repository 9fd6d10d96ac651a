"""Neighbors of the central source, and foreground stars: their pixels, and what replaces them."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(__name__, {'NeighborConfig': 'neighbor_config'})
