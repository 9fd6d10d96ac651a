"""Light of star particles, against closed formulas and one by one."""

import numpy as np
import pytest
from astropy import units as u
from astropy.utils.masked import Masked
from scipy.special import erf

from astro_wgan.mocks import LightMap, Particles

POWER = u.W / u.Hz


def disk(n, scale_length=3.0, seed=1):
    """A thin exponential disk, face on along z."""
    rng = np.random.default_rng(seed)
    radius = scale_length * rng.gamma(2, size=n)
    angle = rng.uniform(0, 2 * np.pi, n)
    z = rng.normal(scale=0.1, size=n)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), z])


def test_each_particle_is_a_gaussian():
    """Against the integral of each Gaussian over each pixel; widths that need no rounding."""
    rng = np.random.default_rng(2)
    positions = np.rint(rng.uniform(-8, 8, (12, 3))) + 0.5
    luminosity = rng.random(12)
    sigma = 0.2 * 2.0 ** rng.integers(3, 5, 12)
    stars = Particles(
        positions * u.kpc,
        luminosity * POWER,
        fwhm=sigma * np.sqrt(8 * np.log(2)) * u.kpc,
    )
    found = stars.light_map(pixel_scale=1 * u.kpc, size=40).luminosity.value
    edges = np.arange(41) - 20

    def along(place, width):
        return np.diff(erf((edges - place) / width / np.sqrt(2))) / 2

    expected = sum(
        light * np.outer(along(y, width), along(x, width))
        for (x, y, _), light, width in zip(positions, luminosity, sigma, strict=True)
    )
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())
    assert found.sum() == pytest.approx(expected.sum(), rel=1e-6)


@pytest.mark.parametrize('along', ['x', 'y', 'z', (1, 2, 3)])
def test_flux_is_kept(along):
    rng = np.random.default_rng(3)
    luminosity = rng.random((3000, 2))
    stars = Particles(
        disk(3000) * u.kpc, luminosity * POWER, wavelength=[400, 800] * u.nm, fwhm=0.3 * u.kpc
    )
    light = stars.light_map(pixel_scale=0.5 * u.kpc, size=300, along=along)
    found = light.luminosity.value.sum(axis=(0, 1))
    np.testing.assert_allclose(found, luminosity.sum(axis=0), rtol=1e-6)


def test_half_light_radius_of_a_disk():
    """1.678 scale lengths."""
    stars = Particles(disk(40_000) * u.kpc, np.ones(40_000) * POWER)
    light = stars.light_map(pixel_scale=0.2 * u.kpc, size=300).luminosity.value
    y, x = np.indices(light.shape) - 149.5
    radius = np.hypot(x, y).ravel()
    order = np.argsort(radius)
    within = np.cumsum(light.ravel()[order]) / light.sum()
    found = 0.2 * radius[order][np.searchsorted(within, 0.5)]
    assert found == pytest.approx(1.678 * 3, rel=0.03)


def test_sersic_index_and_radius_by_statmorph():
    statmorph = pytest.importorskip('statmorph')
    stars = Particles(disk(200_000) * u.kpc, np.ones(200_000) * POWER)
    light = stars.light_map(pixel_scale=0.5 * u.kpc, size=128).luminosity.value
    noise = 0.002 * light.max()
    image = light + np.random.default_rng(1).normal(scale=noise, size=light.shape)
    y, x = np.indices(light.shape) - 63.5
    source = (np.hypot(x, y) < 45).astype(int)
    weight = np.full(light.shape, noise)
    found = statmorph.SourceMorphology(image, source, 1, weightmap=weight, skybox_size=8)
    assert found.sersic_n == pytest.approx(1, rel=0.03)
    assert found.sersic_rhalf * 0.5 == pytest.approx(1.678 * 3, rel=0.03)


@pytest.mark.parametrize(
    ('along', 'expected'), [('x', (2, 3)), ('y', (3, 1)), ('z', (1, 2)), ((0, 0, 1), (1, 2))]
)
def test_directions(along, expected):
    """Where a particle at (1, 2, 3) is seen."""
    stars = Particles([[1.0, 2.0, 3.0]] * u.kpc, [1.0] * POWER, fwhm=0 * u.kpc)
    light = stars.light_map(pixel_scale=1 * u.kpc, size=11, along=along).luminosity.value
    y, x = np.unravel_index(light.argmax(), light.shape)
    assert (x - 5, y - 5) == expected


def test_turned_views_keep_distances_along_the_sight_hidden():
    sight = np.array([1.0, -2.0, 0.5])
    positions = np.outer([-20, 0, 20], sight / np.linalg.norm(sight))
    stars = Particles(positions * u.kpc, [1.0, 1.0, 1.0] * POWER, fwhm=0 * u.kpc)
    light = stars.light_map(pixel_scale=1 * u.kpc, size=11, along=sight).luminosity.value
    assert light[5, 5] == 3


def test_radius_is_that_of_a_uniform_ellipsoid():
    rng = np.random.default_rng(4)
    ball = rng.normal(size=(30_000, 3))
    ball *= (rng.random(30_000) ** (1 / 3) / np.linalg.norm(ball, axis=1))[:, np.newaxis]
    stars = Particles(ball * [6, 3, 1.5] * u.kpc, np.ones(30_000) * POWER)
    assert stars.radius.value == pytest.approx(3.5, rel=0.01)
    edge = stars.light_map(pixel_scale=1 * u.kpc).shape[0]
    assert edge == np.ceil(8 * stars.radius.value)


@pytest.mark.parametrize(
    ('changed', 'error', 'match'),
    [
        ({'positions': np.ones((4, 3))}, u.UnitsError, '`positions`'),
        ({'positions': np.ones((4, 2)) * u.kpc}, ValueError, '`positions`'),
        ({'positions': np.full((4, 3), np.nan) * u.kpc}, ValueError, '`positions`'),
        ({'luminosity': -np.ones(4) * POWER}, ValueError, '`luminosity`'),
        ({'luminosity': np.ones(3) * POWER}, ValueError, 'each of the 4 particles'),
        ({'masses': [1, 2, 3, np.nan] * u.Msun}, ValueError, '`masses`'),
        (
            {'masses': Masked([1, 2, 3, 4] * u.Msun, [0, 0, 0, 1])},
            ValueError,
            '`masses` .* 1 values',
        ),
        ({'masses': [1, 2, 3, 4] * u.s}, u.UnitsError, '`masses`'),
        ({'fwhm': -1 * u.kpc}, ValueError, '`fwhm`'),
        ({'ages': [1, 2, 3, -4] * u.Gyr}, ValueError, '`ages`'),
        ({'ages': np.ones(4)}, u.UnitsError, '`ages`'),
        ({'metallicities': [1, 2, 3, np.inf]}, ValueError, '`metallicities`'),
        ({'metallicities': np.ones(4) * u.kpc}, u.UnitsError, '`metallicities` must have no unit'),
        ({'initial_masses': -np.ones(4) * u.Msun}, ValueError, '`initial_masses`'),
        ({'velocities': np.ones((4, 3)) * u.kpc}, u.UnitsError, '`velocities`'),
        ({'velocities': np.ones((4, 2)) * u.km / u.s}, ValueError, '`velocities`'),
    ],
)
def test_bad_particles_are_refused(changed, error, match):
    good = {'positions': np.ones((4, 3)) * u.kpc, 'luminosity': np.ones(4) * POWER}
    with pytest.raises(error, match=match):
        Particles(**(good | changed))


@pytest.mark.parametrize(
    'options', [{'size': 0}, {'along': 'w'}, {'along': (0, 0, 0)}, {'pixel_scale': 0 * u.kpc}]
)
def test_bad_views_are_refused(options):
    stars = Particles(np.ones((4, 3)) * u.kpc, np.ones(4) * POWER)
    with pytest.raises(ValueError, match='must'):
        stars.light_map(**({'pixel_scale': 1 * u.kpc, 'size': 8} | options))


def test_a_turning_disk_is_seen_face_on_along_its_spin():
    """Turned out of the plane by hand; the whole galaxy moves as well."""
    angle = 0.7
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    flat = disk(4000)
    around = np.cross([0, 0, 1], flat) * 50
    stars = Particles(
        flat @ turn.T * u.kpc,
        np.ones(4000) * POWER,
        velocities=(around @ turn.T + [300, -20, 70]) * u.km / u.s,
        fwhm=0 * u.kpc,
    )
    # The thin disk lies nearly, not wholly, in its plane.
    np.testing.assert_allclose(stars.spin, turn @ [0, 0, 1], atol=1e-2)
    light = stars.light_map(pixel_scale=0.5 * u.kpc, size=150, along=stars.spin).luminosity.value
    y, x = np.indices(light.shape) - 74.5
    moments = [np.average(each**2, weights=light) for each in (x, y)]
    assert moments[0] == pytest.approx(moments[1], rel=0.1)


def test_spin_needs_velocities():
    stars = Particles(np.ones((4, 3)) * u.kpc, np.ones(4) * POWER)
    with pytest.raises(ValueError, match='`velocities`'):
        _ = stars.spin
    still = Particles(np.ones((4, 3)) * u.kpc, velocities=np.ones((4, 3)) * u.km / u.s)
    with pytest.raises(ValueError, match='no angular momentum'):
        _ = still.spin


def test_a_cube_has_8_radii_and_keeps_companions_in_it():
    galaxy = disk(2000)
    radius = Particles(galaxy * u.kpc).radius
    edge = 8 * radius.value
    others = np.array([[0.49, 0.49, -0.49], [0.51, 0, 0], [0, 0, -0.6]]) * edge
    stars = Particles(np.concatenate([galaxy, others]) * u.kpc, np.ones(2003) * POWER)
    found = stars.in_cube(8 * radius)
    inside = (np.abs(stars.positions.value) <= edge / 2).all(axis=1)
    assert inside[2000:].tolist() == [True, False, False]
    assert len(found) == inside.sum() == len(found.luminosity)
    own = stars.in_cube().positions.value
    assert np.abs(own).max() <= 4 * stars.radius.value
    with pytest.raises(ValueError, match='no particles in a cube of 1 kpc'):
        Particles([[9.0, 0, 0]] * u.kpc).in_cube(1 * u.kpc)


def test_some_of_the_particles():
    stars = Particles(np.arange(12.0).reshape(4, 3) * u.kpc, [1.0, 2, 3, 4] * POWER)
    assert stars[1:3].luminosity.value.tolist() == [2, 3]
    assert stars[np.array([3, 0])].positions[0, 0] == 9 * u.kpc
    with pytest.raises(TypeError, match='slice'):
        stars[2]


def test_without_light_there_is_no_map():
    with pytest.raises(ValueError, match='`with_luminosity`'):
        Particles(np.ones((4, 3)) * u.kpc).light_map(pixel_scale=1 * u.kpc)


def test_masked_light_is_refused():
    light = Masked(np.ones((4, 4)) * POWER, mask=np.eye(4, dtype=bool))
    with pytest.raises(ValueError, match=r'0 or more, and at most 1e\+250; 4 of 16'):
        LightMap(light, 1 * u.kpc)
