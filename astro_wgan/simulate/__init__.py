"""Simulated galaxies of known classes: normal galaxies, mergers, rings, lenses, artifacts."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'Artifacts': 'simulation_config',
        'BENCHMARKS': 'benchmarks',
        'Benchmark': 'benchmarks',
        'CLASSES': 'scenes',
        'Clumps': 'simulation_config',
        'Disks': 'simulation_config',
        'Disturbance': 'simulation_config',
        'Lenses': 'simulation_config',
        'MoffatOptics': 'telescope_config',
        'Neighbors': 'simulation_config',
        'Noise': 'telescope_config',
        'Pairs': 'simulation_config',
        'Population': 'simulation_config',
        'Rings': 'simulation_config',
        'SIMULATION_CONFIGS': 'simulation_config',
        'SimulationConfig': 'simulation_config',
        'TelescopeOptics': 'telescope_config',
        'get_simulation_config': 'simulation_config',
        'load_benchmark': 'benchmarks',
        'simulate': 'simulation',
        'write_benchmark': 'benchmarks',
    },
)
