"""Fluxes of pixels that hold surface brightness, against those of the same sky in flux."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.wcs import WCS

from astro_wgan import StampSet, StampStore
from astro_wgan.images import read_image
from astro_wgan.sources import measure_sources
from astro_wgan.testing import make_wcs

FLUX = 2000 * u.nJy


def measure(stamps, **options):
    return measure_sources(stamps, progress=False, **options)


def sky_header(scale, size=128, center=(150.0, 2.0)):
    center = SkyCoord(*center, unit='deg')
    wcs = make_wcs((size, size), center=center, pixel_scale=scale * u.arcsec)
    return wcs.to_header()


def image_of_flux(scale, unit, seed=0, sigma=0.12, size=128):
    """A Gaussian of 2000 nJy and of ``sigma`` arcsec in an image of ``unit`` per pixel."""
    y, x = np.mgrid[:size, :size]
    middle = size / 2 - 1
    profile = np.exp(-((x - middle) ** 2 + (y - middle) ** 2) / (2 * (sigma / scale) ** 2))
    noise = np.random.default_rng(seed).normal(0, 0.1, size=profile.shape)
    pixels = FLUX.value * profile / profile.sum() + noise * scale / 0.03
    area = (scale * u.arcsec) ** 2
    header = sky_header(scale, size)
    header['BUNIT'] = unit
    if u.Unit(unit).is_equivalent(u.Jy):
        return fits.PrimaryHDU((pixels * u.nJy).to_value(unit), header)
    return fits.PrimaryHDU((pixels * u.nJy / area).to_value(unit), header)


@pytest.mark.parametrize(
    ('unit', 'flux_unit'),
    [
        ('MJy/sr', u.nJy),
        ('Jy/sr', u.nJy),
        ('nJy/arcsec2', u.nJy),
        ('uJy/arcsec2', u.uJy),
        ('W/(m2 Hz sr)', u.nJy),
    ],
)
def test_all_that_is_measured_is_as_in_flux_per_pixel(unit, flux_unit):
    known, found = (
        measure(StampSet.from_image(image_of_flux(0.03, each), size=96, positions=[(63, 63)]))
        for each in ('nJy', unit)
    )
    for first, second in ((known.sources, found.sources), (known.stamps, found.stamps)):
        for name in first.colnames:
            if isinstance(first[name], u.Quantity):
                assert u.allclose(first[name], second[name], rtol=1e-3, equal_nan=True), name
    row = found.stamps[0]
    for name in ('kron_flux', 'kron_flux_err', 'isophotal_flux', 'background', 'noise_rms'):
        assert row[name].unit == flux_unit
    assert u.isclose(row['kron_flux'], FLUX, rtol=0.01)
    # -2.5 lg (2000 nJy / 3631 Jy).
    assert row['magnitude'].value == pytest.approx(23.147, abs=0.01)
    assert np.array_equal(found.stamps['n_neighbors'], known.stamps['n_neighbors'])


def test_pixels_may_be_named_beside_the_solid_angle():
    known, named = (image_of_flux(0.03, 'MJy/sr') for _ in range(2))
    named.header['BUNIT'] = 'MJy/sr/pix'
    first, second = (
        measure(StampSet.from_image(image, size=96, positions=[(63, 63)]))
        for image in (known, named)
    )
    assert u.isclose(first.stamps['kron_flux'][0], second.stamps['kron_flux'][0], rtol=1e-9)


def test_fluxes_do_not_depend_on_the_pixel_scale_of_a_mosaic():
    fluxes, magnitudes = [], []
    for scale, size in ((0.02, 192), (0.03, 128), (0.06, 64)):
        image = image_of_flux(scale, 'MJy/sr', size=size)
        row = measure(
            StampSet.from_image(image, size=size - 8, positions=[(size / 2 - 1,) * 2])
        ).stamps[0]
        fluxes.append(row['kron_flux'].to_value(u.nJy))
        magnitudes.append(row['magnitude'].value)
    assert np.allclose(fluxes, FLUX.value, rtol=0.015)
    assert np.allclose(magnitudes, 23.147, atol=0.015)


@pytest.mark.parametrize('factor', [0.5, 2.0, 3.0])
def test_fluxes_are_the_same_after_reprojection(factor):
    stamps = StampSet.from_image(image_of_flux(0.03, 'MJy/sr'), size=96, positions=[(63, 63)])
    other = stamps.reproject(pixel_scale=factor * 0.03 * u.arcsec)
    first, second = (measure(each).stamps['kron_flux'][0] for each in (stamps, other))
    assert u.isclose(first, second, rtol=0.02)


def test_the_solid_angle_is_that_where_the_stamp_is():
    # A plate carree at declination 60: pixels are half as wide as at the equator.
    header = fits.Header({'CTYPE1': 'RA---CAR', 'CTYPE2': 'DEC--CAR', 'BUNIT': 'MJy/sr'})
    header.update({'CDELT1': -1e-4, 'CDELT2': 1e-4, 'CRPIX1': 64.0, 'CRPIX2': 64.0 - 6e5})
    header.update({'CRVAL1': 150.0, 'CRVAL2': 0.0})
    pixels = image_of_flux(0.03, 'nJy').data
    stamps = StampSet.from_image(fits.PrimaryHDU(pixels, header), size=96, positions=[(63, 63)])
    flux = measure(stamps).stamps['kron_flux'][0]
    area = (1e-4 * u.deg) ** 2 * np.cos(np.radians(60))
    plain = measure(StampSet(stamps.pixels)).stamps['kron_flux'][0]
    assert u.isclose(flux, (plain.value * u.MJy / u.sr * area).to(u.nJy), rtol=1e-4)


def test_the_solid_angle_is_that_where_the_source_is():
    # Half a degree per pixel: from declination 15 to 45, pixels become narrower by a quarter.
    header = fits.Header({'CTYPE1': 'RA---CAR', 'CTYPE2': 'DEC--CAR', 'BUNIT': 'MJy/sr'})
    header.update({'CDELT1': -0.5, 'CDELT2': 0.5, 'CRPIX1': 64.0, 'CRPIX2': 4.0, 'CRVAL1': 180.0})
    y, x = np.mgrid[:128, :128]
    pixels = np.random.default_rng(0).normal(0, 0.1, size=(128, 128))
    for row in (33, 93):
        pixels += 100 * np.exp(-((x - 63) ** 2 + (y - row) ** 2) / (2 * 2.5**2))
    sources = measure(read_image(fits.PrimaryHDU(pixels, header))).sources
    first, second = sources[np.argsort(sources['y'])]['kron_flux']
    ratio = np.cos(np.radians(45)) / np.cos(np.radians(15))
    assert (second / first).value == pytest.approx(ratio, rel=0.01)


def test_stamps_of_several_scales_each_have_their_own_solid_angle(tmp_path):
    pixels = image_of_flux(0.03, 'nJy').data[np.newaxis, 16:112, 16:112]
    header = [fits.Header(sky_header(scale)) for scale in (0.03, 0.06)]
    stamps = StampSet(np.repeat(pixels, 2, axis=0), unit='MJy/sr', wcs=[WCS(h) for h in header])
    flux = measure(stamps).stamps['kron_flux']
    assert (flux[1] / flux[0]).value == pytest.approx(4, rel=1e-6)
    stored = measure(StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps)).stamps['kron_flux']
    assert u.allclose(stored, flux)
    again = measure(StampStore.open(tmp_path / 'stamps.zarr')[1:]).stamps['kron_flux']
    assert u.allclose(again, flux[1:])


def test_a_pixel_scale_is_enough():
    pixels = image_of_flux(0.03, 'MJy/sr').data[np.newaxis]
    stamps = StampSet(pixels, unit='MJy/sr', pixel_scale=0.03 * u.arcsec)
    assert u.isclose(measure(stamps).stamps['kron_flux'][0], FLUX, rtol=0.01)


@pytest.mark.parametrize('unit', ['nmgy', 'nanomaggy'])
def test_maggies_have_magnitudes_without_a_zero_point(unit):
    image = image_of_flux(0.03, 'nJy')
    image.header['BUNIT'] = unit
    row = measure(StampSet.from_image(image, size=96, positions=[(63, 63)])).stamps[0]
    # 1 nanomaggy is of magnitude 22.5.
    assert row['magnitude'].value == pytest.approx(22.5 - 2.5 * np.log10(row['kron_flux'].value))
    assert row['kron_flux'].unit == u.nmgy


def test_jansky_per_pixel_have_magnitudes():
    image = image_of_flux(0.03, 'nJy')
    image.header['BUNIT'] = 'nJy/pixel'
    row = measure(StampSet.from_image(image, size=96, positions=[(63, 63)])).stamps[0]
    assert row['kron_flux'].unit == u.nJy
    assert row['magnitude'].value == pytest.approx(23.147, abs=0.01)


def test_zero_points_of_counts_per_solid_angle_are_those_of_counts():
    counts = image_of_flux(0.03, 'nJy')
    counts.header['BUNIT'] = 'ct/s'
    bright = fits.PrimaryHDU(counts.data / 0.03**2, counts.header)
    bright.header['BUNIT'] = 'ct/s/arcsec2'
    first, second = (
        measure(StampSet.from_image(each, size=96, positions=[(63, 63)]), zero_point=25.0).stamps[0]
        for each in (counts, bright)
    )
    assert second['kron_flux'].unit == u.ct / u.s
    assert second['magnitude'].value == pytest.approx(first['magnitude'].value, abs=1e-4)


def test_zero_point_of_pixels_whose_unit_tells_it_is_refused():
    stamps = StampSet(np.ones((1, 32, 32)), unit='MJy/sr', pixel_scale=1 * u.arcsec)
    with pytest.raises(ValueError, match=r'fluxes in nJy, whose zero point is 31\.4000'):
        measure(stamps, zero_point=28.09)


def test_flux_per_beam_is_that_of_the_gaussian_beam():
    # A point source of 5 mJy is the beam itself, of peak 5 mJy / beam.
    scale, major, minor = 1.5, 9.0, 6.0
    y, x = np.mgrid[:96, :96] - 47.0
    widths = np.array([major, minor]) / (2 * np.sqrt(2 * np.log(2))) / scale
    pixels = 5 * np.exp(-(x**2) / (2 * widths[0] ** 2) - y**2 / (2 * widths[1] ** 2))
    pixels += np.random.default_rng(0).normal(0, 0.001, size=pixels.shape)
    header = sky_header(scale, 96)
    header.update({'BUNIT': 'mJy/beam', 'BMAJ': major / 3600, 'BMIN': minor / 3600, 'BPA': 90.0})
    stamps = StampSet.from_image(fits.PrimaryHDU(pixels, header), size=80, positions=[(47, 47)])
    assert stamps.meta['beam'] == pytest.approx([major, minor])
    row = measure(stamps).stamps[0]
    assert u.isclose(row['kron_flux'], 5 * u.mJy, rtol=0.015)
    again = measure([read_image(fits.PrimaryHDU(pixels, header))] * 2).stamps
    assert u.allclose(again['kron_flux'], row['kron_flux'], rtol=1e-3)
    # 5 mJy in the AB system.
    assert row['magnitude'].value == pytest.approx(14.65, abs=0.02)


@pytest.mark.parametrize('known', [True, False])
def test_stamps_that_are_written_keep_their_beam_and_take_no_column_for_it(tmp_path, known):
    header = {'BUNIT': 'Jy/beam', 'CDELT1': -1e-3, 'CDELT2': 1e-3}
    header |= {'CTYPE1': 'RA---SIN', 'CTYPE2': 'DEC--SIN'}
    header |= {'BMAJ': 4e-3, 'BMIN': 3e-3} if known else {}
    image = fits.PrimaryHDU(np.ones((32, 32)), fits.Header(header))
    table = QTable({'x': [16.0], 'y': [16.0], 'bmaj': [5.0], 'BMIN': [6.0]})
    (stamp,) = StampSet.from_image(image, size=16, positions=table).to_ccddata()
    stamp.write(tmp_path / 'stamp.fits')
    again = read_image(tmp_path / 'stamp.fits')
    assert (again.meta['_BMAJ'], again.meta['_BMIN']) == (5, 6)
    assert (again.meta.get('BMAJ'), again.meta.get('BMIN')) == (
        (4e-3, 3e-3) if known else (None,) * 2
    )


@pytest.mark.parametrize(
    ('unit', 'message'),
    [
        (
            'Jy / beam',
            "Pixels in Jy / beam hold flux per beam, which is not known.*meta\\['beam'\\]",
        ),
        ('mag / arcsec2', 'hold a logarithm, which cannot be added: convert them to flux first'),
        ('mag(AB)', 'hold a logarithm'),
        ('K', 'Pixels in K hold something else than flux, .*give a set without unit'),
        ('km / s', 'something else than flux'),
        ('solLum / pc2', 'something else than flux'),
        ('%', 'something else than flux'),
    ],
)
def test_what_holds_no_flux_is_refused_with_what_to_do(unit, message):
    stamps = StampSet(np.ones((1, 32, 32)), unit=unit, pixel_scale=1 * u.arcsec)
    with pytest.raises(u.UnitsError, match=message):
        measure(stamps)


def test_surface_brightness_without_a_solid_angle_is_refused():
    with pytest.raises(u.UnitsError, match=r'MJy / sr hold surface brightness.*`pixel_scale`'):
        measure(StampSet(np.ones((1, 32, 32)), unit='MJy / sr'))


@pytest.mark.parametrize('beams', [({'BMAJ': 2e-3}, {'BMAJ': 3e-3}), ({'BMAJ': 2e-3}, {})])
def test_stamps_of_several_beams_are_refused(beams):
    images = [
        CCDData(np.ones((32, 32)), unit='Jy/beam', meta={**beam, 'BMIN': 1e-3}) for beam in beams
    ]
    stamps = StampSet.from_cutouts(images)
    stamps.pixel_scale = 1 * u.arcsec
    with pytest.raises(u.UnitsError, match='flux per beam, which is not known'):
        measure(stamps)


@pytest.mark.parametrize('beams', [({'BMAJ': 2e-3}, {'BMAJ': 3e-3}), ({'BMAJ': 2e-3}, {})])
def test_bands_of_several_beams_are_refused_until_one_is_given(beams):
    pixels = image_of_flux(0.03, 'nJy', size=64).data
    images = [
        CCDData(image, unit='Jy/beam', meta={**beam, 'BMIN': 1e-3}, wcs=WCS(sky_header(0.03, 64)))
        for image, beam in zip((2 * pixels, pixels), beams, strict=True)
    ]
    stamps = StampSet.from_image(images, size=48, positions=[(31, 31)])
    assert stamps.meta['dropped'] == 0
    with pytest.raises(u.UnitsError, match='flux per beam, which is not known'):
        measure(stamps, band=1)
    stamps.meta['beam'] = [3.6, 1.8]
    # By the area of a Gaussian beam.
    area = np.pi / (4 * np.log(2)) * 3.6 * 1.8 / 0.03**2
    assert measure(stamps, band=1).stamps['kron_flux'][0].value * area == pytest.approx(
        FLUX.value, rel=0.02
    )
