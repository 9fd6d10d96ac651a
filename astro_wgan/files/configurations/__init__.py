"""Configurations, which are frozen dataclasses, as plain values and as TOML."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'from_dict': 'config_values',
        'read_toml': 'toml_text',
        'to_dict': 'config_values',
        'update_config': 'config_values',
    },
)
