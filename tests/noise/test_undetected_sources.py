"""Tests for undetected sources."""

import numpy as np

from astro_wgan.detection import DetectionConfig
from astro_wgan.noise import find_sky


def test_faint_sources_that_were_not_found_are_noticed():
    rng = np.random.default_rng(6)
    white = rng.normal(size=(300, 300))
    faint = white.copy()
    y, x = np.indices((7, 7)) - 3
    blob = 2.5 * np.exp(-0.5 * (x**2 + y**2) / 1.5**2)
    for y0, x0 in rng.integers(0, 293, (300, 2)):
        faint[y0 : y0 + 7, x0 : x0 + 7] += blob
    high = DetectionConfig(threshold=20)
    clean, contaminated = (
        find_sky(image, detection=high).undetected_source_test for image in (white, faint)
    )
    assert abs(clean.skewness) < 4 * clean.skewness_err
    assert clean.p_value > 0.01
    assert contaminated.skewness > 4 * contaminated.skewness_err
    assert contaminated.n_high_peaks > 2 * contaminated.n_low_peaks
    assert contaminated.p_value < 1e-6
