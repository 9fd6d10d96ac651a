"""Light maps of a simulated merger that come with the package."""

from importlib.resources import files
from pathlib import Path

from astro_wgan.mocks.readers.light_map_files import read_light_map

__all__ = ['light_map_names', 'light_map_paths', 'load_light_map']

_NAMES = ('encounter_passage', 'encounter_remnant')

_BANDS = ('g', 'r', 'i')
_CREDIT = (
    'Encounter of two disk galaxies, simulated by the developers of astro_wgan '
    '(benchmarks/bundled/encounter.py); spectra of Bruzual & Charlot 2003.'
)

#: Names of light maps of earlier versions.
_FORMER_NAMES = ('hydro_merger_186', 'hydro_merger_214')


def light_map_names():
    """
    Names of the light maps.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> datasets.light_map_names()
    ['encounter_passage', 'encounter_remnant']
    """
    return sorted(_NAMES)


def light_map_paths(name):
    """
    Paths of the FITS images of a light map, one for each band.

    Parameters
    ----------
    name : str
        One of `light_map_names`.

    Returns
    -------
    list of `~pathlib.Path`

    Raises
    ------
    ValueError
        If there is no light map of that name.
    """
    if name in _FORMER_NAMES:
        raise ValueError(
            f'The light map {name!r} no longer comes with the package; use one of '
            f'{light_map_names()} instead.'
        )
    if name not in _NAMES:
        raise ValueError(f'`name` must be one of {light_map_names()}; got {name!r}.')
    folder = Path(str(files('astro_wgan.datasets') / 'data'))
    return [folder / f'{name}_{band}.fits' for band in _BANDS]


def load_light_map(name):
    """
    Load a light map of a simulated merger in g, r and i.

    ``'encounter_passage'`` shows two disk galaxies with bridge and tails 0.1 Gyr after their first
    passage, ``'encounter_remnant'`` the merger remnant 1.8 Gyr after it, 0.3 Gyr after coalescence.

    Parameters
    ----------
    name : {'encounter_passage', 'encounter_remnant'}
        One of `light_map_names`.

    Returns
    -------
    `~astro_wgan.mocks.LightMap`
        ``meta['credit']`` has the credit. `~astro_wgan.mocks.simulate_encounter` simulates the
        stars that it shows.

    Raises
    ------
    ValueError
        If there is no light map of that name.

    Examples
    --------
    >>> from astro_wgan.datasets import load_light_map
    >>> load_light_map('encounter_remnant').shape
    (320, 320)
    """
    light = read_light_map(light_map_paths(name))
    light.meta['credit'] = _CREDIT
    return light
