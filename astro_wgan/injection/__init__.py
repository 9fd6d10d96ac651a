"""Anomalies injected into images of normal galaxies: companions, arcs, distortions, artifacts."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {'InjectionConfig': 'injection_config', 'inject_anomalies': 'injections'},
)
