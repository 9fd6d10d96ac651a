from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from astro_wgan.stamps.png import (
    MASKED_COLOR,
    image_png,
    image_range,
    residual_colors,
    residual_map,
    residual_png,
    residual_range,
)


def decode(png):
    """Red, green and blue of each pixel of a PNG file."""
    return np.array(Image.open(BytesIO(png)).convert('RGB'))


def test_a_gray_picture_runs_from_black_to_white_and_clips():
    image = np.array([[-5.0, 0.0, 0.5], [1.0, 2.0, 9.0]])
    gray = decode(image_png(image, 0.0, 2.0))
    assert gray[..., 0].tolist() == [[0, 0, 64], [128, 255, 255]]
    assert (gray == gray[..., :1]).all()


def test_masked_pixels_have_their_own_color_and_leave_the_others_alone():
    image = np.random.default_rng(1).uniform(size=(20, 30))
    plain = decode(image_png(image, 0.0, 1.0)).astype(int)
    image[3:5, 7] = np.nan
    masked = decode(image_png(image, 0.0, 1.0)).astype(int)
    assert (masked[3:5, 7] == MASKED_COLOR).all()
    rest = np.isfinite(image)
    assert np.abs(masked - plain)[rest].max() <= 1
    assert not (masked[rest] == MASKED_COLOR).all(axis=-1).any()


def test_a_color_picture_is_close_to_the_image():
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:48, :48] / 47
    image = np.stack([x, y, 1 - x], axis=-1) + rng.normal(0, 0.02, size=(48, 48, 3))
    image[0, 0, 1] = np.nan
    colors = decode(image_png(image, 0.0, 1.0)).astype(float)
    assert tuple(colors[0, 0]) == MASKED_COLOR
    difference = colors[1:] - 255 * np.clip(image[1:], 0, 1)
    assert np.sqrt((difference**2).mean()) < 10


def test_residual_colors_are_blue_white_red():
    colors = residual_colors().astype(int)
    middle = len(colors) // 2
    assert len(colors) % 2 == 1
    assert np.ptp(colors[middle]) == 0
    assert (colors[:middle, 2] > colors[:middle, 0]).all()
    assert (colors[middle + 1 :, 0] > colors[middle + 1 :, 2]).all()


def test_a_residual_picture_is_symmetric_and_clips():
    residual = np.array([[-9.0, -2.0, 0.0, 2.0, 9.0, np.nan]])
    colors = residual_colors()
    found = decode(residual_png(residual, 2.0))[0]
    expected = [colors[0], colors[0], colors[len(colors) // 2], colors[-1], colors[-1]]
    assert (found[:5] == expected).all()
    assert tuple(found[5]) == MASKED_COLOR


def test_the_residual_shown_is_that_of_the_band_that_deviates_most():
    residuals = np.array([0.5, -2.0, 1.0, np.nan]).reshape(1, 1, 1, 4)
    assert residual_map(residuals) == [[[-2.0]]]
    assert np.isnan(residual_map(np.full((1, 1, 1, 2), np.nan))).all()


def test_a_hot_pixel_does_not_darken_the_image():
    image = np.linspace(0, 1, 64 * 64).reshape(64, 64)
    image[10, 10] = 1e6
    low, high = image_range(image, image)
    assert low == pytest.approx(0.005, abs=1e-3)
    assert high < 1.01


@pytest.mark.parametrize('fill', [np.nan, 3.0])
def test_ranges_of_images_without_contrast_can_be_divided_by(fill):
    image = np.full((8, 8), fill)
    low, high = image_range(image)
    assert high > low
    assert residual_range(np.zeros((2, 8, 8))) == 1.0
    assert residual_range(np.full((2, 8, 8), np.nan)) == 1.0


def test_the_range_of_residuals_covers_all_pictures():
    residuals = np.random.default_rng(5).normal(size=(10, 64, 64))
    # Two-sided 99.5 percent of a normal distribution.
    assert residual_range(residuals) == pytest.approx(2.807, rel=0.02)
    rare = np.zeros((1, 64, 64))
    rare[0, 0, 0] = -4.0
    assert residual_range(rare) == 4.0
