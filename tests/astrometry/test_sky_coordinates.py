"""Pixels on the sky and back, judged by closed formulas and astropy's own interface for WCS."""

import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.astrometry.sky_coordinates import celestial_frame, pixel_areas, pixel_to_sky
from astro_wgan.sources import measure_sources
from astro_wgan.stamps import StampSet

SCALE = 0.4 / 3600

#: Names of latitude and longitude, and the frame that they mean.
FRAMES = {
    ('DEC-', 'RA--'): 'icrs',
    ('GLAT', 'GLON'): 'galactic',
    ('SLAT', 'SLON'): 'supergalactic',
    ('ELAT', 'ELON'): 'barycentricmeanecliptic',
}


def swapped_wcs(latitude, longitude, projection='TAN'):
    """Latitude along x and longitude along y, at (1, 40) degrees."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = f'{latitude}-{projection}', f'{longitude}-{projection}'
    wcs.wcs.crval = 1, 40
    wcs.wcs.crpix = 60, 50
    wcs.wcs.cd = [[SCALE, 0], [0, -SCALE]]
    return wcs


def by_hand(x, y, frame):
    """The sky of pixels of `swapped_wcs`: the gnomonic projection, written out."""
    north, east = np.radians(SCALE * (x - 59)), np.radians(-SCALE * (y - 49))
    latitude = np.radians(1)
    depth = np.cos(latitude) - north * np.sin(latitude)
    lon = np.radians(40) + np.arctan2(east, depth)
    lat = np.arctan2(np.sin(latitude) + north * np.cos(latitude), np.hypot(depth, east))
    return SkyCoord(lon, lat, unit='rad', frame=frame)


@pytest.mark.parametrize('names', FRAMES)
def test_latitude_along_x_is_no_matter(names):
    wcs, frame = swapped_wcs(*names), FRAMES[names]
    x, y = np.array([3.0, 60, 111]), np.array([88.0, 45, 20])
    sky = by_hand(x, y, frame)
    assert pixel_to_sky(x, y, wcs).separation(sky.icrs).mas.max() < 0.01
    found = sky_to_pixel(sky.icrs, wcs, (100, 120))
    assert np.stack(found[:2]) == pytest.approx(np.stack([x, y]), abs=1e-6)
    assert not found[2].any()
    assert pixel_areas(x, y, wcs) == pytest.approx(0.16, rel=1e-5)


@pytest.mark.parametrize('names', FRAMES)
def test_a_star_is_cut_and_measured_where_latitude_is_along_x(names):
    wcs, (x0, y0) = swapped_wcs(*names), (84.2, 30.3)
    y, x = np.mgrid[:100, :120]
    # Long in x, which is north.
    light = np.exp(-((x - x0) ** 2) / 32 - (y - y0) ** 2 / 8)
    pixels = 500 * light + np.random.default_rng(0).normal(size=x.shape)
    star = by_hand(x0, y0, FRAMES[names])
    stamps = StampSet.from_image(CCDData(pixels, unit='nJy', wcs=wcs), size=32, positions=star)
    assert stamps.table['x'].value == pytest.approx(x0, abs=1e-6)
    assert stamps.pixels.max() == pixels.max()
    row = measure_sources(stamps, progress=False).stamps
    assert row['sky'].separation(star.icrs).arcsec.max() < 0.02
    pole = SkyCoord(0 * u.deg, 90 * u.deg, frame=FRAMES[names])
    north = star.icrs.position_angle(pole.icrs).wrap_at(90 * u.deg).deg
    angle = row['position_angle'][0].to_value('deg') - north
    assert (angle + 90) % 180 - 90 == pytest.approx(0, abs=1)
    turned = stamps.reproject(position_angle=0 * u.deg)
    row = measure_sources(turned, progress=False).stamps
    assert row['sky'].separation(star.icrs).arcsec.max() < 0.02


def test_galactic_axes_are_galactic_whatever_the_reference_system():
    wcs = swapped_wcs('GLAT', 'GLON')
    wcs.wcs.radesys = 'ICRS'
    assert celestial_frame(wcs).name == 'galactic'


@pytest.mark.parametrize(
    ('radesys', 'equinox', 'frame'),
    [
        ('', np.nan, 'icrs'),
        ('', 1950, SkyCoord(0, 0, unit='deg', frame='fk4', equinox='B1950').frame),
        ('FK5', 1975, SkyCoord(0, 0, unit='deg', frame='fk5', equinox='J1975').frame),
        ('FK4-NO-E', 1950, SkyCoord(0, 0, unit='deg', frame='fk4noeterms', equinox='B1950').frame),
    ],
)
def test_sky_positions_are_icrs_whatever_the_wcs_has(radesys, equinox, frame):
    wcs = swapped_wcs('DEC-', 'RA--')
    wcs.wcs.radesys, wcs.wcs.equinox = radesys, equinox
    sky = by_hand(np.array([3.0]), np.array([88.0]), frame)
    assert pixel_to_sky([3], [88], wcs).separation(sky.icrs).mas.max() < 0.1
    x, y, _ = sky_to_pixel(sky.icrs, wcs)
    assert (x[0], y[0]) == pytest.approx((3, 88), abs=1e-3)


def distorted_wcs(strength):
    """SIP whose inverse diverges, by astropy's iteration, far from the reference."""
    header = fits.Header()
    header['CTYPE1'], header['CTYPE2'] = 'RA---TAN-SIP', 'DEC--TAN-SIP'
    header['CRVAL1'], header['CRVAL2'] = 215.0, 53.0
    header['CRPIX1'], header['CRPIX2'] = -15000.0, -2000.0
    header['CD1_1'], header['CD2_2'] = -1.667e-5, 1.667e-5
    header['A_ORDER'] = header['B_ORDER'] = 2
    header['A_2_0'], header['B_0_2'], header['B_1_1'] = strength, -strength, strength
    return WCS(header)


def test_positions_are_found_where_the_iteration_of_astropy_diverges():
    wcs = distorted_wcs(2e-5)
    x, y = np.random.default_rng(1).uniform(0, 4000, (2, 200))
    sky = pixel_to_sky(x, y, wcs)
    with pytest.warns(UserWarning, match='failed to converge'):
        by_astropy = np.stack(wcs.world_to_pixel(sky)) - (x, y)
    assert np.mean(np.hypot(*by_astropy) > 1) > 0.3
    found = sky_to_pixel(sky, wcs, (4000, 4000))
    assert np.stack(found[:2]) == pytest.approx(np.stack([x, y]), abs=1e-3)
    assert not found[2].any()


def test_all_of_the_sky_but_the_image_is_outside_and_not_lost():
    wcs = distorted_wcs(2e-5)
    rng = np.random.default_rng(2)
    sky = SkyCoord(
        rng.uniform(0, 360, 500), np.degrees(np.arcsin(rng.uniform(-1, 1, 500))), unit='deg'
    )
    with warnings.catch_warnings():
        # Of astropy's iteration, far from the image.
        warnings.simplefilter('ignore', RuntimeWarning)
        x, y, lost = sky_to_pixel(sky, wcs, (4000, 4000))
    assert not lost.any()
    inside = (np.abs(x - 1999.5) < 2000) & (np.abs(y - 1999.5) < 2000)
    assert not inside.any()


def test_positions_without_convergence_are_counted_apart_from_those_outside():
    # Pixels on both sides of a fold of the map see the same sky; beyond it is none.
    header = distorted_wcs(0).to_header(relax=True)
    header['CRPIX1'] = header['CRPIX2'] = 50
    header['CTYPE1'], header['CTYPE2'] = 'RA---TAN-SIP', 'DEC--TAN-SIP'
    header['A_ORDER'] = header['B_ORDER'] = 2
    header['A_2_0'] = -0.01
    wcs = WCS(header)
    # The fold is at x = 99, by the derivative 1 - 0.02 (x - 49).
    plain = wcs.deepcopy()
    plain.sip = None
    beyond = plain.pixel_to_world([75.5, 49, 3000], [49, 49, 49])
    image = CCDData(np.zeros((100, 100)), unit='adu', wcs=wcs)
    with pytest.warns(
        AstropyUserWarning, match='not converge at 1 of 3 `positions`; the first has the id 0'
    ):
        stamps = StampSet.from_image(image, size=8, positions=beyond)
    assert stamps.ids.tolist() == [1]
    assert stamps.meta['dropped'] == 2
    assert stamps.meta['not_converged'] == 1
    with pytest.raises(ValueError, match='not converge at 1 of 1 `positions`'):
        StampSet.from_image(image, size=8, positions=beyond[:1])


def test_longitudes_without_a_projection_go_around():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = 'RA', 'DEC'
    wcs.wcs.crval = 359.99, 0
    wcs.wcs.crpix = 1, 1
    wcs.wcs.cdelt = 1e-3, 1e-3
    x, y, _ = sky_to_pixel(SkyCoord([0.01, 359.995], [0.002, 0], unit='deg'), wcs)
    assert x == pytest.approx([20, 5])
    assert y == pytest.approx([2, 0], abs=1e-9)
    assert pixel_to_sky(20, 2, wcs).ra.deg == pytest.approx(0.01)
