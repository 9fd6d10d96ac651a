"""Images that ask for too much, and what else no survey writes."""

import bz2
import gzip
import io
import lzma
import os
import re
import struct
import subprocess
import sys
import time
import zipfile
import zlib

import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from PIL import Image

from astro_wgan.exceptions import ImageError
from astro_wgan.images import read_image

PIXELS = np.random.default_rng(1).normal(100, 3, size=(48, 40)).astype(np.float32)

CELESTIAL = {
    'CTYPE1': 'RA---TAN-SIP',
    'CTYPE2': 'DEC--TAN-SIP',
    'CRVAL1': 150.0,
    'CRVAL2': 2.0,
    'CDELT1': -1e-4,
    'CDELT2': 1e-4,
}


def content_of(*hdus):
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file)
    return file.getvalue()


def image_with(**cards):
    return content_of(fits.PrimaryHDU(PIXELS, fits.Header(cards)))


def tiled_with(algorithm, pixels=PIXELS, tile=(8, 40)):
    hdu = fits.CompImageHDU(pixels, compression_type=algorithm, tile_shape=tile, quantize_method=1)
    return content_of(fits.PrimaryHDU(), hdu)


def with_card(content, name, value):
    """The content with another value on the last card of a name."""
    at = content.rindex(f'{name:<8}='.encode())
    return content[:at] + f'{name:<8}= {value:>20}'.ljust(80).encode() + content[at + 80 :]


def with_cards_added(content, cards):
    """The content with more cards in its only header."""
    end = content.index(b'END'.ljust(80))
    data = content[-(-(end + 80) // 2880) * 2880 :]
    header = content[:end] + b''.join(card.ljust(80).encode() for card in cards)
    header += b'END'.ljust(80)
    return header.ljust(-(-len(header) // 2880) * 2880) + data


def refusal(folder, content, name='image.fits', **options):
    path = folder / name
    path.write_bytes(content)
    begin = time.process_time()
    with pytest.raises(ImageError) as raised:
        read_image(path, **options)
    assert time.process_time() - begin < 2
    assert path.name in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize('text', ['10**9999999 m', '10^(9999999) Jy', 'm' * 60])
def test_a_unit_that_would_take_minutes_is_no_unit(tmp_path, text):
    path = tmp_path / 'image.fits'
    path.write_bytes(image_with(BUNIT=text))
    begin = time.process_time()
    with pytest.warns(AstropyUserWarning, match='is not a unit that can be read'):
        assert read_image(path).unit == ''
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('NAXIS', 10**7, 'NAXIS of HDU 0 of .* must lie from 0 to 64; got 10000000'),
        ('NAXIS', 2**31 - 1, 'must lie from 0 to 64'),
        ('NAXIS', 3, 'has no NAXIS3'),
        ('NAXIS', -2, 'must lie from 0 to 64'),
        ('NAXIS1', 10**9, 'truncated'),
        ('NAXIS1', 10**18, 'the size of its data, which is not valid'),
        ('NAXIS1', -5, 'must be 0 or more'),
        ('NAXIS2', '20.5', "NAXIS2 of HDU 0 of .* must be an integer; got '20.5'"),
        ('BITPIX', 7, 'BITPIX of HDU 0 of .* must be one of .* got 7'),
    ],
)
def test_a_size_that_no_image_has_is_refused_at_once(tmp_path, name, value, words):
    message = refusal(tmp_path, with_card(image_with(), name, value))
    assert re.search(words, message), message


@pytest.mark.parametrize(
    ('cards', 'words'),
    [
        (['NAXIS1  =                   41'], "two cards NAXIS1: '40' and '41'"),
        (['COMMENT'] * 50_040, 'more than 50,000 cards'),
        (["OBJECT  = 'a&'"] + ["CONTINUE  'a&'"] * 1001, 'a text value on more than 1,000 cards'),
        (['TFIELDS =                 1000'], 'TFIELDS of HDU 0'),
    ],
)
def test_a_header_that_no_survey_writes_is_refused_at_once(tmp_path, cards, words):
    assert words in refusal(tmp_path, with_cards_added(image_with(), cards))


def test_long_headers_and_texts_are_read(tmp_path):
    path = tmp_path / 'image.fits'
    header = fits.Header({'OBJECT': 'long ' * 900})
    header['HISTORY'] = 'reduced ' * 20_000
    fits.writeto(path, PIXELS, header)
    assert np.array_equal(read_image(path).data, PIXELS)


def test_a_header_without_end_is_not_looked_for_through_the_whole_file(tmp_path):
    path = tmp_path / 'image.fits'
    path.write_bytes(image_with()[:80])
    with open(path, 'rb+') as file:
        file.truncate(2**36)  # 64 GiB of zeros that take no place on the disk
    begin = time.process_time()
    with pytest.raises(ImageError, match='no card END'):
        read_image(path)
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    'cards',
    [
        {'A_ORDER': 20_000, 'B_ORDER': 20_000},
        {'AP_ORDER': 10, 'BP_ORDER': 2},
        {'A_ORDER': 'high', 'B_ORDER': 2},
        {'WCSAXES': 20_000},
        {'WCSAXESA': 20_000},
        # wcslib crashes of these.
        {'CNPIX1': 'text'},
        {'AMDX1': 'text'},
        {'PLTDECSN': 5},
    ],
)
def test_a_wcs_that_would_take_minutes_or_crash_is_left_out(tmp_path, cards):
    path = tmp_path / 'image.fits'
    path.write_bytes(image_with(**{name: cards[name] for name in cards}, **CELESTIAL))
    begin = time.process_time()
    with pytest.warns(AstropyUserWarning, match='cannot be read .* must'):
        assert read_image(path).wcs is None
    assert time.process_time() - begin < 1


def test_what_is_no_regular_file_is_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / 'image.fits')
    with pytest.raises(ImageError, match=r'image.fits is a named pipe, not a file'):
        read_image(tmp_path / 'image.fits')
    with pytest.raises(ImageError, match='/dev/zero is a device, not a file'):
        read_image('/dev/zero')


def test_an_image_larger_than_is_allowed_is_refused_with_the_numbers(tmp_path):
    path = tmp_path / 'image.fits'
    fits.PrimaryHDU(np.zeros((1024, 1024), dtype=np.float32)).writeto(path)
    with pytest.raises(ImageError, match=r'would take 5.0 MiB of memory; allowed are 1.0 MiB'):
        read_image(path, max_size=2**20)
    assert read_image(path, max_size=2**24).shape == (1024, 1024)


def test_a_sparse_file_of_a_huge_image_is_refused(tmp_path):
    path = tmp_path / 'image.fits'
    content = with_card(with_card(image_with(), 'NAXIS1', 10**6), 'NAXIS2', 10**6)
    path.write_bytes(content[:2880])
    with open(path, 'rb+') as file:
        file.truncate(2880 * (10**9 * 4 * 1000 // 2880 + 2))
    with pytest.raises(ImageError, match='of memory; allowed are'):
        read_image(path)


def as_zip(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('image.fits', content)
    return file.getvalue()


COMPRESS = {'gz': gzip.compress, 'bz2': bz2.compress, 'xz': lzma.compress, 'zip': as_zip}


@pytest.mark.parametrize('ending', COMPRESS)
def test_a_compressed_file_is_not_unpacked_beyond_what_is_allowed(tmp_path, ending):
    said = with_card(with_card(image_with(), 'NAXIS1', 2**14), 'NAXIS2', 2**14)[:2880]
    # Half of what the header says, so that who unpacks first and looks then finds it truncated.
    content = COMPRESS[ending](said + bytes(2**26))
    message = refusal(tmp_path, content, f'image.fits.{ending}', max_size=2**24)
    assert 'which is compressed, would take 3.3 GiB of memory; allowed are 16.0 MiB' in message


@pytest.mark.parametrize('ending', COMPRESS)
def test_what_comes_behind_the_image_of_a_compressed_file_is_not_unpacked(tmp_path, ending):
    path = tmp_path / f'image.fits.{ending}'
    path.write_bytes(COMPRESS[ending](image_with() + bytes(2**26)))
    with pytest.raises(ImageError, match='no card END'):
        read_image(path)
    path.write_bytes(COMPRESS[ending](image_with() + bytes(2**16)))
    with pytest.warns(AstropyUserWarning, match='padding'):
        image = read_image(path)
    assert np.array_equal(image.data, PIXELS)


@pytest.mark.parametrize('ending', COMPRESS)
@pytest.mark.parametrize('damage', ['cut', 'flipped', 'only a begin'])
def test_a_damaged_compressed_file_is_refused_in_a_sentence(tmp_path, ending, damage):
    content = COMPRESS[ending](content_of(fits.PrimaryHDU(np.arange(10_000.0).reshape(100, 100))))
    middle = len(content) // 2
    content = {
        'cut': content[:middle],
        'flipped': content[:middle] + bytes(8) + content[middle + 8 :],
        'only a begin': content[:6],
    }[damage]
    refusal(tmp_path, content, f'image.fits.{ending}')


def test_a_zip_file_holds_one_file(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        for name in 'ab':
            archive.writestr(name, image_with())
    (tmp_path / 'image.zip').write_bytes(file.getvalue())
    with pytest.raises(ImageError, match='one FITS file; this one holds 2'):
        read_image(tmp_path / 'image.zip')


def test_folders_of_a_zip_file_are_no_files(tmp_path):
    with zipfile.ZipFile(tmp_path / 'image.zip', 'w') as archive:
        archive.writestr('field/', '')
        archive.writestr('field/image.fits', image_with())
        archive.writestr('__MACOSX/field/._image.fits', 'of macOS')
    fits_file = tmp_path / 'image.fits'
    fits_file.write_bytes(image_with())
    assert np.array_equal(read_image(tmp_path / 'image.zip').data, read_image(fits_file).data)


@pytest.mark.parametrize(
    ('algorithm', 'name', 'value', 'words'),
    [
        ('RICE_1', 'ZVAL2', -32, 'BYTEPIX'),
        ('RICE_1', 'ZVAL2', 8, 'BYTEPIX'),
        ('RICE_1', 'ZVAL1', 0, 'BLOCKSIZE'),
        ('RICE_1', 'ZVAL1', 2**31 - 1, 'BLOCKSIZE'),
        ('RICE_1', 'ZTILE1', 0, 'ZTILE1'),
        ('RICE_1', 'ZTILE2', -8, 'ZTILE2'),
        ('RICE_1', 'ZTILE2', 1, '6 rows for 48 tiles'),
        ('RICE_1', 'ZNAXIS1', 2**40, 'ZNAXIS1'),
        ('RICE_1', 'ZNAXIS2', 10**9, 'rows for'),
        ('RICE_1', 'ZBITPIX', 7, 'ZBITPIX'),
        ('RICE_1', 'ZDITHER0', 0, 'ZDITHER0'),
        ('RICE_1', 'ZDITHER0', -5, 'ZDITHER0'),
        ('RICE_1', 'ZCMPTYPE', "'RICE_9  '", 'ZCMPTYPE'),
        ('RICE_1', 'ZQUANTIZ', "'DITHER_9'", 'ZQUANTIZ'),
        ('RICE_1', 'TFORM1', "'7PB(100)'", 'take 80 bytes, but a row has 32'),
        ('RICE_1', 'PCOUNT', 100, 'outside of its heap of 100 bytes'),
        ('HCOMPRESS_1', 'ZTILE1', 20, '12 tiles'),
        ('HCOMPRESS_1', 'ZNAXIS1', 32, 'does not have the shape'),
    ],
)
def test_false_cards_of_an_image_in_tiles_are_refused(tmp_path, algorithm, name, value, words):
    content = with_card(tiled_with(algorithm), name, value)
    assert words in refusal(tmp_path, content)


def test_pointers_out_of_the_heap_are_refused(tmp_path):
    content = tiled_with('GZIP_1')
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdulist:
        start = hdulist[1].fileinfo()['datLoc']
    for pointer in (struct.pack('>ii', 10, 2**30), struct.pack('>ii', -1, 0)):
        message = refusal(tmp_path, content[:start] + pointer + content[start + 8 :])
        assert 'Tile 0 of HDU 1' in message


READ_ALONE = """
import sys, warnings
warnings.simplefilter('ignore')
from astro_wgan.images import read_image
for path in sys.argv[1:]:
    try:
        print(read_image(path).shape)
    except ValueError as error:
        print(error)
"""


def test_false_bytes_in_tiles_do_not_end_the_interpreter(tmp_path):
    contents = []
    for algorithm, pixels, tile in (
        ('RICE_1', np.random.default_rng(1).integers(0, 2**30, (700, 700)), (700, 700)),
        ('HCOMPRESS_1', PIXELS, (16, 40)),
        ('PLIO_1', PIXELS, (8, 40)),
    ):
        content = tiled_with(algorithm, pixels.astype('i4'), tile)
        with fits.open(io.BytesIO(content), disable_image_compression=True) as hdulist:
            place = hdulist[1].fileinfo()['datLoc'] + hdulist[1].header['NAXIS1'] * len(
                hdulist[1].data
            )
        # Zeros, through which RICE_1 looks on, and edges and lengths that are larger than said.
        contents.append(content[: place + 4] + b'\x20' + bytes(len(content) - place - 5))
        contents.append(content[: place + 6] + b'\x7f\xff\x7f\xff' + content[place + 10 :])
    paths = [tmp_path / f'{k}.fits' for k in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    command = [sys.executable, '-c', READ_ALONE, *map(str, paths)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == len(paths)
    assert 'hit end of compressed byte stream' in ended.stdout
    assert 'does not have the shape' in ended.stdout


def test_a_tile_of_gzip_does_not_grow_beyond_its_pixels(tmp_path):
    tile = gzip.compress(bytes(2**27))
    column = fits.Column('COMPRESSED_DATA', '1PB()', array=np.array([0], dtype=object))
    column.array[0] = np.frombuffer(tile, dtype=np.uint8)
    table = fits.BinTableHDU.from_columns([column])
    table.header.update(
        ZIMAGE=True, ZCMPTYPE='GZIP_1', ZBITPIX=32, ZNAXIS=2, ZNAXIS1=8, ZNAXIS2=8, ZTILE1=8
    )
    table.header['ZTILE2'] = 8
    assert 'more than 512 bytes' in refusal(tmp_path, content_of(fits.PrimaryHDU(), table))


def chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def png_of(width, height, data):
    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    parts = chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(data)) + chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + parts


def test_pictures_that_run_programs_are_no_pictures(tmp_path, monkeypatch):
    program = tmp_path / 'gs'
    program.write_text(f'#!/bin/sh\ntouch {tmp_path}/started\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    content = b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n%%EOF\n'
    assert 'a picture in a supported format' in refusal(tmp_path, content, 'galaxy.png')
    assert not (tmp_path / 'started').exists()


@pytest.mark.parametrize('kind', ['BMP', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'TIFF', 'WEBP'])
def test_pictures_of_each_format_are_read_whatever_their_name(tmp_path, kind):
    path = tmp_path / 'picture.xyz'
    try:
        Image.new('RGB', (9, 7), (100, 150, 200)).save(path, format=kind)
    except OSError:
        pytest.skip(f'Pillow was built without {kind}.')
    image = read_image(path)
    assert image.shape == (7, 9)
    assert np.allclose(image.data, 0.299 * 100 + 0.587 * 150 + 0.114 * 200, atol=2)


def test_a_picture_larger_than_is_allowed_is_refused_before_it_is_unpacked(tmp_path):
    content = png_of(10_000, 10_000, bytes(30))
    message = refusal(tmp_path, content, 'picture.png', max_size=2**28)
    assert 'would take 858.3 MiB of memory; allowed are 256.0 MiB' in message
    message = refusal(tmp_path, png_of(2**31 - 1, 2**31 - 1, b''), 'picture.png')
    assert 'TiB of memory; allowed are' in message


def test_a_jpeg_of_thousands_of_scans_is_refused(tmp_path):
    file = io.BytesIO()
    Image.new('L', (64, 64)).save(file, format='JPEG', progressive=True)
    content = file.getvalue()
    scan = content[content.rindex(b'\xff\xda') : -2]
    message = refusal(tmp_path, content[:-2] + scan * 300 + content[-2:], 'picture.jpg')
    assert 'scans' in message


def test_luminance_is_the_same_in_parts(tmp_path, monkeypatch):
    pixels = np.random.default_rng(2).integers(0, 255, (50, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'picture.png')
    monkeypatch.setattr('astro_wgan.images.pictures._AT_A_TIME', 200)
    expected = pixels @ np.array([0.299, 0.587, 0.114])
    assert np.allclose(read_image(tmp_path / 'picture.png').data, expected, rtol=1e-5)
