"""Images of simulations, read from FITS files."""

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import Planck18
from astropy.io import fits

from astro_wgan.mocks import load_light_map, read_light_map
from astro_wgan.stamps import ImageError


def write(path, values, **cards):
    header = {'BUNIT': 'AB mag/arcsec2', 'CTYPE1': 'pc', 'CDELT1': 100.0, 'CDELT2': 100.0}
    header |= {'REDSHIFT': 0.05, 'WLEFF': 6200.0} | cards
    hdu = fits.PrimaryHDU(values)
    for name, value in header.items():
        if value is not None:
            hdu.header[name] = value
    hdu.writeto(path)
    return path


@pytest.fixture
def image(tmp_path):
    return write(tmp_path / 'r.fits', np.full((20, 30), 22.0))


def test_magnitudes_become_light(image):
    """Of the apparent magnitude that an observer at the redshift would sum."""
    light = read_light_map(image)
    assert light.shape == (20, 30)
    assert light.pixel_scale.to_value(u.pc / u.pix) == pytest.approx(100)
    assert light.wavelength.to_value(u.nm) == pytest.approx(620 / 1.05)
    edge = (100 * u.pc / Planck18.kpc_proper_per_arcmin(0.05)).to_value(u.arcsec)
    apparent = 22 - 2.5 * np.log10(600 * edge**2)
    expected = apparent - Planck18.distmod(0.05).value + 2.5 * np.log10(1.05)
    assert light.absolute_magnitude.value == pytest.approx(expected, abs=1e-3)


def test_flux_units_mean_the_same(image, tmp_path):
    linear = (22 * u.mag(u.AB / u.arcsec**2)).to_value(u.MJy / u.sr)
    other = write(tmp_path / 'f.fits', np.full((20, 30), linear), BUNIT='MJy/sr')
    first, second = read_light_map(image), read_light_map(other)
    np.testing.assert_allclose(first.luminosity.value, second.luminosity.value, rtol=1e-6)


def test_arguments_stand_for_the_header(image, tmp_path):
    bare = write(
        tmp_path / 'bare.fits',
        np.full((20, 30), 22.0),
        BUNIT=None,
        CTYPE1=None,
        CDELT1=None,
        CDELT2=None,
        REDSHIFT=None,
        WLEFF=None,
    )
    given = {
        'unit': 'mag(AB / arcsec2)',
        'pixel_scale': 0.1 * u.kpc,
        'redshift': 0.05,
        'wavelength': 620 * u.nm,
    }
    first, second = read_light_map(image), read_light_map(bare, **given)
    np.testing.assert_allclose(first.luminosity.value, second.luminosity.value)
    for name in ('unit', 'pixel_scale', 'redshift'):
        rest = {key: value for key, value in given.items() if key != name}
        with pytest.raises(ValueError, match=f'give `{name}`'):
            read_light_map(bare, **rest)
    del given['wavelength']
    assert read_light_map(bare, **given).wavelength is None


def test_no_light_is_infinitely_faint(tmp_path):
    values = np.full((4, 4), 22.0)
    values[0] = np.inf
    light = read_light_map(write(tmp_path / 'dark.fits', values))
    assert (light.luminosity[0] == 0).all()
    assert (light.luminosity[1:] > 0).all()


@pytest.mark.parametrize(('value', 'cards'), [(np.nan, {}), (-1.0, {'BUNIT': 'nJy/arcsec2'})])
def test_pixels_that_are_no_light_are_refused(tmp_path, value, cards):
    values = np.full((4, 4), 22.0)
    values[2, 2] = value
    with pytest.raises(ValueError, match='1 of 16 pixels'):
        read_light_map(write(tmp_path / 'bad.fits', values, **cards))


@pytest.mark.parametrize(
    ('cards', 'error', 'match'),
    [
        ({'BUNIT': 'furlong?'}, ValueError, 'no unit that astropy knows'),
        ({'BUNIT': 'K'}, u.UnitsError, 'AB magnitudes'),
        ({'CDELT2': 50.0}, ValueError, 'square'),
        ({'CTYPE1': 'RA---TAN'}, ValueError, 'no length of a pixel'),
        ({'REDSHIFT': -0.5}, ValueError, '`redshift`'),
    ],
)
def test_headers_that_make_no_sense_are_refused(tmp_path, cards, error, match):
    path = write(tmp_path / 'odd.fits', np.full((4, 4), 22.0), **cards)
    with pytest.raises(error, match=match):
        read_light_map(path)


def test_bands_are_put_in_order(tmp_path):
    red = write(tmp_path / 'i.fits', np.full((4, 4), 21.0), WLEFF=7500.0)
    blue = write(tmp_path / 'g.fits', np.full((4, 4), 22.0), WLEFF=4700.0)
    light = read_light_map([red, blue])
    assert light.meta['files'] == ['g.fits', 'i.fits']
    assert (np.diff(light.wavelength.value) > 0).all()
    blue_light, red_light = light.luminosity.value[0, 0]
    assert red_light / blue_light == pytest.approx(10**0.4)
    small = write(tmp_path / 'small.fits', np.full((3, 4), 22.0), WLEFF=6200.0)
    with pytest.raises(ValueError, match='same pixels'):
        read_light_map([red, small])


def test_truncated_files_are_refused(image):
    with open(image, 'rb+') as file:
        file.truncate(4000)
    with pytest.raises(ImageError):
        read_light_map(image)


#: Apparent magnitudes in g, r, i at redshift 0.046: sums over the images of 512 x 512 pixels that
#: the bundled ones were made from.
ORIGINAL = {186: [15.5263, 15.1843, 15.0518], 214: [15.5381, 15.1864, 15.044]}


@pytest.mark.parametrize('snapshot', ORIGINAL)
def test_the_bundled_merger_has_the_light_of_the_original(snapshot):
    light = load_light_map(f'hydro_merger_{snapshot}')
    assert light.pixel_scale.to_value(u.kpc / u.pix) == pytest.approx(0.1953125)
    assert 'RealSim' in light.meta['credit']
    observed = [470.66, 619.28, 751.23] * u.nm
    np.testing.assert_allclose(light.wavelength, observed / 1.046, rtol=1e-4)
    apparent = light.absolute_magnitude.value + Planck18.distmod(0.046).value
    apparent -= 2.5 * np.log10(1.046)
    np.testing.assert_allclose(apparent, ORIGINAL[snapshot], atol=1e-3)
