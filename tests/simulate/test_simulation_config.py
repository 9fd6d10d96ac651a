from dataclasses import replace

import pytest

from astro_wgan.simulate import SIMULATION_CONFIGS, SimulationConfig, get_simulation_config


def test_configurations_are_looked_up_by_name():
    config = get_simulation_config('benchmark-2')
    assert config is SIMULATION_CONFIGS['benchmark-2']
    own = SimulationConfig('own')
    assert get_simulation_config(own) is own


def test_dictionaries_name_the_type_of_the_optics():
    names = [[*config.to_dict()['optics']] for config in SIMULATION_CONFIGS.values()]
    assert names == [['TelescopeOptics'], ['MoffatOptics']]


def test_unknown_tail_models_and_small_flux_ratios_are_refused():
    config = SIMULATION_CONFIGS['benchmark-1']
    with pytest.raises(ValueError, match="`tail_model` must be 'arc' or 'plume'; got 'loop'"):
        replace(config.disturbance, tail_model='loop')
    with pytest.raises(ValueError, match=r'`max_flux_ratio` must be above 2; got 1\.5'):
        replace(config.pairs, max_flux_ratio=1.5)
