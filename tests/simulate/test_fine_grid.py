from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gamma

from astro_wgan.simulate import SIMULATION_CONFIGS
from astro_wgan.simulate.fine_grid import (
    FineGrid,
    add_gaussians,
    add_sersic,
    combined_half_light_radius,
    harmonics,
    sersic_light,
    sersic_width,
)

GRID = FineGrid(64, 8, 0.06, 2)


@pytest.mark.parametrize('name', SIMULATION_CONFIGS)
@pytest.mark.parametrize(
    ('index', 'radius', 'axis_ratio'),
    [(1, 0.3, 0.25), (1, 0.8, 0.25), (4, 0.1, 0.7), (4, 0.4, 0.6), (2, 0.1, 0.6), (1.5, 0.05, 1)],
)
def test_drawing_agrees_with_galsim(name, index, radius, axis_ratio):
    galsim = pytest.importorskip('galsim')
    from astro_wgan.simulate.telescope import fine_grid_of, galsim_psf, observe

    config = SIMULATION_CONFIGS[name]
    grid = fine_grid_of(config)
    light = grid.empty()
    shape = {'index': index, 'half_light_radius': radius, 'axis_ratio': axis_ratio, 'angle': 0.6}
    add_sersic(light, grid, flux=1000, x=0.013, y=-0.021, **shape)
    ours = observe(light, config)

    profile = galsim.Sersic(n=index, half_light_radius=radius * np.sqrt(axis_ratio))
    profile = profile.shear(q=axis_ratio, beta=0.6 * galsim.radians).shift(0.013, -0.021) * 1000
    convolved = galsim.Convolve(profile, galsim_psf(config.optics))
    theirs = convolved.drawImage(nx=64, ny=64, scale=0.06, dtype=float).array
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.01)
    assert np.abs(ours - theirs).max() < 0.01 * theirs.max()
    assert np.abs(ours - theirs).sum() < 0.01 * theirs.sum()


@pytest.mark.parametrize(('index', 'radius'), [(1, 0.4), (2.5, 0.3), (4, 0.15)])
def test_flux_and_half_light_radius_are_those_of_galsim(index, radius):
    galsim = pytest.importorskip('galsim')
    grid = FineGrid(128, 0, 0.03, 1)
    image = grid.empty()
    add_sersic(image, grid, flux=1000, half_light_radius=radius, index=index)
    drawn = galsim.Sersic(n=index, half_light_radius=radius, flux=1000).drawImage(
        nx=grid.n, ny=grid.n, scale=grid.step, dtype=float
    )
    assert image.sum() == pytest.approx(drawn.array.sum(), rel=0.006)
    ours = galsim.Image(image, scale=grid.step).calculateHLR()
    assert ours == pytest.approx(drawn.calculateHLR(), rel=0.01)


def test_tabulated_profiles_follow_the_formula():
    patch, light = sersic_light(
        GRID, flux=1000, half_light_radius=0.5, index=1.7, axis_ratio=0.4, angle=0.3
    )
    dx, dy = GRID.axis[patch.columns], GRID.axis[patch.rows][:, np.newaxis]
    along, across = dx * np.cos(0.3) + dy * np.sin(0.3), dy * np.cos(0.3) - dx * np.sin(0.3)
    radius = np.hypot(along, across / 0.4) / 0.5
    b = sersic_width(1.7)
    peak = 1000 * GRID.step**2 * b**3.4 / (2 * np.pi * 1.7 * gamma(3.4) * 0.4 * 0.5**2)
    expected = peak * np.exp(-b * radius ** (1 / 1.7))
    outside = (radius > 0.2) & (radius < 5)
    np.testing.assert_allclose(light[outside], expected[outside], rtol=0.02)
    assert light[outside].sum() == pytest.approx(expected[outside].sum(), rel=1e-3)


def test_harmonics_are_cosines_of_the_angle():
    plane = GRID.whole.plane(0.1, -0.2, axis_ratio=0.5, angle=0.7)
    angle = np.arctan2(plane.v, plane.u)
    summed = harmonics(plane.direction, np.array([0.5, 0, 2 * np.exp(0.3j)]))
    np.testing.assert_allclose(summed, 0.5 + 2 * np.cos(2 * angle + 0.3), atol=2e-3)


def test_light_beyond_the_grid_is_not_drawn():
    image = GRID.empty()
    add_sersic(image, GRID, flux=1000, half_light_radius=0.1, x=50.0)
    assert not image.any()


@pytest.mark.parametrize('x', [-2.4, 0.0, 2.39])
def test_a_profile_at_the_edge_loses_only_what_lies_outside(x):
    image = GRID.empty()
    add_sersic(image, GRID, flux=1000, half_light_radius=0.2, x=x, y=0.01)
    wide = FineGrid(200, 8, 0.06, 2)
    reference = wide.empty()
    add_sersic(reference, wide, flux=1000, half_light_radius=0.2, x=x, y=0.01)
    inside = (wide.n - GRID.n) // 2
    part = reference[inside:-inside, inside:-inside]
    assert image.sum() == pytest.approx(part.sum(), rel=1e-3)


def test_gaussians_have_their_flux_position_and_width():
    image = GRID.empty()
    add_gaussians(image, GRID, flux=[3.0, 5.0], sigma=[0.1, 0.2], x=[-1.0, 1.0], y=[0.0, 0.5])
    left, right = image[:, : GRID.n // 2], image[:, GRID.n // 2 :]
    assert left.sum() == pytest.approx(3, rel=1e-3)
    assert right.sum() == pytest.approx(5, rel=1e-3)
    x = GRID.axis[GRID.n // 2 :]
    mean = (right * x).sum() / right.sum()
    assert mean == pytest.approx(1.0, abs=1e-3)
    assert np.sqrt((right * (x - mean) ** 2).sum() / right.sum()) == pytest.approx(0.2, rel=0.01)


@pytest.mark.parametrize(('x', 'fraction'), [(-2.4, 0.5), (9.0, 0.0), (2.28, 0.8849)])
def test_gaussians_at_the_edge_are_cut_off_there(x, fraction):
    image = GRID.empty()
    add_gaussians(image, GRID, flux=[2.0], sigma=[0.1], x=[x], y=[0.3])
    assert image.sum() == pytest.approx(2 * fraction, rel=0.01, abs=1e-6)


def test_half_light_radius_of_one_profile_is_its_own():
    assert combined_half_light_radius([2.0], [0.7], [3.0]) == pytest.approx(0.7, rel=1e-3)


def test_half_light_radius_of_a_sum_holds_half_the_light():
    image = GRID.empty()
    add_sersic(image, GRID, flux=400, half_light_radius=0.15, index=2.0)
    add_sersic(image, GRID, flux=600, half_light_radius=0.6, index=1.0)
    radius = combined_half_light_radius([400, 600], [0.15, 0.6], [2.0, 1.0])
    within = np.hypot(GRID.axis, GRID.axis[:, np.newaxis]) < radius
    assert image[within].sum() == pytest.approx(500, rel=0.02)


@pytest.mark.parametrize('oversampling', [2, 3])
def test_upsampling_is_exact_for_a_plane(oversampling):
    grid = replace(GRID, oversampling=oversampling)
    slope = np.add.outer(2 * grid.pixel_axis, 3 * grid.pixel_axis)
    fine = np.add.outer(2 * grid.axis, 3 * grid.axis)
    inner = slice(2 * oversampling, -2 * oversampling)
    np.testing.assert_allclose(
        grid.whole.upsample(slope)[inner, inner], fine[inner, inner], atol=1e-5
    )
