import numpy as np
import pytest

from astro_wgan import StampSet, datasets
from astro_wgan.datasets import load_model, model_names, model_path
from astro_wgan.exceptions import DriftWarning
from astro_wgan.simulate import simulate


@pytest.fixture(scope='module')
def detector():
    return load_model()


def test_model_files_are_complete_and_small():
    for name in model_names():
        paths = list(model_path(name).iterdir())
        assert {'detector.json', 'model.json'} <= {path.name for path in paths}
        assert sum(path.stat().st_size for path in paths) <= 5 * 2**20


def test_error_for_an_unknown_model_lists_the_models():
    with pytest.raises(ValueError, match=r"`name` must be one of .*'simulated_f160w'.*got 'sdss'"):
        load_model('sdss')


def test_model_has_its_provenance(detector):
    provenance = detector.wgan.provenance_
    assert provenance['stamps'] >= 10_000
    assert len(detector.calibration_.held_out_scores) >= 1000
    assert {'seed', 'iterations', 'versions'} <= set(provenance)


def test_model_detects_pairs(detector):
    """The rates on new stamps are those of the model card."""
    pytest.importorskip('galsim')
    normal, pair = (
        simulate(name, 60, config='benchmark-1', seed=1234) for name in ('normal', 'pair')
    )
    found = detector.score(normal, progress=False)['anomalous_90'].mean()
    # 10 and 94 percent in the card, within three standard deviations for 60 stamps.
    assert found < 0.22
    with pytest.warns(DriftWarning):
        found = detector.score(pair, progress=False)['anomalous_90'].mean()
    assert found > 0.84


def test_stamps_of_another_pixel_scale_give_a_warning(detector):
    image = datasets.load_image('mock_f814w')
    stamps = StampSet.from_image(image, size=64)
    stamps = StampSet(stamps.pixels, unit='nJy', pixel_scale=stamps.pixel_scale)
    with pytest.warns(DriftWarning, match='pixel scale is 0.03'):
        table = detector.score(stamps, progress=False)
    assert np.isfinite(table['score']).all()
