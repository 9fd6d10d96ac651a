"""Few stamps of a large FITS file are what those of the whole image are, without reading it."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.images import read_image
from astro_wgan.images.fits_image import FitsImage
from astro_wgan.stamps import StampSet
from astro_wgan.testing import assert_stamps_equal, make_wcs

SHAPE = 1200, 1500
RNG = np.random.default_rng(2)
NOISE = RNG.normal(1, 1, size=SHAPE).astype(np.float32)
INSIDE = [(100, 80), (700.5, 800), (1400, 1100)]
BORDER = [(3, 4), (1499, 1199), (750, 2)]


def header():
    cards = make_wcs(SHAPE).to_header()
    cards['BUNIT'] = 'nJy'
    return cards


def with_companions():
    dq = np.zeros(SHAPE, dtype='i4')
    dq[::7, ::5] = 1
    weight = np.ones(SHAPE, dtype='f4')
    weight[:, ::11] = 0
    return [
        fits.PrimaryHDU(),
        fits.ImageHDU(NOISE, header(), name='SCI'),
        fits.ImageHDU(np.sqrt(abs(NOISE)), name='ERR'),
        fits.ImageHDU(dq, name='DQ'),
        fits.ImageHDU(weight, name='WHT'),
    ]


def with_blanks():
    hdu = fits.PrimaryHDU((100 * NOISE).astype('i2'), header())
    hdu.data[::9, ::4] = -32768
    hdu.header['BLANK'] = -32768
    return [hdu]


def compressed():
    kinds = {'compression_type': 'RICE_1', 'tile_shape': (50, 60)}
    return [fits.PrimaryHDU(), fits.CompImageHDU(NOISE, header(), **kinds)]


FILES = {
    'plain': lambda: [fits.PrimaryHDU(NOISE, header())],
    'with mask, weight and uncertainty': with_companions,
    'integers with blanks': with_blanks,
    'double': lambda: [fits.PrimaryHDU(NOISE.astype('f8'), header())],
    'compressed': compressed,
    'with NaN': lambda: [fits.PrimaryHDU(np.where(NOISE > 3, np.nan, NOISE), header())],
}


@pytest.fixture
def read(monkeypatch):
    """The parts of images that are read, as slices."""
    parts, original = [], FitsImage.read_arrays

    def read_arrays(image, rows=slice(None), columns=slice(None)):
        parts.append((rows, columns))
        return original(image, rows, columns)

    monkeypatch.setattr(FitsImage, 'read_arrays', read_arrays)
    return parts


def write(tmp_path, hdus):
    path = tmp_path / 'image.fits'
    fits.HDUList(hdus).writeto(path)
    return path


@pytest.mark.parametrize('positions', [INSIDE, BORDER])
@pytest.mark.parametrize('name', FILES)
def test_parts_are_those_of_the_whole(tmp_path, read, name, positions):
    path = write(tmp_path, FILES[name]())
    known = {'size': (16, 20), 'positions': positions, 'partial': 'fill', 'fill_value': -5}
    stamps = StampSet.from_image(path, **known)
    assert (slice(None), slice(None)) not in read
    assert_stamps_equal(stamps, StampSet.from_image(read_image(path), **known))


def test_a_mask_of_the_caller_is_added(tmp_path):
    path = write(tmp_path, with_companions())
    known = {'size': 16, 'positions': INSIDE, 'mask': RNG.random(SHAPE) < 0.3}
    assert_stamps_equal(
        StampSet.from_image(path, **known), StampSet.from_image(read_image(path), **known)
    )
    with pytest.raises(ValueError, match='`mask` must have the shape of the image'):
        StampSet.from_image(path, **known | {'mask': np.ones((3, 4), bool)})


def test_many_stamps_are_cut_from_the_whole(tmp_path, read):
    path = write(tmp_path, FILES['plain']())
    positions = RNG.uniform(50, 1100, size=(900, 2))
    stamps = StampSet.from_image(path, size=16, positions=positions)
    assert read == [(slice(None), slice(None))]
    assert_stamps_equal(stamps, StampSet.from_image(read_image(path), size=16, positions=positions))


@pytest.mark.parametrize('place', [(600, 700), (592, 700), (2, 650)])
def test_zeros_that_may_be_no_data_are_judged_by_the_whole(tmp_path, read, place):
    pixels = NOISE.copy()
    pixels[400:900, :600] = 0
    path = write(tmp_path, [fits.PrimaryHDU(pixels, header())])
    known = {'size': 16, 'positions': [place], 'partial': 'fill'}
    stamps = StampSet.from_image(path, **known)
    assert (slice(None), slice(None)) in read
    assert_stamps_equal(stamps, StampSet.from_image(read_image(path), **known))


def test_single_zeros_need_no_more_than_what_is_around(tmp_path, read):
    pixels = NOISE.copy()
    pixels[::3, ::2] = 0
    path = write(tmp_path, [fits.PrimaryHDU(pixels, header())])
    for zeros in ('auto', 'keep', 'mask'):
        known = {'size': 16, 'positions': INSIDE, 'zeros': zeros}
        stamps = StampSet.from_image(path, **known)
        assert (slice(None), slice(None)) not in read
        expected = StampSet.from_image(read_image(path, zeros=zeros), **known)
        read.clear()
        assert_stamps_equal(stamps, expected)


def test_bits_without_meaning_are_told_once(tmp_path):
    hdus = with_companions()
    hdus[3].data[80:800, :] |= 8
    path = write(tmp_path, hdus)
    with pytest.warns(AstropyUserWarning, match='Bits 3 of DQ') as caught:
        StampSet.from_image(path, size=16, positions=INSIDE)
    assert len(caught) == 1


def test_errors_of_positions_are_no_errors_of_the_file(tmp_path):
    path = write(tmp_path, FILES['plain']())
    with pytest.raises(ValueError, match='`positions` must be finite') as caught:
        StampSet.from_image(path, size=16, positions=[(np.nan, 3)])
    assert not isinstance(caught.value, ImageError)


def test_a_tile_that_cannot_be_decompressed_is_an_error_of_the_file(tmp_path):
    path = write(tmp_path, compressed())
    content = bytearray(path.read_bytes())
    begin = len(content) * 2 // 3
    content[begin:] = RNG.bytes(len(content) - begin)
    path.write_bytes(content)
    with pytest.raises(ImageError, match='cannot be read'):
        StampSet.from_image(path, size=16, positions=INSIDE)
