"""A simulated merger that comes with the package."""

from importlib.resources import files
from pathlib import Path

from astro_wgan.mocks.readers.light_map_files import read_light_map

__all__ = ['SIMULATIONS', 'light_map_paths', 'load_light_map']

#: Names of the bundled simulations.
SIMULATIONS = ('encounter_passage', 'encounter_remnant')

_BANDS = ('g', 'r', 'i')
_CREDIT = (
    'Encounter of two discs, simulated by the developers of astro_wgan '
    '(benchmarks/bundled/encounter.py); spectra of Bruzual & Charlot 2003.'
)

#: Names of simulations that came with former releases.
_FORMER = ('hydro_merger_186', 'hydro_merger_214')


def light_map_paths(name):
    """
    Paths of a bundled simulation's FITS images, one for each band.

    Raises
    ------
    ValueError
        If there is no such simulation.
    """
    if name in _FORMER:
        raise ValueError(
            f'The simulation {name!r} no longer comes with the package; {list(SIMULATIONS)} take '
            'its place.'
        )
    if name not in SIMULATIONS:
        raise ValueError(f'`name` must be one of {list(SIMULATIONS)}; got {name!r}.')
    folder = Path(str(files('astro_wgan.datasets') / 'data'))
    return [folder / f'{name}_{band}.fits' for band in _BANDS]


def load_light_map(name):
    """
    A bundled simulation: two discs with bridge and tails after their first passage, or the galaxy
    that they have become, in g, r and i.

    Parameters
    ----------
    name : {'encounter_passage', 'encounter_remnant'}
        0.1 Gyr after the first passage, or 1.8 Gyr, 0.3 Gyr after the merger.

    Returns
    -------
    `LightMap`
        ``meta['credit']`` says whom to thank. `simulate_encounter` makes the stars that it shows.

    Raises
    ------
    ValueError
        If there is no such simulation.

    Examples
    --------
    >>> from astro_wgan.datasets import load_light_map
    >>> load_light_map('encounter_remnant').shape
    (320, 320)
    """
    light = read_light_map(light_map_paths(name))
    light.meta['credit'] = _CREDIT
    return light
