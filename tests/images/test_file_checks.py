"""FITS files that lack padding or data, and paths that are no image."""

import gzip
import re

import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.images import read_image

PIXELS = np.random.default_rng(1).normal(5, 1, size=(30, 40)).astype(np.float32)


def extensions():
    return [fits.ImageHDU(PIXELS, name='SCI'), fits.ImageHDU(0 * PIXELS + 2, name='ERR')]


KINDS = {
    'plain': lambda: [fits.PrimaryHDU(PIXELS)],
    'extensions': lambda: [fits.PrimaryHDU(), *extensions()],
    'table behind': lambda: [
        fits.PrimaryHDU(PIXELS),
        fits.BinTableHDU.from_columns([fits.Column('x', 'E', array=np.ones(9))]),
    ],
    'compressed': lambda: [
        fits.PrimaryHDU(),
        fits.CompImageHDU(PIXELS, compression_type='GZIP_1', quantize_level=0),
    ],
}


def cut(tmp_path, kind, packed, beyond):
    """A file that ends so many bytes behind its data, or before their end."""
    whole = tmp_path / 'whole.fits'
    fits.HDUList(KINDS[kind]()).writeto(whole)
    content = whole.read_bytes()
    # Data are followed by zeros, and end with something else.
    end = len(content.rstrip(b'\0')) if kind != 'extensions' else len(content) - 2880 + 4800 % 2880
    path = tmp_path / f'part.fits{".gz" if packed else ""}'
    content = content[: end + beyond]
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


@pytest.mark.filterwarnings('ignore:File may have been truncated')
@pytest.mark.parametrize('packed', [False, True])
@pytest.mark.parametrize('kind', KINDS)
def test_a_missing_padding_is_a_warning(tmp_path, kind, packed):
    path = cut(tmp_path, kind, packed, beyond=4)
    with pytest.warns(AstropyUserWarning, match='last block of .* is not padded'):
        assert np.array_equal(read_image(path).data, PIXELS)
    with pytest.warns(AstropyUserWarning, match='last block of the HDUList'), fits.open(path) as f:
        assert np.array_equal(read_image(f).data, PIXELS)


@pytest.mark.filterwarnings('ignore:File may have been truncated')
@pytest.mark.parametrize('packed', [False, True])
@pytest.mark.parametrize('kind', KINDS)
def test_missing_data_are_an_error(tmp_path, kind, packed):
    path = cut(tmp_path, kind, packed, beyond=-9)
    with pytest.raises(ImageError, match='truncated'):
        read_image(path)
    with fits.open(path) as hdulist, pytest.raises(ImageError, match='truncated'):
        read_image(hdulist)


@pytest.mark.parametrize('packed', [False, True])
@pytest.mark.parametrize('share', [0.1, 0.4, 0.8])
def test_a_file_that_ends_in_a_header_may_lack_a_mask(tmp_path, packed, share):
    hdus = [fits.PrimaryHDU(PIXELS), fits.ImageHDU(np.ones(PIXELS.shape, 'u1'), name='MASK')]
    fits.HDUList(hdus[:1]).writeto(tmp_path / 'first.fits')
    fits.HDUList(hdus).writeto(tmp_path / 'whole.fits')
    length = (tmp_path / 'first.fits').stat().st_size
    content = (tmp_path / 'whole.fits').read_bytes()[: length + int(2880 * share)]
    path = tmp_path / 'part.fits'
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ImageError, match=r'HDU 1 of .*part\.fits is truncated: '):
        read_image(path)
    # What is no header is no part of the file.
    path.write_bytes(content[:length] + b'sent by mail')
    assert np.array_equal(read_image(path).data, PIXELS)


@pytest.mark.parametrize(
    ('begin', 'message'),
    [
        (b'#ASDF 1.0.0\n', 'is an ASDF file, which is not read: give its array'),
        (b'\x89HDF\r\n\x1a\n', 'is an HDF5 file, which is not an image'),
        (b'\x93NUMPY\x01\x00', 'give np.load of it'),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path, begin, message):
    path = tmp_path / 'image.dat'
    path.write_bytes(begin + bytes(100))
    with pytest.raises(ImageError, match=message):
        read_image(path)


def test_extensions_in_a_path_are_an_argument(tmp_path):
    path = tmp_path / 'image.fits'
    fits.writeto(path, PIXELS)
    for name, how in {
        '[SCI,2]': "('SCI', 2)",
        '[SCI,2][1:9,*]': "('SCI', 2)",
        '[1]': '1',
        '[DQ]': "'DQ'",
    }.items():
        message = f'image.fits is one: give its extension by `hdu`, as {how};'
        with pytest.raises(ImageError, match=re.escape(message)):
            read_image(f'{path}{name}')
    for section in ('[1:9,2:4]', '[0][1:9,2:4]'):
        with pytest.raises(
            ImageError, match='take its section as `\\[rows, columns]` of the image'
        ):
            read_image(f'{path}{section}')
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / 'other.fits[SCI]')
    odd = tmp_path / 'image[1].fits'
    path.rename(odd)
    assert np.array_equal(read_image(odd).data, PIXELS)


def test_empty_paths_and_tables(tmp_path):
    with pytest.raises(ImageError, match='path of the image is empty'):
        read_image('')
    path = tmp_path / 'table.fits'
    fits.BinTableHDU.from_columns([fits.Column('x', 'E', array=np.ones(9))]).writeto(path)
    with pytest.raises(
        ImageError, match=r'table\.fits contains no image, only empty HDUs or tables'
    ):
        read_image(path)


def test_paths_of_bytes(tmp_path):
    fits.writeto(tmp_path / 'image.fits', PIXELS)
    assert np.array_equal(read_image(bytes(tmp_path / 'image.fits')).data, PIXELS)


@pytest.mark.parametrize('path', ['a\0b.fits', 'a\0b.fits[SCI]', '\ud800.fits'])
def test_what_no_file_can_be_called_is_refused_in_a_sentence(path):
    with pytest.raises(ImageError, match='is not a valid file name'):
        read_image(path)


@pytest.mark.parametrize('name', ['BUNIT', 'TELESCOP', 'EXTNAME', 'EXTVER', 'INHERIT'])
def test_text_without_quotes_is_read(tmp_path, name):
    path = tmp_path / 'a.fits'
    fits.PrimaryHDU(PIXELS).writeto(path)
    card = b''.join(
        text.ljust(80).encode() for text in (f'{name:8}= Jy/beam / of', 'A       = 1.5d2')
    )
    end = b'END'.ljust(80)
    content = path.read_bytes()
    path.write_bytes(content.replace(end + 160 * b' ', card + end, 1))
    image = read_image(path)
    assert np.array_equal(image.data, PIXELS)
    assert image.meta['A'] == 150
    if name == 'BUNIT':
        assert image.unit == 'Jy / beam'
    with fits.open(path) as hdulist, pytest.raises(ImageError, match=f'cannot be read.*{name}'):
        read_image(hdulist)
