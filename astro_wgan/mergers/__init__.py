"""Merger trees: isolated galaxies, mergers and their sequences."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'MergerTrees': 'trees',
        'find_mergers': 'events',
        'isolated_galaxies': 'isolation',
        'merger_sequences': 'sequences',
        'progenitors': 'events',
        'read_sublink': 'tree_readers',
        'read_ytree': 'tree_readers',
        'toy_trees': 'toy',
    },
)
