"""Arguments of `WGAN.fit` that are refused."""

from dataclasses import replace

import numpy as np
import pytest

from astro_wgan import WGAN, StampSet
from astro_wgan.wgan import NetworkConfig, TrainingConfig


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'epochs': 1, 'iterations': 1}, '`epochs` or `iterations`, not both'),
        ({'epochs': 0}, '`epochs` must be above 0'),
        ({'minutes': -1}, '`minutes` must be above 0; got -1'),
    ],
)
def test_impossible_limits_are_refused(stamps, options, message, new_wgan):
    with pytest.raises(ValueError, match=message):
        new_wgan().fit(stamps, **options)


def test_stamps_may_be_fewer_than_a_batch(stamps, new_wgan):
    with pytest.raises(ValueError, match=r'at least 32 stamps; got 31'):
        new_wgan(batch_size=64).fit(stamps[:31], iterations=2, progress=False)
    wgan = new_wgan(batch_size=64).fit(stamps[:32], iterations=2, progress=False)
    assert np.isfinite(wgan.history_['critic_loss']).all()


def test_stamps_that_do_not_fit_are_refused(stamps, new_wgan):
    with pytest.raises(ValueError, match=r'at least 8 stamps; got 3'):
        new_wgan().fit(stamps[:3])
    with pytest.raises(ValueError, match=r'16 x 16 pixels.*got 32 x 32 and 1. Bin them by 2'):
        new_wgan().fit(StampSet(np.zeros((20, 32, 32))))
    with pytest.raises(TypeError, match=r'`stamps` must be a StampSet.*got ndarray'):
        new_wgan().fit(np.zeros((20, 16, 16)))


@pytest.mark.parametrize(
    ('shape', 'message'),
    [
        ((96, 96), r'16, 32, 64, 128 or 256 pixels.*got 96 x 96. .*`stamps.crop\(64\)`.*128'),
        ((400, 400), r'got 400 x 400. Bin them by 3: `stamps.bin\(3\).crop\(128\)`.*crop\(256\)'),
        ((8, 8), 'got 8 x 8. .*16'),
        ((96, 96), r'Bin them by 3: `stamps.bin\(3\)`.* Or: Crop .*\.crop\(64\)'),
        ((150, 150), r'got 150 x 150. Crop them by a factor 1.17.*`stamps.crop\(128\)`'),
        ((32, 64), r'must be square.*got 32 x 64. .*32.* Or: .*64'),
    ],
)
def test_sizes_without_a_network_are_refused_with_the_nearest_sizes(shape, message):
    with pytest.raises(ValueError, match=message):
        WGAN.preset('compact').fit(StampSet(np.zeros((2, *shape), np.float32)))


def test_shifts_leave_some_of_the_stamps(stamps, new_wgan):
    with pytest.raises(ValueError, match=r'`max_shift` of the training must be less than.*got 8'):
        new_wgan(max_shift=8).fit(stamps, iterations=1, progress=False)


def test_initial_models_that_do_not_fit_are_refused(stamps, new_wgan):
    with pytest.raises(ValueError, match='`initial_model` must be a fitted model'):
        new_wgan().fit(stamps, initial_model=new_wgan(), progress=False)
    fitted = new_wgan().fit(stamps, iterations=1, progress=False)
    paper = WGAN(NetworkConfig.preset('paper', size=16), TrainingConfig(batch_size=8))
    with pytest.raises(ValueError, match='`initial_model` must have the same network'):
        paper.fit(stamps, initial_model=fitted, progress=False)
    with pytest.raises(ValueError, match='`initial_model` must have an encoder'):
        new_wgan(reconstruction_weight=0.1).fit(stamps, initial_model=fitted, progress=False)


@pytest.mark.parametrize(
    ('options', 'count', 'message'),
    [
        ({'patience': 3}, None, '`patience` needs `held_out`'),
        ({'sample_dir': 'folder'}, None, '`sample_dir` needs `held_out`'),
        ({'patience': 0}, 5, '`patience` must be at least 1'),
        ({}, 0, '`held_out` must hold at least one'),
    ],
)
def test_impossible_monitoring_is_refused(stamps, new_wgan, options, count, message):
    held_out = None if count is None else stamps[:count]
    with pytest.raises(ValueError, match=message):
        new_wgan().fit(stamps, held_out=held_out, iterations=1, **options)


@pytest.mark.parametrize(
    'network', [{'noise': False}, {'noise': True, 'latent_distribution': 'uniform'}]
)
def test_an_encoder_needs_a_noise_layer_and_a_normal_z(stamps, new_wgan, network):
    wgan = new_wgan(reconstruction_weight=0.1)
    wgan.network = replace(wgan.network, **network)
    with pytest.raises(ValueError, match='`reconstruction_weight` of the training needs a network'):
        wgan.fit(stamps, iterations=1, progress=False)
