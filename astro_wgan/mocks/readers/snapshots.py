"""`read_snapshot`: star particles of Gadget and its kin, IllustrisTNG and EAGLE among them."""

import os

import numpy as np
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM, LambdaCDM

from astro_wgan.files.hdf5 import open_hdf5
from astro_wgan.mocks.readers.centering import SOLAR_METALLICITY, centered, galaxy

__all__ = ['read_snapshot']

#: Datasets by what they are, in the order in which they are looked for.
_DATASETS = {
    'positions': ('Coordinates',),
    'masses': ('Masses', 'Mass'),
    'formation': ('GFM_StellarFormationTime', 'StellarFormationTime'),
    'metallicities': ('GFM_Metallicity', 'Metallicity'),
    'initial_masses': ('GFM_InitialMass', 'InitialMass'),
    'velocities': ('Velocities', 'Velocity'),
}
_OPTIONAL = ('initial_masses', 'velocities')

#: Groups whose attributes say what the numbers mean; later ones count more.
_GROUPS = ('Units', 'Parameters', 'Header')

#: Units that Gadget has where a file does not say: kpc / h, 1e10 solar masses / h, km / s.
_UNITS = {
    'UnitLength_in_cm': u.kpc.to(u.cm),
    'UnitMass_in_g': 1e10 * u.Msun.to(u.g),
    'UnitVelocity_in_cm_per_s': 1e5,
}

#: Times at which the age of the universe is worked out; between them it is interpolated.
_TIMES = 4096

#: Single precision may round the time of the youngest stars to one after the snapshot.
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
    Star particles of a cosmological snapshot in the format of Gadget, AREPO, GIZMO or EAGLE.

    Parameters
    ----------
    source : path-like or list of path-like
        HDF5 files: a snapshot in one or several parts, or the cut-out of a galaxy.
    center : array_like of 3 numbers, optional
        Of the galaxy, in the units of the file's ``Coordinates``, as the catalogues of the same
        simulation have it (such as ``SubhaloPos``). By default the largest galaxy is looked for.
    edge : `~astropy.units.Quantity`, optional
        Keep the particles in a cube of this edge around the center; a length, not comoving. By
        default all are kept.
    particle_type : str, optional
        Group of the stars.
    cosmology : `~astropy.cosmology.Cosmology`, optional
        What makes ages of scale factors; by default that of the header.
    solar_metallicity : float, optional
        Share of metals in the sun's mass.
    max_size : number, optional
        Bytes that what is read of a file may take; by default a quarter of the machine's memory.

    Returns
    -------
    `Particles`
        Positions are not comoving, and around the center; the border of the periodic box is no
        border. ``initial_masses`` and ``velocities`` are there where the files have them.

    Raises
    ------
    ImportError
        If h5py is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If a dataset or number of the header is missing, there are no stars, the snapshot is not
        cosmological, or a file is damaged or larger than is allowed.
    TypeError
        If ``center`` has a unit.

    Notes
    -----
    Lengths are multiplied by a / h, masses by 1 / h, velocities by the root of a, and all by the
    units in ``Header``, ``Parameters`` or ``Units`` (kpc, 1e10 solar masses and km / s, if there
    are none). Particles with a formation time of 0 or less are wind, not stars, and are dropped.
    Of a metallicity with several columns the first is that of all metals.
    """
    paths = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if not paths:
        raise ValueError('`source` must name at least one file; got none.')
    if isinstance(center, u.Quantity):
        raise TypeError('`center` must be numbers in the units of the file, without a unit.')
    parts = []
    for path in paths:
        with open_hdf5(path, max_size=max_size) as file:
            header = _header(file, path)
            if particle_type in file and 'Coordinates' in file[particle_type]:
                parts.append(_stars(file[particle_type], header, path, center, edge))
    found = sum(len(part['positions']) for part in parts)
    if not found:
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
    stars = galaxy(
        columns | {'ages': ages},
        center=None if center is None else np.asarray(center, dtype=float) * kpc,
        box=header['BoxSize'] * kpc if 'BoxSize' in header else None,
        solar_metallicity=solar_metallicity,
    )
    return stars if edge is None else stars.in_cube(edge)


def _header(file, path):
    """Numbers that say what those of the datasets mean."""
    header = dict(_UNITS)
    for name in _GROUPS:
        if name in file:
            header |= dict(file[name].attrs)
    needed = ('Time', 'HubbleParam', 'Omega0')
    missing = [name for name in needed if name not in header]
    if missing:
        raise ValueError(f'{path} has no {missing} in its header: no cosmological snapshot.')
    names = {*needed, *_UNITS, 'BoxSize', 'OmegaLambda', 'Redshift'} & {*header}
    header = {name: float(np.ravel(header[name])[0]) for name in names}
    a, h = header['Time'], header['HubbleParam']
    redshift = header.get('Redshift')
    if not (a > 0 and h > 0) or not (redshift is None or np.isclose(a * (1 + redshift), 1, 1e-3)):
        raise ValueError(
            f'{path} is no cosmological snapshot: `Time` is {a:g}, `Redshift` {redshift}, and '
            f'`HubbleParam` {h:g}, but `Time` must be the scale factor.'
        )
    return header


def _stars(group, header, path, center, edge):
    """Arrays of the stars of one file, as they are there."""
    arrays = {}
    for name, candidates in _DATASETS.items():
        own = next((each for each in candidates if each in group), None)
        if own is not None:
            arrays[name] = group[own][()].astype(float)
        elif name not in _OPTIONAL:
            raise ValueError(
                f'{path} has no dataset {" or ".join(candidates)} in {group.name}; '
                f'it has {sorted(group)}.'
            )
    if arrays['metallicities'].ndim == 2:
        arrays['metallicities'] = arrays['metallicities'][:, 0]
    # Not `> 0`, which would drop NaN without a word.
    keep = ~(arrays['formation'] <= 0)
    if center is not None and edge is not None:
        half = (u.Quantity(edge) / 2 / _units(header)['positions']).to_value(u.one)
        offset = centered(arrays['positions'], None, center=center, box=header.get('BoxSize'))
        keep &= (np.abs(offset) <= half).all(axis=1)
    return {name: values[keep] for name, values in arrays.items()}


def _units(header):
    """What a number of each dataset stands for."""
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
    """Ages at the time of the snapshot of what formed at given scale factors."""
    if cosmology is None:
        cosmology = _cosmology(header)
    now = header['Time']
    times = np.geomspace(np.fmin.reduce(formation, initial=now), now, _TIMES)
    age = cosmology.age(1 / times - 1).to_value(u.Gyr)
    ages = age[-1] - np.interp(formation, times, age)
    # What formed after the snapshot is an error, which a negative age will be.
    return np.where(formation > now * (1 + _ROUNDING), -1, ages) * u.Gyr


def _cosmology(header):
    matter, hubble = header['Omega0'], 100 * header['HubbleParam']
    dark = header.get('OmegaLambda', 1 - matter)
    if np.isclose(matter + dark, 1, atol=1e-6):
        return FlatLambdaCDM(hubble, matter)
    return LambdaCDM(hubble, matter, dark)
