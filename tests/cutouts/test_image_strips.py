"""Stamps of a large image are the same whether it is read in strips or as a whole."""

import numpy as np
import pytest
from astropy.io import fits

from astro_wgan import StampSet
from astro_wgan.cutouts import image_strips
from astro_wgan.images.fits_image import FitsImage
from astro_wgan.testing import assert_stamps_equal

SHAPE = (150, 120)


@pytest.fixture
def in_strips(monkeypatch):
    """Images are large, and strips have 20 rows; the largest section that was read is noted."""
    monkeypatch.setattr(image_strips, '_LARGE', 1)
    monkeypatch.setattr(image_strips, '_ROWS', 20)
    read, rows_read = FitsImage.read_arrays, []

    def noted(self, rows=slice(None), columns=slice(None)):
        rows_read.append(len(range(*rows.indices(self.shape[0]))))
        return read(self, rows, columns)

    monkeypatch.setattr(FitsImage, 'read_arrays', noted)
    return rows_read


def write(path, *, compressed=False, zeros=0, edges=False):
    rng = np.random.default_rng(1)
    pixels = rng.normal(size=SHAPE).astype(np.float32)
    pixels[40:44, 50:60] = np.nan
    pixels[100, :zeros] = 0
    if edges:
        pixels[:, :30] = 0
    kind = fits.CompImageHDU if compressed else fits.ImageHDU
    options = {'compression_type': 'GZIP_2', 'quantize_level': 0} if compressed else {}
    hdus = [
        kind(pixels, name='SCI', **options),
        fits.ImageHDU(rng.uniform(1, 2, SHAPE).astype(np.float32), name='ERR'),
        fits.ImageHDU((rng.uniform(size=SHAPE) < 0.01).astype(np.int16), name='MASK'),
    ]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


@pytest.mark.parametrize('compressed', [False, True])
@pytest.mark.parametrize('zeros', ['auto', 'keep', 'mask'])
def test_strips_are_as_the_whole_image(tmp_path, in_strips, compressed, zeros, monkeypatch):
    path = write(tmp_path / 'image.fits', compressed=compressed, zeros=3)
    positions = np.random.default_rng(2).uniform(-10, 160, (300, 2))
    options = {'size': 16, 'positions': positions, 'partial': 'fill', 'outside': 'keep'}
    found = StampSet.from_image(path, zeros=zeros, **options)
    # A row of tiles: 20 rows, a stamp, and what is looked at around it.
    assert max(in_strips) <= 20 + 16 + 2 * 20
    monkeypatch.setattr(image_strips, '_LARGE', np.inf)
    assert_stamps_equal(found, StampSet.from_image(path, zeros=zeros, **options))
    assert max(in_strips) == SHAPE[0]


def test_images_with_blank_edges_are_read_as_a_whole(tmp_path, in_strips):
    path = write(tmp_path / 'image.fits', edges=True)
    positions = np.random.default_rng(2).uniform(20, 100, (300, 2))
    found = StampSet.from_image(path, size=16, positions=positions)
    assert max(in_strips) == SHAPE[0]
    assert not found.valid.all()
    in_strips.clear()
    StampSet.from_image(path, size=16, positions=positions, zeros='keep')
    assert max(in_strips) <= 36
