"""Each source belongs to the tile in which it lies farthest from the border."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from astro_wgan.surveying.tiles.footprints import Footprint, overlapping
from astro_wgan.surveying.tiles.source_assignment import assign_sources, is_of_tile
from astro_wgan.testing import make_wcs

SHAPE = (150, 200)


def footprints(center, *, count=5, seed=3):
    """Tiles around a place whose centers, angles and pixels differ."""
    rng = np.random.default_rng(seed)
    center = SkyCoord(*center, unit='deg')
    found = []
    for _ in range(count):
        at = center.directional_offset_by(rng.uniform(0, 360) * u.deg, rng.uniform(0, 5) * u.arcsec)
        wcs = make_wcs(
            SHAPE,
            center=at,
            position_angle=rng.uniform(0, 360) * u.deg,
            pixel_scale=rng.uniform(0.05, 0.07) * u.arcsec,
        )
        found.append(Footprint.of(SHAPE, wcs))
    return found


def by_each_position(sky, tiles):
    """The same, by the definition."""
    best = np.full(len(sky), -1)
    farthest = np.zeros(len(sky))
    for k, tile in enumerate(tiles):
        x, y = tile.wcs.world_to_pixel(sky)
        for i in range(len(sky)):
            edge = min(x[i] + 0.5, SHAPE[1] - 0.5 - x[i], y[i] + 0.5, SHAPE[0] - 0.5 - y[i])
            if edge > farthest[i]:
                best[i], farthest[i] = k, edge
    return best


@pytest.mark.parametrize('center', [(150, 2), (0, -30), (10, 90), (200, -89.9995)])
def test_sources_are_assigned_to_the_tile_of_the_farthest_border(center):
    tiles, rng = footprints(center), np.random.default_rng(5)
    sky = SkyCoord(*center, unit='deg').directional_offset_by(
        rng.uniform(0, 360, 400) * u.deg, rng.uniform(0, 14, 400) * u.arcsec
    )
    expected = by_each_position(sky, tiles)
    assert len(set(expected)) == len(tiles) + 1
    found = assign_sources(sky.ra.deg, sky.dec.deg, tiles)
    np.testing.assert_array_equal(found, expected)
    # Of detected sources each tile keeps its own, and together all of them once.
    own = [is_of_tile(sky, k, tiles) for k in range(len(tiles))]
    np.testing.assert_array_equal(np.sum(own, axis=0), expected >= 0)


def test_the_first_of_two_tiles_has_what_lies_as_far_in_both():
    wcs = make_wcs(SHAPE)
    tiles = [Footprint.of(SHAPE, wcs), Footprint.of(SHAPE, wcs)]
    assert assign_sources(np.array([150.0]), np.array([2.0]), tiles) == [0]


def test_a_source_at_the_outer_edge_of_a_pixel_is_in_the_tile():
    tile = Footprint.of(SHAPE, make_wcs(SHAPE))
    sky = tile.wcs.pixel_to_world([-0.49, -0.51, 99], [10, 10, 149.49])
    np.testing.assert_allclose(tile.border_distances(sky), [0.01, -0.01, 0.01], atol=1e-3)
    assert assign_sources(sky.ra.deg, sky.dec.deg, [tile]).tolist() == [0, -1, 0]


def test_a_tile_that_is_far_away_has_no_sources():
    tile = Footprint.of(SHAPE, make_wcs(SHAPE))
    # On the other side of the sky, where a gnomonic projection has no pixels.
    assert assign_sources(np.array([330.0]), np.array([-2.0]), [tile]) == [-1]


def test_tiles_overlap_if_they_share_sky():
    tiles = [Footprint.of(SHAPE, make_wcs(SHAPE, center=c)) for c in _centers(0, 5, 30, 33)]
    assert overlapping(tiles) == [[0, 1], [0, 1], [2, 3], [2, 3]]


def test_the_largest_of_tiles_of_different_sizes_overlaps_with_all_inside():
    centers = SkyCoord([10, 10.01, 10, 12] * u.deg, [0, 0.01, 0.0, 0] * u.deg)
    scales = [0.06, 0.06, 3.0, 0.06] * u.arcsec
    tiles = [
        Footprint.of(SHAPE, make_wcs(SHAPE, center=center, pixel_scale=scale))
        for center, scale in zip(centers, scales, strict=True)
    ]
    assert overlapping(tiles) == [[0, 2], [1, 2], [0, 1, 2], [3]]


def _centers(*offsets):
    return SkyCoord(offsets * u.arcsec, np.zeros(len(offsets)) * u.deg)
