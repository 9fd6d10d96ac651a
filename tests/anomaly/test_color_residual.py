"""How the residuals of several bands differ, against plain formulas."""

import json
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from astro_wgan import WGAN, AnomalyDetector, StampSet
from astro_wgan.anomaly.color_residual import measure_color_residual
from astro_wgan.wgan import TrainingConfig


def measured(residual, weights=None, **options):
    weights = np.ones_like(residual) if weights is None else weights
    options = {'smoothing': 1.0, **options}
    return measure_color_residual(residual, np.zeros_like(residual), weights, **options).numpy()


@pytest.fixture
def residual():
    return np.random.default_rng(1).normal(size=(4, 20, 24, 3)).astype(np.float32)


@pytest.mark.parametrize('weight_sigma', [None, 0.2])
def test_it_is_the_standard_deviation_over_the_bands(residual, weight_sigma):
    y, x = np.indices((20, 24)) - np.array([9.5, 11.5]).reshape(2, 1, 1)
    weight = np.ones((20, 24))
    if weight_sigma:
        weight = np.exp(-((y / 20) ** 2 + (x / 24) ** 2) / 2 / weight_sigma**2)
    found = measured(residual, weight_sigma=weight_sigma)
    for k, image in enumerate(residual):
        smooth = np.stack([gaussian_filter(band, 1.0) for band in np.moveaxis(image, 2, 0)])
        variance = np.average(smooth.var(axis=0, ddof=1), weights=weight)
        assert found[k] == pytest.approx(np.sqrt(variance), rel=1e-5)


def test_gray_residuals_have_none(residual):
    gray = np.repeat(residual[..., :1], 5, axis=-1)
    np.testing.assert_allclose(measured(gray), 0, atol=1e-6)
    green = np.zeros_like(residual)
    green[:, 10, 12, 1] = 1
    assert (measured(green) > 0.005).all()


def test_a_missing_band_is_as_if_it_were_not_there(residual):
    weights = np.ones_like(residual)
    weights[..., 2] = 0
    spoilt = np.where(weights > 0, residual, np.nan).astype(np.float32)
    np.testing.assert_allclose(measured(spoilt, weights), measured(residual[..., :2]), rtol=1e-5)
    # Of one band alone there is no color.
    weights[..., 1] = 0
    assert np.isnan(measured(spoilt, weights)).all()


def test_masks_of_one_image_change_no_other(residual):
    weights = np.ones_like(residual)
    weights[2, 3:9, 4:12, 1] = 0
    found, whole = (
        measured(residual, weights, weight_sigma=0.2),
        measured(residual, weight_sigma=0.2),
    )
    np.testing.assert_array_equal(np.delete(found, 2), np.delete(whole, 2))
    assert found[2] != whole[2]


def test_noise_is_as_high_behind_masks():
    """Next to masked pixels fewer are averaged, which noise realizations tell."""
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(100, 24, 24, 3)).astype(np.float32)
    weights = (rng.uniform(size=noise.shape) > 0.5).astype(np.float32)

    def realizations(images):
        draws = np.random.default_rng(3)
        return (draws.normal(size=tuple(images.shape)).astype(np.float32) for _ in range(4))

    whole = np.square(measured(noise)).mean()
    assert np.square(measured(noise, weights)).mean() > 1.4 * whole
    corrected = measured(noise, weights, noise=realizations)
    assert np.square(corrected).mean() == pytest.approx(whole, rel=0.05)


# Detectors of several bands


@pytest.fixture(scope='module')
def stamps():
    """Blobs of one color: 80 stamps of 16 x 16 pixels in three bands."""
    rng = np.random.default_rng(1)
    y, x = np.indices((16, 16)) - 7.5
    width = rng.uniform(1.5, 3, size=(80, 1, 1))
    blobs = 20 * np.exp(-(x**2 + y**2) / 2 / width**2)[..., np.newaxis] * np.array([1, 2, 3])
    return StampSet(blobs + rng.normal(size=blobs.shape))


@pytest.fixture(scope='module')
def detector(stamps):
    wgan = WGAN(
        WGAN.preset('compact').network, replace(TrainingConfig.preset('compact'), batch_size=16)
    )
    wgan.fit(stamps[:40], iterations=10, seed=1, progress=False)
    return AnomalyDetector(wgan).calibrate(stamps[40:70], progress=False)


def test_a_blob_of_another_color_is_anomalous(detector, stamps):
    pixels = stamps.pixels[70:].copy()
    pixels[0, 6:10, 6:10] += np.array([60, -60, 60])
    table = detector.score(StampSet(pixels), progress=False)
    assert table['rank'][0] == 1
    color = np.asarray(table['color_residual'])
    assert color[0] > 3 * np.median(color)
    assert table.colnames.index('color_residual') == table.colnames.index('rotation_residual') + 1


def test_a_shifted_training_makes_the_rotation_residual_look_for_the_center(detector, stamps):
    wgan = copy(detector.wgan)
    wgan.training = replace(wgan.training, max_shift=2)
    shifted = AnomalyDetector(wgan)
    assert shifted.scoring == replace(detector.scoring, rotation_shift=5)
    measured = shifted.measure(stamps[40:], progress=False)
    assert measured.meta['window']['rotation_shift'] == 5
    shifted.calibrate(measured, progress=False)
    before = detector.measure(stamps[40:], progress=False)
    assert (measured['rotation_residual'] != before['rotation_residual']).all()
    with pytest.raises(ValueError, match=r'another `scoring`.*different: rotation_shift'):
        shifted.calibrate(before, progress=False)
    with pytest.raises(ValueError, match=r'another `scoring`.*different: rotation_shift'):
        detector.score(measured, progress=False)


def test_one_band_has_no_color_residual(stamps):
    gray = StampSet(stamps.pixels[..., 0])
    wgan = WGAN.preset('compact').fit(gray[:40], iterations=1, progress=False)
    detector = AnomalyDetector(wgan).calibrate(gray[40:70], progress=False)
    table = detector.score(gray[70:], progress=False)
    assert 'color_residual' not in table.colnames
    assert set(table.meta['window']) == {'smoothing', 'rotation_smoothing', 'weight_sigma'}
    assert set(detector.trends_) == {'smoothed_residual', 'rotation_residual', 'peak_residual'}


def test_detectors_from_before_colors_are_read_and_score_without_them(detector, stamps, tmp_path):
    detector.save(tmp_path)
    path = tmp_path / 'detector.json'
    described = json.loads(path.read_text())
    for name in ('color_smoothing', 'color_weight'):
        del described['scoring'][name]
    del described['trends']['color_residual']
    # As of a format without a manifest, which has checksums.
    described['format'] = 'astro_wgan detector 9'
    model = json.loads((tmp_path / 'model.json').read_text())
    (tmp_path / 'model.json').write_text(json.dumps({**model, 'format': 'astro_wgan model 1'}))
    path.write_text(json.dumps(described))
    (tmp_path / 'manifest.json').unlink()
    former = AnomalyDetector.load(tmp_path)
    found = former.score(stamps[70:], progress=False)
    table = found[[name for name in found.colnames if name != 'color_residual']]
    np.testing.assert_array_equal(former.score(table, progress=False)['score'], found['score'])
    scoring = replace(detector.scoring, color_weight=0.0)
    np.testing.assert_array_equal(found['score'], scoring.score(found, detector.trends_))
