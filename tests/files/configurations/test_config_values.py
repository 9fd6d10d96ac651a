import pytest

from astro_wgan.files.configurations.config_values import from_dict, to_dict
from astro_wgan.wgan import NetworkConfig, TrainingConfig


@pytest.mark.parametrize(
    'config', [NetworkConfig.preset('paper', size=32), TrainingConfig.preset('compact')]
)
def test_dictionaries_restore_the_configuration(config):
    assert from_dict(type(config), to_dict(config)) == config


def test_unknown_parameter_in_a_file_is_an_error():
    with pytest.raises(ValueError, match='NetworkConfig has no parameter color'):
        from_dict(NetworkConfig, {'color': 1})
