import importlib.util
import os
import sys
from pathlib import Path

import pytest


def _let_benchmarks_be_imported():
    """They are not installed, and the folder that they are in must not hide what is."""
    folder = Path(__file__).parents[1] / 'benchmarks'
    spec = importlib.util.spec_from_file_location(
        'benchmarks', folder / '__init__.py', submodule_search_locations=[str(folder)]
    )
    sys.modules['benchmarks'] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules['benchmarks'])


_let_benchmarks_be_imported()


@pytest.fixture(scope='module')
def judge(request):
    """The module ``judge.py`` beside a test; benchmarks use it too."""
    path = request.path.with_name('judge.py')
    spec = importlib.util.spec_from_file_location('judge', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def real_data():
    """A folder of images of the sky that the package does not carry."""
    folder = os.environ.get('ASTRO_WGAN_REAL_DATA')
    if not folder:
        pytest.skip('ASTRO_WGAN_REAL_DATA names no folder of real images')
    return Path(folder)
