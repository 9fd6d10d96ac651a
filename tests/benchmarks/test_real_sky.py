"""The judge of real galaxies: what is left in the training on purpose."""

import numpy as np
import pytest

from astro_wgan import StampSet
from benchmarks.experiments.real_sky import eight_of_each


@pytest.mark.parametrize('bands', [None, 2])
def test_anomalies_are_left_in_in_all_orientations(bands):
    shape = (3, 8, 8) if bands is None else (3, 8, 8, bands)
    stamps = StampSet(np.random.default_rng(1).normal(size=shape), table={'id': ['a', 'b', 'c']})
    found = eight_of_each(stamps)
    assert found.pixels.shape == (24, *shape[1:])
    assert len({*found.ids}) == 24
    first = found[[name.startswith('a-') for name in found.ids]].pixels
    assert len({image.tobytes() for image in first}) == 8
    for image in first:
        np.testing.assert_allclose(np.sort(image, axis=None), np.sort(stamps.pixels[0], axis=None))
