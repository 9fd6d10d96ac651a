"""Merger trees: mergers, merger sequences and isolated galaxies."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'MergerTrees': 'trees',
        'find_mergers': 'events',
        'find_isolated_galaxies': 'isolation',
        'find_merger_sequences': 'sequences',
        'find_progenitors': 'events',
        'read_sublink': 'tree_readers',
        'read_ytree': 'tree_readers',
        'make_toy_trees': 'toy_trees',
    },
)
