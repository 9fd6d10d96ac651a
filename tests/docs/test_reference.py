"""Pages of reference have all that the package has, and nothing else."""

import argparse
import re
from pathlib import Path

import pytest

from astro_wgan import cli, exceptions

REFERENCE = Path(__file__).parents[2] / 'docs' / 'reference'
OPTION = re.compile(r'   \* - ``(--[\w-]+)[^`]*``\n     -(.*)\n')


def commands():
    """The parser of each command."""
    subparsers = next(
        action
        for action in cli.make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return subparsers.choices


def documented_options(command):
    page = (REFERENCE / 'cli.rst').read_text(encoding='utf-8')
    section = page.split(f'astro-wgan {command}\n---', maxsplit=1)[1].split('\nastro-wgan ')[0]
    return dict(OPTION.findall(section))


def test_page_of_the_command_has_its_commands():
    page = (REFERENCE / 'cli.rst').read_text(encoding='utf-8')
    assert re.findall(r'\nastro-wgan (\w+)\n---', page) == [*commands()]


@pytest.mark.parametrize('command', commands())
def test_options_of_a_command_are_on_its_page_with_their_defaults(command):
    documented = documented_options(command)
    actions = [a for a in commands()[command]._actions if a.option_strings and a.dest != 'help']
    assert {*documented} == {action.option_strings[-1] for action in actions}
    for action in actions:
        if action.default not in (None, False):
            assert documented[action.option_strings[-1]].strip() == str(action.default)


def test_page_of_exceptions_says_when_each_is_raised():
    page = (REFERENCE / 'exceptions.rst').read_text(encoding='utf-8')
    named = re.findall(r':class:`~astro_wgan\.exceptions\.(\w+)`', page)
    assert sorted(named) == sorted(exceptions.__all__)
