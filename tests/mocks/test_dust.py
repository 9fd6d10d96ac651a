"""Dust against the closed formula, against other packages, and as light of stars sees it."""

import numpy as np
import pytest
from astropy import units as u

from astro_wgan.mocks import CalzettiDust, FilterCurve, StellarPopulations

SPECTRUM = u.L_sun / u.AA / u.M_sun

#: The range that the law was made for, in Angstrom.
PUBLISHED = np.linspace(1200, 22000, 500)


def test_it_is_the_published_law():
    """k of equation 4 by hand, such as 2.659 (-2.156 + 1.509 / 0.2 - 0.198 / 0.04 + ...) + 4.05."""
    found = CalzettiDust(a_v=4.05).attenuation([200, 550, 1000] * u.nm)
    assert found.unit == u.mag
    np.testing.assert_allclose(found.value, [8.873, 4.048, 1.878], atol=1e-3)


@pytest.mark.parametrize(('a_v', 'r_v'), [(1.0, 4.05), (0.3, 4.88)])
def test_it_is_that_of_extinction(a_v, r_v):
    extinction = pytest.importorskip('extinction')
    expected = extinction.calzetti00(PUBLISHED, a_v, r_v)
    found = CalzettiDust(a_v, r_v).attenuation(PUBLISHED * u.AA).value
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_it_is_that_of_sedpy():
    """Which gives optical depths, of exactly 1 at 550 nm."""
    attenuation = pytest.importorskip('sedpy.attenuation')
    expected = 1.0857 * attenuation.calzetti(PUBLISHED)
    found = CalzettiDust(a_v=1.0857).attenuation(PUBLISHED * u.AA).value
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_beyond_what_was_published_it_goes_on():
    dust = CalzettiDust(a_v=1)
    short = dust.attenuation([1, 50, 91.2, 119.999, 120.001] * u.nm).value
    assert short[0] == short[1] == short[2] > short[3]
    assert short[3] == pytest.approx(short[4], rel=1e-4)
    long = dust.attenuation([2.2, 2.8, 3.5, 100] * u.micron).value
    assert long[0] > long[1] > long[2] == long[3] == 0


def spectra(shape):
    wavelength = np.linspace(100, 1000, 901)
    light = np.broadcast_to(shape(wavelength), (2, 2, len(wavelength)))
    return StellarPopulations([0.01, 10] * u.Gyr, [0.1, 1], wavelength * u.nm, light * SPECTRUM)


@pytest.mark.parametrize('redshift', [0, 1, 2.5])
def test_light_is_dimmed_in_the_rest_frame(redshift):
    """A narrow filter: the attenuation at its wavelength divided by 1 + z."""
    dust = CalzettiDust(a_v=0.7)
    narrow = FilterCurve([699, 700, 701] * u.nm, [0, 1, 0])
    stars = {'ages': 1 * u.Gyr, 'metallicities': 0.5, 'masses': 1e6 * u.M_sun}
    stars |= {'filter_curve': narrow, 'redshift': redshift}
    populations = spectra(lambda x: 1 + x / 1000)
    ratio = populations.luminosity(**stars, dust=dust) / populations.luminosity(**stars)
    expected = dust.attenuation(700 * u.nm / (1 + redshift)).value
    assert -2.5 * np.log10(ratio.value) == pytest.approx(expected, abs=1e-3)


def test_dust_dims_each_wavelength_before_the_filter_sums_them():
    """A broad filter over light that is red: its mean transmission, by an integral of its own."""
    dust, broad = CalzettiDust(a_v=2), FilterCurve([200, 900] * u.nm, [1, 1])
    stars = {'ages': 1 * u.Gyr, 'metallicities': 0.5, 'masses': 1e6 * u.M_sun}
    stars |= {'filter_curve': broad, 'redshift': 0}
    populations = spectra(lambda x: (x / 500) ** 2)
    ratio = populations.luminosity(**stars, dust=dust) / populations.luminosity(**stars)
    x = np.linspace(200, 900, 70_001)
    expected = np.average(dust.transmission(x * u.nm), weights=x**3)
    assert ratio.value == pytest.approx(expected, rel=1e-3)
    assert ratio.value != pytest.approx(dust.transmission(broad.pivot), rel=0.02)


def test_only_the_young_are_behind_it():
    dust = CalzettiDust(a_v=1, younger_than=20 * u.Myr)
    stars = {'ages': [10, 20, 5000] * u.Myr, 'metallicities': 0.5, 'masses': 1e6 * u.M_sun}
    stars |= {'filter_curve': FilterCurve([500, 600] * u.nm, [1, 1]), 'redshift': 0}
    populations = spectra(np.ones_like)
    ratio = populations.luminosity(**stars, dust=dust) / populations.luminosity(**stars)
    assert ratio.value[0] == pytest.approx(10**-0.4, rel=0.02)
    np.testing.assert_array_equal(ratio.value[1:], 1)


@pytest.mark.parametrize(
    ('changed', 'error'),
    [
        ({'a_v': -0.1}, ValueError),
        ({'a_v': np.nan}, ValueError),
        ({'r_v': 0}, ValueError),
        ({'younger_than': 0 * u.Myr}, ValueError),
        ({'younger_than': np.nan * u.Myr}, ValueError),
        ({'younger_than': 10}, u.UnitsError),
        ({'younger_than': 10 * u.kpc}, u.UnitsError),
    ],
)
def test_impossible_dust_is_refused(changed, error):
    with pytest.raises(error, match=next(iter(changed))):
        CalzettiDust(**({'a_v': 1} | changed))
