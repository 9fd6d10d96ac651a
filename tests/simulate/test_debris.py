from dataclasses import replace

import numpy as np
import pytest

from astro_wgan.simulate import RECIPES
from astro_wgan.simulate.debris import add_debris
from astro_wgan.simulate.fine_grid import Sky
from astro_wgan.simulate.galaxies import draw_galaxy

SKY = Sky(64, 8, 0.06, 2)


def drawn(name='benchmark-1', *, seed=1, strength=1.0, magnitude=21.0, **changes):
    """Debris, its galaxy, and the flux that it is said to have."""
    recipe = RECIPES[name]
    rng = np.random.default_rng(seed)
    galaxy = replace(draw_galaxy(rng, recipe), magnitude=magnitude)
    image = SKY.empty()
    disturbance = replace(recipe.disturbance, **changes)
    flux = add_debris(image, SKY, galaxy, rng, disturbance, strength, 0.01, -0.02)
    return image, galaxy, flux


@pytest.mark.parametrize('name', RECIPES)
@pytest.mark.parametrize('seed', range(5))
def test_debris_has_the_flux_that_is_told(name, seed):
    image, _, flux = drawn(name, seed=seed)
    # All but the wings of the envelope are on the grid.
    assert image.sum() == pytest.approx(flux, rel=0.03)
    assert image.min() >= 0


def test_debris_fades_and_is_never_too_faint_nor_too_much():
    _, galaxy, flux = drawn(spread=0.0)
    disturbance = RECIPES['benchmark-1'].disturbance
    share = disturbance.tails + disturbance.shells + disturbance.envelope
    assert flux == pytest.approx(share * galaxy.flux)
    assert drawn(spread=0.0, strength=0.5)[2] == pytest.approx(flux / 2)
    _, _, faint = drawn(magnitude=22.8, spread=0.0)
    assert faint == pytest.approx(disturbance.faintest)
    _, galaxy, fainter = drawn(magnitude=24.0)
    assert fainter == pytest.approx(disturbance.most * galaxy.flux)


@pytest.mark.parametrize('name', RECIPES)
def test_tails_and_shells_reach_beyond_the_galaxy(name):
    radius = np.hypot(SKY.axis, SKY.axis[:, np.newaxis])
    for seed in range(5):
        tails, _, flux = drawn(name, seed=seed, shells=0.0, envelope=0.0, spread=0.0)
        assert tails.sum() == pytest.approx(flux, rel=1e-3)
        # They begin outside of the middle and end inside of the stamp.
        assert tails[radius < 0.1].sum() < 1e-3 * flux
        assert tails[radius < SKY.edge].sum() > 0.97 * flux
        assert tails[radius > 0.4].sum() > 0.6 * flux


def test_unknown_tails_and_ratios_are_refused():
    recipe = RECIPES['benchmark-1']
    with pytest.raises(ValueError, match="`tail_model` must be 'arc' or 'plume'; got 'loop'"):
        replace(recipe.disturbance, tail_model='loop')
    with pytest.raises(ValueError, match=r'`highest_ratio` must be above 2; got 1\.5'):
        replace(recipe.pairs, highest_ratio=1.5)
