"""What holds for the package as a whole: imports, names, metadata."""

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import astro_wgan

ROOT = Path(__file__).parents[1]


def run(code):
    """Run Python code in a process of its own and return what it printed."""
    return subprocess.run(
        [sys.executable, '-c', code], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize('name', astro_wgan.__all__)
def test_public_names_are_there(name):
    assert getattr(astro_wgan, name) is not None
    assert name in dir(astro_wgan)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        astro_wgan.nonsense  # noqa: B018


def test_subpackages_without_networks_do_not_load_tensorflow():
    names = ('stamps', 'sources', 'morphology', 'mergers', 'datasets', 'baselines', 'evaluate')
    names += ('visualize', 'hunting', 'surveying', 'surveying.survey_pipeline', 'cli')
    packages = ', '.join(f'astro_wgan.{name}' for name in names)
    loaded = run(
        f'import sys, {packages}; print("tensorflow" in sys.modules, "keras" in sys.modules)'
    )
    assert loaded == 'False False'


@pytest.mark.parametrize(
    ('module', 'others'),
    [
        ('sources.engine', ('astropy', 'zarr', 'scipy', 'photutils')),
        ('stamps.stampset', ('zarr', 'regions', 'photutils', 'reproject')),
        ('anomaly.calibration.calibration', ('tensorflow', 'keras', 'astropy')),
        ('evaluate', ('tensorflow', 'keras')),
        # Ctrl-C while these are loaded is heard.
        ('cli', ('astropy', 'numpy')),
    ],
)
def test_parts_load_no_more_than_they_need(module, others):
    # Of the first, processes that measure sources import no more.
    loaded = run(f'import sys, astro_wgan.{module}; print({{*{others}}} & {{*sys.modules}})')
    assert loaded == 'set()'


def test_import_takes_little_beyond_astropy():
    code = (
        'import time, astropy.nddata; start = time.perf_counter(); import astro_wgan;'
        'print(time.perf_counter() - start)'
    )
    assert float(run(code)) < 0.5


def test_requirements_for_the_cpu_wheel_are_those_of_the_package():
    setup = ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    required = _lines(setup['options']['install_requires'])
    cpu = _lines((ROOT / 'requirements-cpu.txt').read_text())
    assert cpu == [line.replace('tensorflow', 'tensorflow-cpu') for line in required]


def _lines(text):
    return [line for line in text.split('\n') if line and not line.startswith('#')]
