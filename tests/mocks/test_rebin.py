"""Flux in other pixels, against a sum over small pieces of each pixel."""

import numpy as np
import pytest

from astro_wgan.mocks.rebin import rebin


@pytest.mark.parametrize(('n', 'step', 'centre'), [(5, 2.0, 4.5), (40, 0.35, 6.1), (7, 3.3, 1.2)])
def test_flux_is_shared_by_length(n, step, centre):
    flux = np.random.default_rng(1).random((10, 3))
    pieces = 2000
    place = (np.arange(10 * pieces) + 0.5) / pieces - 0.5
    row = np.floor((place - centre) / step + n / 2).astype(int)
    expected = np.zeros((n, 3))
    inside = (row >= 0) & (row < n)
    np.add.at(expected, row[inside], np.repeat(flux / pieces, pieces, axis=0)[inside])
    np.testing.assert_allclose(rebin(flux, n, step=step, centre=centre), expected, atol=3e-3)


def test_nothing_is_lost():
    flux = np.random.default_rng(2).random(50)
    assert rebin(flux, 300, step=0.31, centre=24.5).sum() == pytest.approx(flux.sum(), rel=1e-12)


def test_outside_there_is_nothing():
    np.testing.assert_array_equal(rebin(np.ones(5), 4, step=1, centre=30), 0)
