"""Neighbors in stamps of several images: one mask for all bands."""

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData

from astro_wgan import StampSet
from astro_wgan.detection import DetectionConfig
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.testing import make_wcs

SHAPE = (128, 128)
#: With one box, the background is the same everywhere.
DETECTION = DetectionConfig(3, background_box=256)


def blob(x0, y0, sigma, height):
    y, x = np.indices(SHAPE)
    return height * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 2 / sigma**2)


def images(**options):
    """A source in both bands, a blue and a red neighbor."""
    noise = np.random.default_rng(4).normal(size=(2, *SHAPE))
    g = noise[0] + blob(64, 64, 3, 60) + blob(50, 82, 2, 40)
    r = noise[1] + blob(64, 64, 3, 60) + blob(82, 50, 2, 40)
    ccds = (CCDData(band.astype('f4'), unit='nJy', **options) for band in (g, r))
    return dict(zip('gr', ccds, strict=True))


def cut(neighbors, **options):
    given = {'size': 64, 'positions': [(64, 64)], 'detection': DETECTION}
    return StampSet.from_images(images(), **{**given, **options}, neighbors=neighbors)


@pytest.mark.parametrize(('band', 'neighbor'), [('g', (50, 18)), ('r', (18, 50))])
def test_neighbors_of_the_band_of_the_grid_are_masked_in_all(band, neighbor):
    stamps = cut('mask', grid=band)
    alone = StampSet.from_image(
        images()[band], size=64, positions=[(64, 64)], detection=DETECTION, neighbors='mask'
    )
    assert stamps.mask.ndim == 3
    assert np.array_equal(stamps.mask, alone.mask)
    assert stamps.mask[0][neighbor]
    assert not stamps.mask[0][neighbor[::-1]]
    assert stamps.table['n_neighbors'].tolist() == alone.table['n_neighbors'].tolist()
    assert stamps.meta['provenance']['neighbors']['neighbors'] == 'mask'


def test_neighbors_of_any_color_in_the_chi_squared_image():
    stamps = cut('mask', positions=None, detect_in='chi2')
    middle = np.argmin(np.hypot(stamps.table['x'].value - 64, stamps.table['y'].value - 64))
    assert stamps.mask[middle, 50, 18]
    assert stamps.mask[middle, 18, 50]
    assert not stamps.mask[middle, 32, 32]
    assert stamps.table['n_neighbors'][middle] == 2


def test_a_background_that_is_stated_is_not_that_of_the_chi_squared_image():
    faint = DetectionConfig(2, background=0.0)
    options = {'positions': None, 'detect_in': 'chi2', 'detection': faint}
    stated = cut(NeighborConfig('mask', detection=faint), **options)
    measured = cut(NeighborConfig('mask'), **options)
    assert np.array_equal(stated.mask, measured.mask)


def test_sky_of_the_same_stamp_in_both_bands():
    before = cut('keep', detection=None)
    masked, replaced = cut('mask'), cut('replace')
    assert replaced.mask is None
    hidden = masked.mask
    assert np.array_equal(replaced.pixels[~hidden], before.pixels[~hidden])
    pairs = {*map(tuple, before.pixels.reshape(-1, 2))}
    assert {*map(tuple, replaced.pixels[hidden])} <= pairs


def test_bands_on_other_pixels_have_the_mask_of_the_grid():
    g, r = images(wcs=make_wcs(SHAPE)).values()
    coarse = CCDData(
        r.data.reshape(64, 2, 64, 2).sum(axis=(1, 3)),
        unit='nJy',
        wcs=make_wcs((64, 64), pixel_scale=0.12 * u.arcsec),
    )
    options = {'size': 64, 'positions': [(64, 64)], 'detection': DETECTION}
    masked, replaced = (
        StampSet.from_images({'g': g, 'r': coarse}, **options, neighbors=how)
        for how in ('mask', 'replace')
    )
    assert masked.valid[0, 32, 32].all()
    assert not masked.valid[0, 50, 18].any()
    assert replaced.valid[0, 50, 18].all()
    assert np.abs(replaced.pixels[0, 48:52, 16:20]).max() < 6


def test_stars_in_all_bands():
    stamps = cut(NeighborConfig('keep', psf_fwhm=4.71), stars='mask')
    assert stamps.mask[0, 50, 18]
    assert stamps.table['n_stars'].tolist() == [1]
