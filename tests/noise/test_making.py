"""Made noise has the correlation and variance that were asked for."""

import numpy as np
import pytest
from astropy import units as u

from astro_wgan import StampSet, datasets
from astro_wgan.exceptions import SkyError
from astro_wgan.noise import (
    Autocorrelation,
    add_noise,
    autocorrelation,
    drizzle_autocorrelation,
    find_sky,
    make_noise,
    noise_correlation_ratio,
)

KERNEL = np.outer([0.3, 1.0, 0.3], [0.3, 1.0, 0.3])


@pytest.fixture(scope='module')
def sky():
    return find_sky(datasets.load_image('mock_f814w'))


def test_gaussian_noise_has_the_correlation(sky):
    """A function that stays far from its largest lag, so that no taper touches it."""
    covariance = np.zeros((9, 9))
    covariance[3:6, 3:6] = 4 * KERNEL
    wanted = Autocorrelation.from_array(covariance)
    made = make_noise(wanted, 3000, size=32, seed=1)
    found = autocorrelation(made, max_lag=4, mean=0)
    np.testing.assert_allclose(found.covariance.value, covariance, atol=0.02 * 4)
    # No wrap around: opposite edges know nothing of each other.
    edges = np.corrcoef(made.pixels[:, :, 0].ravel(), made.pixels[:, :, -1].ravel())[0, 1]
    assert abs(edges) < 0.02


def test_a_given_function_is_taken_as_it_is():
    """Up to its largest lag: there is nothing to smooth."""
    made = make_noise(Autocorrelation.from_array(4 * KERNEL), 3000, size=32, seed=1)
    found = autocorrelation(made, max_lag=2, mean=0)
    np.testing.assert_allclose(found.coefficients[1:4, 1:4], KERNEL, atol=0.01)
    np.testing.assert_allclose(found.coefficients[0], 0, atol=0.01)


@pytest.mark.parametrize(('pixfrac', 'scale'), [(0.8, 0.6), (1.0, 0.5)])
def test_drizzled_noise_in_large_areas_is_that_of_its_electrons(pixfrac, scale):
    """The ratio R of Fruchter & Hook: noise of an area over that of independent pixels."""
    known = drizzle_autocorrelation(pixfrac=pixfrac, scale=scale)
    made = make_noise(known, 4000, size=72, seed=2).pixels
    # A ring of pixels around the area shares noise with it: extrapolated to areas of any size.
    areas = [made[:, :edge, :edge].sum(axis=(1, 2), dtype=float) for edge in (36, 72)]
    small, large = (area.std() / edge for area, edge in zip(areas, (36, 72), strict=True))
    expected = noise_correlation_ratio(pixfrac=pixfrac, scale=scale)
    assert 2 * large - small == pytest.approx(expected, rel=0.05)


def test_sky_stamps_never_leave_the_clean_area(sky):
    stamps = sky.stamps(50, size=24, seed=1)
    for x, y in zip(stamps.table['x'], stamps.table['y'], strict=True):
        x0, y0 = (round(float(np.asarray(c)) - 11.5) for c in (x, y))
        assert sky.clean[y0 : y0 + 24, x0 : x0 + 24].all()


def test_seed_decides(sky):
    for make in (
        lambda s: sky.stamps(3, size=16, seed=s),
        lambda s: make_noise(sky, 3, size=16, seed=s),
    ):
        first, again, other = (make(seed).pixels for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


def test_poisson_noise_keeps_the_variance_of_each_pixel_and_has_the_correlation():
    covariance = np.zeros((9, 9))
    covariance[3:6, 3:6] = 1e-6 * KERNEL
    dark = Autocorrelation.from_array(covariance)
    light = np.full((20, 20), 50.0)
    light[:, 10:] = 400.0
    stamps = StampSet(np.broadcast_to(light, (4000, 20, 20)).copy())
    noisy = add_noise(stamps, sky_noise=dark, gain=2.0, seed=1, progress=False)
    noise = noisy.pixels - light
    # Electrons are counts times the gain; so the variance in counts is counts / gain.
    np.testing.assert_allclose(noise.var(axis=0), light / 2, rtol=0.12)
    np.testing.assert_allclose(noise.var(axis=0).mean(axis=0), light[0] / 2, rtol=0.03)
    pairs = (noise[:, :, 2:8] * noise[:, :, 3:9]).mean() / (noise[:, :, 2:9] ** 2).mean()
    assert pairs == pytest.approx(0.3, abs=0.01)


def test_a_part_of_a_set_gets_the_noise_that_it_has_in_the_whole(sky, tmp_path):
    stamps = StampSet(np.full((40, 16, 16), 3.0), unit=sky.unit, pixel_scale=sky.pixel_scale)
    options = {'sky_noise': sky, 'exposure_time': 2000 * u.s, 'seed': 4, 'progress': False}
    whole = add_noise(stamps, **options)
    store = add_noise(stamps, **options, output=tmp_path / 'noisy.zarr')
    np.testing.assert_array_equal(whole.pixels, store[:].pixels)


@pytest.mark.parametrize(('pixfrac', 'scale'), [(1.0, 1.0), (0.8, 0.6), (0.5, 1.0), (1.0, 0.5)])
def test_drizzle_ratio_is_that_of_fruchter_and_hook(pixfrac, scale):
    """Equations 9 and 10 of Fruchter & Hook 2002 (PASP 114, 144), with r = pixfrac / scale."""
    r = pixfrac / scale
    expected = r / (1 - 1 / (3 * r)) if r >= 1 else 1 / (1 - r / 3)
    assert noise_correlation_ratio(pixfrac=pixfrac, scale=scale) == pytest.approx(expected)
    # R is the noise on large scales over that of a pixel.
    found = drizzle_autocorrelation(pixfrac=pixfrac, scale=scale)
    assert np.sqrt(found.coefficients.sum()) == pytest.approx(expected, rel=0.02)


def test_an_image_without_sky_says_how_much_was_found():
    with pytest.raises(SkyError, match=r'per cent|no clean'):
        find_sky(datasets.load_image('mock_f814w'), margin=200)


def test_negative_light_is_refused(sky):
    stamps = StampSet(np.full((2, 16, 16), -1.0), unit=sky.unit)
    with pytest.raises(ValueError, match='negative'):
        add_noise(stamps, sky_noise=sky, exposure_time=2000 * u.s, seed=1, progress=False)


def test_units_that_do_not_convert_are_refused(sky):
    stamps = StampSet(np.ones((2, 16, 16)), unit='m')
    with pytest.raises(u.UnitsError):
        add_noise(stamps, sky_noise=sky, exposure_time=2000 * u.s, seed=1, progress=False)
