import numpy as np
import pytest
from scipy.stats import chi

from astro_wgan.bands.chi_squared import ChiSquared


@pytest.mark.parametrize('n_bands', [1, 3, 9])
def test_sky_has_mean_0_and_scatter_1(n_bands):
    rng = np.random.default_rng(n_bands)
    total = ChiSquared((300, 300))
    bands = rng.normal(size=(n_bands, 300, 300))
    for band in bands:
        total.add(band)
    image = total.image()
    assert image.mean() == pytest.approx(0, abs=0.02)
    assert image.std() == pytest.approx(1, abs=0.02)
    # By the distribution itself.
    expected = (np.sqrt((bands**2).sum(axis=0)) - chi.mean(n_bands)) / chi.std(n_bands)
    assert np.allclose(image, expected, atol=1e-5)
    assert total.bad is None


def test_pixels_without_data_in_some_bands():
    """Each pixel is normalized by the number of bands that it has."""
    total = ChiSquared((1, 3))
    total.add(np.array([[2.0, 2.0, np.nan]]), np.array([[False, False, True]]))
    total.add(np.array([[2.0, 5.0, np.nan]]), np.array([[False, True, True]]))
    found = total.image()[0]
    assert found[0] == pytest.approx((np.sqrt(8) - chi.mean(2)) / chi.std(2))
    assert found[1] == pytest.approx((2 - chi.mean(1)) / chi.std(1))
    assert found[2] == 0
    assert total.bad.tolist() == [[False, False, True]]
