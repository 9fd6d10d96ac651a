"""Merger trees: isolated galaxies, mergers and their sequences."""

from astro_wgan.mergers.events import find_mergers, progenitors
from astro_wgan.mergers.isolation import isolated_galaxies
from astro_wgan.mergers.readers import read_sublink, read_ytree
from astro_wgan.mergers.sequences import merger_sequences
from astro_wgan.mergers.toy import toy_trees
from astro_wgan.mergers.trees import MergerTrees

__all__ = [
    'MergerTrees',
    'find_mergers',
    'isolated_galaxies',
    'merger_sequences',
    'progenitors',
    'read_sublink',
    'read_ytree',
    'toy_trees',
]
