"""`read_particles`: star particles from tables and HDF5 files."""

from collections.abc import Mapping

from astropy import units as u
from astropy.table import Table

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.exceptions import HDF5Error
from astro_wgan.files.hdf5 import open_hdf5
from astro_wgan.files.limits import check_unit_text
from astro_wgan.mocks.particles import Particles

__all__ = ['read_particles']

#: Parameters of `Particles`.
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

#: Largest number of names listed in an error.
_MAX_NAMES = 30


def read_particles(source, *, names=None, units=None, max_size=None):
    """
    Read star particles from a table or an HDF5 file.

    Parameters
    ----------
    source : `~astropy.table.Table`, mapping of str to array, or path-like
        Columns, or the path of an HDF5 file with datasets. Read other files, and tables written as
        HDF5 by astropy, with `astropy.table.QTable.read` first.
    names : dict, optional
        Names of columns, or paths of datasets, keyed by the parameters of `Particles`. By default
        they have the names of the parameters.
    units : dict, optional
        Units of columns without one, keyed by the parameters of `Particles`. The unit of a dataset
        is its attribute ``unit`` or ``units``.
    max_size : number, optional
        Largest memory allowed for the data that are read, in bytes; by default a quarter of the
        memory of the machine.

    Returns
    -------
    `Particles`
        Positions must be physical and relative to the center of the galaxy, and metallicities in
        solar units.

    Raises
    ------
    ImportError
        If a file is given and h5py is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If positions or a given name are missing, values are invalid, or a file is damaged or larger
        than allowed.
    astropy.units.UnitsError
        If a unit is missing or cannot be converted.

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
            f'The keys of `names` and `units` must be among {list(_PROPERTIES)}; got '
            f'{sorted(unknown)}.'
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
            raise u.UnitConversionError(f'{file.path} contains no valid stars: {error}') from error
        except (TypeError, ValueError) as error:
            raise ValueError(f'{file.path} contains no valid stars: {error}') from error


def _columns(source, known, names, units):
    columns = {}
    for name in _PROPERTIES:
        own = names.get(name, name)
        if own in known:
            columns[name] = _quantity(source[own], name, units.get(name))
        elif name in names or name == 'positions':
            raise ValueError(f'There is no {own!r} for `{name}`; available are {_few(known)}.')
    return columns


def _quantity(values, name, unit):
    """Values with their own unit, or the given one."""
    own = getattr(values, 'unit', None)
    if hasattr(values, 'attrs'):
        own = values.attrs.get('unit', values.attrs.get('units'))
        values = values[()]
    values = numbers_or_nan(values).astype(float)
    own = unit if own is None else own
    if own is None and name != 'metallicities':
        raise u.UnitConversionError(f'`{name}` has no unit: give one in `units`.')
    if isinstance(own, str):
        check_unit_text(own)
    return values * u.Unit(own or '')


def _few(names):
    """Names for an error, at most 30 of them."""
    names = sorted(names)
    rest = f' and {len(names) - _MAX_NAMES} more' if len(names) > _MAX_NAMES else ''
    return f'{names[:_MAX_NAMES]}{rest}'
