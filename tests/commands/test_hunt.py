"""The command `astro-wgan hunt`: what it writes repeats it."""

import json
import shutil

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import HuntConfig, hunt
from astro_wgan.cli import main
from astro_wgan.files.configurations import read_toml, update_config


@pytest.fixture(scope='module')
def image(tmp_path_factory):
    """64 sources of different brightness and width in noise."""
    rng = np.random.default_rng(1)
    pixels = rng.normal(size=(192, 192)).astype('f4')
    radius = np.hypot(*np.indices((24, 24)) - 11.5)
    for y in range(0, 192, 24):
        for x in range(0, 192, 24):
            blob = rng.uniform(40, 90) * np.exp(-radius / rng.uniform(2, 3))
            pixels[y : y + 24, x : x + 24] += blob
    path = tmp_path_factory.mktemp('image') / 'blobs.fits'
    fits.PrimaryHDU(pixels).writeto(path)
    return path


OPTIONS = ('--size', 16, '--initial-model', 'none', '--iterations', 2, '--no-classifier')
OPTIONS += ('--background', 0, '--seed', 3)


def run(*arguments):
    return main(['hunt', *map(str, arguments), '--quiet'])


@pytest.fixture(scope='module')
def folder(image, tmp_path_factory):
    folder = tmp_path_factory.mktemp('hunts') / 'first'
    assert run(image, *OPTIONS, '--output', folder) == 0
    return folder


def test_a_hunt_is_repeated_from_its_results(folder, tmp_path, capsys, monkeypatch):
    # The paths in it do not depend on the folder of the command.
    monkeypatch.chdir(tmp_path)
    assert run('--config', folder, '--output', 'again', '--json') == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary['folder'] == 'again'
    first, again = (QTable.read(path / 'scores.ecsv') for path in (folder, tmp_path / 'again'))
    assert summary['n_sources'] == len(first) == 64
    for name in ('id', 'score', 'p_value', 'trained_on'):
        np.testing.assert_array_equal(first[name], again[name])
    assert read_toml(folder / 'hunt.toml') == read_toml(tmp_path / 'again' / 'hunt.toml')


def test_an_option_changes_what_is_repeated(folder, tmp_path):
    assert run('--config', folder / 'hunt.toml', '--output', tmp_path, '--threshold', 3) == 0
    config = read_toml(tmp_path / 'hunt.toml')['hunt']
    assert (config['detection']['threshold'], config['seed']) == (3.0, 3)


def test_python_reads_the_configuration(folder):
    config = update_config(HuntConfig(), read_toml(folder / 'hunt.toml')['hunt'])
    assert (config.size, config.classifier, config.seed) == (16, None, 3)
    assert config.detection.background == 0


def test_a_hunt_of_the_library_has_its_configuration(folder, image, tmp_path):
    config = update_config(HuntConfig(), read_toml(folder / 'hunt.toml')['hunt'])
    shutil.copytree(folder / 'model', tmp_path / 'model')
    hunt(image, output=tmp_path / 'out', config=config, model=tmp_path / 'model', progress=False)
    record = read_toml(tmp_path / 'out' / 'hunt.toml')
    assert update_config(HuntConfig(), record['hunt']) == config
    assert (record['command'], 'images' in record) == ('hunt', False)


def test_a_hunt_without_sources_has_its_own_code(image, tmp_path):
    assert run(image, '--threshold', 1000, '--output', tmp_path / 'out') == 3
    assert not (tmp_path / 'out').exists()


def test_a_refused_hunt_leaves_nothing(image, tmp_path):
    # 64 stamps in a batch of the presets, of which 60 are held out.
    options = (*OPTIONS, '--held-out-fraction', 0.95)
    assert run(image, *options, '--output', tmp_path / 'out') == 2
    assert not (tmp_path / 'out').exists()
