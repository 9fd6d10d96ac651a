"""Stamps, a model of them, and a field of galaxies for commands."""

import json

import numpy as np
import pytest
from astropy.nddata import CCDData

from astro_wgan import StampStore
from astro_wgan.cli import main
from astro_wgan.testing import make_stamps, make_wcs


@pytest.fixture(scope='session')
def stamps():
    return make_stamps(60, shape=(16, 16), sigma=2, peak=30, seed=1, table=None)


@pytest.fixture(scope='session')
def store(stamps, tmp_path_factory):
    """Path of a store of them."""
    path = tmp_path_factory.mktemp('stamps') / 'stamps.zarr'
    StampStore.from_stamps(path, stamps).close()
    return path


@pytest.fixture(scope='session')
def field(tmp_path_factory):
    """Path of an image of 36 galaxies, with a WCS."""
    rng = np.random.default_rng(1)
    y, x = np.indices((168, 168))
    pixels = rng.normal(size=(168, 168))
    for x0 in range(15, 168, 28):
        for y0 in range(15, 168, 28):
            pixels += 40 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 2 / 2**2)
    path = tmp_path_factory.mktemp('field') / 'field.fits'
    CCDData(pixels.astype(np.float32), unit='nJy', wcs=make_wcs(pixels.shape)).write(path)
    return path


@pytest.fixture(scope='session')
def model(store, tmp_path_factory):
    """Path of a model that was trained on the stamps by the command."""
    path = tmp_path_factory.mktemp('model') / 'model'
    arguments = ['--iterations', '2', '--no-classifier', '--initial-model', 'none', '--quiet']
    assert main(['train', store, '--output', path, '--seed', '3', *arguments]) == 0
    return path


@pytest.fixture
def answer(capsys):
    """Function that runs a command with ``--json`` and returns its code and what it says."""

    def run(*arguments):
        capsys.readouterr()
        code = main([*arguments, '--json', '--quiet'])
        said = json.loads(capsys.readouterr().out)
        assert said['exit_code'] == code
        return code, said

    return run
