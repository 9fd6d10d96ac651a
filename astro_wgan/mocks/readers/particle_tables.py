"""`read_particles`: star particles from tables and from the datasets of an HDF5 file."""

from collections.abc import Mapping

from astropy import units as u
from astropy.table import Table

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.exceptions import HDF5Error
from astro_wgan.files.hdf5 import open_hdf5
from astro_wgan.files.limits import check_unit_text
from astro_wgan.mocks.particles import Particles

__all__ = ['read_particles']

#: What particles may have.
_PROPERTIES = (
    'positions',
    'luminosity',
    'masses',
    'fwhm',
    'ages',
    'metallicities',
    'initial_masses',
    'velocities',
)

#: Names that an error lists.
_MOST_NAMES = 30


def read_particles(source, *, names=None, units=None, max_size=None):
    """
    Star particles from a table or an HDF5 file.

    Parameters
    ----------
    source : `~astropy.table.Table`, mapping of str to array, or path-like
        Columns, or the path of an HDF5 file with datasets. Other files, and tables that astropy
        wrote as HDF5, are read by `astropy.table.QTable.read` first.
    names : dict, optional
        Names of columns, or paths of datasets, by the name of the parameter of `Particles`. By
        default they are called as these are.
    units : dict, optional
        Units, by the name of the parameter, for what has none of its own. A dataset's own unit is
        its attribute ``unit`` or ``units``.
    max_size : number, optional
        Bytes that what is read of a file may take; by default a quarter of the machine's memory.

    Returns
    -------
    `Particles`
        Taken as they are: around the galaxy's center, not comoving, with metallicities in units of
        the sun's.

    Raises
    ------
    ImportError
        If a file is given and h5py is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If positions or a name are not there, values are no stars, or a file is damaged or larger
        than is allowed.
    astropy.units.UnitsError
        If a unit is missing, or does not convert.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astropy.table import QTable
    >>> from astro_wgan.mocks import read_particles
    >>> table = QTable({'xyz': [[0, 0, 1], [2, 0, 0]] * u.kpc, 'luminosity': [1, 3] * u.W / u.Hz})
    >>> read_particles(table, names={'positions': 'xyz'})
    <Particles: 2 stars with positions, luminosity>
    """
    names, units = names or {}, units or {}
    unknown = {*names, *units} - {*_PROPERTIES}
    if unknown:
        raise ValueError(
            f'`names` and `units` must be for {list(_PROPERTIES)}; got {sorted(unknown)}.'
        )
    if isinstance(source, Table):
        return Particles(**_columns(source, source.colnames, names, units))
    if isinstance(source, Mapping):
        return Particles(**_columns(source, source, names, units))
    with open_hdf5(source, max_size=max_size) as file:
        try:
            return Particles(**_columns(file, file, names, units))
        except HDF5Error:
            raise
        except u.UnitsError as error:
            raise u.UnitConversionError(f'{file.path} holds no stars: {error}') from error
        except (TypeError, ValueError) as error:
            raise ValueError(f'{file.path} holds no stars: {error}') from error


def _columns(source, known, names, units):
    columns = {}
    for name in _PROPERTIES:
        own = names.get(name, name)
        if own in known:
            columns[name] = _quantity(source[own], name, units.get(name))
        elif name in names or name == 'positions':
            raise ValueError(f'There is no {own!r} for `{name}`; there are {_few(known)}.')
    return columns


def _quantity(values, name, unit):
    """Numbers with their own unit, or else with the one that is given."""
    own = getattr(values, 'unit', None)
    if hasattr(values, 'attrs'):
        own = values.attrs.get('unit', values.attrs.get('units'))
        values = values[()]
    values = numbers_or_nan(values).astype(float)
    own = unit if own is None else own
    if own is None and name != 'metallicities':
        raise u.UnitConversionError(f'`{name}` has no unit: give it one by `units`.')
    if isinstance(own, str):
        check_unit_text(own)
    return values * u.Unit(own or '')


def _few(names):
    """Names in a sentence, but not thousands."""
    names = sorted(names)
    rest = f' and {len(names) - _MOST_NAMES} more' if len(names) > _MOST_NAMES else ''
    return f'{names[:_MOST_NAMES]}{rest}'
