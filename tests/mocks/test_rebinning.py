"""Flux in other pixels, against a sum over small pieces of each pixel."""

import numpy as np
import pytest

from astro_wgan.mocks.rebinning import rebin


@pytest.mark.parametrize(('n', 'step', 'center'), [(5, 2.0, 4.5), (40, 0.35, 6.1), (7, 3.3, 1.2)])
def test_flux_is_shared_by_a_triangular_shaped_cloud(n, step, center):
    flux = np.random.default_rng(1).random((10, 3))
    pieces = 2000
    place = (np.arange(10 * pieces) + 0.5) / pieces - 0.5
    middles = center + (np.arange(n) - (n - 1) / 2) * step
    distance = abs(place - middles[:, np.newaxis]) / step
    weights = np.where(distance < 0.5, 0.75 - distance**2, (1.5 - distance).clip(0) ** 2 / 2)
    expected = weights @ np.repeat(flux / pieces, pieces, axis=0)
    np.testing.assert_allclose(rebin(flux, n, step=step, center=center), expected, atol=1e-5)


@pytest.mark.parametrize('center', [50, 50.3, 50.5])
def test_all_places_are_smoothed_alike(center):
    """A narrow source has the variance of three boxes, wherever it lies between rows."""
    flux = np.zeros(101)
    flux[50] = 1.0
    shares = rebin(flux, 21, step=4, center=center)
    rows = 4 * (np.arange(21) - 10) + center - 50
    mean = np.sum(shares * rows)
    assert mean == pytest.approx(0, abs=1e-9)
    assert np.sum(shares * rows**2) == pytest.approx(3 * 4**2 / 12 + 1 / 12, rel=1e-9)


def test_nothing_is_lost():
    flux = np.random.default_rng(2).random(50)
    assert rebin(flux, 300, step=0.31, center=24.5).sum() == pytest.approx(flux.sum(), rel=1e-11)


def test_outside_there_is_nothing():
    found = rebin(np.ones(5), 4, step=1, center=30)
    np.testing.assert_allclose(found, 0, atol=1e-12)
