"""A page on this machine to look through results, and to label what they found."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'BrowsingServer': 'server',
        'Results': 'results',
        'browse': 'server',
    },
)
