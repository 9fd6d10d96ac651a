"""Sky whose noise is correlated or skew, or whose level is not the same everywhere."""

import numpy as np
import pytest
from astropy.nddata import CCDData, InverseVariance
from scipy.ndimage import gaussian_filter

from astro_wgan import StampSet
from astro_wgan.detection import DetectionConfig
from astro_wgan.exceptions import SkyError
from astro_wgan.noise import add_noise, autocorrelation, find_sky, make_noise, power_spectrum

SHAPE = (300, 340)
Y, X = np.indices(SHAPE)
V, U = Y / SHAPE[0], X / SHAPE[1]


def noise(smoothing, seed=1, shape=SHAPE):
    """Gaussian noise of variance 1 exactly, white or smoothed by a Gaussian."""
    field = np.random.default_rng(seed).normal(size=shape)
    if smoothing:
        field = gaussian_filter(field, smoothing, mode='wrap')
    return (field - field.mean()) / field.std()


def coefficient(lag, smoothing):
    """Of such noise: the autocorrelation of the kernel, as SciPy samples it."""
    kernel = gaussian_filter(np.eye(1, 81, 40).ravel(), smoothing)
    both = np.correlate(kernel, kernel, 'full')
    return both[len(kernel) - 1 + lag] / both[len(kernel) - 1]


def sources(n, seed, brightest=1000):
    """Elliptical exponential galaxies, from invisible ones to bright ones."""
    rng = np.random.default_rng(seed)
    image = np.zeros(SHAPE)
    for _ in range(n):
        length, flat = rng.uniform(1, 4), rng.uniform(0.4, 1)
        peak = np.exp(rng.uniform(0, np.log(brightest))) / 4
        x, y = rng.uniform(0, SHAPE[1]), rng.uniform(0, SHAPE[0])
        image += peak * np.exp(-np.sqrt((X - x) ** 2 + ((Y - y) / flat) ** 2 + 1) / length)
    return image


@pytest.mark.parametrize('engine', ['sep', 'photutils'])
@pytest.mark.parametrize('smoothing', [0, 0.5, 0.8, 1.5, 3])
def test_correlated_noise_keeps_its_variance_and_correlation(smoothing, engine):
    sky = find_sky(noise(smoothing), engine=engine)
    assert sky.clean_fraction > 0.95
    assert sky.rms.value**2 == pytest.approx(1, abs=0.02)
    assert sky.background is None
    found = autocorrelation(sky, max_lag=8)
    assert found.variance.value == pytest.approx(1, abs=0.02)
    for axis in 'xy':
        wanted = [coefficient(lag, smoothing) if smoothing else lag == 0 for lag in range(9)]
        # Of long correlations there are few in an image.
        error = 3 * found.along(axis)['coefficient_err'] + 0.01
        assert (np.abs(found.along(axis)['coefficient'] - wanted) < error).all()


@pytest.mark.parametrize('smoothing', [1, 3])
def test_no_image_of_noise_loses_more_than_a_few_percent(smoothing):
    """A single peak that is taken for a source takes a part of the noise of a small image."""
    fields = [noise(smoothing, seed=seed, shape=(200, 220)) for seed in range(12)]
    variance = np.array([find_sky(field).rms.value ** 2 for field in fields])
    assert variance.mean() == pytest.approx(1, abs=0.005)
    assert np.abs(variance - 1).max() < 0.025


@pytest.mark.parametrize('smoothing', [0, 0.8, 2])
@pytest.mark.parametrize('photons', [0.5, 2, 20])
def test_photons_keep_their_variance(photons, smoothing):
    image = np.random.default_rng(3).poisson(photons, SHAPE).astype(float)
    if smoothing:
        image = gaussian_filter(image, smoothing, mode='wrap')
    sky = find_sky(image)
    assert sky.rms.value**2 == pytest.approx(image.var(), rel=0.02)
    assert sky.mean.value == pytest.approx(photons, rel=0.02)


@pytest.mark.parametrize('smoothing', [0, 0.8, 2])
def test_sources_neither_raise_nor_lower_the_variance(smoothing):
    field = noise(smoothing, seed=4)
    sky = find_sky(field + sources(50, seed=5))
    assert sky.clean_fraction > 0.5
    assert sky.rms.value**2 == pytest.approx(1, abs=0.02)
    assert abs(sky.mean.value) < 0.05
    power, wanted = (power_spectrum(each).radial()['power'][:4].value for each in (sky, field))
    # Sources too faint to be told from noise add what varies slowly.
    np.testing.assert_allclose(power, wanted, rtol=0.2)


LEVELS = {
    'none': 0 * U,
    'x': 6 * U,
    'y': -6 * V,
    'oblique': 4 * U - 5 * V,
    'curved': 12 * (U - 0.4) ** 2,
    'vignetting': -8 * ((U - 0.5) ** 2 + (V - 0.5) ** 2),
    'fourth power': 40 * ((U - 0.5) ** 2 + (V - 0.5) ** 2) ** 2,
    'hill': 5 * np.exp(-((X - 100) ** 2 + (Y - 180) ** 2) / (2 * 90**2)),
    'step x': 3 * (U > 0.5),
    'step y': -2 * (V > 0.3),
    'quadrants': 3 * ((U > 0.5) ^ (V > 0.5)),
    'four amplifiers': 2 * np.floor(4 * U) * (np.floor(4 * U) % 2),
    'step and gradient': 3 * (U > 0.5) + 4 * V,
}


@pytest.mark.parametrize('name', LEVELS)
def test_what_is_no_noise_is_taken_out(name):
    """What is left has the variance and the correlation of the noise, and so has what is made."""
    field = noise(0.8, seed=6)
    sky = find_sky(field + LEVELS[name] + sources(30, seed=7))
    assert sky.rms.value == pytest.approx(1, abs=0.02)
    made = make_noise(sky, 200, size=48, seed=1)
    assert made.pixels.std() == pytest.approx(1, abs=0.03)
    found = autocorrelation(sky, max_lag=8).along('x')['coefficient']
    assert found[1] == pytest.approx(coefficient(1, 0.8), abs=0.02)
    assert abs(found[8]) < 0.03
    # What was taken out is the level, up to what faint sources add.
    if name != 'none':
        inside = sky.background[sky.clean] - LEVELS[name][sky.clean]
        assert inside.std() < 0.1
        whole = sky.pixels + sky.background - sky.mean.value
        np.testing.assert_allclose(
            whole[sky.clean], (field + LEVELS[name] + sources(30, seed=7))[sky.clean], atol=0.05
        )


@pytest.mark.parametrize('level', ['none', 'x', 'step x'])
def test_poisson_noise_is_as_coherent_as_the_sky(level):
    """Scatter of the means of stamps, against the sum of the known correlation over a stamp."""
    sky = find_sky(noise(0.8, seed=8) + LEVELS[level])
    light = StampSet(np.full((600, 32, 32), 100.0))
    noisy = add_noise(light, sky_noise=sky, gain=2.0, seed=1, progress=False)
    lags = np.arange(-31, 32)
    along = np.array([coefficient(lag, 0.8) for lag in lags]) * (1 - np.abs(lags) / 32)
    wanted = np.sqrt(51 * along.sum() ** 2 / 32**2)
    means = noisy.pixels.mean(axis=(1, 2))
    assert means.std() == pytest.approx(wanted, rel=0.12)


def test_without_a_scale_the_image_is_left_as_it_is():
    image = noise(0.8) + LEVELS['x']
    sky = find_sky(image, background_scale=None)
    assert sky.background is None
    np.testing.assert_array_equal(sky.pixels, image)
    assert sky.rms.value == pytest.approx(np.sqrt(1 + 36 / 12), rel=0.02)


@pytest.mark.parametrize(('scale', 'kept'), [(128, True), (32, False)])
def test_waves_shorter_than_the_scale_are_noise(scale, kept):
    """A wave of 98 pixels from crest to crest."""
    wave = np.sqrt(2) * np.sin(2 * np.pi * (X + Y / 2) / 110)
    sky = find_sky(noise(0) + wave, background_scale=scale)
    assert sky.rms.value**2 == pytest.approx(2 if kept else 1, abs=0.1)


def test_noise_that_is_correlated_over_a_stamp_is_kept():
    """Of ten images of noise that varies over 20 pixels none is leveled; one may have a peak."""
    skies = [find_sky(noise(8, seed=seed, shape=(260, 260))) for seed in range(10)]
    assert all(sky.background is None for sky in skies)
    assert np.mean([sky.rms.value**2 for sky in skies]) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize('shape', [(24, 24), (40, 40), (40, 150), (64, 63)])
def test_small_images(shape):
    x = np.indices(shape)[1]
    sky = find_sky(noise(0.8, shape=shape) + 4 * x / shape[1])
    # A plane takes its part of the noise, three of the few patches that are independent.
    tolerance = 0.04 + 3 * 4 * np.pi * 0.8**2 / sky.pixels.size
    assert sky.rms.value**2 == pytest.approx(1, abs=tolerance)
    assert make_noise(sky, 50, size=32, seed=1).pixels.var() == pytest.approx(1, abs=2 * tolerance)


def test_masked_stripes_and_weights_do_not_hide_the_level():
    image = noise(0.8) + LEVELS['oblique'] + LEVELS['step x']
    mask = (X % 40 < 12) | (Y % 90 < 20)
    weight = np.where(V < 0.5, 1.0, 0.25) * (U < 0.9)
    noisier = np.where(V < 0.5, 1, 2) * noise(0.8) + LEVELS['oblique'] + LEVELS['step x']
    sky = find_sky(np.where(mask, 1e6, image), mask=mask)
    assert not (sky.clean & mask).any()
    assert sky.rms.value == pytest.approx(1, abs=0.03)
    ccd = CCDData(noisier, unit='adu', uncertainty=InverseVariance(weight))
    sky = find_sky(ccd)
    assert not sky.clean[U >= 0.9].any()
    for half, wanted in ((V < 0.5, 1), (V >= 0.5, 2)):
        assert sky.pixels[sky.clean & half].std() == pytest.approx(wanted, rel=0.04)


@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('ratio', [3, 10])
def test_two_depths_in_one_mosaic(ratio, weighted):
    """Each part keeps its noise, and the quiet one tells the level of both."""
    depth = np.where(V > 0.5, ratio, 1.0)
    field = depth * noise(0.8)
    image = field + 2 * U
    if weighted:
        image = CCDData(image, unit='adu', uncertainty=InverseVariance(depth**-2))
    sky = find_sky(image)
    for part, wanted in ((V < 0.45, 1), (V > 0.55, ratio)):
        assert sky.pixels[sky.clean & part].std() == pytest.approx(wanted, rel=0.03)
    assert sky.rms.value**2 == pytest.approx((1 + ratio**2) / 2, rel=0.04)
    assert (sky.pixels - field).std() < 0.1


@pytest.mark.parametrize('kind', ['zeros', 'nan', 'integers'])
def test_areas_without_data_are_no_sky(kind):
    image = np.pad(100 + 5 * noise(0), 60, constant_values=np.nan if kind == 'nan' else 0)
    if kind == 'integers':
        image = np.rint(image).astype(np.int16)
    sky = find_sky(image)
    inside = np.pad(np.ones(SHAPE, dtype=bool), 60)
    assert not sky.clean[~inside].any()
    assert sky.clean[inside].mean() > 0.95
    assert sky.rms.value == pytest.approx(5, rel=0.02)


@pytest.mark.parametrize('value', [-50, 50])
@pytest.mark.parametrize('kind', ['pixels', 'row', 'column'])
def test_dead_and_hot_pixels_are_no_sky(kind, value):
    some = np.random.default_rng(1).random(SHAPE) < 1e-3
    where = {'pixels': some, 'row': Y == 77, 'column': (X > 40) & (X < 43)}[kind]
    sky = find_sky(np.where(where, value, noise(0.8)))
    assert not sky.clean[where].any()
    assert sky.rms.value**2 == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    'options', [{'smooth': False, 'threshold': 3}, {'threshold': 1.2}, {'threshold': 3}]
)
def test_other_thresholds_leave_the_variance_too(options):
    field = noise(0.8, seed=4)
    for image in (field, field + sources(20, seed=5)):
        sky = find_sky(image, detection=DetectionConfig(**options))
        assert sky.rms.value**2 == pytest.approx(1, abs=0.03)


def test_a_stated_background_is_believed():
    """Where light is everywhere, only the caller knows the level."""
    field = noise(0.8)
    glow = 2 * np.exp(-(((X - 170) / 80) ** 2) - ((Y - 150) / 80) ** 2)
    sky = find_sky(field + glow, detection=DetectionConfig(background=0.0))
    assert sky.background is None
    np.testing.assert_array_equal(sky.pixels, field + glow)
    assert sky.clean[glow > 1].mean() < 0.01


@pytest.mark.parametrize('unit', [1e-33, 1e-20, 1e25])
def test_the_unit_makes_no_difference(unit):
    image = noise(0.8) + LEVELS['oblique'] + sources(20, seed=9)
    one, other = find_sky(image), find_sky((image * unit).astype(np.float32))
    assert np.count_nonzero(one.clean != other.clean) < 20
    assert other.rms.value / unit == pytest.approx(one.rms.value, rel=1e-3)


@pytest.mark.parametrize('scale', [0, -5, 3, np.inf, np.nan])
def test_a_scale_of_a_few_pixels_is_refused(scale):
    with pytest.raises(ValueError, match='`background_scale` must be 8 pixels or more'):
        find_sky(noise(0), background_scale=scale)


def test_images_full_of_sources_are_refused():
    field = noise(0) + 1e3 * (np.hypot(X - 170, Y - 150) < 110)
    with pytest.raises(SkyError, match='no clean sky'):
        find_sky(field, margin=250)


def test_a_correlation_needs_pixels_that_are_farther_apart_than_its_lags():
    image = np.random.default_rng(1).normal(size=(40, 40))
    mask = np.ones((40, 40), dtype=bool)
    mask[:9, :9] = False
    stamps = StampSet(image[np.newaxis], mask=mask[np.newaxis])
    with pytest.raises(ValueError, match='lower `max_lag`, or give `mean`'):
        autocorrelation(stamps, max_lag=8)
    assert np.isfinite(autocorrelation(stamps, max_lag=4).covariance.value).all()
