"""Instruments have the depth, noise and PSF that was published or measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy import constants
from astropy import units as u
from astropy.io import fits

from astro_wgan.mocks import INSTRUMENTS, FilterCurve, get_instrument
from astro_wgan.mocks.instrument import pixel_psf

#: 5 sigma for stars, AB, the diameter of the aperture, and how well it should be met: COSMOS,
#: Koekemoer et al. 2007, where real images lose to cosmic rays and the transfer of charge; Euclid
#: wide, in flight, McCracken et al. 2025 (25.6 at 10 sigma); LSST after ten years, Ivezic et al.
#: 2019, table 1.
PUBLISHED = [
    ('hst_acs_f814w', 27.2, 0.24 * u.arcsec, 0.35),
    ('euclid_vis', 25.6 + 2.5 * np.log10(2), 1.3 * u.arcsec, 0.1),
    ('lsst_i', 26.8, None, 0.15),
]


@pytest.mark.parametrize(('name', 'depth', 'aperture', 'margin'), PUBLISHED)
def test_depth_is_the_published_one(name, depth, aperture, margin):
    assert get_instrument(name).depth(aperture=aperture) == pytest.approx(depth, abs=margin)


def test_depth_of_a_visit_is_that_of_the_rubin_note():
    """24.13 for a single exposure of 30 s, SMTN-002."""
    visit = replace(get_instrument('lsst_i'), exposure_time=30 * u.s, n_exposures=1)
    assert visit.depth() == pytest.approx(24.13, abs=0.06)


#: Passbands with the detected fraction of photons, and the area of the mirror in cm2: Hubble's
#: as synphot has it, Webb's of the user documentation, Rubin's of SMTN-002. That of Webb is from
#: before launch; in flight it sees 10 to 25 percent more. That of Rubin is for an airmass of 1.2,
#: 0.02 mag fainter than at the zenith.
PASSBANDS = [
    ('hst_acs_f814w', 'acs_wfc_f814w', 45238.93, 0.01),
    ('hst_wfc3_f160w', 'wfc3_ir_f160w', 45238.93, 0.01),
    ('jwst_nircam_f200w', 'jwst_f200w', 254_000, 0.2),
    ('lsst_i', 'lsst_baseline_i', np.pi * 321.15**2, 0.03),
]


@pytest.mark.parametrize(('name', 'passband', 'area', 'margin'), PASSBANDS)
def test_zero_points_are_those_of_the_passbands(name, passband, area, margin):
    pytest.importorskip('sedpy')
    curve = FilterCurve.read(passband)
    one = get_instrument(name)
    expected = zero_point(curve.wavelength.value, curve.throughput, area)
    assert one.zero_point == pytest.approx(expected, abs=margin)
    assert one.wavelength.value == pytest.approx(curve.pivot.value, rel=3e-3)


def test_zero_point_of_euclid_is_that_of_its_passband():
    filters = pytest.importorskip('speclite.filters')
    curve = filters.load_filter('Euclid-VIS')
    expected = zero_point(curve.wavelength, curve.response, 9926)
    assert get_instrument('euclid_vis').zero_point == pytest.approx(expected, abs=0.01)


def zero_point(wavelength, throughput, area):
    """Of one electron per second: photons of a flat spectrum of 3631 Jy, on a mirror in cm2."""
    flux = (3631 * u.Jy / constants.h).to_value(1 / u.cm**2 / u.s)
    return 2.5 * np.log10(area * flux * np.trapezoid(throughput / wavelength, wavelength))


@pytest.mark.parametrize(
    ('name', 'survey', 'band'),
    [
        ('hst_acs_f814w', 'COSMOS', 'f814w'),
        ('euclid_vis', 'Euclid_VIS', 'IE'),
        ('lsst_i', 'LSST', 'i'),
    ],
)
def test_numbers_are_those_of_galcheat(name, survey, band):
    """Which has collected them from the same and other papers; its LSST is at an airmass of 1.2."""
    galcheat = pytest.importorskip('galcheat')
    one, known = get_instrument(name), galcheat.get_survey(survey)
    of_band = known.get_filter(band)
    assert u.isclose(one.pixel_scale * u.pix, known.pixel_scale)
    # Euclid's is of one of four exposures.
    times = one.exposure_time / of_band.full_exposure_time
    assert times.to_value('') == pytest.approx(4 if name == 'euclid_vis' else 1, rel=0.01)
    assert one.sky_brightness == pytest.approx(of_band.sky_brightness.value, abs=0.15)
    if name != 'lsst_i':
        assert one.zero_point == pytest.approx(of_band.zeropoint.value, abs=0.03)


def test_noise_of_cosmos_is_the_measured_one():
    galsim = pytest.importorskip('galsim')
    measured = fits.getdata(Path(galsim.meta_data.share_dir) / 'acs_I_unrot_sci_20_cf.fits')
    found = np.sqrt(get_instrument('hst_acs_f814w').sky_noise.variance.value)
    # No more can be asked for: the sky differs from orbit to orbit.
    assert found == pytest.approx(np.sqrt(measured.max()), rel=0.1)


@pytest.mark.parametrize(
    ('name', 'fwhm'),
    [
        ('hst_acs_f814w', 0.095),
        ('hst_wfc3_f160w', 0.18),
        ('euclid_vis', 0.16),
        ('jwst_nircam_f200w', 0.066),
        ('lsst_i', 0.71),
    ],
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
        named = ' '.join(one.references)
        for name in ('pixel_scale', 'zero_point', 'exposure_time', 'sky', 'read_noise', 'psf'):
            assert name in named, (one.name, name)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match='hst_acs_f814w'):
        get_instrument('hst')
