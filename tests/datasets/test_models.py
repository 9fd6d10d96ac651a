import numpy as np
import pytest

from astro_wgan import StampSet, datasets
from astro_wgan.datasets import load_model, model_names, model_path
from astro_wgan.exceptions import DriftWarning
from astro_wgan.simulate import simulate


@pytest.fixture(scope='module')
def detector():
    return load_model()


def test_models_are_small_and_whole():
    for name in model_names():
        paths = list(model_path(name).iterdir())
        assert {'detector.json', 'model.json'} <= {path.name for path in paths}
        assert sum(path.stat().st_size for path in paths) <= 5 * 2**20


def test_unknown_model_is_named():
    with pytest.raises(ValueError, match=r"`name` must be one of .*'simulated_f160w'.*got 'sdss'"):
        load_model('sdss')


def test_it_knows_on_what_it_was_trained(detector):
    provenance = detector.wgan.provenance_
    assert provenance['stamps'] >= 10_000
    assert len(detector.calibration_.held_out) >= 1000
    assert {'seed', 'iterations', 'versions'} <= set(provenance)


def test_it_tells_pairs_from_normals(detector):
    """Of stamps that it has not seen, as told by its card."""
    pytest.importorskip('galsim')
    normal, pair = (
        simulate(kind, 60, config='benchmark-1', seed=1234) for kind in ('normal', 'pair')
    )
    found = detector.score(normal, progress=False)['anomalous_90'].mean()
    # 10 and 94 per cent: three standard deviations of 60.
    assert found < 0.22
    with pytest.warns(DriftWarning):
        found = detector.score(pair, progress=False)['anomalous_90'].mean()
    assert found > 0.84


def test_real_stamps_of_another_scale_are_told(detector):
    image = datasets.load_image('mock_f814w')
    stamps = StampSet.from_image(image, size=64)
    stamps = StampSet(stamps.pixels, unit='nJy', pixel_scale=stamps.pixel_scale)
    with pytest.warns(DriftWarning, match='pixel scale is 0.03'):
        table = detector.score(stamps, progress=False)
    assert np.isfinite(table['score']).all()
