"""Noise and depth of an instrument."""

from dataclasses import replace

import pytest
from astropy import units as u

from astro_wgan.mocks import INSTRUMENTS, get_instrument


@pytest.mark.parametrize('name', INSTRUMENTS)
def test_noise_follows_from_the_numbers(name):
    """Drizzling takes noise from pixels, not from areas."""
    one = INSTRUMENTS[name]
    area = (one.pixel_scale / one.detector_scale).to_value('') ** 2
    sky = 10 ** (0.4 * (one.zero_point - one.sky_brightness)) * one.pixel_scale.value**2
    electrons = sky * one.exposure_time.value
    electrons += area * (
        one.dark_current * one.exposure_time.value + one.n_exposures * one.read_noise**2
    )
    noise = one.sky_noise
    assert noise.variance.unit == (u.electron / u.s) ** 2
    large_area = noise.variance.value * noise.coefficients.sum()
    assert large_area == pytest.approx(electrons / one.exposure_time.value**2, rel=0.05)
    assert noise.variance.value <= large_area


def test_longer_exposures_see_deeper():
    one = get_instrument('euclid_vis')
    longer = replace(one, exposure_time=1 * u.hr, read_noise=0, dark_current=0)
    longest = replace(longer, exposure_time=100 * u.hr)
    assert longest.depth() - longer.depth() == pytest.approx(2.5, abs=1e-6)
    assert one.depth(sigma=1) - one.depth(sigma=10) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        ({'exposure_time': 0 * u.s}, ValueError),
        ({'exposure_time': 3 * u.m}, u.UnitsError),
        ({'read_noise': -1}, ValueError),
        ({'detector_scale': 0.2 * u.arcsec}, ValueError),
        ({'pixel_scale': 2 * u.kpc}, u.UnitsError),
    ],
)
def test_impossible_instruments_are_refused(change, error):
    with pytest.raises(error):
        replace(get_instrument('euclid_vis'), **change)
