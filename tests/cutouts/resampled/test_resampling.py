"""Resampling, judged by integrals of Gaussians, simulated noise and sums of pixels."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.ndimage import shift as spline_shift
from scipy.special import erf

from astro_wgan.cutouts.resampled.axis_weights import noise_correlation, weights_along_axis
from astro_wgan.cutouts.resampled.resampling import bin_pixels, resample

LENGTH = 60


def gaussian(center, sigma, edges):
    """Integrals of a Gaussian of unit flux between edges."""
    return np.diff(0.5 * (1 + erf((edges - center) / sigma / np.sqrt(2))))


def star(center, sigma, edges=None):
    """A Gaussian in pixels; ``center`` is (x, y) from the outer edge of the first pixel on."""
    x, y = edges or (np.arange(LENGTH + 1.0),) * 2
    return np.outer(gaussian(center[1], sigma, y), gaussian(center[0], sigma, x))


def images(pixels, valid=None, uncertainty=None):
    return SimpleNamespace(pixels=np.asarray(pixels), valid=valid, uncertainty=uncertainty)


def one(image, start, step, size, **options):
    stamps = images(image[np.newaxis], **{k: v[np.newaxis] for k, v in options.items()})
    return resample(stamps, [start], [step], (size, size), holds_flux=True)


@pytest.mark.parametrize('interpolated', [True, False])
@pytest.mark.parametrize(('start', 'step'), [(3.0, 1.0), (4.3, 0.37), (3.9, 2.7)])
def test_weights_of_pixels_within_the_new_ones_add_up_to_their_size(start, step, interpolated):
    weights = weights_along_axis([start], [step], 12, 50, interpolated=interpolated)[0]
    assert weights.shape == (12, 50)
    assert weights.sum(axis=1) == pytest.approx(np.full(12, step), abs=1e-12)
    centroid = weights @ (np.arange(50) + 0.5) / step
    assert centroid == pytest.approx(start + (np.arange(12) + 0.5) * step, abs=0.5)


@pytest.mark.parametrize('step', [0.4, 0.83, 1.0, 1.31, 2.0, 3.3])
def test_a_gaussian_keeps_its_flux_and_place(step):
    center, sigma = (30.3, 28.8), 2.5
    size = int(40 / step)
    start = np.array([9.7, 8.45])
    found = one(star(center, sigma), start, step, size)
    edges = [begin + step * np.arange(size + 1) for begin in start]
    right = star(center, sigma, edges)
    assert not found.mask.any()
    assert found.pixels.sum() == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(found.pixels[0], right, atol=3e-4 * right.max())


@pytest.mark.parametrize('fwhm', [2.5, 4.0])
def test_shifts_are_as_accurate_as_those_of_cubic_splines(fwhm):
    sigma = fwhm / 2.3548
    image, right = star((30.2, 29.6), sigma), star((29.7, 29.1), sigma)
    mine = one(image, (0.5, 0.5), 1.0, LENGTH - 1).pixels[0, 5:-5, 5:-5]
    theirs = spline_shift(image, (-0.5, -0.5), order=3)[5:-6, 5:-6]
    right = right[5:-6, 5:-6]
    assert np.abs(mine - right).max() < 1.01 * np.abs(theirs - right).max()


def test_pixels_that_stay_where_they_are_keep_their_values():
    rng = np.random.default_rng(1)
    pixels = rng.normal(size=(3, 20, 24, 2)).astype('f4')
    valid, noise = rng.random(pixels.shape) < 0.9, rng.uniform(1, 2, pixels.shape).astype('f4')
    found = resample(
        images(pixels, valid, noise),
        [(0, 0), (3, -2), (1, 1)],
        [1, 1, 1],
        (20, 24),
        holds_flux=True,
    )
    assert found.pixels.dtype == found.uncertainty.dtype == np.float32
    assert np.array_equal(found.mask[0], ~valid[0])
    assert np.array_equal(found.pixels[0][valid[0]], pixels[0][valid[0]])
    assert found.uncertainty[0][valid[0]] == pytest.approx(noise[0][valid[0]], rel=1e-6)
    assert np.isnan(found.pixels[found.mask]).all()
    assert found.mask[1, :2].all()
    assert found.mask[1, :, -3:].all()
    assert np.array_equal(found.mask[1, 2:, :-3], ~valid[1, :-2, 3:])


@pytest.mark.parametrize(('start', 'step'), [((8.5, 8.5), 1.0), ((8.2, 8.7), 1.6), ((8, 8), 0.6)])
def test_noise_of_apertures_is_that_of_the_uncertainty(start, step):
    """And the scatter between pixels is smaller by the correlation ratio."""
    rng = np.random.default_rng(3)
    n, rms = 400, 1.7
    noise = rng.normal(scale=rms, size=(n, LENGTH, LENGTH)).astype('f4')
    size = int(40 / step)
    begin, steps = np.tile(start, (n, 1)), np.full(n, step)
    found = resample(
        images(noise, uncertainty=np.full_like(noise, rms)),
        begin,
        steps,
        (size, size),
        holds_flux=True,
    )
    aperture = np.s_[:, 3:-3, 3:-3]
    expected = np.sqrt((found.uncertainty[aperture] ** 2).sum(axis=(1, 2)))
    assert expected == pytest.approx(rms * (size - 6) * step, rel=1e-5)
    sums = found.pixels[aperture].sum(axis=(1, 2))
    assert sums.std() / expected[0] == pytest.approx(1, abs=4 / np.sqrt(2 * n))
    scatter = found.pixels.std() / found.uncertainty.mean()
    assert 1 / scatter == pytest.approx(noise_correlation(begin, steps, (size, size))[0], rel=0.03)


@pytest.mark.parametrize('step', [1.0, 3.1])
def test_noise_of_apertures_knows_that_valid_pixels_stand_for_masked_ones(step):
    rng = np.random.default_rng(8)
    n = 400
    noise = rng.normal(size=(n, LENGTH, LENGTH)).astype('f4')
    valid = rng.random(noise.shape) < 0.8
    size = int(50 / step)
    found = resample(
        images(noise, valid, np.ones_like(noise)),
        rng.uniform(4, 5, (n, 2)),
        np.full(n, step),
        (size, size),
        holds_flux=True,
    )
    half = size // 2
    quarters = [np.s_[:, y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
    sums = [np.nansum(found.pixels[quarter], axis=(1, 2)) for quarter in quarters]
    variances = [np.nansum(found.uncertainty[quarter] ** 2, axis=(1, 2)) for quarter in quarters]
    # If masked pixels only made areas smaller, this would be 1.1 in large pixels.
    assert (np.array(sums) / np.sqrt(variances)).std() == pytest.approx(1, abs=0.03)


def test_surface_brightness_keeps_its_value():
    sky = np.full((1, LENGTH, LENGTH), 7.0)
    found = resample(
        images(sky, uncertainty=np.full_like(sky, 2.0)),
        [(9.2, 9.2)],
        [2.5],
        (16, 16),
        holds_flux=False,
    )
    assert found.pixels == pytest.approx(7)
    assert found.uncertainty == pytest.approx(2 / 2.5)


def test_masked_pixels_do_not_count():
    rng = np.random.default_rng(5)
    valid = rng.random((LENGTH, LENGTH)) < 0.9
    image = np.full((LENGTH, LENGTH), 3.0)
    image[~valid] = np.nan
    found = one(image, (7.4, 9.1), 1.5, 25, valid=valid)
    assert 0 < found.mask.sum() < 40
    assert found.pixels[~found.mask] == pytest.approx(3 * 1.5**2)


def test_pixels_of_unknown_uncertainty_stay_unknown():
    noise = np.ones((1, 20, 20))
    noise[0, 10, 10] = np.inf
    found = resample(images(noise, uncertainty=noise), [(0.5, 0)], [1.0], (20, 19), holds_flux=True)
    assert np.argwhere(np.isinf(found.uncertainty)).tolist() == [[0, 10, 9], [0, 10, 10]]


@pytest.mark.parametrize('holds_flux', [True, False])
def test_bins_are_sums_or_means_of_valid_pixels(holds_flux):
    rng = np.random.default_rng(6)
    pixels, noise = rng.normal(size=(2, 4, 12, 18, 2)).astype('f4')
    valid = rng.random(pixels.shape) < 0.7
    found = bin_pixels(images(pixels, valid, np.abs(noise)), 3, holds_flux=holds_flux)
    assert found.pixels.shape == (4, 4, 6, 2)
    for place in np.ndindex(4, 4, 6, 2):
        k, y, x, band = place
        block = np.s_[k, 3 * y : 3 * y + 3, 3 * x : 3 * x + 3, band]
        there = valid[block]
        assert found.mask[place] == (there.sum() < 4.5)
        if there.sum() > 4.5:
            factor = 9 if holds_flux else 1
            deviation = np.sqrt((noise[block][there] ** 2).sum()) / there.sum() * factor
            assert found.pixels[place] == pytest.approx(
                pixels[block][there].mean() * factor, rel=1e-5, abs=1e-6
            )
            assert found.uncertainty[place] == pytest.approx(deviation, rel=1e-5)


def test_extreme_pixels_do_not_overflow():
    largest = np.finfo('f4').max
    found = bin_pixels(images(np.full((1, 4, 4), largest)), 2, holds_flux=True)
    assert (found.pixels == largest).all()
    moved = resample(
        images(np.full((1, 30, 30), largest)), [(5.5, 5.5)], [1.7], (8, 8), holds_flux=True
    )
    assert np.isfinite(moved.pixels[~moved.mask]).all()
