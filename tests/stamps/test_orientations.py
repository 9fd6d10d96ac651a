"""The eight orientations of square images, and where their sources are."""

import numpy as np
import pytest

from astro_wgan.stamps.orientations import (
    HALF_TURN,
    in_all_orientations,
    oriented,
    source_center,
)

#: Rotations by right angles, and the same mirrored.
TURNS = [lambda m, k=k: np.rot90(m, k) for k in range(4)]
ORIENTATIONS = TURNS + [lambda m, k=k: np.rot90(m, k)[:, ::-1] for k in range(4)]


def galaxies(size, center, *, n=40, seed=1, noise=0.05, spread=0.3):
    """Sources of any axis ratio and angle, scattered around a center, with companions."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(float)
    images = rng.normal(0, noise, (n, size, size))
    for image in images:
        for number in range(2):
            dy, dx = (
                rng.normal(0, spread, 2) if number == 0 else rng.uniform(-size / 2, size / 2, 2)
            )
            angle, ratio = rng.uniform(0, np.pi), rng.uniform(0.4, 1)
            v, u = y - center[0] - dy, x - center[1] - dx
            along = u * np.cos(angle) + v * np.sin(angle)
            across = (v * np.cos(angle) - u * np.sin(angle)) / ratio
            image += rng.uniform(0.5, 1) * np.exp(-np.hypot(along, across) / 2)
    return images[..., np.newaxis]


@pytest.mark.parametrize(
    ('size', 'center'),
    [
        (32, (16, 16)),
        (32, (15.5, 15.5)),
        (32, (15, 16)),
        (32, (15, 15)),
        (33, (16, 16)),
        (33, (16.5, 16.5)),
        (32, (15.5, 16.5)),
    ],
)
def test_sources_are_found_where_they_are(size, center):
    assert source_center(galaxies(size, center)) == center


def test_of_noise_or_of_sources_all_over_the_center_is_the_middle():
    noise = np.random.default_rng(1).normal(size=(100, 16, 16, 1))
    assert source_center(noise) == (7.5, 7.5)
    assert source_center(galaxies(32, (15.5, 15.5), spread=4)) == (15.5, 15.5)
    assert source_center(np.zeros((3, 16, 16, 2))) == (7.5, 7.5)


@pytest.mark.parametrize('center', [(32, 32), (31.5, 31.5)])
def test_small_faint_sources_are_found_in_large_stamps(center):
    # With all pixels of the median, of which few are of the sources, noise would hide the center.
    assert source_center(galaxies(64, center, n=300, noise=0.4)) == center


def test_between_two_centers_it_is_the_middle():
    assert source_center(galaxies(32, (15.75, 15.75), n=200)) == (15.5, 15.5)


@pytest.mark.parametrize('size', [16, 32])
@pytest.mark.parametrize('beside', [0, 0.5])
@pytest.mark.parametrize(
    ('part', 'masked'), [(0.6, 'left'), (0.6, 'right'), (0.6, 'corner'), (1, 'edge'), (1, 'row')]
)
def test_masked_pixels_do_not_move_the_center(size, beside, part, masked):
    center, half = ((size - 1) / 2 + beside,) * 2, size // 2
    images = galaxies(size, center, n=100)
    places = {
        'left': np.s_[:, :half],
        'right': np.s_[:, half:],
        'corner': np.s_[:half, :half],
        'edge': np.s_[:, :4],
        'row': np.s_[half, :],
    }
    images[: round(part * 100)][(slice(None), *places[masked])] = np.nan
    assert source_center(images) == center


def test_where_too_few_pixels_tell_the_center_is_the_middle():
    images = galaxies(16, (8, 8), n=100)
    images[:, :, :8] = np.nan
    assert source_center(images) == (7.5, 7.5)
    images[:, 8:] = np.nan
    assert source_center(images) == (7.5, 7.5)
    assert source_center(np.full((3, 16, 16, 2), np.nan)) == (7.5, 7.5)
    few = galaxies(16, (8, 8), n=100)
    few[:80] = np.nan
    assert source_center(few) == (7.5, 7.5)


@pytest.mark.parametrize('orientation', range(8))
def test_around_the_middle_they_are_those_of_the_square(orientation):
    images = np.random.default_rng(1).normal(size=(2, 6, 6, 3))
    expected = np.moveaxis(images, 0, -1)  # (6, 6, 3, 2)
    expected = np.moveaxis(ORIENTATIONS[orientation](expected), -1, 0)
    np.testing.assert_array_equal(oriented(images, orientation), expected)
    np.testing.assert_array_equal(oriented(images, orientation, center=(2.5, 2.5)), expected)


@pytest.mark.parametrize('center', [(8.0, 8.0), (8.0, 7.0), (6.5, 8.5), (7.0, 7.0)])
def test_around_another_center_what_is_there_stays(center):
    size, reach = 16, 5
    images = np.random.default_rng(1).normal(size=(2, size, size, 1))
    low = [round(c - reach + 0.25) if c % 1 else int(c) - reach for c in center]
    edge = 2 * reach + 1 if center[0] % 1 == 0 else 2 * reach
    inner = np.s_[:, low[0] : low[0] + edge, low[1] : low[1] + edge]
    for orientation in range(8):
        found = oriented(images, orientation, center=center)
        np.testing.assert_array_equal(found[inner], oriented(images[inner], orientation))
        assert sorted(found.ravel()) == sorted(images.ravel())


@pytest.mark.parametrize('center', [None, (8.0, 8.0)])
def test_all_are_different_and_half_a_turn_twice_is_none(center):
    images = np.random.default_rng(1).normal(size=(2, 16, 16, 1))
    found = [*in_all_orientations(images, center=center)]
    assert len({view.tobytes() for view in found}) == 8
    np.testing.assert_array_equal(found[0], images)
    half = oriented(images, HALF_TURN, center=center)
    np.testing.assert_array_equal(oriented(half, HALF_TURN, center=center), images)
