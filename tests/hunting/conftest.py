"""A field of galaxies for hunts."""

import numpy as np
import pytest


@pytest.fixture(scope='session')
def make_galaxy_field():
    """Function that makes the pixels of a field of 90 round galaxies."""

    def make():
        rng = np.random.default_rng(1)
        y, x = np.indices((280, 280))
        pixels = rng.normal(size=(280, 280))
        for x0 in range(15, 270, 28):
            for y0 in range(15, 270, 28):
                dx, dy = rng.uniform(-3, 3, 2)
                pixels += 40 * np.exp(-((x - x0 - dx) ** 2 + (y - y0 - dy) ** 2) / 2 / 2**2)
        return pixels

    return make
