"""Instruments have the depth, noise and PSF that was published or measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits

from astro_wgan.mocks import INSTRUMENTS, find_instrument
from astro_wgan.mocks.instrument import pixel_psf

#: 5 sigma for stars, AB, and the diameter of the aperture: COSMOS, Koekemoer et al. 2007;
#: Euclid wide, Scaramella et al. 2022; LSST after ten years, Ivezic et al. 2019, table 1.
PUBLISHED = [
    ('hst_acs_f814w', 27.2, 0.24 * u.arcsec),
    ('euclid_vis', 26.2, 1.3 * u.arcsec),
    ('lsst_i', 26.8, None),
]


@pytest.mark.parametrize(('name', 'depth', 'aperture'), PUBLISHED)
def test_depth_is_the_published_one(name, depth, aperture):
    assert find_instrument(name).depth(aperture=aperture) == pytest.approx(depth, abs=0.35)


@pytest.mark.parametrize('name', INSTRUMENTS)
def test_noise_follows_from_the_numbers(name):
    """Drizzling takes noise from pixels, not from areas."""
    one = INSTRUMENTS[name]
    area = (one.pixel_scale / one.detector_scale).to_value('') ** 2
    sky = 10 ** (0.4 * (one.zero_point - one.sky)) * one.pixel_scale.value**2
    electrons = sky * one.exposure_time.value
    electrons += area * (one.dark * one.exposure_time.value + one.exposures * one.read_noise**2)
    noise = one.sky_noise
    assert noise.variance.unit == (u.electron / u.s) ** 2
    large_area = noise.variance.value * noise.coefficients.sum()
    assert large_area == pytest.approx(electrons / one.exposure_time.value**2, rel=0.05)
    assert noise.variance.value <= large_area


def test_noise_of_cosmos_is_the_measured_one():
    galsim = pytest.importorskip('galsim')
    measured = fits.getdata(Path(galsim.meta_data.share_dir) / 'acs_I_unrot_sci_20_cf.fits')
    found = np.sqrt(find_instrument('hst_acs_f814w').sky_noise.variance.value)
    # No more can be asked for: the sky differs from orbit to orbit.
    assert found == pytest.approx(np.sqrt(measured.max()), rel=0.1)


@pytest.mark.parametrize(
    ('name', 'fwhm'), [('hst_acs_f814w', 0.095), ('hst_wfc3_f160w', 0.18), ('lsst_i', 0.8)]
)
def test_stars_have_the_published_width(name, fwhm):
    one = INSTRUMENTS[name]
    fine = pixel_psf(one.psf, one.pixel_scale / 5)
    middle = len(fine) // 2
    # What a pixel sums, at each place of a star in it.
    places = np.arange(2, middle + 1)
    sums = [fine[middle - 2 : middle + 3, x - 2 : x + 3].sum() for x in places]
    half = np.interp(0.5 * sums[-1], sums, places)
    width = 2 * (middle - half) * one.pixel_scale.value / 5
    assert width == pytest.approx(fwhm, rel=0.05)


def test_each_number_has_a_source():
    for one in INSTRUMENTS.values():
        named = ' '.join(one.sources)
        for name in ('pixel_scale', 'zero_point', 'exposure_time', 'sky', 'read_noise', 'psf'):
            assert name in named, (one.name, name)


def test_longer_exposures_see_deeper():
    one = find_instrument('euclid_vis')
    longer = replace(one, exposure_time=1 * u.hr, read_noise=0, dark=0)
    longest = replace(longer, exposure_time=100 * u.hr)
    assert longest.depth() - longer.depth() == pytest.approx(2.5, abs=1e-6)
    assert one.depth(sigma=1) - one.depth(sigma=10) == pytest.approx(2.5)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match='hst_acs_f814w'):
        find_instrument('hst')


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
        replace(find_instrument('euclid_vis'), **change)
