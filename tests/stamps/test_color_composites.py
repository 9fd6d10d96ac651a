"""Colors of several bands, against the formula of Lupton et al. 2004."""

import numpy as np
import pytest
from astropy import units as u

from astro_wgan.stamps import Band, StampSet, Stretch
from astro_wgan.stamps.intensity.color_composites import (
    color_groups,
    combine_bands,
    lupton_softening,
    scaled_colors,
)
from astro_wgan.stamps.png import MASKED_COLOR, contact_sheet

SURVEY = {'g': 480, 'r': 620, 'i': 750, 'z': 880, 'J': 1250, 'Ks': 2150}


def survey_bands(*names):
    return tuple(Band(name, wavelength=SURVEY[name] * u.nm) for name in names)


@pytest.mark.parametrize(
    ('names', 'groups'),
    [
        ('r', None),
        ('gr', ([1], [0, 1], [0])),
        ('rg', ([0], [0, 1], [1])),
        ('gri', ([2], [1], [0])),
        ('irg', ([0], [1], [2])),
        ('grizJ', ([4], [2, 3], [0, 1])),
    ],
)
def test_red_has_the_longest_wavelength(names, groups):
    assert color_groups(len(names), bands=survey_bands(*names)) == groups


def test_three_bands_without_wavelengths_are_red_green_and_blue():
    assert color_groups(3) == ([0], [1], [2])
    assert color_groups(3, bands=(Band('R'), Band('G'), Band('B'))) == ([0], [1], [2])
    # Others are stored as spectra are.
    assert color_groups(2) == ([1], [0, 1], [0])
    assert color_groups(9) == ([6, 7, 8], [3, 4, 5], [0, 1, 2])


def test_bands_are_chosen_by_names_and_numbers():
    bands = survey_bands('g', 'r', 'i', 'z')
    assert color_groups(4, bands=bands, rgb=('z', 'r', 0)) == ([3], [1], [0])
    assert color_groups(1, rgb=(0, 0, 0)) == ([0], [0], [0])


@pytest.mark.parametrize(
    'rgb', [(0, 1), (0, 1, 5), (0, 1, -1), (0, 1, 2.0), 'gri', 5, ('g', 'r', 'y')]
)
def test_bands_that_are_not_there_are_refused(rgb):
    with pytest.raises(ValueError, match='`rgb` must be three bands, by numbers from 0 to 4; got'):
        color_groups(5, rgb=rgb)


def test_one_band_is_gray():
    images = np.random.default_rng(3).normal(size=(2, 4, 4, 1))
    np.testing.assert_array_equal(combine_bands(images), images[..., 0])
    np.testing.assert_array_equal(combine_bands(images[..., 0]), images[..., 0])


def test_three_bands_are_a_color_image_in_their_order_or_as_asked():
    images = np.random.default_rng(4).normal(size=(2, 4, 4, 3))
    np.testing.assert_array_equal(combine_bands(images), images)
    np.testing.assert_array_equal(combine_bands(images, rgb=(2, 1, 0)), images[..., ::-1])
    images[0, 1, 2, 2] = np.nan
    assert np.isnan(combine_bands(images)[0, 1, 2]).all()


@pytest.fixture
def stretch():
    return Stretch(sky=5.0, noise_rms=1.0, peak=1005.0)


def test_several_bands_of_a_color_are_averaged_as_linear_intensities(stretch):
    rng = np.random.default_rng(5)
    pixels = 5 + rng.lognormal(3, 2, size=(2, 8, 8, 4))
    images = np.stack([stretch.transform(StampSet(band)) for band in np.moveaxis(pixels, 3, 0)], -1)
    found = combine_bands(images, stretch=stretch)
    np.testing.assert_allclose(found[..., 0], images[..., 3], rtol=1e-6)
    both = stretch.transform(StampSet(pixels[..., :2].mean(axis=-1)))
    np.testing.assert_allclose(found[..., 2], both, rtol=1e-5)
    # Pixels that are masked in one of them are those of the other.
    images[0, 1, 2, 0] = np.nan
    masked = combine_bands(images, stretch=stretch)
    assert masked[0, 1, 2, 2] == pytest.approx(images[0, 1, 2, 1], rel=1e-5)
    images[0, 1, 2, 1] = np.nan
    assert np.isnan(combine_bands(images, stretch=stretch)[0, 1, 2]).all()


def test_colors_are_those_of_linear_intensities(stretch):
    """Lupton et al. 2004, equation 2, to the half of a gray level of 8 bits."""
    softening = lupton_softening(stretch)
    assert softening == pytest.approx(3 / 1000)
    intensity = 10 ** np.linspace(-2.5, -0.5, 40).reshape(5, 8, 1) * np.array([1.4, 1.0, 0.6])
    image = np.arcsinh(intensity / softening) / np.arcsinh(1 / softening)
    found = scaled_colors(image, 0.0, 1.0, softening=softening)
    mean = intensity.mean(axis=-1, keepdims=True)
    factor = np.arcsinh(mean / softening) / np.arcsinh(1 / softening) / mean
    expected = intensity * factor
    fits = (expected < 1).all(axis=-1)
    assert fits.sum() > 20
    np.testing.assert_allclose(found[fits], expected[fits], atol=1 / 255)
    # Brighter pixels than white keep the ratio of their colors.
    ratio = found[~fits] / found[~fits].max(axis=-1, keepdims=True)
    np.testing.assert_allclose(
        ratio, np.broadcast_to([1, 1 / 1.4, 0.6 / 1.4], ratio.shape), atol=0.01
    )


@pytest.mark.parametrize(('low', 'high'), [(0.0, 1.0), (-0.1, 0.7), (0.2, 1.3)])
def test_gray_sources_are_as_bright_as_without_colors(stretch, low, high):
    levels = np.linspace(low, high, 200).reshape(10, 20)
    gray = scaled_colors(levels, low, high)
    colors = scaled_colors(
        np.stack([levels] * 3, axis=-1), low, high, softening=lupton_softening(stretch)
    )
    linear = np.sinh(levels * np.arcsinh(1000 / 3)) - np.sinh(low * np.arcsinh(1000 / 3))
    top = linear.max()
    np.testing.assert_allclose(
        colors, np.stack([np.arcsinh(linear) / np.arcsinh(top)] * 3, axis=-1), atol=1.1 / 255
    )
    if low == 0:
        np.testing.assert_allclose(colors[..., 0], gray, atol=1.1 / 255)


def test_linear_stretches_scale_each_color_by_itself():
    assert lupton_softening(Stretch('linear', sky=0, noise_rms=1, peak=10)) is None
    assert lupton_softening(None) is None
    image = np.random.default_rng(6).uniform(size=(4, 4, 3))
    np.testing.assert_allclose(scaled_colors(image, 0.25, 0.75), np.clip(2 * image - 0.5, 0, 1))


def test_extreme_pixels_have_colors(stretch):
    image = np.array([[[-1e9, 0, 1e9], [1e9, 1e9, 1e9], [np.nan, 0, 0]]])
    found = scaled_colors(image, 0.0, 1.0, softening=lupton_softening(stretch))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0, 1], 1, atol=0.01)


def test_contact_sheets_show_masked_pixels_and_chosen_bands():
    pixels = np.random.default_rng(7).normal(size=(1, 8, 8, 4))
    pixels[..., 2:6, 2:6, 3] += 100
    stamps = StampSet(
        pixels, mask=pixels == pixels[0, 0, 0, 2], bands=survey_bands('i', 'r', 'z', 'g')
    )
    sheet = contact_sheet(stamps, rgb=('g', 'r', 'i'))
    assert tuple(sheet[7, 0]) != MASKED_COLOR
    assert sheet[4, 4, 0] > 200 > 50 > sheet[4, 4, 2]
    assert contact_sheet(stamps)[4, 4, 2] > 200
    # Red is the band z alone, which is masked there.
    assert tuple(contact_sheet(stamps)[7, 0]) == MASKED_COLOR


def test_bands_are_those_of_the_images():
    with pytest.raises(ValueError, match='`bands` must be 3, as those of the images; got g, r'):
        combine_bands(np.ones((2, 8, 8, 3)), bands=(Band('g'), Band('r')))


@pytest.mark.parametrize('n_bands', [2, 3, 9])
def test_images_that_lack_a_band_are_shown_in_the_others(n_bands, stretch):
    images = np.random.default_rng(1).uniform(size=(3, 8, 8, n_bands))
    images[1, ..., 0] = np.nan
    images[2] = np.nan
    images[0, 3, 3] = np.nan
    colors = combine_bands(images, stretch=stretch)
    assert np.isnan(colors[0, 3, 3]).all()
    assert np.isnan(colors[0]).sum() == 3
    assert np.isfinite(colors[1]).all()
    assert np.isnan(colors[2]).all()
    if n_bands == 2:
        # Of one band that is left the image is gray.
        np.testing.assert_allclose(colors[1], images[1, ..., [1, 1, 1]].transpose(1, 2, 0))
