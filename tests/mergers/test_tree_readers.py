"""Readers, on small files that follow the formats' own descriptions."""

import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import Planck15
from astropy.table import Table

from astro_wgan.mergers import MergerTrees, find_mergers, read_sublink, read_ytree
from astro_wgan.mergers import tree_readers as readers

REDSHIFTS = {97: 0.02, 98: 0.01, 99: 0.0}


@pytest.fixture
def sublink():
    """Two galaxies, 11 -> 10 and 21 -> 20, one in snapshot 99."""
    mass, radius = np.zeros((5, 6), np.float32), np.zeros((5, 6), np.float32)
    mass[:, 4] = [5.0, 3.0, 2.0, 1.0, 0.5]
    mass[:, 1] = 100.0
    radius[:, 4] = [2.0, 2.0, 2.0, 1.0, 1.0]
    return {
        'SubhaloID': np.array([9, 10, 11, 20, 21]),
        'SnapNum': np.array([99, 98, 97, 98, 97], np.int16),
        'DescendantID': np.array([-1, 9, 10, 9, 20]),
        'SubhaloMassType': mass,
        'SubhaloHalfmassRadType': radius,
        'SubhaloPos': np.arange(15, dtype=np.float32).reshape(5, 3),
        'SubhaloSFR': np.zeros(5),
    }


def check_sublink(table):
    h = Planck15.h
    assert u.allclose(table['stellar_mass'], np.array([5, 3, 2, 1, 0.5]) * 1e10 / h * u.Msun)
    assert u.allclose(table['half_light_radius'], np.array([2, 2, 2, 1, 1]) / h * u.kpc)
    assert u.allclose(table['position'][1], np.array([3, 4, 5]) / h * u.kpc)
    assert table['redshift'].tolist() == [0.0, 0.01, 0.02, 0.01, 0.02]
    mergers = find_mergers(MergerTrees(table, cosmology=Planck15))
    assert mergers['companion_id'].tolist() == [20]
    assert np.allclose(mergers['mass_ratio'], 1 / 3)


@pytest.mark.parametrize('kind', [dict, Table])
def test_sublink_fields_in_memory(sublink, kind):
    check_sublink(read_sublink(kind(sublink), redshifts=REDSHIFTS, cosmology=Planck15))


def test_what_is_masked_in_sublink_fields_is_not_used(sublink):
    # Under the mask, 20 is the main progenitor, and 11 becomes it.
    sublink['FirstProgenitorID'] = np.ma.array([20, 11, -1, 21, -1], mask=[1, 0, 0, 0, 0])
    sublink['DescendantID'] = np.ma.array([9, 9, 10, 9, 20], mask=[1, 0, 0, 0, 0])
    check_sublink(read_sublink(sublink, redshifts=REDSHIFTS, cosmology=Planck15))
    position = np.ma.array(sublink['SubhaloPos'], mask=np.arange(15).reshape(5, 3) < 3)
    table = read_sublink(
        Table({**sublink, 'SubhaloPos': position}), redshifts=REDSHIFTS, cosmology=Planck15
    )
    assert np.isnan(table['position']).all(axis=1).tolist() == [True, False, False, False, False]
    sublink['SubhaloID'] = np.ma.array(sublink['SubhaloID'], mask=[0, 1, 0, 0, 0])
    with pytest.raises(ValueError, match='The field SubhaloID must have a value for each galaxy'):
        read_sublink(sublink, redshifts=REDSHIFTS, cosmology=Planck15)


def test_sublink_files_one_or_several(sublink, tmp_path):
    h5py = pytest.importorskip('h5py')
    paths = []
    for name, rows in (('all', slice(0, 5)), ('0', slice(0, 3)), ('1', slice(3, 5))):
        paths.append(tmp_path / f'tree_extended.{name}.hdf5')
        with h5py.File(paths[-1], 'w') as file:
            for field, values in sublink.items():
                file[field] = values[rows]
    by_number = np.full(100, np.nan)
    by_number[97:] = [0.02, 0.01, 0.0]
    check_sublink(read_sublink(paths[0], redshifts=REDSHIFTS, cosmology=Planck15))
    check_sublink(read_sublink(paths[1:], redshifts=by_number, cosmology=Planck15))


def test_sublink_complains_of_what_is_missing(sublink, tmp_path):
    with pytest.raises(ValueError, match='it lacks snapshot 97'):
        read_sublink(sublink, redshifts={98: 0.01, 99: 0.0}, cosmology=Planck15)
    with pytest.raises(ValueError, match='at least one file'):
        read_sublink([], redshifts=REDSHIFTS, cosmology=Planck15)
    del sublink['SubhaloPos']
    with pytest.raises(ValueError, match=r"need the fields \['SubhaloPos'\], which"):
        read_sublink(sublink, redshifts=REDSHIFTS, cosmology=Planck15)
    cut = tmp_path / 'tree_extended.0.hdf5'
    cut.write_bytes(b'\x89HDF\r\n\x1a\n and then nothing')
    with pytest.raises(ValueError, match='is no HDF5 file'):
        read_sublink(cut, redshifts=REDSHIFTS, cosmology=Planck15)


CONSISTENT_TREES = """\
#scale(0) id(1) desc_scale(2) desc_id(3) num_prog(4) Mvir(5) Rvir(6) x(7) y(8) z(9) Snap_num(10)
#Omega_M = 0.300000; Omega_L = 0.700000; h0 = 0.700000
#Full box size = 100.000000 Mpc/h
#Consistent Trees Version 1.01
#Mvir: Halo mass (Msun/h).
#Rvir: Halo radius (kpc/h comoving).
#X/Y/Z: Halo position (Mpc/h comoving).
1
#tree 9
1.0000 9 0.0000 -1 2 5.0e12 200.0 10.0 20.0 30.0 2
0.9000 10 1.0000 9 1 3.5e12 180.0 10.0 20.0 30.0 1
0.8000 11 0.9000 10 0 2.8e12 160.0 10.0 20.0 30.0 0
0.9000 20 1.0000 9 0 1.4e12 120.0 10.5 20.0 30.0 1
"""


def test_consistent_trees_through_ytree(tmp_path):
    pytest.importorskip('ytree')
    path = tmp_path / 'tree_0_0_0.dat'
    path.write_text(CONSISTENT_TREES)
    table = read_ytree(path, half_light_radius='virial_radius', progress=False)
    table.sort('id')
    assert table['id'].tolist() == [9, 10, 11, 20]
    assert table['descendant_id'].tolist() == [-1, 9, 10, 9]
    assert table['snapshot'].tolist() == [2, 1, 0, 1]
    assert np.allclose(table['redshift'], [0, 1 / 9, 0.25, 1 / 9], atol=1e-5)
    assert u.allclose(table['stellar_mass'], np.array([5, 3.5, 2.8, 1.4]) * 1e12 / 0.7 * u.Msun)
    assert u.allclose(table['half_light_radius'][0], 200 / 0.7 * u.kpc)
    apart = table['position'][3] - table['position'][1]
    assert u.allclose(apart, [0.5 / 0.7, 0, 0] * u.Mpc, rtol=1e-4, atol=0.1 * u.kpc)
    assert u.allclose(table.meta['box'], 100 / 0.7 * u.Mpc)
    mergers = find_mergers(MergerTrees(table), approach_radii=2)
    assert mergers['companion_id'].tolist() == [20]
    assert mergers['n_snapshots'].tolist() == [1]


def test_main_progenitors_that_consistent_trees_marks(tmp_path):
    """Of 9 it is 20, although it has less mass."""
    pytest.importorskip('ytree')
    marks = {'9': 1, '10': 0, '11': 1, '20': 1}
    lines = []
    for line in CONSISTENT_TREES.splitlines():
        if line.startswith('#scale'):
            line += ' mmp?(11)'
        elif line[0].isdigit() and ' ' in line:
            line += f' {marks[line.split()[1]]}'
        lines.append(line)
    path = tmp_path / 'tree_0_0_0.dat'
    path.write_text('\n'.join(lines) + '\n')
    table = read_ytree(path, progress=False)
    named = dict(zip(table['id'].tolist(), table['main_progenitor_id'].tolist(), strict=True))
    assert named == {9: 20, 10: 11, 11: -1, 20: -1}
    mergers = find_mergers(MergerTrees(table))
    assert mergers['main_id'].tolist() == [20]
    assert mergers['companion_id'].tolist() == [10]


def write_ahf(folder):
    """Three snapshots as AHF writes them: 1 -> 1 -> 1 and 2, which joins 1."""
    halos = [
        (0.25, [(1, 2.8e12, 100), (2, 1.0e12, 40)]),
        (0.11, [(1, 3.5e12, 120), (2, 1.4e12, 50)]),
        (0.0, [(1, 5.0e12, 170)]),
    ]
    links = [
        '# headers\n#\n#\n',
        '# headers\n#\n#\n1 120 1\n  95 1 100\n2 50 1\n  38 2 40\n',
        '# headers\n#\n#\n1 170 2\n  118 1 120\n  45 2 50\n',
    ]
    (folder / 'snap_000.log').write_text(
        'simu.omega0 : 0.3\nsimu.lambda0 : 0.7\nsimu.boxsize : 100.0\n'
    )
    for i, ((redshift, rows), mtree) in enumerate(zip(halos, links, strict=True)):
        key = f'snap_{i:03d}'
        (folder / f'{key}.parameter').write_text(f'z {redshift}\n')
        header = '#ID(1) Mhalo(2) npart(3) Xc(4) Yc(5) Zc(6) Rvir(7)\n'
        lines = [f'{n} {mass} {part} {1000 * n} 0.0 0.0 200.0\n' for n, mass, part in rows]
        (folder / f'{key}.z{redshift:.3f}.AHF_halos').write_text(header + ''.join(lines))
        # In AHF's files the later snapshot names its progenitors.
        (folder / f'{key}.z{redshift:.3f}.AHF_mtree').write_text(mtree)
    return folder / 'snap_000.parameter'


def test_ahf_through_ytree(tmp_path):
    pytest.importorskip('ytree')
    table = read_ytree(write_ahf(tmp_path), hubble_constant=0.7, progress=False)
    assert sorted(table['snapshot'].tolist()) == [0, 0, 1, 1, 2]
    trees = MergerTrees(table)
    mergers = find_mergers(trees)
    assert mergers['snapshot'].tolist() == [2]
    assert np.allclose(mergers['mass_ratio'], 0.4)
    assert u.allclose(table['stellar_mass'].max(), 5e12 / 0.7 * u.Msun)
    assert len(trees.main_branch(mergers['galaxy_id'][0])) == 3


def test_ytree_shows_its_progress_and_names_missing_fields(tmp_path, capsys):
    ytree = pytest.importorskip('ytree')
    path = tmp_path / 'tree_0_0_0.dat'
    path.write_text(CONSISTENT_TREES)
    with pytest.raises(ValueError, match=r"no fields \['M_star'\]; they have .*'virial_radius'"):
        read_ytree(path, stellar_mass='M_star')
    table = read_ytree(ytree.load(str(path)))
    assert len(table) == 4
    assert 'half_light_radius' not in table.colnames
    assert 'reading trees 100%  1 of 1 trees' in capsys.readouterr().err


def test_units_of_trees_run_no_code(tmp_path):
    unyt = pytest.importorskip('unyt')
    mark = tmp_path / 'mark'
    text = f"""f"{{open('{mark}', 'w')}}" """
    with readers._units_without_code():
        assert unyt.Unit('Msun * kpc**(-1/2)') == unyt.Unit('Msun/sqrt(kpc)')
        for wrong in (text, text.replace('f"', 'rf"'), '10**9999999*kpc', 'kpc.__class__'):
            with pytest.raises(ValueError, match='is not a unit'):
                unyt.Unit(wrong)
    assert not mark.exists()


def test_damaged_trees_are_told_by_the_name_of_the_file(tmp_path):
    pytest.importorskip('ytree')
    path = tmp_path / 'tree_0_0_0.dat'
    lines = CONSISTENT_TREES.splitlines(keepends=True)
    path.write_text(''.join(lines[:-3]) + lines[-1][:9])
    with pytest.raises((ValueError, OSError), match='tree_0_0_0'):
        read_ytree(path, progress=False)


def test_more_trees_than_the_files_have_bytes_are_refused(tmp_path):
    pytest.importorskip('ytree')
    path = tmp_path / 'tree_0_0_0.dat'
    path.write_text(CONSISTENT_TREES.replace('\n1\n', '\n100000\n'))
    with pytest.raises(
        ValueError, match=r'there should be 100,000 of them, but the files have \d+ bytes'
    ):
        read_ytree(path, progress=False)


@pytest.mark.parametrize('name', ['ytree', 'h5py'])
def test_missing_packages_are_named(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    read, options = read_ytree, {}
    if name == 'h5py':
        read, options = read_sublink, {'redshifts': REDSHIFTS, 'cosmology': Planck15}
    with pytest.raises(ImportError, match=rf'needs {name}: pip install "astro_wgan\[trees\]"'):
        read(tmp_path / 'trees', **options)
