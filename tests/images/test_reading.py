"""Images from files, HDUs, NDData and arrays, and what is not an image."""

import gzip

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import (
    CCDData,
    InverseVariance,
    NDData,
    NDDataRef,
    StdDevUncertainty,
    UnknownUncertainty,
    VarianceUncertainty,
)
from astropy.utils.exceptions import AstropyUserWarning
from astropy.utils.masked import Masked
from astropy.wcs import WCS
from astropy.wcs.wcsapi import BaseLowLevelWCS, HighLevelWCSWrapper
from PIL import Image

from astro_wgan import datasets
from astro_wgan.exceptions import ImageError
from astro_wgan.images import read_image
from astro_wgan.testing import make_wcs

PIXELS = np.random.default_rng(1).normal(100, 3, size=(15, 20)).astype(np.float32)


@pytest.mark.parametrize('source', ['array', 'HDU', 'CCDData', 'picture'])
def test_an_hdu_is_chosen_only_where_there_are_several(tmp_path, source):
    Image.fromarray(np.full((8, 8), 7, dtype='u1')).save(tmp_path / 'picture.png')
    sources = {
        'array': PIXELS,
        'HDU': fits.PrimaryHDU(PIXELS),
        'CCDData': CCDData(PIXELS, unit='adu'),
        'picture': tmp_path / 'picture.png',
    }
    with pytest.raises(ValueError, match='`hdu` is for FITS files and HDU lists; got 1'):
        read_image(sources[source], hdu=1)


@pytest.mark.parametrize('ending', ['fits', 'fits.gz', 'fits.bz2', 'fits.xz'])
def test_fits_file_plain_or_compressed(tmp_path, ending):
    path = tmp_path / f'image.{ending}'
    header = make_wcs(PIXELS.shape).to_header()
    header['BUNIT'] = 'nJy'
    fits.writeto(path, PIXELS, header)

    image = read_image(path)

    assert np.array_equal(image.data, PIXELS)
    assert image.data.dtype.isnative
    assert image.unit == u.nJy
    assert image.mask is None
    assert np.array_equal(image.wcs.wcs.crpix, [10.5, 8])


def test_tile_compressed_fits(tmp_path):
    path = tmp_path / 'image.fits.fz'
    compressed = fits.CompImageHDU(PIXELS, compression_type='GZIP_1', quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), compressed]).writeto(path)
    assert np.array_equal(read_image(path).data, PIXELS)


def test_data_can_be_used_after_the_file_is_gone(tmp_path):
    path = tmp_path / 'image.fits'
    fits.writeto(path, PIXELS)
    image = read_image(str(path))
    path.write_bytes(b'')
    assert np.array_equal(image.data, PIXELS)


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        ('>i2', 'float32'),
        ('u1', 'float32'),
        ('?', 'float32'),
        ('i4', 'float64'),
        ('>f4', 'float32'),
        ('>f8', 'float64'),
        ('f2', 'float32'),
    ],
)
def test_integers_and_foreign_byte_order_become_native_floats(given, expected):
    values = np.array([[0, 1, 1], [1, 0, 1]]).astype(given)
    image = read_image(values)
    assert image.data.dtype == np.dtype(expected)
    assert image.data.dtype.isnative
    assert np.array_equal(image.data, values)


def test_native_floats_are_not_copied():
    assert np.shares_memory(read_image(PIXELS).data, PIXELS)


@pytest.mark.parametrize('scale', [None, 2.5])
def test_blank_integers_of_a_file_are_masked(tmp_path, scale):
    path = tmp_path / 'image.fits'
    hdu = fits.PrimaryHDU(np.arange(6, dtype=np.int16).reshape(2, 3))
    hdu.header['BLANK'] = 3
    if scale is not None:
        hdu.header['BSCALE'] = scale
    hdu.writeto(path)
    image = read_image(path)
    assert np.array_equal(image.mask, np.arange(6).reshape(2, 3) == 3)
    assert image.data[1, 2] == 5 * (scale or 1)


def test_pixels_that_are_not_finite_are_masked_beside_the_given_mask():
    pixels = PIXELS.copy()
    pixels[0, 0], pixels[1, 1] = np.nan, np.inf
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[2, 2] = True
    image = read_image(NDData(pixels, mask=mask))
    assert set(zip(*np.nonzero(image.mask), strict=True)) == {(0, 0), (1, 1), (2, 2)}
    assert mask.sum() == 1


@pytest.mark.parametrize('kind', [np.ma.array, Masked])
def test_masked_arrays_keep_their_mask(kind):
    image = read_image(kind(PIXELS, mask=PIXELS > 100))
    assert np.array_equal(image.mask, PIXELS > 100)
    assert np.array_equal(image.data, PIXELS)


@pytest.mark.parametrize('make', [StdDevUncertainty, VarianceUncertainty, InverseVariance])
def test_uncertainty_becomes_standard_deviation(make):
    deviation = np.full(PIXELS.shape, 4, dtype=np.float32)
    power = {StdDevUncertainty: 1, VarianceUncertainty: 2, InverseVariance: -2}[make]
    image = read_image(CCDData(PIXELS, unit='adu', uncertainty=make(deviation**power)))
    assert isinstance(image.uncertainty, StdDevUncertainty)
    assert np.allclose(image.uncertainty.array, 4)


def test_uncertainty_is_converted_to_the_unit_of_the_image():
    variance = VarianceUncertainty(np.full(PIXELS.shape, 9.0) * u.mJy**2)
    image = read_image(NDData(PIXELS * u.Jy, uncertainty=variance))
    assert np.allclose(image.uncertainty.array, 0.003)


def test_pixels_without_weight_have_an_infinite_standard_deviation():
    image = read_image(NDData(PIXELS, uncertainty=InverseVariance(np.zeros(PIXELS.shape))))
    assert np.isinf(image.uncertainty.array).all()


def test_uncertainty_of_unknown_kind_is_an_error():
    with pytest.raises(ImageError, match='type of the uncertainty is unknown'):
        read_image(NDData(PIXELS, uncertainty=UnknownUncertainty(PIXELS)))


def test_file_of_ccddata_gives_mask_and_uncertainty_back(tmp_path):
    path = tmp_path / 'image.fits'
    written = CCDData(
        PIXELS,
        unit='electron / s',
        mask=PIXELS > 102,
        uncertainty=VarianceUncertainty(PIXELS),
        wcs=WCS(make_wcs(PIXELS.shape).to_header()),
    )
    written.write(path)
    image = read_image(path)
    assert image.unit == u.electron / u.s
    assert np.array_equal(image.mask, written.mask)
    assert np.allclose(image.uncertainty.array, np.sqrt(PIXELS))
    assert np.array_equal(image.wcs.wcs.crval, written.wcs.wcs.crval)


@pytest.mark.parametrize(
    ('text', 'unit'),
    [
        ('', u.dimensionless_unscaled),
        ('adu', u.adu),
        ('MJy/sr', u.MJy / u.sr),
        ('ELECTRONS/S', u.electron / u.s),
        ('COUNTS', u.ct),
        ('W/m2/micron/arcsec2', u.W / u.m**2 / u.micron / u.arcsec**2),
    ],
)
def test_units_as_headers_write_them(text, unit):
    hdu = fits.PrimaryHDU(PIXELS)
    hdu.header['BUNIT'] = text
    assert read_image(hdu).unit == unit


def test_unknown_unit_is_none_and_a_warning():
    hdu = fits.PrimaryHDU(PIXELS)
    hdu.header['BUNIT'] = 'furlong'
    with pytest.warns(AstropyUserWarning, match="BUNIT 'furlong' .* is not a unit"):
        assert read_image(hdu).unit == u.dimensionless_unscaled


def test_first_image_of_a_file_is_the_default(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column('a', 'E', array=[1.0])])
    cube = fits.ImageHDU(np.zeros((3, 4, 5)), name='CUBE')
    path = tmp_path / 'image.fits'
    images = [fits.ImageHDU(PIXELS + k, name=f'SCI{k}') for k in range(2)]
    fits.HDUList([fits.PrimaryHDU(), table, cube, *images]).writeto(path)

    assert np.array_equal(read_image(path).data, PIXELS)
    assert np.array_equal(read_image(path, hdu='SCI1').data, PIXELS + 1)
    assert np.array_equal(read_image(path, hdu=3).data, PIXELS)
    assert read_image(path, plane=0).shape == (4, 5)
    with pytest.raises(ImageError, match="no HDU 'SCI9'; it has: 0 PRIMARY, 1, 2 CUBE"):
        read_image(path, hdu='SCI9')
    with pytest.raises(ImageError, match=r'HDU 1 of .* contains no image'):
        read_image(path, hdu=1)
    with fits.open(path) as hdulist:
        assert np.array_equal(read_image(hdulist).data, PIXELS)
        assert np.array_equal(read_image(hdulist['SCI1']).data, PIXELS + 1)


def test_plane_of_a_cube_brings_its_mask_uncertainty_and_wcs():
    header = make_wcs(PIXELS.shape).to_header()
    header.update({'NAXIS': 3, 'WCSAXES': 3, 'CTYPE3': 'FREQ', 'CRVAL3': 1e9, 'CDELT3': 1e6})
    cube = np.stack([PIXELS, PIXELS + 10])
    image = CCDData(
        cube, unit='Jy', mask=cube > 110, uncertainty=StdDevUncertainty(cube), wcs=WCS(header)
    )
    plane = read_image(image, plane=1)
    assert np.array_equal(plane.data, PIXELS + 10)
    assert np.array_equal(plane.mask, cube[1] > 110)
    assert np.array_equal(plane.uncertainty.array, cube[1])
    assert plane.wcs.naxis == 2
    assert np.array_equal(plane.wcs.wcs.crpix, [10.5, 8])


def test_cube_needs_a_plane_unless_it_has_only_one():
    cube = np.zeros((3, 4, 5))
    with pytest.raises(ImageError, match=r'cube of shape \(3, 4, 5\).*`plane`'):
        read_image(cube)
    with pytest.raises(ImageError, match='`plane` must lie from 0 to 2; got 3'):
        read_image(cube, plane=3)
    for odd in ('1', 1.5, True, [1], np.nan):
        with pytest.raises(ImageError, match='`plane` must be an integer; got'):
            read_image(cube, plane=odd)
    assert np.array_equal(read_image(cube, plane=np.int64(1)).data, cube[1])
    with pytest.raises(ImageError, match='`plane` chooses from a cube'):
        read_image(PIXELS, plane=0)
    with pytest.raises(ImageError, match='`plane` chooses from a cube'):
        read_image(np.zeros((2, 3, 4, 5)), plane=0)
    assert np.array_equal(read_image(PIXELS[np.newaxis, np.newaxis]).data, PIXELS)
    assert np.array_equal(read_image(np.stack([cube, cube + 1])[:, :1], plane=1).data, cube[0] + 1)


def test_wcs_that_is_not_celestial_is_left_out():
    header = fits.Header({'CTYPE1': 'LINEAR', 'CTYPE2': 'LINEAR', 'CRPIX1': 3.0})
    assert read_image(fits.PrimaryHDU(PIXELS, header)).wcs is None


def test_broken_wcs_is_left_out_with_a_warning():
    header = fits.Header({'CTYPE1': 'RA---TAN', 'CTYPE2': 'RA---TAN'})
    with pytest.warns(AstropyUserWarning, match='WCS of the HDU cannot be read'):
        assert read_image(fits.PrimaryHDU(PIXELS, header)).wcs is None


def test_other_kinds_of_wcs_are_left_out_with_a_warning():
    class Scanner(BaseLowLevelWCS):
        """A WCS that is none of FITS, as gWCS has."""

    for name in Scanner.__abstractmethods__:
        setattr(Scanner, name, 2)
    Scanner.__abstractmethods__ = frozenset()
    other = HighLevelWCSWrapper(Scanner())
    with pytest.warns(AstropyUserWarning, match='only a FITS WCS can follow a stamp'):
        assert read_image(NDData(PIXELS, wcs=other)).wcs is None


def test_a_slice_of_nddata_keeps_its_wcs():
    wcs = WCS(make_wcs(PIXELS.shape).to_header())
    part = read_image(NDDataRef(PIXELS, wcs=wcs)[2:, 3:])
    assert part.wcs.pixel_to_world(1, 4).separation(wcs.pixel_to_world(4, 6)).mas < 1e-3


def test_header_is_kept_without_a_second_wcs(tmp_path):
    header = make_wcs(PIXELS.shape).to_header()
    for i, j in ((1, 1), (1, 2), (2, 1), (2, 2)):
        header[f'CD{i}_{j}'] = 2e-5 * (i == j)
    del header['CDELT1'], header['CDELT2']
    header['OBJECT'] = 'M 51'
    path = tmp_path / 'image.fits'
    fits.writeto(path, PIXELS, header)
    image = read_image(path)
    assert image.meta['OBJECT'] == 'M 51'
    image.write(tmp_path / 'again.fits')
    again = read_image(tmp_path / 'again.fits')
    assert np.allclose(again.wcs.pixel_scale_matrix, image.wcs.pixel_scale_matrix, rtol=1e-12)


def test_colors_become_luminance_and_row_0_is_the_top(tmp_path):
    rgb = np.random.default_rng(2).integers(0, 256, size=(4, 6, 3), dtype=np.uint8)
    path = tmp_path / 'image.png'
    Image.fromarray(rgb).save(path)
    image = read_image(path)
    assert image.data.dtype == np.float32
    assert np.allclose(image.data, rgb @ [0.299, 0.587, 0.114], atol=1e-4)
    # Pillow's own, but rounded.
    assert np.abs(image.data - np.asarray(Image.open(path).convert('L'), dtype=float)).max() <= 1
    assert 'luminance' in image.meta['pixels']


def test_transparency_is_dropped(tmp_path):
    rgba = np.random.default_rng(2).integers(0, 256, size=(4, 6, 4), dtype=np.uint8)
    Image.fromarray(rgba).save(tmp_path / 'image.png')
    Image.fromarray(rgba[..., :3]).save(tmp_path / 'opaque.png')
    opaque = read_image(tmp_path / 'opaque.png')
    assert np.array_equal(read_image(tmp_path / 'image.png').data, opaque.data)
    Image.fromarray(rgba[..., :2], mode=None).save(tmp_path / 'gray.png')
    assert np.array_equal(read_image(tmp_path / 'gray.png').data, rgba[..., 0])


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_gray_pictures_keep_their_values(tmp_path, dtype):
    gray = np.random.default_rng(2).integers(0, np.iinfo(dtype).max, size=(4, 6), dtype=dtype)
    Image.fromarray(gray).save(tmp_path / 'image.png')
    assert np.array_equal(read_image(tmp_path / 'image.png').data, gray)


def test_palettes_are_looked_up(tmp_path):
    picture = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode=None).convert('P')
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.save(tmp_path / 'image.png')
    expected = np.array([[10, 20, 30], [200, 100, 50]]) @ [0.299, 0.587, 0.114]
    assert np.allclose(read_image(tmp_path / 'image.png').data[0], expected, atol=1e-4)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.fits'):
        read_image(tmp_path / 'nowhere.fits')


def test_folder(tmp_path):
    with pytest.raises(ImageError, match='is a folder'):
        read_image(tmp_path)


@pytest.mark.parametrize('content', [b'', b'x,y\n1,2\n', b'SIMPLE  but no more', b'\x1f\x8b'])
def test_files_that_are_no_image(tmp_path, content):
    path = tmp_path / 'image.fits'
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r'is (neither a FITS|truncated or not a FITS)'):
        read_image(path)


@pytest.mark.parametrize('share', [0.02, 0.4, 0.8])
@pytest.mark.parametrize('ending', ['fits', 'fits.gz', 'fits.fz'])
def test_truncated_fits(tmp_path, ending, share):
    whole, part = tmp_path / f'whole.{ending}', tmp_path / f'part.{ending}'
    pixels = np.random.default_rng(1).normal(size=(100, 120)).astype(np.float32)
    if ending == 'fits.fz':
        compressed = fits.CompImageHDU(pixels)
        fits.HDUList([fits.PrimaryHDU(), compressed]).writeto(whole)
    else:
        fits.writeto(whole, pixels)
    content = whole.read_bytes()
    part.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ImageError, match='truncated'):
        read_image(part)


def test_truncated_extension_of_a_compressed_file(tmp_path):
    whole, part = tmp_path / 'whole.fits', tmp_path / 'part.fits.gz'
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(PIXELS)]).writeto(whole)
    part.write_bytes(gzip.compress(whole.read_bytes()[:-2000]))
    with pytest.raises(ImageError, match='truncated'):
        read_image(part)


def test_truncated_pictures(tmp_path):
    content = datasets.image_path('hubble_xdf').read_bytes()
    path = tmp_path / 'image.jpg'
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageError, match='cannot be read as a picture'):
        read_image(path)


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        (np.full((4, 5), np.nan), 'has no pixel'),
        (np.ma.array(PIXELS, mask=True), 'has no pixel'),
        (np.zeros((0, 4)), 'empty'),
        (np.zeros(4), 'two axes'),
        (fits.PrimaryHDU(), 'the HDU contains no image'),
        (fits.BinTableHDU(), 'the HDU contains no image'),
        (fits.HDUList([fits.PrimaryHDU()]), 'the HDUList contains no image'),
    ],
)
def test_images_without_a_usable_pixel(source, message):
    with pytest.raises(ImageError, match=message):
        read_image(source)


@pytest.mark.parametrize('source', [PIXELS * 1j, PIXELS.astype('U8'), None, {'a': 1}])
def test_what_holds_no_real_numbers(source):
    with pytest.raises(TypeError):
        read_image(source)


@pytest.mark.parametrize(
    ('name', 'shape', 'celestial'),
    [
        ('mock_f814w', (250, 250), True),
        ('ntt_field', (256, 256), False),
        ('hubble_xdf', (872, 1000), False),
    ],
)
def test_bundled_images(name, shape, celestial):
    image = read_image(datasets.image_path(name))
    assert image.shape == shape
    assert (image.wcs is not None) == celestial
    assert image.data.dtype == np.float32


@pytest.mark.parametrize('kind', [lambda data: data, lambda data: CCDData(data, unit='nJy')])
def test_arrays_of_dask_are_computed_once(kind):
    from dask import array

    pixels = np.random.default_rng(1).normal(size=(40, 40)).astype(np.float32)
    computed = []

    def block(part):
        computed.append(part.shape)
        return part

    lazy = array.from_array(pixels, chunks=20).map_blocks(block, meta=pixels[:0, :0])
    image = read_image(kind(lazy), mask=lazy.map_blocks(np.isnan))
    assert type(image.data) is np.ndarray
    np.testing.assert_array_equal(image.data, pixels)
    # For the image, and for the mask.
    assert computed == 8 * [(20, 20)]


def test_arrays_of_objects_are_read_where_they_hold_numbers():
    pixels = np.random.default_rng(1).normal(size=(6, 7))
    bright = pixels > 1
    image = read_image(np.where(bright, None, pixels))
    np.testing.assert_array_equal(image.mask, bright)
    np.testing.assert_array_equal(image.data[~bright], pixels[~bright])


@pytest.mark.parametrize(
    'source',
    [None, {}, {1}, [[1], [1, 2]], np.array([[{}, 1]], dtype=object), np.full((2, 2), None)],
)
def test_what_is_no_array_of_numbers_is_refused_in_a_sentence(source):
    with pytest.raises(TypeError, match='`source` must be '):
        read_image(source)


@pytest.mark.parametrize('limit', [0, -10, np.nan])
def test_a_limit_of_memory_that_is_none_is_not_the_fault_of_the_file(tmp_path, limit):
    fits.PrimaryHDU(np.ones((9, 9), 'f4')).writeto(tmp_path / 'image.fits')
    with pytest.raises(ValueError, match=rf'^`max_size` must be above 0; got {limit}\.$'):
        read_image(tmp_path / 'image.fits', max_size=limit)
