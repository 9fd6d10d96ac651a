"""Stars beside galaxies and on them, and the width of the PSF."""

import numpy as np
import pytest
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import DetectionError
from astro_wgan.neighbors.gaussian_fits import fit_gaussians
from astro_wgan.neighbors.point_sources import (
    PSFWidth,
    find_peaks,
    find_stars,
    measure_psf_width,
    width_of_psf,
)

FWHM = 2 * np.sqrt(2 * np.log(2))
SIGMA = 1.3
WIDTH = PSFWidth(FWHM * SIGMA, 0.2)


def light(shape, x0, y0, sigma, height, ratio=1.0):
    y, x = np.indices(shape)
    return height * np.exp(-((x - x0) ** 2 + ((y - y0) / ratio) ** 2) / 2 / sigma**2)


def disk(shape, x0, y0, scale, height):
    y, x = np.indices(shape)
    return height * np.exp(-np.hypot(x - x0, y - y0) / scale)


def field(seed=1, n_stars=20, n_galaxies=40, edge=400):
    random = np.random.default_rng(seed)
    image = random.normal(size=(edge, edge))
    places = []
    while len(places) < n_stars + n_galaxies:
        new = random.uniform(15, edge - 15, 2)
        if all(np.hypot(*(new - old)) > 20 for old in places):
            places.append(new)
    for k, (x, y) in enumerate(places):
        if k < n_stars:
            image += light(image.shape, x, y, SIGMA, random.uniform(40, 400))
        else:
            image += light(
                image.shape, x, y, SIGMA * random.uniform(1.6, 3), random.uniform(40, 200), 0.8
            )
    return image.astype('f4'), np.array(places[:n_stars])


def test_stars_of_a_field_are_found_and_galaxies_are_not():
    image, places = field()
    stars = find_stars(image, np.float32(1), None, WIDTH, significance=10)
    assert len(stars.x) == len(places)
    distance = np.hypot(stars.x[:, None] - places[:, 0], stars.y[:, None] - places[:, 1])
    assert (distance.min(axis=0) < 0.2).all()


def test_the_width_is_that_of_the_compact_sources():
    image, _ = field(2)
    y, x = find_peaks(image, np.float32(1), None, significance=20)
    fits = fit_gaussians(image, x, y, fwhm=3)
    width = measure_psf_width(fits)
    assert width.fwhm == pytest.approx(WIDTH.fwhm, rel=0.05)
    assert 0.15 <= width.tolerance < 0.3


def test_too_few_compact_sources_are_refused():
    image, _ = field(3, n_stars=3, n_galaxies=0)
    y, x = find_peaks(image, np.float32(1), None, significance=20)
    with pytest.raises(DetectionError, match='3 compact round sources are too few'):
        measure_psf_width(fit_gaussians(image, x, y, fwhm=3))


def test_point_sources_narrower_than_a_pixel_are_not_taken_for_absent():
    """Else the width would be that of galaxies, and these be masked."""
    image, places = field(3, n_stars=30, n_galaxies=0)
    for k, (x, y) in enumerate(np.round(places).astype(int)):
        image[y - 9 : y + 10, x - 9 : x + 10] = np.random.default_rng(k).normal(size=(19, 19))
        if k % 2:
            image[y, x] += 300
        else:
            image[y - 9 : y + 10, x - 9 : x + 10] += light((19, 19), 9, 9, 2, 100)
    y, x = find_peaks(image, np.float32(1), None, significance=20)
    with pytest.raises(DetectionError, match='narrower than a pixel'):
        measure_psf_width(fit_gaussians(image, x, y, fwhm=3))


def test_a_width_in_another_unit_is_suspected():
    image, _ = field(n_galaxies=10)
    with pytest.warns(AstropyUserWarning, match='narrower than the PSF of 6 pixels'):
        find_stars(image, np.float32(1), None, PSFWidth(6.0, 0.2), significance=10)


def test_a_star_on_a_disk_is_a_star_and_its_radius_reaches_into_the_noise():
    random = np.random.default_rng(4)
    image = random.normal(size=(64, 64)) + disk((64, 64), 32, 32, 8, 60)
    image += light(image.shape, 40.3, 37.8, SIGMA, 150)
    stars = find_stars(image.astype('f4'), np.float32(1), None, WIDTH, significance=10)
    assert np.hypot(stars.x - 40.3, stars.y - 37.8).min() < 0.3
    nearest = np.argmin(np.hypot(stars.x - 40.3, stars.y - 37.8))
    left = 150 * np.exp(-(stars.radius[nearest] ** 2) / 2 / SIGMA**2)
    assert left < 0.5


@pytest.mark.parametrize(
    'other',
    [
        light((64, 64), 30, 30, 2 * SIGMA, 200),
        light((64, 64), 30, 30, SIGMA, 200, ratio=2.2),
        light((64, 64), 30, 30, 0.45 * SIGMA, 200),
        light((64, 64), 30, 30, SIGMA, 6),
    ],
    ids=['wide', 'elongated', 'a hot pixel', 'faint'],
)
def test_what_has_another_shape_is_no_star(other):
    image = (other + np.random.default_rng(5).normal(size=other.shape)).astype('f4')
    assert len(find_stars(image, np.float32(1), None, WIDTH, significance=10).x) == 0


def test_masked_peaks_are_none():
    image, places = field(6)
    bad = np.zeros(image.shape, bool)
    for x, y in places[:5]:
        bad[int(y) - 4 : int(y) + 6, int(x) - 4 : int(x) + 6] = True
    image[bad] = 0
    stars = find_stars(image, np.float32(1), bad, WIDTH, significance=10)
    assert len(stars.x) == len(places) - 5


def test_the_width_of_the_image_of_a_psf():
    psf = light((31, 31), 15, 15, 2.2, 1)
    assert width_of_psf(psf / psf.sum()).fwhm == pytest.approx(FWHM * 2.2, rel=0.01)
    with pytest.raises(DetectionError, match='`psf` has no peak'):
        width_of_psf(np.ones((9, 9)))
