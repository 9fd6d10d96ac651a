"""Gaussians fitted to peaks, against the truth and scipy."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from astro_wgan.neighbors.gaussian_fits import fit_gaussians

FWHM = 2 * np.sqrt(2 * np.log(2))


def gaussian(shape, x0, y0, sigma, *, ratio=1.0, angle=0.0, height=100.0):
    y, x = np.indices(shape)
    along = (x - x0) * np.cos(angle) + (y - y0) * np.sin(angle)
    across = -(x - x0) * np.sin(angle) + (y - y0) * np.cos(angle)
    return height * np.exp(-(along**2 + (across / ratio) ** 2) / 2 / sigma**2)


@pytest.mark.parametrize('begin', [2.0, 3.0, 4.5])
@pytest.mark.parametrize(
    ('sigma', 'ratio', 'angle'), [(1.3, 1, 0), (1.6, 0.6, 0.7), (0.9, 0.9, -1.2)]
)
def test_a_gaussian_on_a_slope_is_found_exactly(sigma, ratio, angle, begin):
    y, x = np.indices((41, 43))
    image = gaussian(x.shape, 20.3, 18.8, sigma, ratio=ratio, angle=angle) + 5 + 0.4 * x - 0.2 * y
    fit = fit_gaussians(image, np.array([20]), np.array([19]), fwhm=begin)
    assert fit.x[0] == pytest.approx(20.3, abs=1e-3)
    assert fit.y[0] == pytest.approx(18.8, abs=1e-3)
    assert fit.amplitude[0] == pytest.approx(100, rel=1e-3)
    assert fit.major[0] == pytest.approx(FWHM * sigma, rel=1e-3)
    assert fit.minor[0] == pytest.approx(FWHM * sigma * ratio, rel=1e-3)
    assert fit.residual[0] < 1e-3


def test_noisy_peaks_are_fitted_as_by_scipy():
    image = gaussian((30, 30), 14.6, 15.2, 1.5) + np.random.default_rng(1).normal(size=(30, 30))
    bad = np.zeros(image.shape, bool)
    bad[13, 16] = True
    image[bad] = 1e4
    fit = fit_gaussians(image, np.array([15]), np.array([15]), fwhm=3.5, bad=bad)
    dy, dx = (part[~bad[9:22, 9:22]] for part in np.mgrid[-6:7, -6:7])

    def model(_, height, x0, y0, a, b, c, level, along_x, along_y):
        x, y = dx - x0, dy - y0
        peak = np.exp(-(a * x * x + 2 * b * x * y + c * y * y) / 2)
        return height * peak + level + along_x * dx + along_y * dy

    values = image[9:22, 9:22][~bad[9:22, 9:22]]
    best, _ = curve_fit(model, dx, values, p0=[90, 0, 0, 0.4, 0, 0.4, 0, 0, 0])
    assert fit.amplitude[0] == pytest.approx(best[0], rel=1e-4)
    assert fit.x[0] - 15 == pytest.approx(best[1], abs=1e-4)
    assert fit.fwhm[0] == pytest.approx(
        FWHM * (best[3] * best[5] - best[4] ** 2) ** -0.25, rel=1e-4
    )


def test_peaks_at_the_edge_and_none_at_all():
    image = gaussian((20, 20), 0.2, 19.0, 1.2)
    assert fit_gaussians(image, np.array([0]), np.array([19]), fwhm=3).fwhm[0] == pytest.approx(
        FWHM * 1.2, rel=0.01
    )
    nothing = fit_gaussians(image, np.zeros(0, int), np.zeros(0, int), fwhm=3)
    assert nothing.fwhm.shape == (0,)


def test_what_is_no_peak_has_no_width_or_a_large_residual():
    flat = np.zeros((20, 20))
    hole = -gaussian((20, 20), 10, 10, 1.5)
    for image in (flat, hole):
        fit = fit_gaussians(image, np.array([10]), np.array([10]), fwhm=3)
        assert np.isnan(fit.fwhm[0])
