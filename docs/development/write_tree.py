"""
Write the tree of modules into ``architecture.rst``, with the first line of each docstring.

Run it after modules were added, moved or renamed: ``python docs/development/write_tree.py``. The
order of the subpackages is that of the page, which a new one must be entered in by hand: each may
import those above it, and ``tests/test_architecture.py`` checks that.
"""

import ast
import re
from pathlib import Path

PAGE = Path(__file__).with_name('architecture.rst')
PACKAGE = Path(__file__).parents[2] / 'astro_wgan'

#: Columns that the names of modules take.
_NAMES = 32

#: Modules beside the subpackages that are no part of the architecture.
_LEFT_OUT = ('__init__.py', 'version.py')


def read_order(page=PAGE):
    """Subpackages and top-level modules in the order of the page."""
    return re.findall(r'^    ([a-z_]+)(?:/|\.py) ', _tree_block(page.read_text()), re.MULTILINE)


def tree(order, package=PACKAGE):
    """Lines of the tree: one for each subpackage and each module."""
    present = {path.stem for path in package.iterdir() if path.suffix == '.py' or _is_package(path)}
    unknown = present - set(order) - {Path(name).stem for name in _LEFT_OUT}
    if unknown:
        raise SystemExit(f'{PAGE.name} lacks {sorted(unknown)}: enter them where they belong.')
    lines = []
    for name in order:
        path = package / f'{name}.py'
        if path.exists():
            lines.append(_line(path.name, path, 1))
        elif _is_package(package / name):
            lines += _lines_of(package / name, 1)
    return lines


def first_line(path):
    """The first line of a module's docstring, without the marks of reStructuredText."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))) or ''
    return text.partition('\n')[0].replace('`', '')


def _lines_of(folder, depth):
    lines = [_line(f'{folder.name}/', folder / '__init__.py', depth)]
    for path in sorted(folder.glob('*.py')):
        if path.name != '__init__.py':
            lines.append(_line(path.name, path, depth + 1))
    for path in sorted(folder.iterdir()):
        if _is_package(path):
            lines += _lines_of(path, depth + 1)
    return lines


def _line(name, path, depth):
    return f'{"    " * depth + name:<{_NAMES}}  {first_line(path)}'.rstrip()


def _is_package(path):
    return (path / '__init__.py').exists()


def _tree_block(text):
    return re.search(r'(?<=\.\. code-block:: text\n\n)(?:(?:    .*)?\n)+', text)[0]


def main():
    text = PAGE.read_text()
    lines = '\n'.join(tree(read_order()))
    PAGE.write_text(text.replace(_tree_block(text), lines + '\n\n', 1))


if __name__ == '__main__':
    main()
