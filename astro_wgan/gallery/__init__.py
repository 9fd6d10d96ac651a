"""A self-contained page of stamps ranked by their anomaly score."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'write_gallery': 'page',
    },
)
