"""From a simulation to what a telescope would have seen: distance, pixels, blur and noise."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'AiryPSF': 'psf',
        'CalzettiDust': 'dust',
        'DiscGalaxy': 'encounter',
        'Encounter': 'encounter',
        'EncounterSnapshots': 'encounter_snapshots',
        'FilterCurve': 'filters',
        'GaussianPSF': 'psf',
        'INSTRUMENTS': 'instruments',
        'ImagePSF': 'psf',
        'Instrument': 'instrument',
        'LightMap': 'light',
        'MoffatPSF': 'psf',
        'Particles': 'particles',
        'StellarPopulations': 'populations',
        'find_instrument': 'instruments',
        'load_light_map': 'bundled',
        'mock_stamps': 'drawing',
        'observe': 'observing',
        'particles_from_pynbody': 'particle_packages',
        'particles_from_yt': 'particle_packages',
        'read_light_map': 'reading',
        'read_particles': 'particle_tables',
        'read_snapshot': 'snapshots',
        'simulate_encounter': 'encounter',
    },
)
