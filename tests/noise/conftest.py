import numpy as np
import pytest


@pytest.fixture
def field():
    return make_field


def make_field(n=12, seed=3):
    """White noise of rms 2 with Gaussian sources, and a map that is True within 3 sigma of one."""
    rng = np.random.default_rng(seed)
    image = 50 + rng.normal(scale=2.0, size=(200, 240))
    covered = np.zeros(image.shape, dtype=bool)
    y, x = np.indices(image.shape)
    for x0, y0 in zip(rng.uniform(10, 230, n), rng.uniform(10, 190, n), strict=True):
        radius2 = (x - x0) ** 2 + (y - y0) ** 2
        image += 60 * np.exp(-0.5 * radius2 / 2.5**2)
        covered |= radius2 < 7.5**2
    return image, covered
