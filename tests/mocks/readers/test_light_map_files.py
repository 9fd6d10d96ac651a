"""Images of simulations, read from FITS files."""

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import Planck18
from astropy.io import fits

from astro_wgan.exceptions import ImageError
from astro_wgan.mocks import read_light_map


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


@pytest.mark.parametrize(
    ('text', 'factor'), [('MJY/SR', 1), ('MJy sr^-1', 1), ('Jy/sr', 1e6), ('10^6 JY/STER', 1)]
)
def test_units_are_read_as_those_of_images(image, tmp_path, text, factor):
    linear = (22 * u.mag(u.AB / u.arcsec**2)).to_value(u.MJy / u.sr) * factor
    other = write(tmp_path / 'f.fits', np.full((20, 30), linear), BUNIT=text)
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
        ({'BUNIT': 'furlong?'}, ValueError, 'not a unit known to astropy'),
        ({'BUNIT': 'K'}, u.UnitsError, 'AB magnitudes'),
        ({'CDELT2': 50.0}, ValueError, 'square'),
        ({'CTYPE1': 'RA---TAN'}, ValueError, 'no length per pixel'),
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


def cube(path, table=True, **cards):
    """As SKIRT 9 writes it: wavelengths are in a table of their own."""
    values = 10 ** (-0.4 * np.arange(3))[:, np.newaxis, np.newaxis] * np.ones((3, 4, 5))
    header = {'BUNIT': 'MJy/sr', 'CUNIT1': 'kpc', 'CDELT1': 0.2, 'CDELT2': 0.2}
    write(path, values, **header, CTYPE1=None, WLEFF=None, **cards)
    if table:
        points = fits.Column('GRID_POINTS', 'D', 'micron', array=[0.45, 0.6, 0.75])
        extension = fits.BinTableHDU.from_columns([points], name='Z-axis coordinate values')
        fits.append(path, extension.data, extension.header)
    return path


def test_planes_of_a_cube_are_bands_at_the_wavelengths_of_its_table(tmp_path):
    light = read_light_map(cube(tmp_path / 'cube.fits'))
    assert light.luminosity.shape == (4, 5, 3)
    np.testing.assert_allclose(light.wavelength.to_value(u.nm) * 1.05, [450, 600, 750])
    np.testing.assert_allclose(np.diff(light.absolute_magnitude.value), 1)
    assert light.meta['files'] == ['cube.fits']


@pytest.mark.parametrize('plane', range(3))
def test_one_plane_of_a_cube(tmp_path, plane):
    path = cube(tmp_path / 'cube.fits')
    light, all_planes = read_light_map(path, plane=plane), read_light_map(path)
    np.testing.assert_allclose(light.luminosity, all_planes.luminosity[..., plane])
    assert u.isclose(light.wavelength, all_planes.wavelength[plane])


def test_wavelengths_of_a_cube_are_given_or_asked_for(tmp_path):
    path = cube(tmp_path / 'cube.fits', table=False)
    light = read_light_map(path, wavelength=[500, 600, 700] * u.nm)
    np.testing.assert_allclose(light.wavelength.to_value(u.nm) * 1.05, [500, 600, 700])
    assert read_light_map(path, plane=1).wavelength is None
    one = read_light_map(path, plane=1, wavelength=600 * u.nm)
    assert one.wavelength.to_value(u.nm) == pytest.approx(600 / 1.05)
    with pytest.raises(
        ValueError, match='a cube of 3 planes: select one with `plane`, from 0 to 2'
    ):
        read_light_map(path)
    with pytest.raises(ValueError, match=r'one value for each of the 3 planes .* got 2'):
        read_light_map(path, wavelength=[500, 600] * u.nm)
    with pytest.raises(ImageError, match='from 0 to 2; got 3'):
        read_light_map(path, plane=3)
    with pytest.raises(ImageError, match='`plane` chooses from a cube'):
        read_light_map(write(tmp_path / 'flat.fits', np.full((4, 4), 22.0)), plane=0)


@pytest.mark.parametrize('unit', ['furlong?', 5.5, 'W / m2'])
def test_units_that_cannot_be_are_errors_of_values_in_any_astropy(image, unit):
    """In astropy 8 UnitsError is no ValueError; what is raised here is both."""
    with pytest.raises(ValueError, match=r'nJy / arcsec2|not a unit known to astropy'):
        read_light_map(image, unit=unit)


def test_the_header_is_that_of_the_image_that_is_read(tmp_path):
    primary = fits.PrimaryHDU()
    primary.header['REDSHIFT'] = 0.05
    weight = fits.ImageHDU(np.ones((20, 30)), name='WHT')
    cards = fits.Header({'BUNIT': 'MJy/sr', 'CTYPE1': 'pc', 'CDELT1': 100.0, 'CDELT2': 100.0})
    cards['WLEFF'] = 6200.0
    zeros = np.zeros((20, 30))
    zeros[5:9, 5:9] = 1
    hdus = [primary, weight, fits.ImageHDU(zeros, cards, name='SCI')]
    fits.HDUList(hdus).writeto(tmp_path / 'image.fits')
    light = read_light_map(tmp_path / 'image.fits')
    assert light.pixel_scale.to_value(u.pc / u.pix) == pytest.approx(100)
    assert (light.luminosity.value > 0).sum() == 16


def test_a_larger_image_than_is_allowed_is_refused(image):
    with pytest.raises(ImageError, match=r'r.fits would take .* allowed are 1,000 bytes'):
        read_light_map(image, max_size=1000)
    assert read_light_map(image, max_size=np.inf).shape == (20, 30)
