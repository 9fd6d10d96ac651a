"""Real galaxies, and one whose shape is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.modeling.models import Gaussian2D, Sersic2D
from scipy.ndimage import convolve

from astro_wgan import datasets
from astro_wgan.stamps import StampSet


@pytest.fixture(scope='session')
def group():
    """Of a mock image: a galaxy with a neighbor of like brightness, and two others."""
    image = datasets.load_image('mock_f814w')
    return StampSet.from_image(
        image, size=64, positions=[(42.9, 113.8), (143.1, 181.2), (165.2, 118.3)]
    )


@pytest.fixture(scope='session')
def galaxy():
    """A Sersic profile that is smeared by a PSF, with noise of standard deviation 1."""
    y, x = np.indices((64, 64))
    model = Sersic2D(amplitude=20, r_eff=5, n=1.5, x_0=31.5, y_0=31.5, ellip=0.3, theta=0.5)
    y, x = np.indices((15, 15)) - 7
    psf = Gaussian2D(x_stddev=1.5, y_stddev=1.5)(x, y)
    image = convolve(model(*np.indices((64, 64))[::-1]), psf / psf.sum(), mode='nearest')
    image += np.random.default_rng(1).normal(size=image.shape)
    return SimpleNamespace(model=model, psf=psf, image=image)


@pytest.fixture
def sky():
    """Nothing but noise."""
    return np.random.default_rng(2).normal(size=(64, 64))


@pytest.fixture
def stack():
    """Images as a set of stamps."""
    return lambda *images, **options: StampSet(np.array(images), **options)
