"""Correlation and variance of drizzled noise."""

import numpy as np
import pytest

from astro_wgan.noise import (
    drizzle_autocorrelation,
    make_noise,
    noise_correlation_ratio,
)


@pytest.mark.parametrize(('pixfrac', 'scale'), [(0.8, 0.6), (1.0, 0.5)])
def test_drizzled_noise_in_large_areas_is_that_of_its_electrons(pixfrac, scale):
    """The ratio R of Fruchter & Hook: noise of an area over that of independent pixels."""
    known = drizzle_autocorrelation(pixfrac=pixfrac, scale=scale)
    made = make_noise(known, 4000, size=72, seed=2).pixels
    # A ring of pixels around the area shares noise with it: extrapolated to areas of any size.
    areas = [made[:, :edge, :edge].sum(axis=(1, 2), dtype=float) for edge in (36, 72)]
    small, large = (area.std() / edge for area, edge in zip(areas, (36, 72), strict=True))
    expected = noise_correlation_ratio(pixfrac=pixfrac, scale=scale)
    assert 2 * large - small == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(('pixfrac', 'scale'), [(1.0, 1.0), (0.8, 0.6), (0.5, 1.0), (1.0, 0.5)])
def test_drizzle_ratio_is_that_of_fruchter_and_hook(pixfrac, scale):
    """Equations 9 and 10 of Fruchter & Hook 2002 (PASP 114, 144), with r = pixfrac / scale."""
    r = pixfrac / scale
    expected = r / (1 - 1 / (3 * r)) if r >= 1 else 1 / (1 - r / 3)
    assert noise_correlation_ratio(pixfrac=pixfrac, scale=scale) == pytest.approx(expected)
    # R is the noise on large scales over that of a pixel.
    found = drizzle_autocorrelation(pixfrac=pixfrac, scale=scale)
    assert np.sqrt(found.coefficients.sum()) == pytest.approx(expected, rel=0.02)
