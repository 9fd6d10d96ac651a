"""Images of simulated galaxies as a telescope would have seen them."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'AiryPSF': 'psf',
        'CalzettiDust': 'dust',
        'DiskGalaxy': 'encounter.encounter',
        'Encounter': 'encounter.encounter',
        'EncounterSnapshots': 'encounter.encounter_snapshots',
        'FilterCurve': 'filters',
        'GaussianPSF': 'psf',
        'INSTRUMENTS': 'presets',
        'ImagePSF': 'psf',
        'Instrument': 'instrument',
        'LightMap': 'light_map',
        'MoffatPSF': 'psf',
        'Particles': 'particles',
        'StellarPopulations': 'stellar_populations',
        'get_instrument': 'presets',
        'mock_stamps': 'rendering',
        'observe': 'observing',
        'particles_from_pynbody': 'readers.particle_packages',
        'particles_from_yt': 'readers.particle_packages',
        'read_light_map': 'readers.light_map_files',
        'read_particles': 'readers.particle_tables',
        'read_snapshot': 'readers.snapshots',
        'simulate_encounter': 'encounter.encounter',
    },
)
