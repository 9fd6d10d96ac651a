from dataclasses import replace

import pytest
from astropy import units as u

from astro_wgan import WGAN
from astro_wgan.wgan import NetworkConfig, TrainingConfig


def test_paper_preset_has_the_papers_numbers():
    network, training = NetworkConfig.preset('paper'), TrainingConfig.preset('paper')
    assert (network.size, network.latent_dim, network.bands) == (64, 100, 1)
    assert (training.batch_size, training.critic_steps, training.penalty_weight) == (32, 10, 10)
    assert (training.learning_rate, training.beta_1, training.beta_2) == (5e-5, 0.5, 0.9)


@pytest.mark.parametrize('name', ['paper', 'compact'])
@pytest.mark.parametrize('size', [16, 32, 64, 128])
def test_presets_come_in_other_sizes(name, size):
    network = NetworkConfig.preset(name, size=size, bands=3)
    assert network.image_shape == (size, size, 3)


@pytest.mark.parametrize('size', [16, 64, 256])
def test_open_size_and_bands_are_those_of_the_images(size):
    network = NetworkConfig.preset('compact')
    free = replace(network, size=None, bands=None)
    assert free.image_shape == (None, None, None)
    assert free.for_images(size, 9) == NetworkConfig.preset('compact', size=size, bands=9)
    # What is told stays.
    assert network.for_images(size, 9) == network


@pytest.mark.parametrize(
    ('kind', 'values', 'message'),
    [
        (NetworkConfig, {'size': 60}, '`size`.*16, 32, 64, 128 or 256 pixels; got 60'),
        (NetworkConfig, {'size': 96}, 'cropped by a factor 1.5 to 64, or padded by a factor 1.33'),
        (NetworkConfig, {'size': 512}, 'binned by 2 to 256, or cropped by a factor 2 to 256'),
        (NetworkConfig, {'size': 0}, '`size`.*got 0'),
        (NetworkConfig, {'bands': 0}, '`bands` must be a whole number, at least 1, or None; got 0'),
        (NetworkConfig, {'bands': 2.5}, '`bands` must be a whole number.*got 2.5'),
        (NetworkConfig, {'bands': True}, '`bands` must be a whole number.*got True'),
        (NetworkConfig, {'size': '32'}, "`size` must be a whole number.*, or None; got '32'"),
        (NetworkConfig, {'negative_slope': float('nan')}, '`negative_slope`.*got nan'),
        (TrainingConfig, {'batch_size': 8.0}, '`batch_size` must be a whole number.*got 8.0'),
        (TrainingConfig, {'max_shift': '1'}, "`max_shift` must be a whole number.*got '1'"),
        (TrainingConfig, {'learning_rate': '1'}, "`learning_rate` must be a finite.*got '1'"),
        (TrainingConfig, {'penalty_weight': float('inf')}, '`penalty_weight`.*got inf'),
        (NetworkConfig, {'size': None, 'generator_filters': (8, 8)}, '3 to 7 numbers; got'),
        (NetworkConfig, {'latent_dim': 0}, '`latent_dim`'),
        (NetworkConfig, {'latent_distribution': 'cauchy'}, "got 'cauchy'"),
        (
            NetworkConfig,
            {'kernel_size': 1},
            '`kernel_size` must be a whole number.*2; got 1',
        ),
        (NetworkConfig, {'generator_filters': (8, 8)}, '`generator_filters`.*5 numbers'),
        (NetworkConfig, {'critic_filters': (8, 8)}, '`critic_filters`.*at least 4'),
        (TrainingConfig, {'batch_size': 0}, '`batch_size`'),
        (TrainingConfig, {'learning_rate': -1}, '`learning_rate`.*got -1'),
        (TrainingConfig, {'learning_rate': float('nan')}, '`learning_rate`.*got nan'),
        (TrainingConfig, {'penalty_weight': -1}, '`penalty_weight`'),
        (TrainingConfig, {'reconstruction_weight': -1}, '`reconstruction_weight`.*got -1'),
        (TrainingConfig, {'max_shift': -1}, '`max_shift` must be a whole number.*got -1'),
        (TrainingConfig, {'max_shift': 0.5}, '`max_shift` must be a whole number.*got 0.5'),
        (TrainingConfig, {'beta_1': 1.0}, '`beta_1`'),
        (TrainingConfig, {'penalty_in_float32': False}, "'mixed_bfloat16'; got 'float32'"),
    ],
)
def test_impossible_values_are_refused(kind, values, message):
    with pytest.raises(ValueError, match=message):
        kind(**values)


def test_parts_of_a_model_are_configurations():
    with pytest.raises(TypeError, match="`stretch` must be a Stretch; got 'auto'"):
        WGAN.preset('compact', stretch='auto')
    with pytest.raises(TypeError, match="`network` must be a NetworkConfig; got 'compact'"):
        WGAN('compact')


@pytest.mark.parametrize('size', ['64', (64, 64), 3 * u.arcsec, -5])
def test_presets_refuse_what_is_no_size(size):
    with pytest.raises(ValueError, match='16, 32, 64, 128 or 256 pixels; got'):
        NetworkConfig.preset('compact', size=size)


@pytest.mark.parametrize('kind', [NetworkConfig, TrainingConfig, WGAN])
def test_unknown_preset_lists_the_known_ones(kind):
    with pytest.raises(ValueError, match=r"one of \['compact', 'paper'\]; got 'huge'"):
        kind.preset('huge')
