"""The clean sky of an image of which it is known where the sources are."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData, StdDevUncertainty
from astropy.wcs import WCS
from regions import CirclePixelRegion, CircleSkyRegion, EllipseSkyRegion, PixCoord, PointPixelRegion

from astro_wgan import datasets
from astro_wgan.exceptions import SkyError
from astro_wgan.noise import (
    find_sky,
)
from astro_wgan.testing import make_wcs

SHAPE = (200, 240)

SIGMA = 2.0


@pytest.mark.parametrize('engine', ['sep', 'photutils'])
def test_sky_is_where_no_sources_are(engine, field):
    image, covered = field()
    sky = find_sky(image, engine=engine)
    assert not (sky.clean & covered).any()
    assert 0.5 < sky.clean_fraction < 1 - covered.mean()
    assert sky.mean.value == pytest.approx(50, abs=0.1)
    assert sky.rms.value == pytest.approx(SIGMA, rel=0.02)


def test_a_wider_margin_leaves_less(field):
    image, _ = field()
    narrow, wide = (find_sky(image, margin=margin).clean for margin in (2, 12))
    # What is sky at all decides about a faint peak or two.
    assert np.count_nonzero(wide & ~narrow) < 0.01 * narrow.size
    assert wide.sum() < 0.9 * narrow.sum()


def test_masks_and_regions_are_left_out(field):
    image, _ = field(n=0)
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:20] = True
    image[100, 100] = np.nan
    halo = CirclePixelRegion(PixCoord(60, 120), 15)
    sky = find_sky(image, mask=mask, regions=[halo])
    y, x = np.indices(SHAPE)
    assert not sky.clean[:20].any()
    assert not sky.clean[100, 100]
    inside = np.hypot(x - 60, y - 120)
    assert not sky.clean[inside < 14].any()
    assert sky.clean[(inside > 17) & (inside < 20)].mean() > 0.95


def test_regions_on_the_sky_of_an_image_with_declination_along_x():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'DEC--TAN', 'RA---TAN'
    wcs.wcs.crval = 2, 150
    wcs.wcs.crpix = 60, 80
    wcs.wcs.cdelt = 1e-4, -1e-4
    image = np.random.default_rng(3).normal(size=(160, 120))
    # Twice as long along declination, which is x.
    y, x = np.mgrid[:160, :120]
    inside = ((x - 70) / 24) ** 2 + ((y - 40) / 12) ** 2 < 1
    center = SkyCoord(150 + 1e-4 * 39 / np.cos(np.radians(2)), 2 + 1e-4 * 11, unit='deg')
    halo = EllipseSkyRegion(center, 48e-4 * u.deg, 24e-4 * u.deg, angle=90 * u.deg)
    sky = find_sky(CCDData(image, unit='adu', wcs=wcs), regions=halo)
    assert not sky.clean[inside].any()
    plain = find_sky(CCDData(image, unit='adu', wcs=wcs))
    wider = ((x - 70) / 27) ** 2 + ((y - 40) / 15) ** 2 < 1
    assert np.array_equal(sky.clean[~wider], plain.clean[~wider])


def test_regions_on_the_sky(field):
    image, _ = field(n=0)
    wcs = make_wcs(SHAPE, pixel_scale=1e-4 * u.deg)
    halo = CircleSkyRegion(wcs.pixel_to_world(60, 120), 15e-4 * u.deg)
    sky = find_sky(CCDData(image, unit='adu', wcs=wcs), regions=halo)
    y, x = np.indices(SHAPE)
    assert not sky.clean[np.hypot(x - 60, y - 120) < 14].any()
    assert sky.unit == u.adu
    with pytest.raises(ValueError, match='no celestial WCS'):
        find_sky(image, regions=halo)
    with pytest.raises(ValueError, match='an area'):
        find_sky(image, regions=PointPixelRegion(PixCoord(3, 3)))


def test_weights_are_the_noise_that_counts(field):
    """A part of low weight is noisier, and no source; one without weight is no sky."""
    image, _ = field(n=0)
    noise = np.full(SHAPE, SIGMA)
    noise[:, 120:] = 10 * SIGMA
    image[:, 120:] += np.random.default_rng(1).normal(scale=9.9 * SIGMA, size=(200, 120))
    noise[150:] = 0
    sky = find_sky(CCDData(image, unit='adu', uncertainty=StdDevUncertainty(noise)))
    assert sky.clean[:150, 125:].mean() > 0.9
    assert not sky.clean[150:].any()


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        ({'engine': 'eye'}, ValueError, '`engine`'),
        ({'margin': -1}, ValueError, '`margin`'),
        ({'mask': np.zeros((3, 3))}, ValueError, '`mask`'),
        ({'mask': np.ones(SHAPE)}, SkyError, 'exclude all pixels'),
        ({'margin': 500}, SkyError, 'no clean sky'),
        ({'regions': 'halo'}, TypeError, '`regions`'),
    ],
)
def test_impossible_arguments_are_refused(options, error, match, field):
    with pytest.raises(error, match=match):
        find_sky(field()[0], **options)


def test_an_image_without_sky_says_how_much_was_found():
    with pytest.raises(SkyError, match=r'percent|no clean'):
        find_sky(datasets.load_image('mock_f814w'), margin=200)
