"""Sizes of stamps as angles, wherever stamps have a size."""

import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData

from astro_wgan import HuntConfig, StampSet, hunt, measure_sources
from astro_wgan.mocks import mock_stamps
from astro_wgan.noise import Autocorrelation, make_noise
from astro_wgan.store import as_stamps
from astro_wgan.testing import make_stamps, make_wcs
from astro_wgan.validation.pixels import as_shape

SIZE = (1.2, 2.4) * u.arcsec


@pytest.fixture
def image():
    pixels = np.random.default_rng(1).normal(size=(90, 100))
    return CCDData(pixels, unit='adu', wcs=make_wcs((90, 100)))


@pytest.mark.parametrize(
    ('size', 'shape'),
    [
        (64, (64, 64)),
        (np.int16(3), (3, 3)),
        ((20, 30), (20, 30)),
        (3 * u.arcsec, (50, 50)),
        (0.05 * u.arcmin, (50, 50)),
        ([3, 6.02] * u.arcsec, (50, 100)),
        (12 * u.pix, (12, 12)),
        ((1e-9 * u.rad), (1, 1)),
    ],
)
def test_pixels_and_angles(size, shape):
    scale = 0.06 * u.arcsec / u.pix if size is not None and shape != (1, 1) else 2e-4 * u.arcsec
    assert as_shape(size, pixel_scale=scale) == shape


@pytest.mark.parametrize(
    ('size', 'words'),
    [
        (0 * u.arcsec, 'at least one pixel'),
        (0.02 * u.arcsec, 'at least one pixel'),
        (np.nan * u.arcsec, 'finite'),
        (1e12 * u.arcsec, 'finite'),
        (-3 * u.arcsec, 'at least one pixel'),
        (3 * u.kg, 'in pixels or an angle, such as 10 arcsec; got 3.0 kg'),
        ([3, 4, 5] * u.arcsec, 'two of them'),
        (10.0, 'a number of pixels above 0'),
        (True, 'a number of pixels above 0'),
    ],
)
def test_what_is_no_size(size, words):
    with pytest.raises(ValueError, match=f'`size` must be.*{words}'):
        as_shape(size, pixel_scale=0.06 * u.arcsec)


@pytest.mark.parametrize(
    'cut',
    [
        lambda image: StampSet.from_image(image, size=SIZE, positions=[(50, 40)]),
        lambda image: as_stamps(image, size=SIZE, positions=[(50, 40)]),
        lambda image: StampSet.from_image(image, size=64, positions=[(50, 40)]).crop(SIZE),
        lambda image: StampSet.from_image(image, size=16, positions=[(50, 40)]).pad(SIZE),
        lambda image: StampSet.from_image(image, size=64, positions=[(50, 40)]).reproject(
            size=SIZE, progress=False
        ),
        lambda image: StampSet.from_image(
            [image, image.multiply(2)], size=SIZE, positions=[(50, 40)]
        ),
    ],
)
def test_sizes_of_stamps_may_be_angles(image, cut):
    assert cut(image).shape == (20, 40)


def test_sizes_of_noise_and_mock_images_may_be_angles():
    noise = Autocorrelation.from_array([[1.0]], pixel_scale=0.1 * u.arcsec)
    assert make_noise(noise, 2, size=SIZE, seed=1).shape == (12, 24)
    assert mock_stamps([], 'euclid_vis', redshift=1.0, size=SIZE, progress=False).shape == (12, 24)


def test_measured_stamps_may_have_a_size_in_arcsec(image):
    y, x = np.indices(image.shape)
    image.data += 50 * np.exp(-((x - 50) ** 2 + (y - 40) ** 2) / 18)
    small, large = (
        measure_sources(image, positions=[(50, 40)], size=size, progress=False).stamps
        for size in (32, 1.92 * u.arcsec)
    )
    assert large['kron_flux'] == small['kron_flux']


def test_the_pixel_scale_of_an_image_without_wcs_is_used(image):
    given = {'positions': [(50, 40)], 'pixel_scale': 0.1 * u.arcsec}
    assert StampSet.from_image(image.data, size=SIZE, **given).shape == (12, 24)


@pytest.mark.parametrize(
    'cut',
    [
        lambda image, stamps: StampSet.from_image(image.data, size=SIZE, positions=[(50, 40)]),
        lambda image, stamps: stamps.crop(SIZE),
        lambda image, stamps: stamps.pad(SIZE),
        lambda image, stamps: make_noise(Autocorrelation.from_array([[1]]), 1, size=SIZE, seed=1),
    ],
)
def test_angles_need_a_pixel_scale(image, cut):
    with pytest.raises(ValueError, match='`size` must be in pixels where the pixel scale is not'):
        cut(image, make_stamps(2))


def test_a_hunt_names_the_sizes_of_networks(image, tmp_path):
    config = HuntConfig(size=3 * u.arcsec)
    with pytest.raises(ValueError, match=r'one of 0.96 arcsec, .*got 3.0 arcsec, 50 pixels'):
        hunt(image, output=tmp_path / 'a', config=config, progress=False)
    assert not (tmp_path / 'a').exists()
