import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def judge():
    """Module with the real SExtractor and simulated pairs; benchmarks use it too."""
    path = Path(__file__).with_name('judge.py')
    spec = importlib.util.spec_from_file_location('judge', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
