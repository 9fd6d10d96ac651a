"""A stamp with numbers that are no brightness is strange, and nothing to the others."""

import numpy as np
import pytest

from astro_wgan import StampSet, datasets
from astro_wgan.anomaly import AnomalyDetector, LatentSearchConfig
from astro_wgan.simulate import simulate

N, BAD = 6, 3
#: They depend on all stamps.
OF_ALL = ('rank', 'q_value')


@pytest.fixture(scope='module')
def detector():
    return datasets.load_model()


@pytest.fixture(scope='module')
def normals():
    pytest.importorskip('galsim')
    return simulate('normal', 60, seed=31)


def with_bad(stamps, dtype, value, place):
    pixels = stamps.pixels.astype(dtype)
    pixels[(BAD, *place)] = value
    pixels.setflags(write=False)
    return stamps.replace(pixels=pixels)


PLACES = {'a pixel': (20, 31), 'all': (...,), 'a half': (slice(0, 32),)}
VALUES = [
    ('f4', 1e38),
    ('f4', -np.finfo('f4').max),
    ('f8', 1e300),
    ('f8', -1.7e308),
    ('f8', 5e-324),
]


@pytest.mark.filterwarnings('ignore::astro_wgan.exceptions.DriftWarning')
@pytest.mark.parametrize('place', PLACES)
@pytest.mark.parametrize(('dtype', 'value'), VALUES)
def test_scores(detector, normals, dtype, value, place, tmp_path):
    good = normals[:N].replace(pixels=normals[:N].pixels.astype(dtype))
    bad = with_bad(good, dtype, value, PLACES[place])
    right = detector.score(good, progress=False)
    found = detector.score(bad, progress=False)
    others = np.arange(N) != BAD
    for name in set(right.colnames) - set(OF_ALL):
        if right[name].dtype.kind not in 'biuf' and name != 'latent':
            continue
        one, two = (np.asarray(table[name])[others] for table in (found, right))
        np.testing.assert_array_equal(one, two, err_msg=name)
    assert np.isfinite(found['score']).all()
    assert np.isfinite(found['closest_flux'].value).all()
    if abs(value) > 1:
        assert found['rank'][BAD] == 1
    assert np.isfinite(detector.residual(bad, found).pixels).all()
    assert detector.gallery(bad, found, tmp_path / 'page.html').exists()


@pytest.mark.filterwarnings('ignore::astro_wgan.exceptions.DriftWarning')
@pytest.mark.parametrize(('dtype', 'value'), VALUES[::2])
def test_a_calibration_counts_it_as_one_normal(detector, normals, dtype, value):
    known = AnomalyDetector(detector.wgan, search=LatentSearchConfig(init='encoder'))
    known.calibrate(with_bad(normals, dtype, value, (slice(10, 20),)), progress=False)
    scores = known.score(normals[:N], progress=False)
    assert np.isfinite(scores['score']).all()
    assert np.isfinite(scores['p_value']).all()
    assert np.isfinite(list(known.calibration_.thresholds([80, 90]).values())).all()


def test_a_search_of_other_stamps_does_not_see_it(wgan):
    pixels = np.random.default_rng(1).normal(size=(4, 16, 16))
    detector = AnomalyDetector(wgan, search=LatentSearchConfig(max_iterations=4))
    right = detector.measure(StampSet(pixels, unit='nJy'), progress=False)
    pixels[2, 3, 3] = 1e300
    found = detector.measure(StampSet(pixels, unit='nJy'), progress=False)
    for name in ('smoothed_residual', 'residual_loss', 'feature_loss', 'peak_residual', 'latent'):
        one, two = (np.delete(np.asarray(table[name]), 2, axis=0) for table in (found, right))
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6, err_msg=name)
