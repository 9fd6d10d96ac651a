"""Images that were stretched before, against labeled stamps of surveys and linear images."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan import StampSet, Stretch
from astro_wgan.datasets import load_image
from astro_wgan.simulate import simulate
from astro_wgan.stamps.intensity.stretched_images import describe_stretch

EIGHT_BITS, CLIPPED = 'their pixels have 8 bits', 'many of their pixels share one maximum'
LUMINANCE = np.array([0.299, 0.587, 0.114])


def linear_pixels(n=100, *, bands=None, seed=1):
    """Round sources of 10 to 3000 sigma."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((32, 32)) - 15.5
    peak = 10 ** rng.uniform(1, 3.5, size=(n, 1, 1))
    pixels = peak * np.exp(-(x**2 + y**2) / (2 * rng.uniform(1, 3, size=(n, 1, 1)) ** 2))
    if bands:
        pixels = pixels[..., np.newaxis] * rng.uniform(0.5, 2, size=(n, 1, 1, bands))
    return pixels + rng.normal(size=pixels.shape)


def gray_levels(pixels):
    """What a program for display makes of it: asinh, and 8 bits."""
    return np.rint(255 * np.clip(0.1 + np.arcsinh(pixels / 3) / 8, 0, 1))


def describe(pixels, **options):
    return describe_stretch(StampSet(pixels, **options))


@pytest.mark.parametrize('bands', [None, 3])
@pytest.mark.parametrize(
    'change',
    [
        lambda levels: levels,
        lambda levels: levels.astype(np.uint8),
        lambda levels: (levels / 255).astype(np.float32),
        lambda levels: (levels / 127.5 - 1).astype(np.float32),
        lambda levels: levels[..., np.newaxis] if levels.ndim == 3 else levels.mean(axis=-1),
        lambda levels: levels if levels.ndim == 3 else levels.astype(np.float32) @ LUMINANCE,
    ],
)
def test_8_bits_are_recognized_in_whatever_numbers_they_are_stored(bands, change):
    assert describe(change(gray_levels(linear_pixels(bands=bands)))) == EIGHT_BITS


@pytest.mark.parametrize('bands', [None, 3])
def test_a_common_maximum_is_recognized(bands):
    pixels = gray_levels(linear_pixels(bands=bands)) * 1.2345
    pixels += np.random.default_rng(2).uniform(size=pixels.shape)
    assert describe(pixels) == ''
    assert describe(np.minimum(pixels, 240)) == CLIPPED
    assert describe(np.minimum(pixels, 240), mask=pixels >= 240) == ''


@pytest.mark.parametrize(
    'change',
    [
        lambda pixels: pixels,
        lambda pixels: np.rint(pixels + 100),
        lambda pixels: np.round(pixels, 3),
        # Saturated stars in every second stamp, far above the noise.
        lambda pixels: np.where(np.indices(pixels.shape)[0] % 2, np.minimum(pixels, 400), pixels),
        # Counts of photons.
        lambda pixels: np.random.default_rng(3).poisson(np.maximum(pixels / 100, 0.1)),
        lambda pixels: np.zeros_like(pixels),
    ],
)
def test_linear_images_are_not(change):
    assert describe(change(linear_pixels())) == ''


@pytest.mark.parametrize('width', [2.5, 4])
@pytest.mark.parametrize('saturation', [60, 250])
def test_saturated_stars_are_not_even_in_most_stamps_and_near_the_noise(width, saturation):
    rng = np.random.default_rng(1)
    y, x = np.indices((32, 32)) - 15.5
    radius = width / 2 / np.sqrt(2 ** (1 / 3) - 1)
    peak = 10 ** rng.uniform(1.5, 5, size=(100, 1, 1))
    stars = peak * (1 + (x**2 + y**2) / radius**2) ** -3  # Moffat
    stars += 7 + rng.normal(size=stars.shape)
    linear = np.minimum(stars, saturation)
    assert describe(linear) == ''
    compressed = np.arcsinh((stars - 7) / 3)
    assert describe(np.minimum(compressed, np.arcsinh(saturation / 3))) == CLIPPED


@pytest.mark.parametrize('sky', [0.5, 4, 40])
def test_counts_of_photons_are_not_if_they_fill_8_bits(sky):
    galaxies = np.maximum(linear_pixels(), 0)
    counts = np.random.default_rng(3).poisson(sky + 150 * galaxies / galaxies.max())
    assert counts.max() > 128
    assert describe(counts - counts.min()) == describe(counts) == ''


def test_simulated_and_observed_linear_stamps_are_not():
    pytest.importorskip('galsim')
    assert describe_stretch(simulate({'normal': 30}, seed=1)) == ''
    assert describe_stretch(StampSet.from_image(load_image('mock_f814w'), size=32)) == ''


def test_auto_takes_stretched_stamps_as_they_are_and_says_so():
    stamps = StampSet(gray_levels(linear_pixels()))
    stretch = Stretch('auto')
    with pytest.warns(AstropyUserWarning, match='stretched for display, as their pixels have 8'):
        stretch.fit(stamps)
    expected = Stretch('linear').fit(stamps)
    assert (stretch.kind, stretch.kind_) == ('auto', 'linear')
    np.testing.assert_array_equal(stretch.transform(stamps), expected.transform(stamps))
    assert Stretch.from_dict(stretch.to_dict()) == expected


def test_auto_is_asinh_for_linear_stamps():
    stamps = StampSet(linear_pixels())
    assert Stretch('auto').fit(stamps) == Stretch('asinh').fit(stamps)


def test_auto_needs_stamps():
    with pytest.raises(ValueError, match="`kind` must be 'asinh' or 'linear' with levels"):
        Stretch('auto', sky=0, noise_rms=1, peak=10)


# Survey stamps


@pytest.mark.parametrize('survey', ['euclid_q1', 'sdss_gz1'])
def test_labeled_stamps_of_surveys_are_recognized(survey, real_data):
    path = real_data / survey / 'stamps.npz'
    if not path.exists():
        pytest.skip(f'{path} is not there')
    pixels = np.load(path)['images'][::4]
    assert describe(pixels) == EIGHT_BITS
    assert describe((pixels / 255).astype(np.float32)) == EIGHT_BITS
    if pixels.ndim == 4:
        assert describe(pixels.astype(np.float32) @ LUMINANCE.astype(np.float32)) == EIGHT_BITS


def test_linear_images_of_surveys_are_not_recognized(real_data):
    paths = [*(real_data / 'kids_viking').glob('[gZ].fits'), *(real_data / 'decam').glob('*ooi*')]
    if not paths:
        pytest.skip(f'no images in {real_data}')
    for path in paths:
        image = np.nan_to_num(fits.getdata(path))
        ny, nx = (32 * min(n // 32, 30) for n in image.shape)
        stamps = image[:ny, :nx].reshape(ny // 32, 32, nx // 32, 32).swapaxes(1, 2)
        assert describe(stamps.reshape(-1, 32, 32)) == ''
