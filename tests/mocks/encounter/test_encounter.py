"""Encounters against Kepler's orbit, what Toomre & Toomre 1972 found, and conserved quantities."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import constants
from astropy import units as u

from astro_wgan.mergers import MergerTrees, find_merger_sequences, find_mergers
from astro_wgan.mocks import (
    DiskGalaxy,
    Encounter,
    FilterCurve,
    StellarPopulations,
    read_particles,
    simulate_encounter,
)
from astro_wgan.mocks.encounter.encounter_orbit import GRAVITY, EncounterOrbit

POINTS = EncounterOrbit((1e11, 6e10), (1e-3, 1e-3), pericenter=9.0, coulomb_logarithm=0.0)


@pytest.fixture(scope='module')
def run():
    return simulate_encounter(np.arange(-0.2, 2.5, 0.1) * u.Gyr, n_stars=500, seed=3)


def test_the_constant_of_gravity_is_that_of_astropy():
    assert pytest.approx(constants.G.to_value(u.kpc**3 / u.Msun / u.Gyr**2), rel=1e-4) == GRAVITY


def test_points_without_drag_stay_on_the_parabola():
    """Of semi-latus rectum 2 q, where Barker's equation gives the time."""
    gm, q = GRAVITY * 1.6e11, 9.0
    times = np.array([-0.2, -0.05, 0.0, 0.1, 0.4])
    x, y, z, *v = POINTS.integrate(-0.2, 0.4)(times)
    r = np.hypot(x, y)
    np.testing.assert_allclose(z, 0, atol=1e-9)
    np.testing.assert_allclose(r + x, 2 * q, rtol=1e-6)
    tangent = y / (2 * q)
    barker = np.sqrt(2 * q**3 / gm) * (tangent + tangent**3 / 3)
    np.testing.assert_allclose(barker, times, atol=1e-6)
    np.testing.assert_allclose(np.sum(np.square(v), axis=0), 2 * gm / r, rtol=1e-6)
    np.testing.assert_allclose(x * v[1] - y * v[0], np.sqrt(2 * gm * q), rtol=1e-8)


def spin(state):
    return np.linalg.norm(np.cross(state[:3].T, state[3:].T), axis=1)


def test_energy_and_spin_are_conserved_without_drag_and_fall_with_it():
    soft = replace(POINTS, softenings=(4.0, 3.0))
    times = np.linspace(-0.3, 3, 500)
    free = soft.integrate(-0.3, 3)(times)
    scale = GRAVITY * soft.total / soft.softening
    np.testing.assert_allclose(soft.energy(free), soft.energy(free[:, 0]), atol=1e-7 * scale)
    np.testing.assert_allclose(spin(free), spin(free)[0], rtol=1e-7)
    slowed = replace(soft, coulomb_logarithm=2.0).integrate(-0.3, 3)(times)
    assert (np.diff(soft.energy(slowed)) <= 1e-7 * scale).all()
    assert (np.diff(spin(slowed)) <= 1e-7 * spin(slowed)[0]).all()
    assert soft.energy(slowed[:, -1]) < -0.5 * scale


def test_stars_of_a_galaxy_that_is_alone_stay_on_their_circles():
    alone = DiskGalaxy(mass=1e11 * u.Msun, bulge_fraction=0.3)
    nothing = DiskGalaxy(mass=1 * u.Msun, stellar_mass=1 * u.Msun)
    run = simulate_encounter(
        [-0.3, 1.0] * u.Gyr, Encounter((alone, nothing), coulomb_logarithm=0), n_stars=301, seed=1
    )
    positions = run.positions[:, :300] - run.centers[:, :1]
    radius = np.linalg.norm(positions.value, axis=-1)
    np.testing.assert_allclose(radius[1], radius[0], rtol=5e-3)
    speeds = (run.velocities[:, :300] - run.center_velocities[:, :1]).to_value(u.km / u.s)
    squared = radius[0] ** 2 + 5**2
    circular = constants.G * 1e11 * u.Msun * radius[0] ** 2 / squared**1.5 / u.kpc
    expected = np.sqrt(circular).to_value(u.km / u.s)
    np.testing.assert_allclose(np.linalg.norm(speeds[1], axis=-1), expected, rtol=5e-3)


def thrown_out(inclination, mass_ratio=1.0):
    """Shares of a disk's stars beyond twice its edge: on the companion's side, and not."""
    disk = DiskGalaxy(
        mass=1e11 * u.Msun,
        softening=1 * u.kpc,
        scale_length=100 * u.kpc,
        radius=6 * u.kpc,
        bulge_fraction=0,
        inclination=inclination * u.deg,
    )
    other = DiskGalaxy(mass=mass_ratio * disk.mass, softening=1 * u.kpc, stellar_mass=1 * u.Msun)
    encounter = Encounter((disk, other), pericenter=10 * u.kpc, coulomb_logarithm=0)
    run = simulate_encounter([0.15] * u.Gyr, encounter, n_stars=501, start=-0.2 * u.Gyr, seed=1)
    away = (run.positions[0, :500] - run.centers[0, 0]).value
    toward = away @ (run.centers[0, 1] - run.centers[0, 0]).value > 0
    far = np.linalg.norm(away, axis=1) > 12
    return np.mean(far & toward), np.mean(far & ~toward)


def test_a_direct_passage_makes_bridge_and_tail_and_a_retrograde_one_neither():
    """Toomre & Toomre 1972, sections II and III: disks within 0.6 of the least distance."""
    bridge, tail = thrown_out(0)
    assert bridge > 0.1
    assert tail > 0.05
    assert thrown_out(180) == (0, 0)


def test_a_light_companion_draws_out_a_bridge_but_no_tail():
    """Toomre & Toomre 1972, section III: a quarter of the mass."""
    bridge, tail = thrown_out(0, mass_ratio=0.25)
    assert bridge > 0.05
    assert tail < 0.01


def test_the_center_of_mass_stays_where_it_is(run):
    masses = np.array([each.mass.value for each in run.encounter.galaxies])
    for each in (run.centers, run.center_velocities):
        np.testing.assert_allclose(
            np.einsum('g,tgx->tx', masses, each.value) / masses.sum(), 0, atol=1e-9
        )


def test_the_tree_has_the_merger_when_the_encounter_has_it(run):
    trees = MergerTrees(run.tree(first_passage=11 * u.Gyr))
    (merger,) = find_mergers(trees)
    after = merger['time'] - 11 * u.Gyr
    assert 0 * u.Gyr <= after - run.coalescence_time < 0.1 * u.Gyr
    light, heavy = sorted(np.bincount(run.galaxy))
    assert merger['mass_ratio'] == pytest.approx(light / heavy)
    sequence = find_merger_sequences(trees)
    before = sequence[sequence['stage'] == 'pre-merger']
    times = (before['time'] - 11 * u.Gyr).to_value(u.Gyr)
    separation = np.interp(times, run.times.value, run.separation.value)
    np.testing.assert_allclose(before['separation'].to_value(u.kpc), separation, rtol=1e-6)
    assert trees.stellar_mass.max() == pytest.approx(run.masses.sum().value)


def test_centers_stay_together_after_the_merger(run):
    softening = max(each.softening for each in run.encounter.galaxies)
    assert (run.separation[run.times >= run.coalescence_time] < softening).all()
    assert (run.separation[:5] > softening).all()
    assert f'merger at {run.coalescence_time:.2f}>' in repr(run)


def test_without_drag_there_is_no_merger():
    run = simulate_encounter([1] * u.Gyr, Encounter(coulomb_logarithm=0), n_stars=10)
    assert run.coalescence_time is None
    assert run.tree()['descendant_id'].tolist() == [-1, -1]
    assert 'no merger' in repr(run)


def test_stars_age_and_keep_the_rest(run):
    np.testing.assert_allclose((run.ages[-1] - run.ages[0]).value, 2.6, rtol=1e-9)
    assert run.ages.min() > 0
    assert (run.metallicities > 0).all()
    assert (
        run.masses.sum()
        == run.encounter.galaxies[0].stellar_mass + run.encounter.galaxies[1].stellar_mass
    )


def flat_spectra():
    wavelength = np.linspace(90, 1000, 200) * u.nm
    spectra = np.ones((2, 2, 200)) * 1e-4 * u.L_sun / u.AA / u.M_sun
    return StellarPopulations([0.01, 20] * u.Gyr, [0.01, 10], wavelength, spectra)


def test_written_stars_are_read_and_their_light_is_that_of_the_map(run, tmp_path):
    path = tmp_path / 'stars.ecsv'
    run.table(3).write(path)
    stars = read_particles(type(run.table(3)).read(path))
    np.testing.assert_allclose(stars.positions.value, run.particles(3).positions.value)
    lit = stars.with_luminosity(
        flat_spectra(), filter_curve=FilterCurve([600, 800] * u.nm, [1, 1]), redshift=0
    )
    light = lit.light_map(pixel_scale=1 * u.kpc, size=400)
    assert light.luminosity.sum().value == pytest.approx(lit.luminosity.sum().value, rel=1e-3)
    expected = flat_spectra().luminosity(
        ages=1 * u.Gyr,
        metallicities=1,
        masses=run.masses.sum(),
        filter_curve=FilterCurve([600, 800] * u.nm, [1, 1]),
        redshift=0,
    )
    assert lit.luminosity.sum().value == pytest.approx(expected.value, rel=1e-9)


def test_the_seed_decides():
    first, again, other = (
        simulate_encounter([-0.3] * u.Gyr, n_stars=20, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.positions, again.positions)
    assert not np.array_equal(first.positions, other.positions)


@pytest.mark.parametrize(
    ('make', 'said'),
    [
        (lambda: simulate_encounter([1, 0] * u.Gyr), '`times` must be one or more increasing'),
        (lambda: simulate_encounter([-1] * u.Gyr), 'not before `start`, -0.3 Gyr; got -1 Gyr'),
        (lambda: simulate_encounter([1] * u.Gyr, n_stars=1), '`n_stars` must be an integer of 2'),
        (lambda: simulate_encounter([1] * u.Gyr, n_stars=2.5), '`n_stars` must be an integer of 2'),
        (lambda: simulate_encounter([1e4] * u.Gyr), 'time steps, of which 200000 are allowed'),
        (lambda: simulate_encounter([1] * u.Gyr, seed=-1), '`seed` must be an integer of 0'),
        (lambda: DiskGalaxy(mass=0 * u.Msun), '`mass` must be finite and above 0; got 0'),
        (lambda: DiskGalaxy(bulge_fraction=2), '`bulge_fraction` must be between 0 and 1; got 2'),
        (lambda: Encounter(coulomb_logarithm=-1), '`coulomb_logarithm` must be 0 or more; got -1'),
        (lambda: Encounter((DiskGalaxy(),)), '`galaxies` must be two DiskGalaxy objects'),
    ],
)
def test_what_cannot_be(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_units_of_another_kind_are_refused():
    with pytest.raises(u.UnitsError, match='`pericenter` must be convertible to kpc'):
        Encounter(pericenter=3 * u.s)
    with pytest.raises(u.UnitsError):
        simulate_encounter([1] * u.kpc)
