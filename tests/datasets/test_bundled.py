import numpy as np
import pytest

from astro_wgan import datasets


@pytest.mark.parametrize('name', datasets.names())
def test_each_image_loads_with_its_credit(name):
    image = datasets.load_image(name)
    assert image.data.ndim == 2
    assert np.isfinite(image.data).all()
    assert image.meta['credit'] == datasets.describe(name).credit
    assert datasets.describe(name).licence


def test_the_mock_image_has_its_sky_coordinates():
    assert datasets.load_image('mock_f814w').wcs.has_celestial


def test_an_image_of_a_former_release_is_told_from_its_successor():
    with pytest.raises(ValueError, match=r"'hst_cosmos_f814w' no longer .*'mock_f814w', a simul"):
        datasets.load_image('hst_cosmos_f814w')


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"one of \['hubble_xdf', 'mock_f814w'.*got 'andromeda'"):
        datasets.image_path('andromeda')
