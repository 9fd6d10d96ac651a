from dataclasses import replace

import numpy as np
import pytest

from astro_wgan.simulate import SIMULATION_CONFIGS
from astro_wgan.simulate.debris import add_debris
from astro_wgan.simulate.fine_grid import FineGrid
from astro_wgan.simulate.galaxies import draw_galaxy

GRID = FineGrid(64, 8, 0.06, 2)


def drawn(name='benchmark-1', *, seed=1, strength=1.0, magnitude=21.0, **changes):
    """Image of the debris, its galaxy, and the returned flux."""
    config = SIMULATION_CONFIGS[name]
    rng = np.random.default_rng(seed)
    galaxy = replace(draw_galaxy(rng, config), magnitude=magnitude)
    image = GRID.empty()
    disturbance = replace(config.disturbance, **changes)
    flux = add_debris(image, GRID, galaxy, rng, disturbance, strength, 0.01, -0.02)
    return image, galaxy, flux


@pytest.mark.parametrize('name', SIMULATION_CONFIGS)
@pytest.mark.parametrize('seed', range(5))
def test_debris_has_the_returned_flux(name, seed):
    image, _, flux = drawn(name, seed=seed)
    # Only the wings of the envelope are outside of the grid.
    assert image.sum() == pytest.approx(flux, rel=0.03)
    assert image.min() >= 0


def test_debris_fades_within_the_limits_of_its_flux():
    _, galaxy, flux = drawn(scatter_dex=0.0)
    disturbance = SIMULATION_CONFIGS['benchmark-1'].disturbance
    fraction = disturbance.tail_fraction + disturbance.shell_fraction
    fraction += disturbance.envelope_fraction
    assert flux == pytest.approx(fraction * galaxy.flux)
    assert drawn(scatter_dex=0.0, strength=0.5)[2] == pytest.approx(flux / 2)
    _, _, faint = drawn(magnitude=22.8, scatter_dex=0.0)
    assert faint == pytest.approx(disturbance.min_debris_flux)
    _, galaxy, fainter = drawn(magnitude=24.0)
    assert fainter == pytest.approx(disturbance.max_debris_fraction * galaxy.flux)


@pytest.mark.parametrize('name', SIMULATION_CONFIGS)
def test_tails_and_shells_reach_beyond_the_galaxy(name):
    radius = np.hypot(GRID.axis, GRID.axis[:, np.newaxis])
    for seed in range(5):
        tails, _, flux = drawn(
            name, seed=seed, shell_fraction=0.0, envelope_fraction=0.0, scatter_dex=0.0
        )
        assert tails.sum() == pytest.approx(flux, rel=1e-3)
        # They start outside of the center and end inside of the stamp.
        assert tails[radius < 0.1].sum() < 1e-3 * flux
        assert tails[radius < GRID.half_width].sum() > 0.97 * flux
        assert tails[radius > 0.4].sum() > 0.6 * flux
