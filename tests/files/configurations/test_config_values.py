"""Configurations as plain values and as TOML, and back."""

import re

import numpy as np
import pytest
from astropy import units as u

from astro_wgan import HuntConfig, SurveyConfig
from astro_wgan.anomaly import ClassifierConfig, EncoderConfig, LatentSearchConfig, ScoringConfig
from astro_wgan.detection import DetectionConfig
from astro_wgan.exceptions import DamagedFileError
from astro_wgan.files.configurations import from_dict, read_toml, to_dict, update_config
from astro_wgan.files.configurations.config_values import to_table
from astro_wgan.files.configurations.toml_text import toml_text
from astro_wgan.injection import InjectionConfig
from astro_wgan.labeling import RelevanceConfig
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.stamps import SourceScale
from astro_wgan.wgan import NetworkConfig, TrainingConfig


@pytest.mark.parametrize(
    'config', [NetworkConfig.preset('paper', size=32), TrainingConfig.preset('compact')]
)
def test_dictionaries_restore_the_configuration(config):
    assert from_dict(type(config), to_dict(config)) == config


def test_unknown_parameter_in_a_file_is_an_error():
    with pytest.raises(ValueError, match='NetworkConfig has no parameter color'):
        from_dict(NetworkConfig, {'color': 1})


CONFIGS = [
    HuntConfig(),
    HuntConfig(size=3.84 * u.arcsec, classifier=None, minutes=5.0, contamination=0.1),
    HuntConfig(scale=SourceScale('kron'), neighbors=NeighborConfig('replace', psf_fwhm=2.5)),
    HuntConfig(classifier=ClassifierConfig(channels=(8, 16), injection=InjectionConfig(('arc',)))),
    HuntConfig(detection=DetectionConfig(clean=None, background=0.0)),
    SurveyConfig(keep_stamps='all', detection=DetectionConfig(3), reading={'layout': 'des'}),
    SurveyConfig(keep_stamps=np.int64(7)),
    ScoringConfig(weight_sigma=None, rotation_margin=None),
    LatentSearchConfig(optimizer='adam'),
    EncoderConfig(),
    NetworkConfig.preset('paper', size=32),
    TrainingConfig.preset('compact'),
    RelevanceConfig(relevant=('merger', 'lens'), irrelevant=('star',)),
]


@pytest.mark.parametrize('config', CONFIGS, ids=lambda config: type(config).__name__)
def test_toml_restores_the_configuration(config, tmp_path):
    default = type(config)()
    path = tmp_path / 'config.toml'
    path.write_text(toml_text(to_table(config, default)), encoding='utf-8')
    found = update_config(default, read_toml(path))
    assert found == config
    # Of the same types: texts and lists of the file would be other values in a fingerprint.
    assert repr(found).replace('np.int64(7)', '7') == repr(config).replace('np.int64(7)', '7')


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'treshold': 3}, 'DetectionConfig has no parameter treshold; did you mean threshold?'),
        ({'xyz': 3}, 'DetectionConfig has no parameter xyz: it has threshold, min_area'),
        ({'threshold': '3'}, '`DetectionConfig.threshold` must be a number; got'),
        ({'threshold': float('nan')}, '`DetectionConfig.threshold` must be a number; got nan'),
        ({'min_area': 2.0}, '`DetectionConfig.min_area` must be a whole number; got 2.0'),
        ({'min_area': True}, '`DetectionConfig.min_area` must be a whole number; got True'),
        ({'min_area': False}, '`DetectionConfig.min_area` must be a whole number; got False'),
        ({'smooth': 1}, '`DetectionConfig.smooth` must be true or false; got 1'),
        ({'clean': 'no'}, '`DetectionConfig.clean` must be a number or false'),
        ({'min_area': 10**30}, '`DetectionConfig.min_area` must be a whole number'),
    ],
)
def test_values_of_another_type_are_named(values, words):
    with pytest.raises(ValueError, match=f'^{re.escape(words)}'):
        update_config(DetectionConfig(), values)


def test_what_is_not_said_stays():
    config = DetectionConfig(4.0, min_area=9, clean=None)
    assert update_config(config, {'min_area': 3}) == DetectionConfig(4.0, min_area=3, clean=None)
    assert update_config(config, {'clean': 2.0}).clean == 2.0
    assert update_config(DetectionConfig(), {'clean': False}).clean is None


def test_a_quantity_needs_its_unit():
    for text in ('64', 'big', '3 parsecs'):
        with pytest.raises(ValueError, match=r'`HuntConfig\.size` must be .* a unit'):
            update_config(HuntConfig(), {'size': text})


def test_files_that_are_no_toml_are_refused(tmp_path):
    path = tmp_path / 'a.toml'
    for content in (b'a = ', b'\xff\xfe', b'a = 1\na = 2', b'[' * 100_000, b'a = ' + b'[' * 5000):
        path.write_bytes(content)
        with pytest.raises(DamagedFileError, match=r'a\.toml is not TOML'):
            read_toml(path)
    path.write_bytes(b'#' * 2**21)
    with pytest.raises(DamagedFileError):
        read_toml(path)
