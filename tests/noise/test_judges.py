"""Made noise against independent judges: GalSim, a Kolmogorov-Smirnov test, a classifier."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from judges.noise_statistics import statistics as noise_statistics
from scipy.stats import ks_2samp

from astro_wgan import datasets
from astro_wgan.images import read_image
from astro_wgan.noise import Autocorrelation, autocorrelation, find_sky, make_noise, power_spectrum

galsim = pytest.importorskip('galsim')

#: Lags that are judged, in pixels.
MAX_LAG = 8


@pytest.fixture(scope='module', params=['mock', 'real'])
def sky(request):
    if request.param == 'mock':
        return find_sky(datasets.load_image('mock_f814w'))
    folder = request.getfixturevalue('real_data')
    return find_sky(read_image(folder / 'hst_cosmos' / 'hst_f814w_cut.fits'))


@pytest.fixture(scope='module')
def cosmos_file():
    """The correlation function of HST ACS COSMOS sky that GalSim comes with."""
    return Path(galsim.meta_data.share_dir) / 'acs_I_unrot_sci_20_cf.fits'


@pytest.fixture(scope='module')
def cosmos(cosmos_file):
    return Autocorrelation.from_array(fits.getdata(cosmos_file))


@pytest.fixture(scope='module')
def cosmos_noise(cosmos):
    return make_noise(cosmos, 2000, size=64, seed=1)


def of_galsim(cosmos_file, n, size):
    """The same noise by GalSim."""
    noise = galsim.getCOSMOSNoise(file_name=str(cosmos_file), rng=galsim.BaseDeviate(1))
    stamps = np.empty((n, size, size))
    for stamp in stamps:
        image = galsim.ImageD(size, size, scale=0.03)
        image.addNoise(noise)
        stamp[...] = image.array
    return stamps


def central(covariance, max_lag):
    middle = covariance.shape[0] // 2
    part = slice(middle - max_lag, middle + max_lag + 1)
    return covariance[part, part]


def test_autocorrelation_is_that_of_cosmos(cosmos, cosmos_noise):
    found = autocorrelation(cosmos_noise, max_lag=MAX_LAG, mean=0)
    wanted = central(cosmos.covariance.value, MAX_LAG)
    peak = cosmos.variance.value
    np.testing.assert_allclose(found.covariance.value, wanted, atol=0.02 * peak)
    assert found.variance.value == pytest.approx(peak, rel=0.01)


def test_each_pixel_has_the_variance_of_cosmos(cosmos, cosmos_noise):
    """No pixel of a stamp is special: not those at its border, nor at the seams of a box."""
    variance = cosmos_noise.pixels.astype(float).var(axis=0) / cosmos.variance.value
    # Of 2,000 stamps, the variance of one pixel is known to 3.2 percent.
    assert np.abs(variance - 1).max() < 5 * 0.032
    assert abs(variance[0].mean() - 1) < 0.02
    assert abs(variance[:, -1].mean() - 1) < 0.02


def test_power_spectrum_is_that_of_noise_by_galsim(cosmos_file, cosmos_noise):
    real = power_spectrum(of_galsim(cosmos_file, 1500, 64), mean=0).radial()
    made = power_spectrum(cosmos_noise, mean=0).radial()
    ratio = (made['power'] / real['power']).value
    scatter = np.hypot(made['power_err'] / made['power'], real['power_err'] / real['power']).value
    np.testing.assert_array_less(np.abs(ratio - 1), 0.05 + 3 * scatter)
    # Rings of many modes have hardly any scatter.
    np.testing.assert_allclose(ratio[4:30], 1, atol=0.05)


def test_noise_like_a_sky_has_its_correlation_and_power(sky):
    made = make_noise(sky, 2000, size=64, seed=2)
    real, found = (autocorrelation(pixels, max_lag=MAX_LAG) for pixels in (sky, made))
    peak = real.variance.value
    np.testing.assert_allclose(found.covariance.value, real.covariance.value, atol=0.02 * peak)
    assert found.variance.value == pytest.approx(peak, rel=0.01)
    real, found = (power_spectrum(pixels).radial() for pixels in (sky, made))
    # The corner has few frequencies, and hardly any power.
    least = 1e-3 * real['power'].value.max()
    np.testing.assert_allclose(found['power'].value, real['power'].value, rtol=0.05, atol=least)


def probability(real, use, made):
    """
    Of the Kolmogorov-Smirnov test.

    It wants pixels that know nothing of each other: every eighth along both axes; the median over
    some of the ways to begin such a grid.
    """
    made = made[:, ::8, ::8].ravel()
    grids = [np.s_[y::8, x::8] for y in range(0, 8, 2) for x in range(0, 8, 2)]
    return np.median([ks_2samp(real[grid][use[grid]], made).pvalue for grid in grids])


def test_the_sky_of_the_image_is_that_of_the_survey(sky, cosmos):
    """GalSim's function was measured on other, blank parts of COSMOS (Rowe et al. 2015)."""
    found = autocorrelation(sky, max_lag=MAX_LAG)
    for axis in 'xy':
        ours, theirs = (each.along(axis)['coefficient'][:MAX_LAG] for each in (found, cosmos))
        np.testing.assert_allclose(ours, theirs, atol=0.05)
    power, wanted = (
        float(power_spectrum(each).radial()['power'][0].value / each.variance.value)
        for each in (autocorrelation(sky), cosmos)
    )
    assert power == pytest.approx(wanted, rel=0.2)


def test_pixels_have_the_histogram_of_the_sky(sky):
    made = make_noise(sky, 500, size=64, seed=3).pixels
    assert probability(sky.pixels, sky.clean, made) > 0.05
    # All pixels, which a scale that is wrong by 3 percent would move this far apart.
    distance = ks_2samp(sky.pixels[sky.clean], made.ravel()).statistic
    assert distance < 0.005
    assert ks_2samp(sky.pixels[sky.clean], 1.03 * made.ravel()).statistic > 0.005


def held_out_auc(real, block, other):
    """How well trees tell two kinds apart: the AUC on blocks that they were not trained on."""
    ensemble = pytest.importorskip('sklearn.ensemble')
    metrics = pytest.importorskip('sklearn.metrics')
    features = np.concatenate([noise_statistics(real), noise_statistics(other)])
    is_real = np.arange(len(features)) < len(real)
    fold = np.concatenate([block % 4, np.arange(len(other)) % 4])
    found = []
    for k in range(4):
        tested = fold == k
        trees = ensemble.HistGradientBoostingClassifier(max_iter=30, random_state=0)
        trees.fit(features[~tested], is_real[~tested])
        rank = trees.predict_proba(features[tested])[:, 1]
        found.append(metrics.roc_auc_score(is_real[tested], rank))
    return np.mean(found)


def test_trees_cannot_tell_made_noise_from_the_sky(sky):
    size, edge = 16, 62
    stamps = sky.stamps(2000, size=size, seed=1)
    first = np.column_stack([np.asarray(stamps.table[name]) for name in 'xy']) - (size - 1) / 2
    first = np.rint(first).astype(int)
    # Stamps of one block overlap; none reaches into another.
    inside = ((first % edge) <= edge - size).all(axis=1) & (first < 4 * edge).all(axis=1)
    x, y = first[inside].T // edge
    real, block = stamps.pixels[inside], 4 * y + x + y
    made = make_noise(sky, len(real), size=size, seed=2).pixels
    white = np.random.default_rng(3).choice(sky.pixels[sky.clean], size=real.shape)
    # A few dozen stamps that do not overlap know an AUC to 0.04; the benchmark has the margin.
    assert held_out_auc(real, block, made) < 0.6
    assert held_out_auc(real, block, white) > 0.95
