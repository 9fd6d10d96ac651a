import numpy as np
import pytest
from scipy.ndimage import label
from scipy.optimize import brentq

from astro_wgan.detection import DetectionConfig
from astro_wgan.sources import SourceFlag
from astro_wgan.sources.apertures import _groups_of_pixels, measure_apertures
from astro_wgan.sources.batch import Batch
from astro_wgan.sources.engine import Settings, measure_batch
from astro_wgan.sources.segmentation import find_sources


def gaussian(x0, y0, *, size=64, sigma=(3.0, 3.0), theta=0.0, flux=1e5, noise=0.1):
    """A Gaussian of known flux and shape on little noise."""
    y, x = np.mgrid[:size, :size]
    dx, dy = x - x0, y - y0
    along = dx * np.cos(theta) + dy * np.sin(theta)
    across = dy * np.cos(theta) - dx * np.sin(theta)
    image = np.exp(-((along / sigma[0]) ** 2 + (across / sigma[1]) ** 2) / 2)
    image *= flux / (2 * np.pi * sigma[0] * sigma[1])
    return image + np.random.default_rng(1).normal(scale=noise, size=image.shape)


def measure(*images, **arrays):
    pixels = np.stack(images).astype(np.float32)
    return measure_batch(Batch(pixels, **arrays), Settings(DetectionConfig(threshold=3))).sources


@pytest.mark.parametrize(('x0', 'y0'), [(31.5, 31.5), (30.2, 33.7)])
def test_a_gaussian_is_measured_as_its_formula_says(x0, y0):
    found = measure(gaussian(x0, y0))
    assert np.allclose([found['x'][0], found['y'][0]], [x0, y0], atol=0.01)
    # The aperture of radius 2.5 r_Kron sigma, whole pixels; r_Kron of a Gaussian is 1.25.
    assert found['kron_radius'][0] == pytest.approx(3.5, abs=0.05)
    assert found['kron_flux'][0] == pytest.approx(1e5 * (1 - np.exp(-(3.5**2) / 2)), rel=2e-3)
    # Pixels are as if smeared over their area: a twelfth more variance.
    half = brentq(
        lambda r: 1e5 * (1 - np.exp(-(r**2) / (18 + 1 / 6))) - found['kron_flux'][0] / 2, 1, 10
    )
    assert found['half_light_radius'][0] == pytest.approx(half, rel=5e-3)
    assert found['semimajor_axis'][0] == pytest.approx(3, rel=0.03)


def test_axes_and_angle_of_an_ellipse():
    for theta in np.radians([0, 30, 89.99, -60]):
        found = measure(gaussian(32, 31, sigma=(5.0, 2.0), theta=theta))
        # The smoothing adds half a pixel squared to each variance.
        axes = [found[name][0] for name in ('semimajor_axis', 'semiminor_axis')]
        assert np.allclose(axes, np.sqrt([25.5, 4.5]), rtol=0.03)
        turned = (found['orientation'][0] - np.degrees(theta) + 90) % 180 - 90
        assert abs(turned) < 0.5


def test_errors_are_those_of_the_noise_in_the_aperture():
    rng = np.random.default_rng(1)
    image = gaussian(31.5, 31.5, noise=0)
    fluxes = [measure(image + rng.normal(scale=20, size=image.shape)) for _ in range(60)]
    kron = np.array([found['kron_flux'][0] for found in fluxes])
    expected = np.mean([found['kron_flux_err'][0] for found in fluxes])
    assert np.std(kron) == pytest.approx(expected, rel=0.3)
    # Twice the uncertainty that is given is twice the error.
    pixels, noise = image + rng.normal(size=image.shape), np.full(image.shape, 20.0)
    one, two = (measure(pixels, noise=(factor * noise)[np.newaxis]) for factor in (1, 2))
    for name in ('kron_flux_err', 'isophotal_flux_err'):
        assert two[name][0] / two['area'][0] ** 0.5 == pytest.approx(
            2 * one[name][0] / one['area'][0] ** 0.5, rel=0.1
        )


def test_pixels_of_a_neighbor_are_replaced_by_those_opposite():
    alone = measure(gaussian(28, 32))
    pair = measure(gaussian(28, 32) + gaussian(45, 34, flux=2e4, noise=0))
    assert len(pair['x']) == 2
    central = np.argmin(pair['x'])
    assert pair['kron_flux'][central] == pytest.approx(alone['kron_flux'][0], rel=2e-3)
    assert pair['half_light_radius'][central] == pytest.approx(
        alone['half_light_radius'][0], rel=5e-3
    )


def test_masked_pixels_are_replaced_too():
    image = gaussian(31.5, 31.5)
    whole = measure(image)
    mask = np.zeros((1, 64, 64), dtype=bool)
    mask[0, 28:31, 36:40] = True
    # The aperture of the whole source, so that only the mirror is judged.
    found = find_sources(Batch(image[np.newaxis].astype(np.float32)), DetectionConfig(threshold=3))
    hidden = found._replace(bad=mask, above_sky=np.where(mask, 0, found.above_sky))
    columns = measure_apertures(hidden, DetectionConfig(threshold=3))
    assert columns['kron_flux'][0] == pytest.approx(whole['kron_flux'][0], rel=1e-3)
    assert columns['flags'][0] & SourceFlag.MASKED
    without = whole['kron_flux'][0] - image[mask[0]].sum()
    assert abs(without / whole['kron_flux'][0] - 1) > 0.02


def test_flags_say_what_is_wrong():
    flags = measure(gaussian(31.5, 31.5))['flags']
    assert flags.tolist() == [0]
    flags = measure(gaussian(58, 31.5))['flags']
    assert flags[0] & SourceFlag.APERTURE_TRUNCATED
    flags = measure(gaussian(62, 31.5))['flags']
    assert flags[0] & SourceFlag.TOUCHES_BORDER
    blended = measure(gaussian(27, 31.5) + gaussian(37, 31.5, noise=0))['flags']
    assert all(flag & SourceFlag.BLENDED and flag & SourceFlag.CROWDED for flag in blended)
    settings = Settings(DetectionConfig(threshold=3), saturation=1700.0)
    bright, faint = (
        measure_batch(Batch(gaussian(31.5, 31.5, flux=flux)[np.newaxis]), settings)
        for flux in (1e5, 9e4)
    )
    assert bright.sources['flags'][0] & SourceFlag.SATURATED
    assert not faint.sources['flags'][0] & SourceFlag.SATURATED


def test_a_wide_source_gets_a_wide_window():
    # 6 sigma of the long axis are more than the stamp.
    found = measure(gaussian(60, 64, size=128, sigma=(24.0, 4.0), flux=1e6))
    assert found['semimajor_axis'][0] == pytest.approx(24, rel=0.1)
    assert found['kron_flux'][0] == pytest.approx(1e6, rel=0.05)
    assert found['flags'][0] & SourceFlag.APERTURE_TRUNCATED


def test_a_source_without_flux_has_no_radius():
    # A bump in a deep hole: above the threshold, but less than nothing in the aperture.
    image = np.random.default_rng(1).normal(scale=0.1, size=(64, 64))
    y, x = np.mgrid[:64, :64]
    distance = np.hypot(x - 31, y - 31)
    image[distance < 9] -= 4
    image[distance < 2] += 8
    found = measure(image)
    row = np.argmin(np.hypot(found['x'] - 31, found['y'] - 31))
    assert found['kron_flux'][row] < 0
    assert np.isnan(found['half_light_radius'][row])
    assert found['flags'][row] & SourceFlag.NO_HALF_LIGHT_RADIUS
    assert found['flags'][row] & SourceFlag.NO_KRON_RADIUS


@pytest.mark.parametrize('share', [0.05, 0.2, 0.4])
def test_groups_of_pixels_are_those_of_scipy(share):
    image = np.random.default_rng(1).random((64, 64)) < share
    groups = _groups_of_pixels(image, 5) > 0
    labels, _ = label(image, structure=np.ones((3, 3)))
    large = np.bincount(labels.ravel())[labels] >= 5
    np.testing.assert_array_equal(groups, image & large)
    assert 0 < groups.sum() < image.sum()
