"""Pictures of many depths, which must be what was stored, and of many pixels."""

import struct
import zlib

import numpy as np
import pytest
from astropy.utils.exceptions import AstropyUserWarning
from PIL import Image

from astro_wgan.exceptions import ImageError
from astro_wgan.images import read_image

RNG = np.random.default_rng(3)


def tiff(values, kind):
    """A TIFF file, by the letter of its standard: one strip, kind 1 unsigned, 2 signed, 3 float."""
    order = '<' if values.dtype.newbyteorder('=').str[0] == values.dtype.str[0] else '>'
    height, width = values.shape
    tags = [(256, width), (257, height), (258, 8 * values.itemsize), (259, 1), (262, 1)]
    tags += [(273, 8 + 2 + 12 * 10 + 4), (277, 1), (278, height), (279, values.nbytes), (339, kind)]
    begin = struct.pack(f'{order}2sHI', b'II' if order == '<' else b'MM', 42, 8)
    entries = b''.join(struct.pack(f'{order}HHII', tag, 4, 1, value) for tag, value in tags)
    return begin + struct.pack(f'{order}H', 10) + entries + bytes(4) + values.tobytes()


def png_of_16_bits(values):
    """A PNG file, by the letter of its standard, of two channels or more."""

    def chunk(name, data):
        check = struct.pack('>I', zlib.crc32(name + data))
        return struct.pack('>I', len(data)) + name + data + check

    height, width, channels = values.shape
    kind = {2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack('>IIBBBBB', width, height, 16, kind, 0, 0, 0)
    data = zlib.compress(b''.join(b'\0' + row.astype('>u2').tobytes() for row in values))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', data) + chunk(b'IEND', b'')


@pytest.mark.parametrize(
    ('dtype', 'kind'),
    [
        ('<u1', 1),
        ('<i1', 2),
        ('<u2', 1),
        ('>u2', 1),
        ('<i2', 2),
        ('>i2', 2),
        ('<u4', 1),
        ('<i4', 2),
        ('>i4', 2),
        ('<f4', 3),
        ('>f4', 3),
    ],
)
def test_numbers_of_a_tiff_are_those_that_are_stored(tmp_path, dtype, kind):
    dtype = np.dtype(dtype)
    if kind == 3:
        values = RNG.normal(0, 1e5, (6, 5)).astype(dtype)
    else:
        values = RNG.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (6, 5), endpoint=True)
        values[0, :2] = np.iinfo(dtype).min, np.iinfo(dtype).max
        values = values.astype(dtype)
    (tmp_path / 'a.tif').write_bytes(tiff(values, kind))
    assert np.array_equal(read_image(tmp_path / 'a.tif').data, values)


@pytest.mark.parametrize('dtype', ['<f8', '>u4'])
def test_a_tiff_that_pillow_does_not_know_is_refused_with_what_to_do(tmp_path, dtype):
    (tmp_path / 'a.tif').write_bytes(tiff(np.ones((4, 4), dtype), 3 if 'f' in dtype else 1))
    with pytest.raises(ImageError, match=r'a.tif is .* kind of TIFF .* pass the array'):
        read_image(tmp_path / 'a.tif')


@pytest.mark.parametrize('largest', [1, 15, 100, 255, 256, 1023, 4095, 65534, 65535])
@pytest.mark.parametrize('plain', [False, True])
def test_numbers_of_a_pgm_are_those_that_are_stored(tmp_path, largest, plain):
    values = RNG.integers(0, largest, (9, 8), endpoint=True)
    head = f'P{2 if plain else 5}\n8 9\n{largest}\n'.encode()
    data = values.astype('>u2' if largest > 255 else 'u1').tobytes()
    text = ' '.join(map(str, values.ravel())).encode() + b'\n'
    (tmp_path / 'a.pgm').write_bytes(head + (text if plain else data))
    assert np.array_equal(read_image(tmp_path / 'a.pgm').data, values)


@pytest.mark.parametrize('channels', [2, 3, 4])
def test_colors_of_which_bits_are_lost_are_said(tmp_path, channels):
    values = RNG.integers(0, 65535, (6, 5, channels))
    (tmp_path / 'a.png').write_bytes(png_of_16_bits(values))
    with pytest.warns(AstropyUserWarning, match=r'a.png have more than 8 bits'):
        image = read_image(tmp_path / 'a.png')
    gray = values[..., 0] if channels == 2 else values[..., :3] @ [0.299, 0.587, 0.114]
    assert np.allclose(image.data, gray / 256, atol=1)
    assert image.meta['pixels'].endswith(', of the upper 8 bits')


def test_colors_of_a_ppm_of_which_bits_are_lost_are_said(tmp_path):
    values = RNG.integers(0, 4095, (6, 5, 3))
    (tmp_path / 'a.ppm').write_bytes(b'P6\n5 6\n4095\n' + values.astype('>u2').tobytes())
    with pytest.warns(AstropyUserWarning, match=r'a.ppm have more than 8 bits'):
        image = read_image(tmp_path / 'a.ppm')
    assert np.allclose(image.data, values @ [0.299, 0.587, 0.114] / 4095 * 255, atol=1)


@pytest.mark.parametrize('kind', ['PNG', 'TIFF'])
def test_a_picture_that_is_too_large_for_pillow_is_read_as_far_as_is_allowed(
    tmp_path, monkeypatch, kind
):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 400)
    values = RNG.integers(0, 255, (30, 40), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / 'a.png', format=kind)
    assert np.array_equal(read_image(tmp_path / 'a.png').data, values)
    assert Image.MAX_IMAGE_PIXELS == 400
    with pytest.raises(ImageError, match=r'would take 10,800 bytes .*; allowed .*`max_size`'):
        read_image(tmp_path / 'a.png', max_size=10_000)
