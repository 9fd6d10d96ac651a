"""
The list of benchmarks in `README.rst`, which is made of the first sentences of their docstrings.

    python -m benchmarks.index            # prints it
    python -m benchmarks.index --check    # fails if the README has another
    python -m benchmarks.index --write    # puts it into the README
"""

import argparse
import ast
import sys
from pathlib import Path

__all__ = ['FOLDERS', 'index_text', 'programs', 'question_of']

_ROOT = Path(__file__).parent
_README = _ROOT / 'README.rst'
_BEGIN, _END = (
    '.. The list begins; python -m benchmarks.index --write makes it.',
    '.. The list ends.',
)

#: Folders of programs, in the order of the list.
FOLDERS = ('speed', 'quality', 'experiments', 'figures', 'bundled')


def main():
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.index',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    act = parser.add_mutually_exclusive_group()
    act.add_argument('--check', action='store_true')
    act.add_argument('--write', action='store_true')
    options = parser.parse_args()
    readme = _README.read_text(encoding='utf-8')
    wanted = with_index(readme)
    if options.write:
        _README.write_text(wanted, encoding='utf-8')
    elif not options.check:
        print(index_text())
    elif readme != wanted:
        sys.exit('README.rst has another list: run python -m benchmarks.index --write.')


def programs(folder=None):
    """Names of the modules that are run, such as ``benchmarks.speed.cutting``; of all folders."""
    folders = FOLDERS if folder is None else (folder,)
    return [
        f'benchmarks.{name}.{path.stem}'
        for name in folders
        for path in sorted((_ROOT / name).glob('*.py'))
        if "__name__ == '__main__'" in path.read_text(encoding='utf-8')
    ]


def question_of(module):
    """The first sentence of a module's docstring, without importing it."""
    path = _ROOT.parent.joinpath(*module.split('.')).with_suffix('.py')
    doc = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8')))
    return ' '.join(doc.split('\n\n')[0].split())


def index_text():
    """The list in reStructuredText, folder by folder."""
    parts = []
    for folder in FOLDERS:
        subject = question_of(f'benchmarks.{folder}.__init__')
        parts += [f'``{folder}``: {subject[0].lower()}{subject[1:]}', '']
        parts += [f'* ``{name}``: {question_of(name)}' for name in programs(folder)]
        parts.append('')
    return '\n'.join(parts)


def with_index(readme):
    """The README with the list as it should be."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f'{before}{_BEGIN}\n\n{index_text()}\n{_END}{after}'


if __name__ == '__main__':
    main()
