"""Pixels that are not what is stored: blank integers, asinh of flux, a bias, plates."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS

from astro_wgan.images import read_image
from astro_wgan.stamps import StampSet

BLANK = 20

#: What FITS adds to signed integers to make them unsigned, and to bytes to make them signed.
ZEROS = {'u1': -128, 'i2': 2**15, 'i4': 2**31, 'i8': 2**63}

COMPRESSIONS = {'u1': 'HCOMPRESS_1', 'i2': 'RICE_1', 'i4': 'RICE_1', 'i8': 'GZIP_2'}


def write(path, raw, cards, compression):
    """Integers with cards that astropy does not apply when it writes."""
    if compression is None:
        hdu = fits.PrimaryHDU(raw)
    else:
        hdu = fits.CompImageHDU(raw, compression_type=compression, tile_shape=raw.shape)
    hdu.header.update(cards)
    fits.HDUList([hdu] if compression is None else [fits.PrimaryHDU(), hdu]).writeto(path)


@pytest.mark.parametrize('tiled', [False, True])
@pytest.mark.parametrize('scale', [None, 0.5])
@pytest.mark.parametrize('zero', [None, 'unsigned', 'as float', 3.0])
@pytest.mark.parametrize('dtype', ['u1', 'i2', 'i4', 'i8'])
def test_blank_integers_are_masked_however_they_are_stored(tmp_path, dtype, zero, scale, tiled):
    raw = np.arange(64, dtype=dtype).reshape(8, 8) + 1
    cards = {'BLANK': BLANK}
    added = {None: 0, 'unsigned': ZEROS[dtype], 'as float': float(ZEROS[dtype])}.get(zero, zero)
    if zero is not None:
        cards['BZERO'] = added
    if scale is not None:
        cards['BSCALE'] = scale
    path = tmp_path / 'image.fits'
    write(path, raw, cards, COMPRESSIONS[dtype] if tiled else None)

    image = read_image(path)

    assert np.array_equal(image.mask, raw == BLANK)
    right = raw.astype(float) * (scale or 1) + added
    assert np.allclose(image.data[~image.mask], right[~image.mask], rtol=1e-7)
    assert not {'BLANK', 'BZERO', 'BSCALE'} & set(image.meta)
    stamps = StampSet.from_image(path, size=4, positions=[(3, 3)])
    assert np.array_equal(stamps.mask[0], (raw == BLANK)[1:5, 1:5])


@pytest.mark.parametrize('tiled', [False, True])
@pytest.mark.parametrize('cards', [{}, {'BSCALE': 0.1}, {'BSCALE': 0.1, 'BZERO': 7.3}])
@pytest.mark.parametrize('dtype', ['u1', 'i2', 'i4', 'i8'])
def test_a_blank_of_zero_is_masked_though_astropy_keeps_it(tmp_path, dtype, cards, tiled):
    raw = np.arange(64, dtype=dtype).reshape(8, 8)
    path = tmp_path / 'image.fits'
    write(path, raw, {'BLANK': 0} | cards, COMPRESSIONS[dtype] if tiled else None)
    assert np.array_equal(read_image(path, zeros='keep').mask, raw == 0)
    stamps = StampSet.from_image(path, size=2, positions=[(0.5, 0.5)], zeros='keep')
    assert stamps.mask[0].tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize('accessed', [False, True])
@pytest.mark.parametrize('dtype', ['i2', 'i4', 'i8'])
def test_blank_unsigned_integers_of_an_hdu_are_masked(tmp_path, dtype, accessed):
    raw = np.arange(64, dtype=dtype).reshape(8, 8) + 1
    path = tmp_path / 'image.fits'
    write(path, raw, {'BLANK': BLANK, 'BZERO': ZEROS[dtype]}, None)
    with fits.open(path) as hdulist:
        if accessed:
            assert hdulist[0].data.dtype.kind == 'u'
        for source in (hdulist, hdulist[0]):
            assert np.array_equal(read_image(source).mask, raw == BLANK)


@pytest.mark.parametrize('blank', ['five', 5.5, True])
def test_a_blank_that_is_no_whole_number_masks_nothing(blank):
    hdu = fits.PrimaryHDU(np.arange(9, dtype=np.uint16).reshape(3, 3))
    hdu.header['BLANK'] = blank
    assert read_image(hdu).mask is None


def panstarrs(path, flux, *, offset=2.0, soft=400.0, cards=()):
    """A stack as Pan-STARRS writes it, by the exponentials of its document, reversed."""
    alpha = 2.5 * np.log10(np.e)
    half = (flux - offset) / (2 * soft)
    value = alpha * np.log(half + np.sqrt(half**2 + 1))
    scale, zero = 3e-4, 0.5
    raw = np.round((value - zero) / scale).astype('i2')
    raw[:2] = -32768
    header = fits.Header({'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN', 'CRVAL1': 10, 'CRVAL2': 20})
    header.update({'CRPIX1': 20.0, 'CRPIX2': 20.0, 'CDELT1': 7e-5, 'CDELT2': 7e-5})
    header.update({'PC001001': -1.0, 'PC001002': 0.0, 'PC002001': 0.0, 'PC002002': 1.0})
    header.update({'BOFFSET': offset, 'BSOFTEN': soft, 'EXPTIME': 900.0})
    hdu = fits.CompImageHDU(raw, header, compression_type='RICE_1')
    hdu.header.update({'BLANK': -32768, 'BSCALE': scale, 'BZERO': zero, **dict(cards)})
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    # What 16 bits can tell.
    exponent = (raw * scale + zero) / alpha
    return offset + soft * (np.exp(exponent) - np.exp(-exponent))


def test_asinh_pixels_of_panstarrs_are_flux(tmp_path):
    path = tmp_path / 'stack.fits'
    flux = np.random.default_rng(1).lognormal(4, 3, size=(40, 40)) - 30
    right = panstarrs(path, flux)
    image = read_image(path)
    assert np.array_equal(image.mask, np.arange(40)[:, np.newaxis] * np.ones(40) < 2)
    assert np.allclose(image.data[2:], right[2:], rtol=1e-5, atol=1e-3)
    assert np.allclose(image.data[2:], flux[2:], rtol=5e-4, atol=0.3)
    assert image.meta['PIXELS'] == 'flux = 2 + 800 sinh(stored / 1.08574)'
    assert image.meta['EXPTIME'] == 900


def test_written_flux_is_not_taken_for_asinh_again(tmp_path):
    panstarrs(tmp_path / 'stack.fits', np.full((40, 40), 5e4))
    image = read_image(tmp_path / 'stack.fits')
    image.write(tmp_path / 'flux.fits')
    header = fits.getheader(tmp_path / 'flux.fits')
    assert not {'BOFFSET', 'BSOFTEN', 'BLANK', 'BSCALE', 'PC001001', 'PC002002'} & set(header)
    again = read_image(tmp_path / 'flux.fits')
    assert np.array_equal(again.data, image.data, equal_nan=True)
    assert again.meta['PIXELS'] == image.meta['PIXELS']
    first, second = (each.wcs.pixel_to_world(3, 4) for each in (image, again))
    assert first.separation(second).mas < 1e-3
    assert np.allclose(WCS(header).pixel_scale_matrix, [[-7e-5, 0], [0, 7e-5]])
    assert np.array_equal(
        CCDData.read(tmp_path / 'flux.fits', unit='ct').data, image.data, equal_nan=True
    )


@pytest.mark.parametrize('kind', [dict, fits.Header])
def test_whether_an_array_is_still_asinh_is_not_known(tmp_path, kind):
    cards = kind({'BOFFSET': 2.0, 'BSOFTEN': 400.0, 'EXPTIME': 900.0})
    source = CCDData(np.arange(9.0).reshape(3, 3), unit='adu', meta=cards)
    with pytest.warns(AstropyUserWarning, match='pass the path of the file'):
        image = read_image(source)
    assert np.array_equal(image.data, source.data)
    assert 'BOFFSET' in source.meta
    image.write(tmp_path / 'a.fits')
    again = read_image(tmp_path / 'a.fits')
    assert np.array_equal(again.data, source.data)
    assert again.meta['EXPTIME'] == 900


@pytest.mark.parametrize(
    'cards', [{'BSOFTEN': 'x'}, {'BSOFTEN': 0.0}, {'BOFFSET': 'x'}, {'BOFFSET': True}]
)
def test_half_an_asinh_is_a_warning(tmp_path, cards):
    panstarrs(tmp_path / 'stack.fits', np.full((40, 40), 100.0), cards=cards)
    with pytest.warns(AstropyUserWarning, match='BOFFSET and BSOFTEN.* are not valid'):
        image = read_image(tmp_path / 'stack.fits')
    assert np.nanmax(image.data) < 1
    assert 'BSOFTEN' in image.meta


def test_asinh_beyond_all_numbers_is_masked():
    header = fits.Header({'BOFFSET': 0.0, 'BSOFTEN': 1.0})
    image = read_image(fits.PrimaryHDU(np.array([[0, 1e4], [1, 2]], dtype='f4'), header))
    assert image.mask.tolist() == [[False, True], [False, False]]


def test_bias_of_sdss_frames_is_subtracted():
    # fpC frames: unsigned integers, 1000 above zero.
    raw = np.random.default_rng(2).poisson(100, size=(8, 8)).astype(np.uint16) + 1000
    hdu = fits.PrimaryHDU(raw.astype(np.uint16), fits.Header({'SOFTBIAS': 1000}))
    image = read_image(hdu)
    assert np.array_equal(image.data, raw - 1000.0)
    assert image.meta['PIXELS'] == 'stored - 1000, the SOFTBIAS'
    assert 'SOFTBIAS' not in image.meta
    assert np.array_equal(read_image(image.to_hdu()).data, image.data)


def test_bias_of_floats_is_a_relic():
    hdu = fits.PrimaryHDU(np.ones((4, 4), dtype='f4'), fits.Header({'SOFTBIAS': 1000}))
    image = read_image(hdu)
    assert (image.data == 1).all()
    assert image.meta['SOFTBIAS'] == 1000
    assert 'PIXELS' not in image.meta


def test_plates_of_spectrographs_are_no_photographs():
    hdu = fits.PrimaryHDU(np.ones((4, 4), dtype='f4'), fits.Header({'PLATEID': 8485}))
    assert 'PIXELS' not in read_image(hdu).meta


@pytest.mark.parametrize('key', ['PLTGRADE', 'PLTLABEL'])
def test_photographic_plates_are_a_warning(key):
    hdu = fits.PrimaryHDU(np.ones((4, 4), dtype='i2'), fits.Header({key: 'A0K1'}))
    with pytest.warns(AstropyUserWarning, match='densities of a photographic plate.*not linear'):
        assert 'plate' in read_image(hdu).meta['PIXELS']
