"""Star particles from objects of yt and pynbody."""

import numpy as np
from astropy import units as u

from astro_wgan.mocks.readers.centering import SOLAR_METALLICITY, center_on_galaxy

__all__ = ['particles_from_pynbody', 'particles_from_yt']

#: Fields of yt, in order of preference, and the unit that is requested.
_YT = {
    'positions': (('particle_position',), 'kpc'),
    'masses': (('particle_mass',), 'Msun'),
    'ages': (('age',), 'Gyr'),
    'metallicities': (
        ('metallicity', 'particle_metallicity', 'metallicity_fraction'),
        'dimensionless',
    ),
    'initial_masses': (('initial_mass', 'particle_initial_mass'), 'Msun'),
    'velocities': (('particle_velocity',), 'km/s'),
}

#: Arrays of pynbody, which has no unit for metallicities.
_PYNBODY = {
    'positions': (('pos',), 'kpc'),
    'masses': (('mass',), 'Msol'),
    'ages': (('age',), 'Gyr'),
    'metallicities': (('metals',), None),
    'initial_masses': (('massform',), 'Msol'),
    'velocities': (('vel',), 'km s**-1'),
}

#: Properties that are not required.
_OPTIONAL = ('initial_masses', 'velocities')


def particles_from_yt(
    data_source, *, particle_type, names=None, center=None, solar_metallicity=SOLAR_METALLICITY
):
    """
    Star particles of a yt data object.

    Parameters
    ----------
    data_source : yt data container
        Such as ``ds.sphere(...)`` around a galaxy; all of its particles are used.
    particle_type : str
        Particle type of the stars, such as ``'star'`` or ``'PartType4'``.
    names : dict, optional
        Names of fields that differ from the usual ones of yt, keyed by the parameters of
        `Particles`.
    center : `~astropy.units.Quantity` or yt array, shape (3,), optional
        Center of the galaxy; by default that of the largest one.
    solar_metallicity : float, optional
        Mass fraction of metals of the Sun.

    Returns
    -------
    `Particles`
        Positions are physical, relative to the center; ages are those at the time of the snapshot.

    Raises
    ------
    ValueError
        If there are no such particles or fields.

    Notes
    -----
    yt has no ages for cosmological snapshots of AREPO; use `read_snapshot` for these.
    """
    ds = data_source.ds
    types = {name for name, _ in ds.derived_field_list}
    if particle_type not in types:
        raise ValueError(f'`particle_type` must be one of {sorted(types)}; got {particle_type!r}.')
    known = {field for name, field in ds.derived_field_list if name == particle_type}
    columns = {}
    for name, (candidates, unit) in _fields(_YT, names).items():
        field = next((each for each in candidates if each in known), None)
        if field is not None:
            columns[name] = data_source[particle_type, field].to(unit).to_astropy()
        elif name == 'ages' and 'creation_time' in known:
            age = ds.current_time - data_source[particle_type, 'creation_time']
            columns[name] = age.to(unit).to_astropy()
    _check_all_there(columns, names, known)
    if center is not None:
        center = getattr(center, 'to_astropy', lambda: center)().to_value(u.kpc)
    box = ds.domain_width.to('kpc').value if all(ds.periodicity) else None
    return center_on_galaxy(columns, center=center, box=box, solar_metallicity=solar_metallicity)


def particles_from_pynbody(
    snapshot, *, names=None, center=None, solar_metallicity=SOLAR_METALLICITY
):
    """
    Star particles of a pynbody snapshot.

    Parameters
    ----------
    snapshot : pynbody snapshot
        Snapshot, or a part of it such as a halo; its stars are used.
    names : dict, optional
        Names of arrays that differ from the usual ones of pynbody, keyed by the parameters of
        `Particles`.
    center : `~astropy.units.Quantity`, shape (3,), optional
        Center of the galaxy; by default that of the largest one.
    solar_metallicity : float, optional
        Mass fraction of metals of the Sun.

    Returns
    -------
    `Particles`
        Positions are physical, relative to the center.

    Raises
    ------
    ValueError
        If there are no stars, or an array is missing.
    astropy.units.UnitsError
        If an array has no unit.
    """
    stars = snapshot.star
    if not len(stars):
        raise ValueError('`snapshot` must contain stars; got none.')
    columns = {}
    for name, (candidates, unit) in _fields(_PYNBODY, names).items():
        try:
            values = stars[candidates[0]]
        except KeyError:
            continue
        if name == 'metallicities':
            columns[name] = np.asarray(values, dtype=float)
        elif repr(values.units) == 'NoUnit()':
            raise u.UnitConversionError(f'The array {candidates[0]!r}, for `{name}`, has no unit.')
        else:
            converted = np.asarray(values.in_units(unit), dtype=float)
            columns[name] = converted * u.Unit(_YT[name][1])
    _check_all_there(columns, names, {*stars.keys(), *stars.loadable_keys()})
    box = snapshot.properties.get('boxsize')
    if box is not None:
        box = float(box.in_units('kpc', **snapshot.conversion_context()))
    center = None if center is None else u.Quantity(center).to_value(u.kpc)
    return center_on_galaxy(columns, center=center, box=box, solar_metallicity=solar_metallicity)


def _fields(usual, names):
    """Candidate names and unit of each property, with the given names."""
    names = names or {}
    unknown = {*names} - {*usual}
    if unknown:
        raise ValueError(f'The keys of `names` must be among {list(usual)}; got {sorted(unknown)}.')
    return usual | {name: ((own,), usual[name][1]) for name, own in names.items()}


def _check_all_there(columns, names, known):
    missing = [
        name
        for name in _YT
        if name not in columns and (name not in _OPTIONAL or name in (names or {}))
    ]
    if missing:
        raise ValueError(
            f'There is no field for `{"`, `".join(missing)}`: give its name in `names`; available '
            f'are {sorted(known)}.'
        )
