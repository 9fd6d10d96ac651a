"""`read_snapshot`: star particles of cosmological snapshots (Gadget, AREPO, GIZMO, EAGLE)."""

import os

import numpy as np
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM, LambdaCDM

from astro_wgan.files.hdf5 import open_hdf5
from astro_wgan.mocks.readers.centering import (
    SOLAR_METALLICITY,
    center_on_galaxy,
    centered_positions,
)

__all__ = ['read_snapshot']

#: Names of datasets, in order of preference.
_DATASETS = {
    'positions': ('Coordinates',),
    'masses': ('Masses', 'Mass'),
    'formation': ('GFM_StellarFormationTime', 'StellarFormationTime'),
    'metallicities': ('GFM_Metallicity', 'Metallicity'),
    'initial_masses': ('GFM_InitialMass', 'InitialMass'),
    'velocities': ('Velocities', 'Velocity'),
}
_OPTIONAL = ('initial_masses', 'velocities')

#: Groups whose attributes are the header; later ones take precedence.
_GROUPS = ('Units', 'Parameters', 'Header')

#: Default units of Gadget: kpc / h, 1e10 solar masses / h, km / s.
_UNITS = {
    'UnitLength_in_cm': u.kpc.to(u.cm),
    'UnitMass_in_g': 1e10 * u.Msun.to(u.g),
    'UnitVelocity_in_cm_per_s': 1e5,
}

#: Scale factors between which the age of the universe is interpolated.
_TIMES = 4096

#: Relative rounding error of single-precision formation times, which may be after the snapshot.
_ROUNDING = 1e-6


def read_snapshot(
    source,
    *,
    center=None,
    edge=None,
    particle_type='PartType4',
    cosmology=None,
    solar_metallicity=SOLAR_METALLICITY,
    max_size=None,
):
    """
    Read star particles of a cosmological snapshot of Gadget, AREPO, GIZMO or EAGLE.

    Parameters
    ----------
    source : path-like or list of path-like
        HDF5 files: the parts of a snapshot, or the cutout of a galaxy.
    center : array_like of 3 numbers, optional
        Center of the galaxy, in the units of ``Coordinates`` in the file, as in the catalogs of the
        simulation (such as ``SubhaloPos``). The default is that of the largest galaxy.
    edge : `~astropy.units.Quantity`, optional
        Edge of a cube around the center to which particles are restricted, a physical length. By
        default all particles are kept.
    particle_type : str, optional
        Group of the stars.
    cosmology : `~astropy.cosmology.Cosmology`, optional
        Cosmology for the ages; by default that of the header.
    solar_metallicity : float, optional
        Mass fraction of metals of the Sun.
    max_size : number, optional
        Largest memory allowed for the data that are read, in bytes; by default a quarter of the
        memory of the machine.

    Returns
    -------
    `Particles`
        Positions are physical, relative to the center, and continuous across the border of the
        periodic box. ``initial_masses`` and ``velocities`` are present if the files have them.

    Raises
    ------
    ImportError
        If h5py is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If a dataset or header value is missing, there are no stars, the snapshot is not
        cosmological, or a file is damaged or larger than allowed.
    TypeError
        If ``center`` has a unit.

    Notes
    -----
    Lengths are multiplied by a / h, masses by 1 / h, velocities by the square root of a, and all by
    the units in ``Header``, ``Parameters`` or ``Units`` (by default kpc, 1e10 solar masses and km /
    s). Particles with a formation time of 0 or less are wind particles and are excluded. If
    metallicities have several columns, the first is the total.
    """
    paths = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if not paths:
        raise ValueError('`source` must contain at least one file; got an empty list.')
    if isinstance(center, u.Quantity):
        raise TypeError('`center` must be plain numbers in the units of the file; got a Quantity.')
    parts = []
    for path in paths:
        with open_hdf5(path, max_size=max_size) as file:
            header = _header(file, path)
            if particle_type in file and 'Coordinates' in file[particle_type]:
                parts.append(_stars(file[particle_type], header, path, center, edge))
    n_stars = sum(len(part['positions']) for part in parts)
    if not n_stars:
        where = '' if center is None or edge is None else f' within {edge} around the center'
        raise ValueError(f'There are no stars ({particle_type}){where} in {paths}.')
    ages = _ages(np.concatenate([part.pop('formation') for part in parts]), header, cosmology)
    units = _units(header)
    columns = {
        name: np.concatenate([part[name] for part in parts]) * unit
        for name, unit in units.items()
        if all(name in part for part in parts)
    }
    kpc = units['positions'].to_value(u.kpc)
    stars = center_on_galaxy(
        columns | {'ages': ages},
        center=None if center is None else np.asarray(center, dtype=float) * kpc,
        box=header['BoxSize'] * kpc if 'BoxSize' in header else None,
        solar_metallicity=solar_metallicity,
    )
    return stars if edge is None else stars.in_cube(edge)


def _header(file, path):
    """Attributes with units and cosmology."""
    header = dict(_UNITS)
    for name in _GROUPS:
        if name in file:
            header |= dict(file[name].attrs)
    needed = ('Time', 'HubbleParam', 'Omega0')
    missing = [name for name in needed if name not in header]
    if missing:
        raise ValueError(f'{path} is not a cosmological snapshot: its header has no {missing}.')
    names = {*needed, *_UNITS, 'BoxSize', 'OmegaLambda', 'Redshift'} & {*header}
    header = {name: float(np.ravel(header[name])[0]) for name in names}
    a, h = header['Time'], header['HubbleParam']
    redshift = header.get('Redshift')
    if not (a > 0 and h > 0) or not (redshift is None or np.isclose(a * (1 + redshift), 1, 1e-3)):
        raise ValueError(
            f'{path} is not a cosmological snapshot: `Time` is {a:g}, `Redshift` {redshift} and '
            f'`HubbleParam` {h:g}, but `Time` must be the scale factor.'
        )
    return header


def _stars(group, header, path, center, edge):
    """Arrays of the stars of one file, in its units."""
    arrays = {}
    for name, candidates in _DATASETS.items():
        own = next((each for each in candidates if each in group), None)
        if own is not None:
            arrays[name] = group[own][()].astype(float)
        elif name not in _OPTIONAL:
            raise ValueError(
                f'{path} has no dataset {" or ".join(candidates)} in {group.name}; '
                f'available are {sorted(group)}.'
            )
    if arrays['metallicities'].ndim == 2:
        arrays['metallicities'] = arrays['metallicities'][:, 0]
    # Not `> 0`, which would silently drop NaN.
    keep = ~(arrays['formation'] <= 0)
    if center is not None and edge is not None:
        half = (u.Quantity(edge) / 2 / _units(header)['positions']).to_value(u.one)
        offset = centered_positions(
            arrays['positions'], None, center=center, box=header.get('BoxSize')
        )
        keep &= (np.abs(offset) <= half).all(axis=1)
    return {name: values[keep] for name, values in arrays.items()}


def _units(header):
    """Unit of each dataset."""
    a, h = header['Time'], header['HubbleParam']
    mass = header['UnitMass_in_g'] * u.g / h
    return {
        'positions': header['UnitLength_in_cm'] * u.cm * a / h,
        'masses': mass,
        'metallicities': u.one,
        'initial_masses': mass,
        'velocities': header['UnitVelocity_in_cm_per_s'] * u.cm / u.s * np.sqrt(a),
    }


def _ages(formation, header, cosmology):
    """Ages at the time of the snapshot of stars formed at given scale factors."""
    if cosmology is None:
        cosmology = _cosmology(header)
    now = header['Time']
    times = np.geomspace(np.fmin.reduce(formation, initial=now), now, _TIMES)
    age = cosmology.age(1 / times - 1).to_value(u.Gyr)
    ages = age[-1] - np.interp(formation, times, age)
    # A formation time after the snapshot is an error: Particles refuses the negative age.
    return np.where(formation > now * (1 + _ROUNDING), -1, ages) * u.Gyr


def _cosmology(header):
    matter, hubble = header['Omega0'], 100 * header['HubbleParam']
    dark = header.get('OmegaLambda', 1 - matter)
    if np.isclose(matter + dark, 1, atol=1e-6):
        return FlatLambdaCDM(hubble, matter)
    return LambdaCDM(hubble, matter, dark)
