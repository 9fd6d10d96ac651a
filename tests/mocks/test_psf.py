"""Point spread functions against GalSim's drawing of the same profiles."""

import numpy as np
import pytest
from astropy import units as u

from astro_wgan.mocks import AiryPSF, GaussianPSF, ImagePSF, MoffatPSF
from astro_wgan.mocks.instrument import pixel_psf

SCALE = 0.05 * u.arcsec


def galsim_profile(galsim, psf):
    if isinstance(psf, GaussianPSF):
        return galsim.Gaussian(fwhm=psf.fwhm.value)
    if isinstance(psf, MoffatPSF):
        return galsim.Moffat(fwhm=psf.fwhm.value, beta=psf.beta)
    pupil = galsim.Airy(
        lam=psf.wavelength.to_value(u.nm),
        diam=psf.diameter.to_value(u.m),
        obscuration=psf.obscuration,
        scale_unit=galsim.arcsec,
    )
    blur = psf.blur_fwhm.value
    return galsim.Convolve(pupil, galsim.Gaussian(fwhm=blur)) if blur else pupil


@pytest.mark.parametrize(
    'psf',
    [
        GaussianPSF(0.15 * u.arcsec),
        MoffatPSF(0.15 * u.arcsec, beta=3),
        AiryPSF(814 * u.nm, 2.4 * u.m),
        AiryPSF(1.6 * u.um, 2.4 * u.m, obscuration=0.33),
        AiryPSF(814 * u.nm, 2.4 * u.m, obscuration=0.33, blur_fwhm=0.07 * u.arcsec),
    ],
)
def test_drawn_as_by_galsim(psf):
    galsim = pytest.importorskip('galsim')
    found = pixel_psf(psf, SCALE)
    edge = len(found)
    expected = galsim_profile(galsim, psf).drawImage(nx=edge, ny=edge, scale=SCALE.value).array
    # Airy's wings go on for ever; all light is kept within what is drawn.
    expected = expected / expected.sum()
    np.testing.assert_allclose(found, expected, atol=0.01 * expected.max())
    # The first pixels hold nearly all of the light.
    middle = edge // 2
    core = np.s_[middle - 2 : middle + 3, middle - 2 : middle + 3]
    np.testing.assert_allclose(found[core], expected[core], rtol=0.04)
    assert found.sum() == pytest.approx(1, abs=1e-12)


def full_width(image, step):
    """Of the middle row, at half of its peak, interpolated linearly."""
    middle = len(image) // 2
    row = image[middle, middle:] / image[middle, middle]
    first = np.argmax(row < 0.5)
    return 2 * step * (first - 1 + (row[first - 1] - 0.5) / (row[first - 1] - row[first]))


@pytest.mark.parametrize(
    ('psf', 'expected'),
    [
        (GaussianPSF(0.2 * u.arcsec), 0.2),
        (MoffatPSF(0.2 * u.arcsec, beta=2.5), 0.2),
        (AiryPSF(500 * u.nm, 1 * u.m), 1.029 * np.rad2deg(5e-7) * 3600),
    ],
)
def test_width(psf, expected):
    step = 0.002
    assert full_width(psf.draw(step * u.arcsec), step) == pytest.approx(expected, rel=0.005)


def test_image_of_a_star_is_resampled():
    star = GaussianPSF(0.2 * u.arcsec).draw(0.05 * u.arcsec)
    found = ImagePSF(7 * star, 0.05 * u.arcsec).draw(0.02 * u.arcsec)
    assert found.sum() == pytest.approx(1)
    assert full_width(found, 0.02) == pytest.approx(0.2, rel=0.01)


def test_image_of_a_star_with_an_even_edge_stays_in_the_middle():
    star = np.zeros((4, 4))
    star[1:3, 1:3] = 1
    found = ImagePSF(star, 0.1 * u.arcsec).draw(0.05 * u.arcsec)
    y, x = np.indices(found.shape) - (len(found) - 1) / 2
    assert (found * x).sum() == pytest.approx(0, abs=1e-9)
    assert (found * y).sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize('bad', [np.nan, -100.0])
def test_image_that_is_no_star_is_refused(bad):
    star = np.ones((5, 5))
    star[2, 2] = bad
    with pytest.raises(ValueError, match='sum'):
        ImagePSF(star, 0.1 * u.arcsec)


@pytest.mark.parametrize(
    ('make', 'error'),
    [
        (lambda: GaussianPSF(0.2), u.UnitsError),
        (lambda: GaussianPSF(0 * u.arcsec), ValueError),
        (lambda: GaussianPSF(np.nan * u.arcsec), ValueError),
        (lambda: MoffatPSF(1 * u.arcsec, beta=1), ValueError),
        (lambda: AiryPSF(1 * u.arcsec, 2 * u.m), u.UnitsError),
        (lambda: AiryPSF(500 * u.nm, 2 * u.m, obscuration=1), ValueError),
        (lambda: AiryPSF(500 * u.nm, 2 * u.m, blur_fwhm=-1 * u.arcsec), ValueError),
        (lambda: ImagePSF(np.ones((3, 3)), 1 * u.kpc), u.UnitsError),
    ],
)
def test_impossible_profiles_are_refused(make, error):
    with pytest.raises(error):
        make()
