"""Mock images have the noise of the survey."""

import shutil

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData

from astro_wgan.mocks import LightMap, get_instrument, mock_stamps, observe
from astro_wgan.mocks.observing import noise_free_path, with_exposure_time
from astro_wgan.noise import autocorrelation, find_sky
from astro_wgan.store import StampStore


@pytest.fixture
def galaxy():
    y, x = np.indices((120, 120)) - 59.5
    light = np.exp(-np.hypot(x, y) / 12)
    return LightMap(3e22 * light / light.sum() * u.W / u.Hz, 0.3 * u.kpc)


@pytest.fixture
def darkness():
    return LightMap(np.zeros((8, 8)) * u.W / u.Hz, 0.3 * u.kpc)


def seen(light, instrument='hst_acs_f814w', **options):
    return observe(light, instrument, seed=1, progress=False, **options)


@pytest.mark.parametrize('name', ['hst_acs_f814w', 'lsst_i'])
def test_empty_sky_has_the_noise_of_the_instrument(darkness, name):
    stamps = seen(darkness, name, redshift=np.full(200, 1.0), size=48)
    expected = get_instrument(name).sky_noise
    found = autocorrelation(stamps, max_lag=3, mean=0)
    assert found.variance.unit == expected.variance.unit
    assert found.variance.value == pytest.approx(expected.variance.value, rel=0.02)
    lag = min(1, expected.max_lag)
    middle = expected.max_lag
    assert found.coefficients[3, 4] == pytest.approx(
        expected.coefficients[middle, middle + lag] if lag else 0, abs=0.02
    )


def test_bright_pixels_have_the_noise_of_their_electrons(galaxy):
    """The variance of a rate is rate / exposure time, over R^2, beside that of the sky."""
    camera = get_instrument('hst_wfc3_f160w')
    redshift = np.full(400, 0.5)
    free = mock_stamps(galaxy, camera, redshift=[0.5], size=48, progress=False).pixels[0]
    stamps = seen(galaxy, camera, redshift=redshift, size=48)
    found = (stamps.pixels - free).var(axis=0, dtype=float)
    expected = free / camera.exposure_time.value / camera.correlation_ratio**2
    expected = expected + camera.sky_noise.variance.value
    assert expected.max() > 2 * expected.min()
    # 400 stamps know a variance to 7 percent.
    np.testing.assert_allclose(found, expected, rtol=0.4)
    assert np.mean(found / expected) == pytest.approx(1, abs=0.02)


def test_the_mean_of_many_is_the_image_without_noise(galaxy):
    free = mock_stamps(galaxy, 'euclid_vis', redshift=[0.5], size=32, progress=False).pixels[0]
    mean = seen(galaxy, 'euclid_vis', redshift=np.full(400, 0.5), size=32).pixels.mean(axis=0)
    scatter = np.sqrt(get_instrument('euclid_vis').sky_noise.variance.value + free.max() / 2260)
    assert np.abs(mean - free).max() < 5 * scatter / 20


def test_longer_exposures_are_less_noisy(darkness):
    one, four = (
        seen(darkness, 'euclid_vis', redshift=np.full(50, 1), exposure_time=time)
        for time in (2260 * u.s, 4 * 2260 * u.s)
    )
    assert one.pixels.std() / four.pixels.std() == pytest.approx(2, rel=0.02)
    assert with_exposure_time(get_instrument('euclid_vis'), 1 * u.hr).n_exposures == 6


def test_real_sky_can_be_the_noise(darkness):
    rng = np.random.default_rng(1)
    image = CCDData(rng.normal(scale=0.02, size=(300, 300)), unit=u.electron / u.s)
    sky = find_sky(image, pixel_scale=0.1 * u.arcsec)
    stamps = seen(darkness, 'euclid_vis', redshift=np.full(50, 1), sky_noise=sky)
    assert stamps.pixels.std() == pytest.approx(0.02, rel=0.02)
    with pytest.raises(ValueError, match='pixel scale'):
        seen(darkness, 'lsst_i', redshift=1, sky_noise=sky)


def test_seed_decides_and_a_store_holds_the_same(galaxy, tmp_path):
    options = {'redshift': np.linspace(0.4, 1, 40), 'size': 16}
    first = seen(galaxy, **options)
    np.testing.assert_array_equal(seen(galaxy, **options).pixels, first.pixels)
    store = seen(galaxy, **options, output=tmp_path / 'mocks.zarr')
    np.testing.assert_array_equal(store[:].pixels, first.pixels)
    free = StampStore.open(noise_free_path(tmp_path / 'mocks.zarr'))
    expected = mock_stamps(galaxy, 'hst_acs_f814w', **options, progress=False)
    np.testing.assert_array_equal(free[:].pixels, expected.pixels)
    other = observe(galaxy, 'hst_acs_f814w', seed=2, progress=False, **options)
    assert not np.array_equal(other.pixels, first.pixels)


def test_what_was_observed_otherwise_is_refused(galaxy, tmp_path):
    output = tmp_path / 'mocks.zarr'
    options = {'redshift': [0.5, 0.6], 'size': 16, 'output': output}
    seen(galaxy, **options)
    corrected = LightMap(2 * galaxy.luminosity, galaxy.pixel_scale)
    with pytest.raises(
        ValueError, match='belongs to other light maps: the luminosity of map 0 diff'
    ):
        seen(corrected, **options)
    with pytest.raises(ValueError, match=r'`exposure_time` was [0-9.]* and is 3[.]'):
        seen(galaxy, **options, exposure_time=3 * u.s)
    # Only half of what was written is taken away.
    shutil.rmtree(noise_free_path(output))
    with pytest.raises(
        ValueError, match=r'mocks\.zarr, belongs to other stamps: their pixels and column'
    ):
        seen(corrected, **options)


@pytest.mark.parametrize(
    ('time', 'error'), [(0 * u.s, ValueError), (-3 * u.s, ValueError), (3 * u.m, u.UnitsError)]
)
def test_impossible_times_are_refused(galaxy, time, error):
    with pytest.raises(error, match='`exposure_time`'):
        seen(galaxy, redshift=1, exposure_time=time)
