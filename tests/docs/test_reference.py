"""Pages of reference have all that the package has, and nothing else."""

import re
from pathlib import Path

from astro_wgan import exceptions
from astro_wgan.cli import make_parser
from astro_wgan.commands.options.exit_codes import ExitCode

REFERENCE = Path(__file__).parents[2] / 'docs' / 'reference'


def test_page_of_the_command_has_its_commands():
    page = (REFERENCE / 'cli.rst').read_text(encoding='utf-8')
    known = [*make_parser('').get_default('commands')]
    assert re.findall(r'\nastro-wgan (\w+)\n---', page) == known
    assert re.findall(r'\n.. command-options:: (\w+)\n', page) == known


def test_page_of_the_command_has_the_exit_codes():
    page = (REFERENCE / 'cli.rst').read_text(encoding='utf-8')
    found = re.findall(r'   \* - (\d+)\n     - ``(\w+)``\n', page)
    assert found == [(str(code.value), code.name) for code in ExitCode]


def test_page_of_exceptions_says_when_each_is_raised():
    page = (REFERENCE / 'exceptions.rst').read_text(encoding='utf-8')
    named = re.findall(r':class:`~astro_wgan\.exceptions\.(\w+)`', page)
    assert sorted(named) == sorted(exceptions.__all__)
