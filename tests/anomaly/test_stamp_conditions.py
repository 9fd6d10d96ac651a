"""Where sources lie in their stamps, and on what sky, against what was drawn."""

import numpy as np
import pytest
from photutils.centroids import centroid_2dg

from astro_wgan.anomaly.stamp_conditions import measure_conditions

SHAPE = (48, 40)


def drawn(x=0.0, y=0.0, *, level=0.0, across=(0.0, 0.0), noise=1.0, n=200, width=2.5, seed=1):
    """Gaussian sources at an offset from the center, on a plane with noise."""
    ny, nx = SHAPE
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in SHAPE)
    source = 40 * np.exp(-((columns - x) ** 2 + (rows[:, np.newaxis] - y) ** 2) / 2 / width**2)
    plane = across[0] * columns / nx + across[1] * rows[:, np.newaxis] / ny
    noisy = np.random.default_rng(seed).normal(scale=noise, size=(n, *SHAPE))
    return noise * (source + level + plane) + noisy


@pytest.mark.parametrize(('x', 'y'), [(0, 0), (1, 0), (-0.4, 2.3), (3, -3)])
def test_offsets_are_those_that_were_drawn(x, y):
    found = measure_conditions(drawn(x, y), np.ones(200))
    assert np.median(found['offset_x']) == pytest.approx(x, abs=0.03)
    assert np.median(found['offset_y']) == pytest.approx(y, abs=0.03)


def test_offsets_are_those_of_another_centroid():
    """Of sources that are wider than the window, too, one by one."""
    stamps = drawn(1.2, -0.7, n=5, width=4.0)
    found = measure_conditions(stamps, np.ones(5))
    center = (np.array(SHAPE[::-1]) - 1) / 2
    for k, stamp in enumerate(stamps):
        x, y = centroid_2dg(stamp) - center
        assert found['offset_x'][k] == pytest.approx(x, abs=0.15)
        assert found['offset_y'][k] == pytest.approx(y, abs=0.15)


@pytest.mark.parametrize('noise', [1.0, 1e-30, 1e20])
def test_sky_is_in_units_of_the_noise(noise):
    # The borders are an eighth of the edges wide: their middles lie 7/8 of these apart.
    stamps = drawn(level=0.7, across=(0.6, 0.8), noise=noise)
    found = measure_conditions(stamps, np.full(200, noise))
    assert np.median(found['sky_level']) == pytest.approx(0.7, abs=0.1)
    assert np.median(found['sky_slope_x']) == pytest.approx(0.6 * 7 / 8, abs=0.03)
    assert np.median(found['sky_slope_y']) == pytest.approx(0.8 * 7 / 8, abs=0.03)


def test_of_several_bands_the_mean_is_measured():
    stamps = drawn(1.5, 0.5, level=1.0)
    bands = np.stack([stamps, 3 * stamps], axis=-1)
    found = measure_conditions(bands, np.full(200, 2.0))
    expected = measure_conditions(stamps, np.ones(200))
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6)


def test_masked_pixels_are_left_out_and_nothing_is_said_of_nothing():
    stamps = drawn(1.0, 0.0, level=0.5)
    stamps[:, :, :6] = np.nan
    stamps[7] = np.nan
    found = measure_conditions(stamps, np.ones(200))
    assert np.isnan([found[name][7] for name in found]).all()
    # The left border is masked throughout: the right one alone cannot tell a slope.
    assert np.isnan(found['sky_slope_x']).all()
    assert np.nanmedian(found['sky_level']) == pytest.approx(0.5, abs=0.05)
    assert np.isfinite(np.delete(found['sky_slope_y'], 7)).all()
    assert np.nanmedian(found['offset_x']) == pytest.approx(1.0, abs=0.05)


def test_a_masked_border_leaves_the_level_of_the_sky_what_it_is():
    """Of the same stamps, on most of which a neighbor lies on one border or another."""
    stamps = drawn(level=0.5)
    ny, nx = SHAPE
    for k, stamp in enumerate(stamps[:150]):
        stamp[[slice(8), slice(ny - 8, ny), slice(None), slice(None)][k % 4]] += 2 * (k % 4 < 2)
    whole = np.median(measure_conditions(stamps, np.ones(200))['sky_level'])
    assert whole == pytest.approx(0.5, abs=0.05)
    stamps[:, :, :13] = np.nan
    chip_edge = np.median(measure_conditions(stamps, np.ones(200))['sky_level'])
    assert chip_edge == pytest.approx(whole, abs=0.1)
    stamps[:, :, : nx // 2] = np.nan
    assert np.isnan(measure_conditions(stamps, np.ones(200))['sky_level']).all()


def test_a_source_of_which_half_is_masked_has_no_center():
    stamps = drawn(1.0, 0.0)
    masked = stamps.copy()
    masked[:, :, : SHAPE[1] // 2] = np.nan
    found = measure_conditions(masked, np.ones(200), closest_images=stamps)
    assert np.isnan(found['offset_x']).all()
    assert np.isnan(found['offset_y']).all()


def test_masked_borders_do_not_hide_the_center_of_a_source_on_a_sky():
    stamps = drawn(1.5, 0.0, level=30.0)
    masked = stamps.copy()
    masked[:, :6] = masked[:, -6:] = masked[:, :, :5] = masked[:, :, -5:] = np.nan
    found = measure_conditions(masked, np.ones(200), closest_images=stamps)
    assert np.median(found['offset_x']) == pytest.approx(1.5, abs=0.05)
    assert np.isnan(found['sky_level']).all()


def test_a_few_masked_pixels_do_not_hide_the_sky():
    stamps = drawn(level=0.5)
    stamps[:, :, 0] = np.nan
    found = measure_conditions(stamps, np.ones(200))
    assert np.median(found['sky_level']) == pytest.approx(0.5, abs=0.05)
    assert np.median(found['sky_slope_x']) == pytest.approx(0, abs=0.05)


def test_a_masked_half_of_a_source_is_where_its_closest_image_has_it():
    stamps = drawn(1.0, 0.0, level=0.5)
    whole = measure_conditions(stamps, np.ones(200))
    masked = stamps.copy()
    masked[:, :, stamps.shape[2] // 2 - 4 : stamps.shape[2] // 2] = np.nan
    found = measure_conditions(masked, np.ones(200), closest_images=stamps)
    for name in ('offset_x', 'offset_y'):
        np.testing.assert_allclose(found[name], whole[name], atol=0.02)
    alone = measure_conditions(masked, np.ones(200))
    assert abs(np.median(alone['offset_x'] - whole['offset_x'])) > 0.3


def test_a_neighbor_on_one_border_is_no_sky():
    stamps = drawn(level=0.5)
    stamps[:, :, -6:] += 30
    found = measure_conditions(stamps, np.ones(200))
    # Of the two other borders it covers a seventh.
    assert np.median(found['sky_level']) == pytest.approx(0.5, abs=0.3)


@pytest.mark.parametrize('pixels', [np.zeros((3, 16, 16)), np.empty((0, 16, 16))])
def test_stamps_without_light_have_no_center(pixels):
    found = measure_conditions(pixels, np.zeros(len(pixels)))
    assert all(np.isnan(values).all() and len(values) == len(pixels) for values in found.values())
