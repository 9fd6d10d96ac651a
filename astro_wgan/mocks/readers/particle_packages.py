"""Star particles from what yt and pynbody have read."""

import numpy as np
from astropy import units as u

from astro_wgan.mocks.readers.centering import SOLAR_METALLICITY, galaxy

__all__ = ['particles_from_pynbody', 'particles_from_yt']

#: Fields of yt, in the order in which they are looked for, and the unit that they are asked for.
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

#: The same of pynbody, which has no unit for metallicities.
_PYNBODY = {
    'positions': (('pos',), 'kpc'),
    'masses': (('mass',), 'Msol'),
    'ages': (('age',), 'Gyr'),
    'metallicities': (('metals',), None),
    'initial_masses': (('massform',), 'Msol'),
    'velocities': (('vel',), 'km s**-1'),
}

#: Properties that a star may do without.
_OPTIONAL = ('initial_masses', 'velocities')


def particles_from_yt(
    data_source, *, particle_type, names=None, center=None, solar_metallicity=SOLAR_METALLICITY
):
    """
    Star particles of whatever yt reads.

    Parameters
    ----------
    data_source : yt data container
        Such as ``ds.sphere(...)`` around a galaxy; all of its particles are taken.
    particle_type : str
        yt's name of the stars, such as ``'star'`` or ``'PartType4'``.
    names : dict, optional
        Names of fields where they are not yt's usual ones, by the name of the parameter of
        `Particles`.
    center : `~astropy.units.Quantity` or yt array, shape (3,), optional
        Of the galaxy; by default the largest one is looked for.
    solar_metallicity : float, optional
        Share of metals in the sun's mass.

    Returns
    -------
    `Particles`
        Positions are not comoving, and around the center; ages are those at the snapshot's time.

    Raises
    ------
    ValueError
        If there are no such particles or fields.

    Notes
    -----
    yt has no ages for cosmological snapshots of AREPO: `read_snapshot` has.
    """
    ds = data_source.ds
    kinds = {kind for kind, _ in ds.derived_field_list}
    if particle_type not in kinds:
        raise ValueError(f'`particle_type` must be one of {sorted(kinds)}; got {particle_type!r}.')
    known = {field for kind, field in ds.derived_field_list if kind == particle_type}
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
    return galaxy(columns, center=center, box=box, solar_metallicity=solar_metallicity)


def particles_from_pynbody(
    snapshot, *, names=None, center=None, solar_metallicity=SOLAR_METALLICITY
):
    """
    Star particles of whatever pynbody reads.

    Parameters
    ----------
    snapshot : pynbody snapshot
        Or a part of it, such as a halo; its stars are taken.
    names : dict, optional
        Names of arrays where they are not pynbody's usual ones, by the name of the parameter of
        `Particles`.
    center : `~astropy.units.Quantity`, shape (3,), optional
        Of the galaxy; by default the largest one is looked for.
    solar_metallicity : float, optional
        Share of metals in the sun's mass.

    Returns
    -------
    `Particles`
        Positions are not comoving, and around the center.

    Raises
    ------
    ValueError
        If there are no stars, or no such arrays.
    astropy.units.UnitsError
        If an array has no unit.
    """
    stars = snapshot.star
    if not len(stars):
        raise ValueError('`snapshot` has no stars.')
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
    return galaxy(columns, center=center, box=box, solar_metallicity=solar_metallicity)


def _fields(usual, names):
    """Candidates and unit of each property, with names that were given."""
    names = names or {}
    unknown = {*names} - {*usual}
    if unknown:
        raise ValueError(f'`names` must be for {list(usual)}; got {sorted(unknown)}.')
    return usual | {name: ((own,), usual[name][1]) for name, own in names.items()}


def _check_all_there(columns, names, known):
    missing = [
        name
        for name in _YT
        if name not in columns and (name not in _OPTIONAL or name in (names or {}))
    ]
    if missing:
        raise ValueError(
            f'There is nothing for `{"`, `".join(missing)}`: `names` must say what it is called; '
            f'there are {sorted(known)}.'
        )
