import pickle

import numpy as np
import pytest
from astropy import units as u

from astro_wgan.bands.band import as_bands, band_number, rescaled_band
from astro_wgan.stamps import Band

PSF = np.outer([1, 2, 1], [1, 2, 1]) / 16


def test_what_a_band_has():
    band = Band('r', wavelength=0.62 * u.um, zero_point=22.5 * u.mag, psf=PSF)
    assert band.wavelength.to_value(u.nm) == pytest.approx(620)
    assert band.zero_point == 22.5 * u.ABmag
    assert band.psf.dtype == float
    assert (
        repr(band) == "Band('r', wavelength=0.62 um, zero_point=22.5 mag(AB), psf=<3 x 3 pixels>)"
    )
    assert repr(Band('r')) == "Band('r')"
    with pytest.raises(AttributeError):
        band.name = 'g'


def test_bands_are_equal_if_all_is():
    band = Band('r', wavelength=620 * u.nm, zero_point=22.5, psf=PSF)
    assert band == Band('r', wavelength=6200 * u.AA, zero_point=22.5 * u.ABmag, psf=PSF.copy())
    assert hash(band) == hash(Band('r'))
    for other in (
        Band('i', wavelength=620 * u.nm, zero_point=22.5, psf=PSF),
        Band('r', zero_point=22.5, psf=PSF),
        Band('r', wavelength=620 * u.nm, zero_point=22.6, psf=PSF),
        Band('r', wavelength=620 * u.nm, zero_point=22.5),
        Band('r', wavelength=620 * u.nm, zero_point=22.5, psf=PSF.T[:2]),
        'r',
    ):
        assert band != other
    assert pickle.loads(pickle.dumps(band)) == band
    assert Band.from_dict(band.to_dict(), psf=PSF) == band
    assert Band.from_dict(Band('r').to_dict()) == Band('r')


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        ({'name': 3}, TypeError, '`name` of a band must be a text; got 3'),
        ({'name': ' '}, ValueError, 'must not be empty'),
        ({'wavelength': 620}, u.UnitsError, '`wavelength` must be a length, such as 620 nm'),
        ({'wavelength': 5 * u.GHz}, u.UnitsError, 'must be a length'),
        ({'wavelength': 0 * u.nm}, ValueError, 'one length above 0'),
        ({'wavelength': [1, 2] * u.nm}, ValueError, 'one length above 0'),
        ({'zero_point': 22.5 * u.STmag}, ValueError, 'must be in AB magnitudes; got mag.ST'),
        ({'zero_point': np.nan}, ValueError, 'one finite number'),
        ({'zero_point': 'r'}, ValueError, 'one finite number'),
        ({'psf': np.ones(3)}, ValueError, r'must be an image; got the shape \(3,\)'),
    ],
)
def test_bands_that_are_none(arguments, error, message):
    with pytest.raises(error, match=message):
        Band(**{'name': 'r', **arguments})


def test_names_of_bands():
    assert as_bands(None, 2) == (Band('0'), Band('1'))
    assert as_bands(None, None) == ()
    assert as_bands('r', None) == as_bands([Band('r')], None) == (Band('r'),)
    assert as_bands(np.array(['g', 'r']), 2) == (Band('g'), Band('r'))
    for wrong, count, error, message in (
        (['g', 'g'], 2, ValueError, "different names; 'g' occurs twice"),
        (['g', 'r'], 3, ValueError, 'must be 3, as those of the pixels; got 2'),
        (['g', 'r'], None, ValueError, 'of plain images must be one band; got 2'),
        ([1, 2], 2, TypeError, 'must be names or `Band`s; got 1'),
    ):
        with pytest.raises(error, match=message):
            as_bands(wrong, count)


def test_number_of_a_band():
    bands = as_bands(['g', '0'], 2)
    assert [band_number(band, bands) for band in ('g', '0', 0, np.int64(1))] == [0, 1, 0, 1]
    for wrong in (2, -1, True, 1.0, 'i', None):
        with pytest.raises(ValueError, match=r'`band` must be a band, from 0 to 1 \(g, 0\); got'):
            band_number(wrong, bands)


def test_zero_point_follows_the_unit():
    # A flux of 1 electron is one of 0.001 kiloelectrons: the magnitude of the source is the same.
    band = Band('r', zero_point=25)
    flux, factor = 7.0, 1e-3
    magnitude = 25 - 2.5 * np.log10(flux)
    other = rescaled_band(band, factor).zero_point.value - 2.5 * np.log10(flux * factor)
    assert other == pytest.approx(magnitude)
    assert rescaled_band(Band('r'), factor) == Band('r')
