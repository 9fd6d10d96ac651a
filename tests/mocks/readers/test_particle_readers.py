"""Star particles from tables, files, yt and pynbody are those from arrays."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM
from astropy.table import QTable, Table

from astro_wgan.mocks import (
    Particles,
    particles_from_pynbody,
    particles_from_yt,
    read_particles,
    read_snapshot,
)

N = 400
HUBBLE, MATTER, SCALE = 0.7, 0.3, 0.5
BOX = 20_000.0
COSMOLOGY = FlatLambdaCDM(100 * HUBBLE, MATTER)


@pytest.fixture(scope='module')
def stars():
    """A galaxy of which the center of mass, and nothing else, is at 0."""
    rng = np.random.default_rng(5)
    masses = rng.uniform(1, 2, N)
    positions = rng.normal(scale=2, size=(N, 3))
    formed = rng.uniform(0.1, SCALE, N)
    return Particles(
        (positions - np.average(positions, axis=0, weights=masses)) * u.kpc,
        masses=masses * 1e6 * u.Msun,
        ages=COSMOLOGY.age(1 / SCALE - 1) - COSMOLOGY.age(1 / formed - 1),
        metallicities=rng.uniform(0.1, 2, N),
        initial_masses=1.5e6 * masses * u.Msun,
        velocities=rng.normal(scale=100, size=(N, 3)) * u.km / u.s,
    )


def assert_same(found, stars, *, shift=None, rtol=1e-6):
    shift = 0 * u.kpc if shift is None else shift
    np.testing.assert_allclose(
        found.positions.value, (stars.positions + shift).to_value(u.kpc), atol=1e-5
    )
    for name in ('masses', 'ages', 'metallicities', 'initial_masses', 'velocities'):
        values = getattr(stars, name)
        if getattr(found, name) is not None:
            np.testing.assert_allclose(getattr(found, name), values, rtol=rtol, err_msg=name)


def columns_of(stars):
    names = ('positions', 'masses', 'ages', 'metallicities', 'initial_masses', 'velocities')
    return {name: getattr(stars, name) for name in names}


# Tables and datasets


@pytest.mark.parametrize('kind', [dict, QTable, Table])
def test_tables(stars, kind):
    columns = columns_of(stars)
    columns['ages'] = columns['ages'].to(u.Myr)
    found = read_particles(kind(columns))
    assert_same(found, stars)
    assert found.ages.unit == u.Gyr


def write_datasets(path, stars, **changed):
    h5py = pytest.importorskip('h5py')
    with h5py.File(path, 'w') as file:
        for name, values in (columns_of(stars) | changed).items():
            data = file.create_dataset(f'stars/{name}', data=np.asarray(values))
            if name != 'metallicities' and name not in changed:
                data.attrs['unit'] = str(values.unit)
    return {name: f'stars/{name}' for name in columns_of(stars)}


def test_datasets_of_a_file(stars, tmp_path):
    names = write_datasets(tmp_path / 'stars.hdf5', stars)
    assert_same(read_particles(tmp_path / 'stars.hdf5', names=names), stars)


def test_units_can_be_given_where_there_are_none(stars, tmp_path):
    path = tmp_path / 'stars.hdf5'
    names = write_datasets(path, stars, positions=stars.positions.to_value(u.pc))
    with pytest.raises(u.UnitsError, match='`positions` has no unit'):
        read_particles(path, names=names)
    assert_same(read_particles(path, names=names, units={'positions': 'pc'}), stars)


def test_what_is_not_in_a_table_is_said(stars):
    columns = columns_of(stars)
    with pytest.raises(ValueError, match=r"no 'born' for `ages`; available are \['ages'"):
        read_particles(columns, names={'ages': 'born'})
    del columns['positions']
    with pytest.raises(ValueError, match="no 'positions'"):
        read_particles(columns)
    with pytest.raises(ValueError, match="'color'"):
        read_particles(columns, names={'color': 'ages'})


@pytest.mark.parametrize('mass', [-1.0, np.nan])
def test_impossible_masses_are_refused(stars, mass):
    masses = stars.masses.copy()
    masses[3] = mass * u.Msun
    with pytest.raises(ValueError, match='`masses` must be finite and 0 or more; 1 values'):
        read_particles(columns_of(stars) | {'masses': masses})


@pytest.mark.parametrize('kind', [Table, QTable])
def test_masked_values_are_no_stars(stars, kind):
    table = Table(columns_of(stars), masked=True)
    table['ages'].mask[:2] = True
    with pytest.raises(ValueError, match=r'`ages` .* 2 values are not'):
        read_particles(kind(table))


def test_files_that_are_none(tmp_path):
    pytest.importorskip('h5py')
    with pytest.raises(FileNotFoundError):
        read_particles(tmp_path / 'nowhere.hdf5')
    (tmp_path / 'text.hdf5').write_text('x y z')
    with pytest.raises(ValueError, match='no HDF5 file'):
        read_particles(tmp_path / 'text.hdf5')


def test_files_need_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'h5py', None)
    with pytest.raises(ImportError, match=r'astro_wgan\[particles\]'):
        read_particles(tmp_path / 'stars.hdf5')


# Snapshots

CENTER = np.array([5.0, BOX - 1.0, 3000.0])


def in_the_file(stars):
    """Arrays as IllustrisTNG has them; the galaxy lies across the border of the box."""
    length = SCALE / HUBBLE
    formed = np.interp(
        (COSMOLOGY.age(1 / SCALE - 1) - stars.ages).value,
        COSMOLOGY.age(1 / np.linspace(0.05, 0.51, 20_000) - 1).value,
        np.linspace(0.05, 0.51, 20_000),
    )
    return {
        'Coordinates': (CENTER + stars.positions.value / length) % BOX,
        'Masses': stars.masses.value / 1e10 * HUBBLE,
        'GFM_InitialMass': stars.initial_masses.value / 1e10 * HUBBLE,
        'GFM_Metallicity': stars.metallicities * 0.02,
        'GFM_StellarFormationTime': formed,
        'Velocities': stars.velocities.value / np.sqrt(SCALE),
    }


def write_snapshot(path, arrays, **header):
    h5py = pytest.importorskip('h5py')
    numbers = {
        'Time': SCALE,
        'Redshift': 1 / SCALE - 1,
        'HubbleParam': HUBBLE,
        'Omega0': MATTER,
        'OmegaLambda': 1 - MATTER,
        'BoxSize': BOX,
    }
    with h5py.File(path, 'w') as file:
        group = file.create_group('Header')
        for name, value in (numbers | header).items():
            if value is not None:
                group.attrs[name] = value
        for name, values in arrays.items():
            file[f'PartType4/{name}'] = values
    return path


def test_a_snapshot_in_the_units_of_gadget(stars, tmp_path):
    path = write_snapshot(tmp_path / 'snap.hdf5', in_the_file(stars))
    found = read_snapshot(path, center=CENTER)
    assert_same(found, stars, rtol=1e-5)
    assert len(found) == N


def test_the_galaxy_is_found(stars, tmp_path):
    """A heavy companion, 50 kpc away, is not taken for it; nor is the border of the box."""
    path = tmp_path / 'snap.hdf5'
    few = stars[:100]
    far = replace(few, positions=few.positions + [50, 0, 0] * u.kpc)
    one, two = in_the_file(stars), in_the_file(far)
    both = {name: np.concatenate([one[name], two[name]]) for name in one}
    found = read_snapshot(write_snapshot(path, both))
    middle = np.abs(np.median(found.positions[:N].value, axis=0))
    assert (middle < 0.5).all()
    assert len(found) == N + 100
    assert len(read_snapshot(path, edge=30 * u.kpc)) == N
    assert len(read_snapshot(path, center=CENTER, edge=30 * u.kpc)) == N


def test_wind_is_dropped(stars, tmp_path):
    arrays = in_the_file(stars)
    arrays['GFM_StellarFormationTime'][:7] = [-0.4, 0, -1, -0.1, -0.2, -0.3, 0]
    found = read_snapshot(write_snapshot(tmp_path / 'snap.hdf5', arrays), center=CENTER)
    assert_same(found, stars[7:], rtol=1e-5)


def test_stars_may_be_as_young_as_the_snapshot(stars, tmp_path):
    """In single precision, which rounds some times to later ones."""
    arrays = in_the_file(stars)
    arrays['GFM_StellarFormationTime'] = np.full(N, np.nextafter(np.float32(SCALE), np.float32(1)))
    found = read_snapshot(write_snapshot(tmp_path / 'snap.hdf5', arrays), center=CENTER)
    np.testing.assert_allclose(found.ages.value, 0, atol=1e-9)


def test_parts_are_joined(stars, tmp_path):
    arrays = in_the_file(stars)
    paths = [
        write_snapshot(tmp_path / f'snap.{k}.hdf5', {n: v[part] for n, v in arrays.items()})
        for k, part in enumerate([slice(0, 150), slice(150, None), slice(0, 0)])
    ]
    paths.append(write_snapshot(tmp_path / 'snap.3.hdf5', {}))
    assert_same(read_snapshot(paths, center=CENTER), stars, rtol=1e-5)


def test_units_of_the_header_count(stars, tmp_path):
    """As EAGLE has them: Mpc, in another group, and other names."""
    h5py = pytest.importorskip('h5py')
    arrays = in_the_file(stars)
    arrays = {
        'Coordinates': arrays['Coordinates'] / 1000,
        'Mass': arrays['Masses'],
        'InitialMass': arrays['GFM_InitialMass'],
        'Metallicity': arrays['GFM_Metallicity'],
        'StellarFormationTime': arrays['GFM_StellarFormationTime'],
    }
    path = write_snapshot(tmp_path / 'snap.hdf5', arrays, BoxSize=BOX / 1000)
    with h5py.File(path, 'a') as file:
        file.create_group('Units').attrs['UnitLength_in_cm'] = u.Mpc.to(u.cm)
    assert_same(read_snapshot(path, center=CENTER / 1000), stars, rtol=1e-5)


def test_a_cosmology_can_be_given(stars, tmp_path):
    path = write_snapshot(tmp_path / 'snap.hdf5', in_the_file(stars))
    slow = read_snapshot(path, center=CENTER, cosmology=FlatLambdaCDM(50 * HUBBLE, MATTER))
    np.testing.assert_allclose(slow.ages, 2 * stars.ages, rtol=1e-5)


def test_metals_of_several_kinds(stars, tmp_path):
    arrays = in_the_file(stars)
    all_of_them = arrays.pop('GFM_Metallicity')
    arrays['Metallicity'] = np.column_stack([all_of_them, all_of_them / 3])
    found = read_snapshot(write_snapshot(tmp_path / 'snap.hdf5', arrays), solar_metallicity=0.01)
    np.testing.assert_allclose(found.metallicities, 2 * stars.metallicities)


@pytest.mark.parametrize(
    ('changed', 'header', 'match'),
    [
        ({'GFM_Metallicity': None}, {}, 'no dataset GFM_Metallicity or Metallicity'),
        ({'Masses': None}, {}, 'no dataset Masses'),
        ({'Masses': -np.ones(N)}, {}, '`masses` must be finite and 0 or more'),
        ({'Masses': np.full(N, np.nan)}, {}, '`masses` must be finite'),
        ({'GFM_StellarFormationTime': np.full(N, np.nan)}, {}, '`ages`'),
        ({'GFM_StellarFormationTime': np.full(N, 0.9)}, {}, '`ages`'),
        ({'GFM_StellarFormationTime': np.zeros(N)}, {}, 'no stars'),
        ({}, {'HubbleParam': None}, 'HubbleParam'),
        ({}, {'Time': 3.2}, 'not a cosmological snapshot'),
        ({}, {'Time': 0.0}, 'not a cosmological snapshot'),
        ({}, {'HubbleParam': 0.0, 'Redshift': None}, 'not a cosmological snapshot'),
    ],
)
def test_impossible_snapshots_are_refused(stars, tmp_path, changed, header, match):
    arrays = {n: v for n, v in (in_the_file(stars) | changed).items() if v is not None}
    path = write_snapshot(tmp_path / 'snap.hdf5', arrays, **header)
    with pytest.raises(ValueError, match=match):
        read_snapshot(path)


def test_no_stars_are_said(stars, tmp_path):
    path = write_snapshot(tmp_path / 'snap.hdf5', {})
    with pytest.raises(ValueError, match='no stars'):
        read_snapshot(path)
    path = write_snapshot(tmp_path / 'snap.hdf5', in_the_file(stars))
    with pytest.raises(ValueError, match=r'no stars .* within 1.0 kpc'):
        read_snapshot(path, center=[100.0, 100, 100], edge=1 * u.kpc)
    with pytest.raises(ValueError, match='at least one file'):
        read_snapshot([])
    with pytest.raises(ValueError, match='`center`'):
        read_snapshot(path, center=3.0)
    with pytest.raises(TypeError, match='got a Quantity'):
        read_snapshot(path, center=[1, 2, 3] * u.kpc)


def test_truncated_files_are_said(stars, tmp_path):
    path = write_snapshot(tmp_path / 'snap.hdf5', in_the_file(stars))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match='no HDF5 file'):
        read_snapshot(path)


# yt


def in_yt(stars, changed=None):
    yt = pytest.importorskip('yt')
    yt.set_log_level(50)
    middle = np.array([0.001, 0.5, 0.3])
    places = (middle + stars.positions.to_value(u.Mpc)) % 1
    data = {('star', f'particle_position_{axis}'): places[:, k] for k, axis in enumerate('xyz')}
    speed = stars.velocities.to_value(u.Mpc / u.Gyr)
    data |= {('star', f'particle_velocity_{axis}'): speed[:, k] for k, axis in enumerate('xyz')}
    data['star', 'particle_mass'] = stars.masses.value / 1e10
    data['star', 'age'] = stars.ages.value
    data['star', 'metallicity'] = stars.metallicities * 0.02
    data = {key: values for key, values in (data | (changed or {})).items() if values is not None}
    return yt.load_particles(
        data,
        length_unit=(1, 'Mpc'),
        mass_unit=(1e10, 'Msun'),
        time_unit=(1, 'Gyr'),
        velocity_unit=(1, 'Mpc/Gyr'),
        bbox=np.array([[0.0, 1.0]] * 3),
        periodicity=(True, True, True),
    )


def in_order(found, stars):
    """yt sorts particles by place."""
    order = np.argsort(found.masses.value)
    back = np.argsort(np.argsort(stars.masses.value))
    return found[order][back]


def test_yt(stars):
    ds = in_yt(stars)
    found = particles_from_yt(ds.all_data(), particle_type='star')
    shift = found.positions.mean(axis=0) - stars.positions.mean(axis=0)
    assert (np.abs(shift) < 1 * u.kpc).all()
    assert_same(in_order(found, stars), stars, shift=shift)
    center = ds.arr([0.001, 0.5, 0.3], 'Mpc')
    for given in (center, center.to_astropy()):
        found = particles_from_yt(ds.all_data(), particle_type='star', center=given)
        assert_same(in_order(found, stars), stars)


def test_yt_with_other_names(stars):
    """Ages from the time of birth; metals by a name of one's own."""
    metals = stars.metallicities * 0.02
    changed = {('star', 'age'): None, ('star', 'metallicity'): None, ('star', 'metals'): metals}
    changed['star', 'creation_time'] = 13 - stars.ages.value
    ds = in_yt(stars, changed)
    ds.current_time = ds.quan(13, 'Gyr')
    options = {'particle_type': 'star', 'center': [1, 500, 300] * u.kpc}
    with pytest.raises(ValueError, match='no field for `metallicities`'):
        particles_from_yt(ds.all_data(), **options)
    found = particles_from_yt(ds.all_data(), names={'metallicities': 'metals'}, **options)
    assert_same(in_order(found, stars), stars)


def test_what_yt_does_not_have_is_said(stars):
    data = in_yt(stars).all_data()
    with pytest.raises(ValueError, match=r"`particle_type` must be one of .*'star'"):
        particles_from_yt(data, particle_type='PartType4')
    with pytest.raises(ValueError, match='no field for `initial_masses`'):
        particles_from_yt(data, particle_type='star', names={'initial_masses': 'm'})
    with pytest.raises(ValueError, match='keys of `names` must be among'):
        particles_from_yt(data, particle_type='star', names={'color': 'm'})


# pynbody


def in_pynbody(stars):
    """A snapshot at a redshift of 1, in comoving lengths, of which the box is periodic."""
    pynbody = pytest.importorskip('pynbody')
    new = pynbody.new(star=len(stars))
    new.properties |= {'a': SCALE, 'h': HUBBLE}
    new.properties['boxsize'] = pynbody.units.Unit('1000 kpc a')
    array = pynbody.array.SimArray
    places = ([5, 999, 500] + stars.positions.value / SCALE) % 1000
    new['pos'] = array(places, 'kpc a')
    new['vel'] = array(stars.velocities.value, 'km s**-1')
    new['mass'] = array(stars.masses.value / 1e10 * HUBBLE, '1e10 Msol h**-1')
    new.star['age'] = array(stars.ages.value * 1000, 'Myr')
    new.star['metals'] = array(stars.metallicities * 0.02)
    return new


def test_pynbody(stars):
    center = np.array([5, 999, 500]) * SCALE * u.kpc
    snapshot = in_pynbody(stars)
    found = particles_from_pynbody(snapshot, center=center)
    assert_same(found, stars)
    found = particles_from_pynbody(snapshot)
    assert (np.abs(np.median(found.positions, axis=0)) < 0.5 * u.kpc).all()


def test_pynbody_with_other_names(stars):
    pynbody = pytest.importorskip('pynbody')
    snapshot = in_pynbody(stars)
    snapshot.star['born_with'] = pynbody.array.SimArray(stars.initial_masses.value, 'Msol')
    found = particles_from_pynbody(snapshot, names={'initial_masses': 'born_with'})
    np.testing.assert_allclose(found.initial_masses, stars.initial_masses)
    with pytest.raises(ValueError, match='no field for `ages`'):
        particles_from_pynbody(snapshot, names={'ages': 'birthday'})


def test_what_pynbody_does_not_have_is_said(stars):
    pynbody = pytest.importorskip('pynbody')
    with pytest.raises(ValueError, match='`snapshot` must contain stars'):
        particles_from_pynbody(pynbody.new(gas=3))
    snapshot = in_pynbody(stars)
    snapshot.star['age'].units = pynbody.units.NoUnit()
    with pytest.raises(u.UnitsError, match='`ages`, has no unit'):
        particles_from_pynbody(snapshot)
