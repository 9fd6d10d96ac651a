"""Simulated galaxies with known anomalies, in any number."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'BENCHMARKS': 'benchmarks',
        'Benchmark': 'benchmarks',
        'KINDS': 'scenes',
        'RECIPES': 'recipes',
        'Recipe': 'recipes',
        'find_recipe': 'recipes',
        'load_benchmark': 'benchmarks',
        'simulate': 'simulation',
        'simulate_store': 'simulation',
        'write_benchmark': 'benchmarks',
    },
)
