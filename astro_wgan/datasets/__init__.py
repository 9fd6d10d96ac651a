"""Bundled images and models, and simulated populations with known anomalies."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'BENCHMARKS': 'benchmarks',
        'Benchmark': 'benchmarks',
        'BenchmarkError': 'benchmarks',
        'BundledImage': 'bundled',
        'KINDS': 'scenes',
        'RECIPES': 'recipes',
        'Recipe': 'recipes',
        'SimulationStoreError': 'simulation',
        'describe': 'bundled',
        'find_recipe': 'recipes',
        'image_path': 'bundled',
        'load_benchmark': 'benchmarks',
        'load_image': 'bundled',
        'load_model': 'models',
        'model_names': 'models',
        'model_path': 'models',
        'names': 'bundled',
        'simulate': 'simulation',
        'simulate_store': 'simulation',
        'write_benchmark': 'benchmarks',
    },
)
