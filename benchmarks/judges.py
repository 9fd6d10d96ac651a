"""Independent judges of the numbers of the package, which tests and benchmarks use."""

import importlib.util
from pathlib import Path

__all__ = ['load_judge']

_TESTS = Path(__file__).parents[1] / 'tests'


def load_judge(path):
    """A module by its path within ``tests``, such as ``'judges/sextractor.py'``."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, _TESTS / path)
    judge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    return judge
