"""Stamps on disk, for sets that do not fit in memory, and whatever holds or becomes stamps."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'StampStore': 'stampstore',
        'as_stamps': 'stamp_inputs',
        'remove_neighbors': 'neighbor_removal',
    },
)
