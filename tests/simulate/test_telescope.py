from dataclasses import replace

import numpy as np
import pytest

from astro_wgan.simulate import SIMULATION_CONFIGS
from astro_wgan.simulate.telescope import add_noise, psf_image

galsim = pytest.importorskip('galsim')


@pytest.mark.parametrize(('name', 'fwhm'), [('benchmark-1', 0.17), ('benchmark-2', 0.21)])
def test_psf_has_the_fwhm_of_the_survey(name, fwhm):
    # 0.17 to 0.19 arcsec for drizzled F160W images (Koekemoer et al. 2011, ApJS 197, 36).
    image = galsim.Image(psf_image(SIMULATION_CONFIGS[name]), scale=0.06)
    assert image.calculateFWHM() == pytest.approx(fwhm, abs=0.01)
    assert 0.9 < image.array.sum() <= 1


@pytest.mark.parametrize('name', SIMULATION_CONFIGS)
def test_noise_has_its_rms_and_correlation(name):
    noise = SIMULATION_CONFIGS[name].noise
    field = add_noise(np.zeros((512, 512)), np.random.default_rng(1), noise)
    assert field.std() == pytest.approx(noise.rms, rel=0.02)
    taps = np.array(noise.kernel) / np.linalg.norm(noise.kernel)
    for lag in range(1, len(taps) + 1):
        expected = np.dot(taps[lag:], taps[: max(0, len(taps) - lag)])
        measured = np.mean(field[:, lag:] * field[:, :-lag]) / field.var()
        assert measured == pytest.approx(expected, abs=0.02)


def test_photon_noise_follows_the_gain():
    noise = replace(SIMULATION_CONFIGS['benchmark-1'].noise, rms=1.0, gain=4.0)
    field = add_noise(np.full((512, 512), 12.0), np.random.default_rng(1), noise)
    assert field.mean() == pytest.approx(12.0, abs=0.05)
    assert field.std() == pytest.approx(2.0, rel=0.02)
