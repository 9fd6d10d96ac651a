"""Lazy names are those of the modules, and loading one loads no other module of its subpackage."""

from importlib import import_module
from pathlib import Path

import pytest

import astro_wgan

ROOT = Path(astro_wgan.__file__).parent
SUBPACKAGES = (
    'jobs',
    'images',
    'stamps',
    'sources',
    'morphology',
    'mergers',
    'anomaly',
    'baselines',
    'evaluate',
)


@pytest.mark.parametrize('subpackage', SUBPACKAGES)
def test_names_are_those_of_their_modules(subpackage):
    package = import_module(f'astro_wgan.{subpackage}')
    assert package.__all__
    for name in package.__all__:
        value = getattr(package, name)
        defined_in = import_module(getattr(value, '__module__', package.__name__))
        homes = tuple(
            f'astro_wgan.{home}'
            for home in (subpackage, 'exceptions', 'remote', 'images', 'bands', 'cutouts')
        )
        assert defined_in.__name__.startswith(homes)
        assert getattr(defined_in, name) is value
        assert name in dir(package)


@pytest.mark.parametrize('subpackage', SUBPACKAGES)
def test_no_name_is_hidden_by_a_module(subpackage):
    # Importing a module makes it an attribute of its package.
    modules = {path.stem for path in (ROOT / subpackage).glob('*.py')}
    assert not modules.intersection(import_module(f'astro_wgan.{subpackage}').__all__)


def test_star_import():
    names = {}
    exec('from astro_wgan.stamps import *', names)
    assert set(astro_wgan.stamps.__all__) <= set(names)


def test_unknown_name_of_a_room_is_an_error():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        astro_wgan.stamps.nonsense  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        from astro_wgan.stamps import nonsense  # noqa: F401
