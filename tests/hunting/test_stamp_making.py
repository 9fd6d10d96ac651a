"""How stamps are made: from configurations, in the provenance of models, and other settings."""

from types import SimpleNamespace

import numpy as np
import pytest

from astro_wgan import HuntConfig
from astro_wgan.detection import DetectionConfig
from astro_wgan.exceptions import DamagedFileError
from astro_wgan.hunting.stamp_making import StampMaking, making_of_model
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.stamps import SourceScale

CONFIG = HuntConfig(
    scale=SourceScale('kron', n_radii=3),
    detect_in='chi2',
    sky='subtract',
    neighbors=NeighborConfig('replace', deblend=True, detection=DetectionConfig(np.float32(1.2))),
    stars='mask',
    detection=DetectionConfig(4, min_area=9),
)


def test_it_is_read_back_from_the_provenance_of_a_model():
    making, wgan = StampMaking.of(CONFIG), SimpleNamespace(provenance_={'seed': 1})
    assert making_of_model(wgan) is None
    making.record(wgan)
    found = making_of_model(wgan)
    assert found == making
    assert found.neighbors.stars == 'mask'
    assert wgan.provenance_['hunt']['neighbors']['detection']['threshold'] == np.float32(1.2)


def test_the_known_level_of_one_image_is_not_that_of_others():
    wgan = SimpleNamespace(provenance_={})
    for level, expected in ((3.5, None), (0, 0.0), (None, None)):
        StampMaking(detection=DetectionConfig(background=level)).record(wgan)
        assert making_of_model(wgan).detection.background == expected


@pytest.mark.parametrize(
    'values', [5, {}, {'scale': None, 'detect_in': None, 'sky': 'blue', 'neighbors': {}}]
)
def test_a_damaged_record_is_named(values):
    with pytest.raises(DamagedFileError, match='How the stamps of `model` were made cannot be'):
        making_of_model(SimpleNamespace(provenance_={'hunt': values}))


def test_neighbors_are_fainter_than_sources():
    making = StampMaking.of(HuntConfig(neighbors='mask', detection=DetectionConfig(5, min_area=40)))
    detection = making.removal.detection
    assert (detection.threshold, detection.min_area, detection.background) == (1.5, 5, None)
    assert making.changed(sky='subtract').removal.detection.background == 0
    assert making.is_searched
    assert not StampMaking().is_searched
    assert StampMaking.of(CONFIG).removal == StampMaking.of(CONFIG).neighbors


def test_what_is_given_changes_and_the_rest_stays():
    making = StampMaking.of(CONFIG)
    assert making.changed() == making
    other = making.changed(neighbors='mask', sky='keep', scale='source')
    assert other.neighbors.neighbors == 'mask'
    assert (other.neighbors.stars, other.neighbors.deblend) == ('mask', True)
    assert (other.sky, other.scale) == ('keep', SourceScale())
    assert making.changed(stars='keep').neighbors.stars == 'keep'
    assert making.changed(neighbors=NeighborConfig('mask')).neighbors == NeighborConfig('mask')
    assert making.grid is None
    assert making.changed(detect_in='r').grid == 'r'
    with pytest.raises(ValueError, match="`sky` must be 'keep' or 'subtract'; got 'no'"):
        making.changed(sky='no')
