"""How modules may import each other, and where they lie: ``docs/development/architecture.rst``."""

import ast
import importlib.util
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import astro_wgan

PACKAGE = Path(astro_wgan.__file__).parent
SCRIPT = Path(__file__).parents[1] / 'docs' / 'development' / 'write_tree.py'

#: Files that a folder may hold, ``__init__.py`` included.
LARGEST_FOLDER = 14

#: Lines that a module may have.
LONGEST_MODULE = 420


def modules():
    found = {}
    for path in sorted(PACKAGE.rglob('*.py')):
        parts = ('astro_wgan', *path.relative_to(PACKAGE).with_suffix('').parts)
        found['.'.join(parts[:-1] if parts[-1] == '__init__' else parts)] = path
    return found


MODULES = modules()


def imported(path):
    """Modules of the package that a module imports, at its top or inside of functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                name = f'{node.module}.{alias.name}'
                yield name if name in MODULES else node.module


IMPORTS = {name: set(imported(path)) for name, path in MODULES.items()}


def subpackage(module):
    """The first name below the package; of the package itself an empty text."""
    return module.partition('.')[2].partition('.')[0]


@pytest.fixture(scope='module')
def script():
    if not SCRIPT.exists():
        pytest.skip('the documentation is not beside the tests')
    spec = importlib.util.spec_from_file_location('write_tree', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tree_of_the_documentation_is_that_of_the_package(script):
    """If not: ``python docs/development/write_tree.py``."""
    page = script.PAGE.read_text()
    for line in script.tree(script.read_order(), PACKAGE):
        assert f'{line}\n' in page


def test_every_module_says_in_its_first_line_what_it_holds(script):
    assert [name for name, path in MODULES.items() if not script.first_line(path)] == []


@pytest.mark.parametrize('name', MODULES)
def test_imports_run_up_the_tree(name, script):
    order = ['version', *script.read_order()]
    own = subpackage(name)
    above = order[: order.index(own) + 1] if own else ['exceptions', 'optional', 'lazy']
    assert {subpackage(other) for other in IMPORTS[name]} <= {*above}
    # Through the names of its own package, which are imported lazily, a circle would not be seen.
    assert not {other for other in IMPORTS[name] if name.startswith(f'{other}.')}


def test_no_modules_import_each_other_in_a_circle():
    # Packages run before their modules, so that what they import lazily is no part of it.
    try:
        tuple(TopologicalSorter(IMPORTS).static_order())
    except CycleError as error:
        pytest.fail(' -> '.join(error.args[1]))


def test_no_two_modules_have_one_name():
    # Those of commands have the names of the commands.
    paths = [path for path in MODULES.values() if path.parent.name != 'commands']
    names = Counter(path.name for path in paths if path.name != '__init__.py')
    assert [name for name, count in names.items() if count > 1] == []


def test_no_folder_holds_more_than_one_can_overlook():
    sizes = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in MODULES.values())
    assert {name: size for name, size in sizes.items() if size > LARGEST_FOLDER} == {}


def test_modules_are_read_in_a_sitting():
    lengths = {
        name: len(path.read_text(encoding='utf-8').splitlines()) for name, path in MODULES.items()
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}
