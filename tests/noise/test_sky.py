"""Stamps of clean sky, whole or assembled from patches."""

import numpy as np
import pytest

from astro_wgan import datasets
from astro_wgan.detection import DetectionConfig
from astro_wgan.exceptions import SkyError
from astro_wgan.noise import (
    autocorrelation,
    find_sky,
)


@pytest.fixture(scope='module')
def sky():
    return find_sky(datasets.load_image('mock_f814w'))


SHAPE = (200, 240)

SIGMA = 2.0


def test_stamps_hold_nothing_but_sky(field):
    image, covered = field()
    image[covered] = 1e6
    stamps = find_sky(image).stamps(300, size=16, seed=2)
    assert stamps.pixels.max() < 70
    assert stamps.pixels.std() == pytest.approx(SIGMA, rel=0.05)


def crowded():
    """Sources on a grid: no window of 64 x 64 pixels is without one."""
    image = 50 + np.random.default_rng(5).normal(scale=SIGMA, size=(256, 256))
    y, x = np.indices(image.shape)
    for middle in np.ndindex(6, 6):
        y0, x0 = 20 + 43 * np.array(middle)
        image += 100 * np.exp(-0.5 * ((x - x0) ** 2 + (y - y0) ** 2) / 2**2)
    return find_sky(image, margin=2)


def test_mosaics_where_no_window_is_clean():
    sky = crowded()
    with pytest.raises(SkyError, match=r'No clean window has 64 x 64 pixels: \d+ percent'):
        sky.stamps(1, size=64, seed=1, mosaic=False)
    stamps = sky.stamps(400, size=64, seed=1)
    assert stamps.meta['patch_size'] < 64
    # Seams are not seen: neither in the variance of a pixel, nor in the correlation.
    variance = stamps.pixels.var(axis=0, dtype=float) / SIGMA**2
    assert variance.mean() == pytest.approx(1, abs=0.03)
    assert np.abs(variance.mean(axis=0) - 1).max() < 0.1
    found = autocorrelation(stamps, max_lag=4, mean=sky.mean.value)
    found = found.coefficients.copy()
    found[4, 4] = 0
    assert np.abs(found).max() < 0.03


def test_too_little_sky_for_mosaics_is_said(field):
    image, _ = field(n=0)
    mask = np.ones(SHAPE, dtype=bool)
    mask[::5, ::5] = False
    sky = find_sky(image, mask=mask, detection=DetectionConfig(threshold=50))
    with pytest.raises(SkyError, match=r'too little clean sky even for mosaics .* 4 percent'):
        sky.stamps(1, size=32, seed=1)


def test_sky_stamps_never_leave_the_clean_area(sky):
    stamps = sky.stamps(50, size=24, seed=1)
    for x, y in zip(stamps.table['x'], stamps.table['y'], strict=True):
        x0, y0 = (round(float(np.asarray(c)) - 11.5) for c in (x, y))
        assert sky.clean[y0 : y0 + 24, x0 : x0 + 24].all()
