import numpy as np
import pytest

from astro_wgan.simulate import SIMULATION_CONFIGS
from astro_wgan.simulate.artifacts import _ARTIFACTS, ARTIFACTS, draw_artifact

CONFIG = SIMULATION_CONFIGS['benchmark-1']


def with_artifact(name, seed):
    """An image of unit sky with an artifact, in units of the noise above the sky."""
    sky = np.ones((64, 64))
    image = _ARTIFACTS[name](sky, rng=np.random.default_rng(seed), config=CONFIG)
    assert (sky == 1).all()
    return (image - 1) / CONFIG.noise.rms


def test_each_artifact_is_drawn():
    rng = np.random.default_rng(1)
    assert {draw_artifact(rng, CONFIG)[0] for _ in range(40)} == set(ARTIFACTS)


@pytest.mark.parametrize('seed', range(5))
def test_trails_are_straight_lines(seed):
    trail = with_artifact('trail', seed)
    assert trail.min() >= 0
    assert 3 < trail.max() <= CONFIG.artifacts.brightness[1]
    y, x = np.nonzero(trail > 0.7 * trail.max())
    # The smaller principal axis of the bright pixels is the width of the line.
    assert np.linalg.eigvalsh(np.cov(x, y))[0] < 4


@pytest.mark.parametrize('seed', range(5))
def test_few_pixels_are_hot(seed):
    hot = with_artifact('hot pixels', seed)
    assert 1 <= np.count_nonzero(hot) <= 8 * 4
    assert hot[hot > 0].min() >= CONFIG.artifacts.hot_pixel_brightness[0]


@pytest.mark.parametrize('seed', range(5))
def test_bleeding_follows_a_column(seed):
    bleeding = with_artifact('bleeding', seed)
    column = bleeding.sum(axis=0).argmax()
    steps = np.diff(bleeding[:, column])
    assert (steps <= 0).all() or (steps >= 0).all()
    assert bleeding[:, abs(np.arange(64) - column) > 10].max() < 1e-3 * bleeding.max()


@pytest.mark.parametrize('seed', range(5))
def test_pixels_beyond_the_edge_of_the_detector_are_zero(seed):
    zero = 1 + CONFIG.noise.rms * with_artifact('bad edge', seed) == 0
    sides = [zero[0], zero[-1], zero[:, 0], zero[:, -1]]
    assert any(side.all() for side in sides)
    assert 4 * 64 <= zero.sum() < 64 * 64 // 3
