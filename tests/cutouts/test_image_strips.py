"""Stamps of a large image are the same whether it is read in strips or as a whole."""

import numpy as np
import pytest
from astropy.io import fits

from astro_wgan import StampSet
from astro_wgan.cutouts import image_strips
from astro_wgan.images.blank_areas import zero_areas
from astro_wgan.images.fits_image import FitsImage
from astro_wgan.images.reading import read_image
from astro_wgan.testing import assert_stamps_equal

SHAPE = (150, 120)


@pytest.fixture
def in_strips(monkeypatch):
    """Images are large, strips have 40 rows, and 8 of these are read at a time, which are noted."""
    monkeypatch.setattr(image_strips, '_LARGE', 1)
    monkeypatch.setattr(image_strips, '_ROWS', 40)
    monkeypatch.setattr(image_strips, '_PIXELS_READ', 8 * SHAPE[1])
    monkeypatch.setattr(zero_areas, '_ROWS', 40)
    read, rows_read = FitsImage.read_arrays, []

    def noted(self, rows=slice(None), columns=slice(None)):
        rows_read.append(len(range(*rows.indices(self.shape[0]))))
        return read(self, rows, columns)

    monkeypatch.setattr(FitsImage, 'read_arrays', noted)
    return rows_read


def write(path, *, compressed=None, zeros=0, edges=None, seed=1):
    rng = np.random.default_rng(seed)
    pixels = rng.normal(size=SHAPE).astype(np.float32)
    pixels[40:44, 50:60] = np.nan
    pixels[100, :zeros] = 0
    if edges == 'mosaic':
        pixels[:, :30] = pixels[:50, 90:] = 0
    elif edges == 'narrow':
        # Along the border, across strips, and a square far from it.
        pixels[60:110, 0] = pixels[77:83, 60:66] = 0
    elif edges == 'counts':
        pixels[:] = np.maximum(np.round(pixels - 1), 0)
    elif edges == 'model':
        pixels[:] = np.hypot(*np.indices(SHAPE)) < 90
    kind = fits.CompImageHDU if compressed else fits.ImageHDU
    options = {'compression_type': compressed} if compressed else {}
    if compressed == 'GZIP_2':
        options['quantize_level'] = 0
    hdus = [
        kind(pixels, name='SCI', **options),
        fits.ImageHDU(rng.uniform(1, 2, SHAPE).astype(np.float32), name='ERR'),
        fits.ImageHDU((rng.uniform(size=SHAPE) < 0.01).astype(np.int16), name='MASK'),
    ]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


@pytest.mark.parametrize('compressed', [None, 'GZIP_2'])
@pytest.mark.parametrize('zeros', ['auto', 'keep', 'mask'])
def test_strips_are_as_the_whole_image(tmp_path, in_strips, compressed, zeros, monkeypatch):
    path = write(tmp_path / 'image.fits', compressed=compressed, zeros=3)
    positions = np.random.default_rng(2).uniform(-10, 160, (300, 2))
    options = {'size': 16, 'positions': positions, 'partial': 'fill', 'outside': 'keep'}
    found = StampSet.from_image(path, zeros=zeros, **options)
    assert max(in_strips) == 8
    # Each row is read once.
    assert sum(in_strips) <= SHAPE[0]
    monkeypatch.setattr(image_strips, '_LARGE', np.inf)
    assert_stamps_equal(found, StampSet.from_image(path, zeros=zeros, **options))
    assert max(in_strips) == SHAPE[0]


@pytest.mark.parametrize('kind', ['mosaic', 'narrow', 'counts', 'model'])
def test_areas_of_zeros_are_judged_in_strips_as_in_the_whole_image(
    tmp_path, in_strips, monkeypatch, kind
):
    path = write(tmp_path / 'image.fits', edges=kind)
    positions = np.random.default_rng(2).uniform(-10, 160, (300, 2))
    options = {'size': 16, 'positions': positions, 'partial': 'fill', 'outside': 'keep'}
    found = StampSet.from_image(path, fill_value=7, **options)
    assert max(in_strips) == 8
    # All rows, and what was read before areas of zeros were met; if they hold data, once more.
    assert sum(in_strips) <= (2 if kind in ('mosaic', 'narrow') else 3) * SHAPE[0]
    monkeypatch.setattr(image_strips, '_LARGE', np.inf)
    whole = StampSet.from_image(path, fill_value=7, **options)
    assert_stamps_equal(found, whole)
    image = read_image(path)
    assert (image.meta['ZEROMASK'] > 0) == (kind in ('mosaic', 'narrow'))


def test_zeros_that_are_kept_do_not_matter(tmp_path, in_strips):
    path = write(tmp_path / 'image.fits', edges='mosaic')
    positions = np.random.default_rng(2).uniform(20, 100, (300, 2))
    StampSet.from_image(path, size=16, positions=positions, zeros='keep')
    assert sum(in_strips) <= SHAPE[0]


def test_bands_of_compressed_and_other_files(tmp_path, in_strips):
    """Files of several bands are open at the same time."""
    kinds = {'g': {'edges': 'mosaic'}, 'r': {'compressed': 'RICE_1'}, 'i': {'zeros': 3}}
    files = {
        name: write(tmp_path / f'{name}.fits', seed=seed, **kind)
        for seed, (name, kind) in enumerate(kinds.items())
    }
    options = {
        'size': (9, 16),
        'positions': np.random.default_rng(2).uniform(-10, 160, (300, 2)),
        'partial': 'fill',
        'outside': 'keep',
        'fill_value': -5,
    }
    found = StampSet.from_images(files, **options)
    assert max(in_strips) == 8
    whole = StampSet.from_images({n: read_image(p) for n, p in files.items()}, **options)
    assert_stamps_equal(found, whole)
    valid = found.valid.mean(axis=(0, 1, 2))
    assert valid[0] < valid.max() - 0.1
