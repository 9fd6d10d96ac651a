"""Rules for the pages of the user guide, which development/contributing states."""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import astro_wgan

GUIDE = Path(__file__).parents[2] / 'docs' / 'user_guide'
PAGES = sorted(path for path in GUIDE.glob('*.rst') if path.stem != 'index')
MONTHS = 'January February March April May June July August September October November December'
NOT_HERE = {
    'date': rf'\b20\d\d-\d\d-\d\d\b|\b({MONTHS.replace(" ", "|")})\s+20\d\d\b',
    'processor': r'\b(Intel|Xeon|AMD|EPYC|NVIDIA|H100|H200|two cores)\b',
    'experiment': r'\b([Tt]ried|by hand)\b',
    'benchmark run': r'python -m benchmarks',
}
BLOCK = re.compile(r'^(?:\.\. (?:plot|code-block)::.*|.*::)\n(?:\n|[ ]+.*\n)*', re.MULTILINE)
EXAMPLE = re.compile(r'^>>> .*\n(?:.+\n)*', re.MULTILINE)


def prose(path):
    """A page without programs, examples and figures."""
    return EXAMPLE.sub('', BLOCK.sub('', path.read_text(encoding='utf-8')))


def public_names():
    """Functions and classes that a subpackage exports."""
    packages = (info.name for info in pkgutil.iter_modules(astro_wgan.__path__) if info.ispkg)
    return {
        name
        for package in packages
        for name in getattr(import_module(f'astro_wgan.{package}'), '__all__', ())
    }


@pytest.mark.parametrize('path', PAGES, ids=lambda path: path.stem)
class TestPage:
    @pytest.mark.parametrize('kind', NOT_HERE)
    def test_measurements_and_experiments_are_elsewhere(self, path, kind):
        text = path.read_text(encoding='utf-8')
        assert re.search(NOT_HERE[kind], text) is None

    def test_page_is_short(self, path):
        assert len(prose(path).split()) <= 1500

    def test_page_leads_to_results(self, path):
        last = path.read_text(encoding='utf-8').rstrip().split('\n\n')[-1]
        assert re.match(r'How fast and how accurate: see :doc:`/results/\w+`', last)

    def test_public_names_are_linked(self, path):
        text = prose(path)
        named = set(re.findall(r'(?<!:)``([A-Za-z_]\w+)(?:\([^`]*\))?``', text)) & public_names()
        linked = set(re.findall(r'`[^`]*?\.(\w+)>?`', text))
        assert named <= linked
