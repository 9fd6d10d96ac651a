"""Regions of the sky: what lies in them, and which circles and cells may overlap them."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from astro_wgan.catalogs import SkyBox, SkyCone
from astro_wgan.catalogs.parquet.healpix_cells import cells_in_region, spatial_index


def random_sky(n, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))


def some_regions():
    """Cones and boxes of any size, also around poles and across the meridian."""
    rng = np.random.default_rng(2)
    for ra, dec in zip(*random_sky(12, 3), strict=True):
        yield SkyCone(ra, dec, 10 ** rng.uniform(-1, 2.2))
        yield SkyBox(rng.uniform(0, 360, 2), np.sort(rng.uniform(-90, 90, 2)))
    yield SkyCone(0, 90, 3)
    yield SkyCone(359.99, -89.9, 0.5)
    yield SkyBox((0, 360), (-90, -88))


def test_a_cone_has_what_is_closer_to_its_center():
    ra, dec = random_sky(1000)
    apart = SkyCoord(ra, dec, unit='deg').separation(SkyCoord(350, -40, unit='deg'))
    np.testing.assert_array_equal(SkyCone(350, -40, 60 * u.deg).contains(ra, dec), apart.deg <= 60)


@pytest.mark.parametrize('ra', [350.0, -10.0])
def test_a_box_can_lie_across_the_meridian(ra):
    box = SkyBox((ra, 5), (-1, 2) * u.deg)
    inside = box.contains([349, 351, -9, 0, 4, 6, 0, np.nan], [0, 0, 0, 0, 0, 0, 3, 0])
    assert inside.tolist() == [False, True, True, True, True, False, False, False]


@pytest.mark.parametrize('region', [*some_regions()])
def test_bounds_and_cells_leave_out_nothing_of_a_region(region):
    ra, dec = random_sky(20_000)
    inside = region.contains(ra, dec)
    (west, east), (south, north) = region.bounds()
    assert ((ra[inside] - west) % 360 <= east - west + 1e-9).all()
    assert ((dec[inside] >= south) & (dec[inside] <= north)).all()
    for order in (0, 2, 4):
        cells = np.arange(12 * 4**order)
        found = cells_in_region(np.full(len(cells), order), cells, region)
        assert found[spatial_index(ra, dec, order=order)[inside]].all()


def test_cells_far_from_a_region_are_left_out():
    orders, cells = np.full(12 * 4**5, 5), np.arange(12 * 4**5)
    # The cells have 3.4 square degrees.
    assert cells_in_region(orders, cells, SkyCone(200, 30, 0.01)).sum() <= 2
    assert 10 < cells_in_region(orders, cells, SkyBox((199, 205), (29, 35))).sum() < 30


def test_cells_are_those_of_hats():
    # By hats.pixel_math.spatial_index of hats 0.11.1.
    ra, dec = [0, 90, 359.9999999999, 10, 45, 0], [0, 0, 0, 0, 41.8103148957786, -90]
    assert spatial_index(ra, dec).tolist() == [
        1369094286720630784,
        1657324662872342528,
        1321055890695345493,
        1271539390176974501,
        216172782113783808,
        2305843009213693952,
    ]


@pytest.mark.parametrize(
    ('make', 'words'),
    [
        (lambda: SkyCone(np.nan, 0, 1), '`ra` must be an angle from -180 to 360 degrees; got nan'),
        (lambda: SkyCone(0, 91, 1), '`dec` must be an angle from -90 to 90'),
        (lambda: SkyCone(0, 0, 0), '`radius` must be above 0'),
        (lambda: SkyCone([0, 1], 0, 1), '`ra` must be one angle'),
        (lambda: SkyCone('here', 0, 1), '`ra` must be one angle'),
        (lambda: SkyCone(None, 0, 1), '`ra` must be an angle; got None'),
        (lambda: SkyBox(5, (0, 1)), '`ra` must be two angles; got 5'),
        (lambda: SkyBox((5, 5), (0, 1)), '`ra` must be a range from west to east'),
        (lambda: SkyBox((5, 6), (1, 0)), '`dec` must be a range from south to north'),
        (lambda: SkyBox((5, 6), (1, 2, 3)), '`dec` must be two angles'),
    ],
)
def test_what_is_no_region_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_radii_are_angles():
    with pytest.raises(u.UnitConversionError):
        SkyCone(0, 0, 1 * u.pix)
