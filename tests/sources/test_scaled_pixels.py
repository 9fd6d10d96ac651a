"""Pixels in any unit: fluxes are proportional to them, and all else stays as it is."""

import numpy as np
import pytest
from judges import sextractor as judge

from astro_wgan import DetectionConfig, StampSet, datasets
from astro_wgan.baselines import PCAResidual
from astro_wgan.detection import detect
from astro_wgan.noise import find_sky
from astro_wgan.sources import measure_sources, segment_stamps

pytest.importorskip('sklearn')
pytest.importorskip('photutils', minversion='3.0')

FACTORS = [1e-35, 1e-25, 1e-19, 0.3, 1e10, 1e20, 1e32]
FLUXES = ('kron_flux', 'kron_flux_err', 'isophotal_flux', 'isophotal_flux_err', 'peak')
OTHERS = ('x', 'y', 'half_light_radius', 'kron_radius', 'axis_ratio', 'flags', 'area')


@pytest.fixture(scope='module')
def pairs():
    return judge.simulate_pairs(12, seed=5, separation=(14, 24)).pixels.astype('f4')


def scaled_set(pixels, factor, dtype, sigma=None):
    uncertainty = None if sigma is None else np.full(pixels.shape, sigma * factor).astype(dtype)
    return StampSet((pixels.astype(float) * factor).astype(dtype), uncertainty=uncertainty)


@pytest.mark.parametrize('factor', FACTORS)
@pytest.mark.parametrize('dtype', ['f4', 'f8'])
@pytest.mark.parametrize('engine', ['sep', 'photutils'])
@pytest.mark.parametrize('sigma', [None, 3.0], ids=['sky', 'uncertainty'])
def test_photometry(pairs, factor, dtype, engine, sigma):
    pixels = pairs[:3] if engine == 'photutils' else pairs
    options = {'engine': engine, 'progress': False, 'saturation': 2000.0}
    right = measure_sources(scaled_set(pixels, 1, 'f4', sigma), **options)
    options['saturation'] *= factor
    found = measure_sources(scaled_set(pixels, factor, dtype, sigma), **options)
    assert len(found.sources) == len(right.sources) >= len(pixels)
    for name in FLUXES:
        one, two = found.sources[name].value / factor, right.sources[name].value
        assert np.allclose(one, two, rtol=1e-5, atol=1e-5 * sigma if sigma else 1e-4), name
    for name in OTHERS:
        one, two = (
            np.asarray(table[name], dtype=float) for table in (found.sources, right.sources)
        )
        assert np.allclose(one, two, rtol=1e-5, equal_nan=True), name
    for name in ('background', 'noise_rms'):
        one, two = found.stamps[name].value / factor, right.stamps[name].value
        assert np.allclose(one, two, rtol=1e-5, atol=1e-5)
    assert (found.stamps['companion_class'] == right.stamps['companion_class']).all()


@pytest.mark.parametrize('factor', [1e-300, *FACTORS, 1e290])
def test_errors_are_what_the_formula_says(factor):
    # The root of the number of pixels, times the noise of each.
    y, x = np.mgrid[:64, :64] - 31.5
    image = 100 * np.exp(-(x**2 + y**2) / 18) + np.random.default_rng(1).normal(size=(64, 64))
    table = measure_sources(
        scaled_set(image[np.newaxis], factor, 'f8', 1.0),
        detection=DetectionConfig(3),
        progress=False,
    ).stamps
    axes = table['semimajor_axis'].value * table['semiminor_axis'].value
    area = np.pi * axes[0] * 3.5**2
    assert table['kron_flux_err'].value[0] / factor == pytest.approx(np.sqrt(area), rel=0.03)


def test_stamps_of_different_units_in_one_set(pairs):
    factors = 10.0 ** np.linspace(-300, 290, len(pairs))
    pixels = pairs.astype(float) * factors[:, np.newaxis, np.newaxis]
    found = measure_sources(StampSet(pixels), progress=False).stamps
    right = measure_sources(StampSet(pairs), progress=False).stamps
    for name in ('kron_flux', 'kron_flux_err', 'noise_rms'):
        assert np.allclose(found[name].value / factors, right[name].value, rtol=1e-5)


@pytest.mark.parametrize('factor', FACTORS)
@pytest.mark.parametrize('dtype', ['f4', 'f8'])
def test_whatever_looks_at_an_image(factor, dtype):
    # As native floats, whose digits are those of the file.
    image = datasets.load_image('ntt_field').data.astype('f4')
    other = (image.astype(float) * factor).astype(dtype)
    right, found = (StampSet.from_image(each, size=32) for each in (image, other))
    assert np.allclose(found.table['x'].value, right.table['x'].value)
    for name in ('isophotal_flux', 'peak'):
        assert np.allclose(found.table[name].value / factor, right.table[name].value, rtol=1e-4)
    assert (segment_stamps(found).labels == segment_stamps(right).labels).mean() > 0.999
    for engine in ('sep', 'photutils'):
        sky, expected = (find_sky(each, engine=engine) for each in (other, image))
        assert sky.clean_fraction == pytest.approx(expected.clean_fraction, abs=1e-4)
        assert sky.rms.value / factor == pytest.approx(expected.rms.value, rel=1e-4)
        residuals = sky.undetected_source_test, expected.undetected_source_test
        assert residuals[0].skewness == pytest.approx(residuals[1].skewness, abs=1e-3)
    scores = [
        np.asarray(PCAResidual(n_components=3).fit(each).score(each, progress=False)['score'])
        for each in (found, right)
    ]
    assert np.allclose(*scores, atol=1e-4)


@pytest.mark.parametrize('value', [1e30, 1e37, -1e37, 1e200, np.inf])
def test_pixels_that_are_no_brightness_count_as_masked(pairs, value):
    pixels = pairs.astype(float)
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[:, 5, 5] = True
    right = measure_sources(StampSet(pixels, mask=mask), progress=False)
    pixels[:, 5, 5] = value
    found = measure_sources(StampSet(pixels), progress=False)
    assert len(found.sources) == len(right.sources)
    assert np.allclose(found.sources['kron_flux'].value, right.sources['kron_flux'].value)
    assert len(detect(pixels[0]).sources) == len(detect(pixels[0], mask=mask[0]).sources)


def test_pixels_that_cannot_be_written_to(pairs, tmp_path):
    np.save(tmp_path / 'pixels.npy', pairs)
    mapped = np.load(tmp_path / 'pixels.npy', mmap_mode='r')
    sigma = np.broadcast_to(np.float32(1), pairs.shape)
    for uncertainty in (None, sigma):
        right, found = (
            measure_sources(StampSet(pixels, uncertainty=uncertainty), progress=False).sources
            for pixels in (pairs, mapped)
        )
        assert len(right) >= len(pairs)
        np.testing.assert_array_equal(found['kron_flux'], right['kron_flux'])
    assert (segment_stamps(StampSet(mapped)).labels == segment_stamps(StampSet(pairs)).labels).all()
    assert len(StampSet.from_image(mapped[0], size=16, partial='fill')) == 2
