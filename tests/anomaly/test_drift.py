import warnings

import numpy as np
import pytest
from astropy import units as u

from astro_wgan import AnomalyDetector, StampSet
from astro_wgan.anomaly import DriftWarning, LatentSearch

RNG = np.random.default_rng(2)


@pytest.fixture(scope='module')
def detector(wgan, stamps):
    return AnomalyDetector(wgan, search=LatentSearch(max_iterations=20)).calibrate(
        stamps[:60], progress=False
    )


def changed(stamps, pixels):
    return StampSet(pixels, unit=stamps.unit)


def test_more_of_the_same_is_no_drift(detector, stamps):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        detector.score(stamps[60:], progress=False)


def test_noise_of_a_pixel_is_measured_in_the_unit_of_the_training(detector, stamps):
    table = detector.score(stamps[60:], progress=False)
    assert table['noise'].unit == u.nJy
    assert np.median(table['noise'].value) == pytest.approx(1, rel=0.1)
    in_other = StampSet(stamps[60:].pixels / 1000, unit='uJy')
    found = detector.score(in_other, progress=False)['noise']
    np.testing.assert_allclose(found, table['noise'], rtol=1e-3)


@pytest.mark.parametrize('factor', [0.0, 1.5])
def test_deeper_and_noisier_stamps_are_told(detector, stamps, factor):
    y, x = np.indices((16, 16)) - 7.5
    galaxies = 20 * np.exp(-(x**2 + y**2) / 2 / 2**2)
    pixels = galaxies + (factor + 0.1) * RNG.normal(size=(40, 16, 16))
    with pytest.warns(DriftWarning, match='the noise of a pixel is'):
        detector.score(changed(stamps, pixels), progress=False)


def test_brighter_stamps_are_told(detector, stamps):
    detector.score(stamps[60:], progress=False)
    table = detector.measure(stamps[60:], progress=False)
    table['closest_flux'] *= 10
    with pytest.warns(DriftWarning, match='per cent are brighter than'):
        detector.score(table)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        detector.score(table[:19])


def test_few_normals_do_not_tell_what_is_too_bright(wgan, stamps):
    """Of forty normals the brightest is exceeded by a tenth of their like once in seventy times."""
    few = AnomalyDetector(wgan, search=LatentSearch(max_iterations=2))
    few.calibrate(stamps[:40], progress=False)
    table = few.measure(stamps[60:], progress=False)
    table['closest_flux'] *= 10
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        few.score(table)


def test_other_pixel_scale_is_told_before_the_work(stamps, wgan, monkeypatch):
    monkeypatch.setattr(wgan, 'pixel_scale_', 0.06 * u.arcsec / u.pix)
    detector = AnomalyDetector(wgan, search=LatentSearch(max_iterations=2))
    fine = StampSet(stamps[:4].pixels, unit='nJy', pixel_scale=0.03 * u.arcsec)
    with pytest.warns(DriftWarning, match='pixel scale is 0.03 arcsec.* was 0.06 arcsec'):
        detector.measure(fine, progress=False)
    same = StampSet(stamps[:4].pixels, unit='nJy', pixel_scale=6e-5 * u.arcsec * 1000)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        detector.measure(same, progress=False)


def test_conditions_are_saved(detector, stamps, tmp_path):
    detector.save(tmp_path)
    assert AnomalyDetector.load(tmp_path).conditions_ == detector.conditions_


def test_stamps_without_a_valid_pixel_say_nothing_of_drift(detector, stamps):
    blind = changed(stamps, np.full((30, 16, 16), np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        table = detector.score(blind, progress=False)
    assert np.isnan(table['noise']).all()
    assert np.isnan(table['q_value']).all()
