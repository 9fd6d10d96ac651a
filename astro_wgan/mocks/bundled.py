"""A real simulated merger that comes with the package."""

from importlib.resources import files
from pathlib import Path

from astro_wgan.mocks.reading import read_light_map

__all__ = ['SIMULATIONS', 'light_map_paths', 'load_light_map']

#: Names of the bundled simulations.
SIMULATIONS = ('hydro_merger_186', 'hydro_merger_214')

_BANDS = ('g', 'r', 'i')
_CREDIT = (
    'Galaxy merger of a hydrodynamical simulation (suite G2G3_e, orbit 1), light by SKIRT in SDSS '
    'g, r, i. As shipped in RealSim (Inputs/), pixels summed 2 x 2.'
)


def light_map_paths(name):
    """
    Paths of a bundled simulation's FITS images, one for each band.

    Raises
    ------
    ValueError
        If there is no such simulation.
    """
    if name not in SIMULATIONS:
        raise ValueError(f'`name` must be one of {list(SIMULATIONS)}; got {name!r}.')
    folder = Path(str(files('astro_wgan.mocks') / 'data'))
    return [folder / f'{name}_{band}.fits' for band in _BANDS]


def load_light_map(name):
    """
    A bundled simulation: a galaxy merger, before and after its first passage, in g, r and i.

    Parameters
    ----------
    name : {'hydro_merger_186', 'hydro_merger_214'}
        By the number of the snapshot.

    Returns
    -------
    `LightMap`
        ``meta['credit']`` says whom to thank.

    Raises
    ------
    ValueError
        If there is no such simulation.

    Examples
    --------
    >>> from astro_wgan.mocks import load_light_map
    >>> load_light_map('hydro_merger_214').shape
    (256, 256)
    """
    light = read_light_map(light_map_paths(name))
    light.meta['credit'] = _CREDIT
    return light
