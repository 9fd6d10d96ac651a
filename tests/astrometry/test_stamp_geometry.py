"""Corners and WCS of stamps, judged by Cutout2D."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.nddata import Cutout2D
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS, Sip

from astro_wgan import StampSet
from astro_wgan.astrometry.stamp_geometry import (
    ParentImage,
    StampGeometry,
    first_pixel,
)
from astro_wgan.astrometry.stamp_wcs import WCSSequence, shifted_wcs
from astro_wgan.testing import make_wcs


def image_wcs():
    return make_wcs((90, 90), reference_pixel=(60.375, 39.25))


@pytest.mark.parametrize('shape', [(4, 7), (9, 6), (1, 1)])
def test_first_pixel_is_that_of_cutout2d(shape):
    rng = np.random.default_rng(1)
    centers = np.concatenate([rng.uniform(10, 40, (50, 2)), rng.integers(20, 80, (50, 2)) / 2])
    image = np.zeros((60, 60))
    expected = [Cutout2D(image, tuple(center), shape).origin_original for center in centers]
    assert np.array_equal(first_pixel(centers, shape), expected)


def test_first_pixel_of_nowhere_is_far_outside():
    corner = first_pixel([(np.nan, 3), (np.inf, 3), (-1e300, 3)], (4, 4))
    assert (np.abs(corner[:, 0]) > 1e12).all()


def test_shifted_wcs_leaves_the_sky_where_it_is():
    wcs = image_wcs()
    part = shifted_wcs(wcs, (12, -7), (20, 30))
    assert part.wcs_world2pix(wcs.wcs_pix2world([[25, 13]], 0), 0) == pytest.approx(
        np.array([[13, 20]]), abs=1e-8
    )
    assert part.array_shape == (20, 30)
    assert wcs.wcs.crpix.tolist() == [61.375, 40.25]


def test_wcs_sequence_has_the_ways_of_a_list():
    geometry = StampGeometry.single(ParentImage((90, 90), image_wcs()), [(0, 0), (10, 5), (20, 9)])
    sequence = WCSSequence(geometry, (8, 9))
    assert len(sequence) == 3
    assert sequence[-1].wcs.crpix.tolist() == sequence[2].wcs.crpix.tolist()
    assert [wcs.wcs.crpix[0] for wcs in sequence] == [61.375, 61.375 - 10, 61.375 - 20]
    assert [wcs.wcs.crpix[1] for wcs in sequence[1:]] == [40.25 - 5, 40.25 - 9]
    assert sequence[1].array_shape == (8, 9)
    assert repr(sequence) == '<3 WCS of stamps of 8 x 9 pixels>'
    with pytest.raises(IndexError):
        sequence[3]


def test_stamps_without_wcs():
    geometry = StampGeometry.from_wcs([None, image_wcs()], (8, 9))
    sequence = WCSSequence(geometry, (8, 9))
    assert sequence[0] is None
    assert sequence[1].wcs.crpix.tolist() == [61.375, 40.25]
    assert not geometry.has_wcs
    assert geometry[np.array([1])].has_wcs


def test_a_few_stamps_of_a_large_set_do_not_cost_a_walk_over_its_parents():
    class Parents(tuple):
        def __iter__(self):
            raise AssertionError('all parents are walked over')

    count = 5000
    large = StampGeometry.from_wcs([None] * count, (8, 8))
    few = StampGeometry(Parents(large.parents), large.parent[7:9], large.corner[7:9])
    assert few.pixel_scale((8, 8)) is None
    assert np.isnan(few.pixel_area((8, 8))).all()
    assert not few.outside((8, 8)).any()
    assert list(few.by_wcs()) == []


def test_pixel_scale_is_that_of_the_first_stamp():
    wcs = [make_wcs(pixel_scale=scale * u.arcsec) for scale in (0.072, 0.036)]
    geometry = StampGeometry.from_wcs(wcs, (8, 8))
    assert u.isclose(geometry.pixel_scale((8, 8)), 0.072 * u.arcsec / u.pix)
    assert u.isclose(geometry[np.array([1])].pixel_scale((8, 8)), 0.036 * u.arcsec / u.pix)
    assert StampGeometry.from_wcs([None], (8, 8)).pixel_scale((8, 8)) is None
    assert StampGeometry.from_wcs([], (8, 8)).pixel_scale((8, 8)) is None


def test_sip_that_is_left_over_in_given_wcs_is_not_applied():
    plain, wcs = image_wcs(), image_wcs()
    wcs.sip = Sip(np.diag([0, 0, 1e-2]), np.diag([0, 0, 1e-2]), None, None, wcs.wcs.crpix)
    with pytest.warns(AstropyUserWarning, match='without -SIP: they are left over'):
        stamps = StampSet(np.ones((2, 8, 8)), wcs=[wcs, wcs])
    assert len({id(parent.wcs) for parent in stamps.geometry.parents}) == 1
    there = stamps.wcs[1].pixel_to_world(3, 4)
    assert there.separation(plain.pixel_to_world(3, 4)).arcsec < 1e-6


def test_given_wcs_may_have_more_axes_or_none_on_the_sky():
    cube = WCS(naxis=3)
    cube.wcs.ctype = 'RA---TAN', 'DEC--TAN', 'FREQ'
    cube.wcs.crval = 150.1, 2.2, 1.4e9
    cube.wcs.cdelt = -1e-5, 1e-5, 1e6
    linear = WCS(naxis=2)
    stamps = StampSet(np.ones((3, 8, 8)), wcs=[cube, None, linear])
    assert [None if wcs is None else wcs.naxis for wcs in stamps.crop(4).wcs] == [2, None, 2]
    assert stamps.pixel_scale.value == pytest.approx(0.036)


def test_concatenated_geometries_share_their_parents():
    first, second = ParentImage((90, 90), image_wcs()), ParentImage((50, 50))
    a = StampGeometry.single(first, [(0, 0), (10, 5)])
    b = StampGeometry.single(second, [(1, 2)])
    joined = StampGeometry.concatenate([a, b, a[np.array([1])]])
    assert joined.parents == (first, second)
    assert joined.parent.tolist() == [0, 0, 1, 0]
    assert joined.corner.tolist() == [[0, 0], [10, 5], [1, 2], [10, 5]]


def test_arguments_must_fit():
    with pytest.raises(ValueError, match='Give `wcs` or `geometry`, not both'):
        StampGeometry.of(1, (8, 8), [None], StampGeometry.from_wcs([None], (8, 8)))
    with pytest.raises(ValueError, match='one entry per stamp, 2; got 1'):
        StampGeometry.of(2, (8, 8), [None])


def projected(projection, crval=(0, 0), scale=0.1):
    center = SkyCoord(*crval, unit='deg')
    return make_wcs(
        center=center, reference_pixel=(0, 0), projection=projection, pixel_scale=scale * u.deg
    )


@pytest.mark.parametrize(
    ('projection', 'ratio'),
    [
        # By Calabretta & Greisen (2002): of the area at the reference, at latitude 60 or 60 degrees
        # from it.
        ('CAR', lambda angle: np.cos(angle)),
        ('CEA', lambda angle: 1),
        ('MER', lambda angle: np.cos(angle) ** 2),
        ('TAN', lambda angle: np.cos(angle) ** 3),
        ('SIN', lambda angle: 1 / np.cos(angle)),
    ],
)
def test_the_area_of_a_pixel_is_that_where_the_stamp_is(projection, ratio):
    wcs = projected(projection)
    x, y = wcs.wcs_world2pix([[0, 60]], 0)[0]
    corner = np.round([[-4, -4], [x - 4, y - 4]])
    area = StampGeometry.single(ParentImage((2000, 2000), wcs), corner).pixel_area((9, 9)).value
    angle = np.radians(wcs.wcs_pix2world([corner[1] + 4], 0)[0, 1])
    assert area[0] == pytest.approx(360**2, rel=1e-5)
    assert area[1] / area[0] == pytest.approx(ratio(angle), rel=1e-5)


def test_the_area_of_a_pixel_off_the_sky_is_not_known():
    wcs = projected('AIT', scale=1)
    wcs.wcs.crpix = 200, 100
    geometry = StampGeometry.single(ParentImage((200, 400), wcs), [(0, 0), (190, 90)])
    area = geometry.pixel_area((9, 9))
    assert np.isnan(area[0])
    assert np.isfinite(area[1])
    assert u.isclose(geometry.pixel_scale((9, 9)), np.sqrt(area[1]), rtol=1e-7)
