"""``.. renamed-names:: FILE``: tables of the renamed names in a CSV file."""

import csv
from itertools import groupby
from pathlib import Path

from sphinx.util.docutils import SphinxDirective

_HEADS = {
    'name': 'Functions, classes and constants',
    'module': 'Modules',
    'argument': 'Arguments',
    'position': 'Arguments that were given by position, and their names',
    'attribute': 'Attributes and methods',
    'column': 'Table columns',
    'key': 'Dictionary keys',
    'value': 'Values of arguments',
    'command': 'Options of the command',
}


class RenamedNames(SphinxDirective):
    """The directive; see the head of the module."""

    required_arguments = 1

    def run(self):
        path = Path(self.env.doc2path(self.env.docname)).with_name(self.arguments[0])
        self.env.note_dependency(str(path))
        with path.open(newline='', encoding='utf-8') as file:
            rows = [*csv.DictReader(file)]
        order = [*_HEADS]
        rows.sort(key=lambda row: (order.index(row['kind']), row['of'], row['old']))
        parts = [
            _table(_HEADS[kind], [*group])
            for kind, group in groupby(rows, key=lambda row: row['kind'])
        ]
        return self.parse_text_to_nodes('\n\n'.join(parts))


def _table(caption, rows):
    names = [name for name in ('of', 'old', 'new') if any(row[name] for row in rows)]
    lines = [f'.. list-table:: {caption}', '   :header-rows: 1', '   :widths: auto', '']
    lines += _row(name.capitalize() for name in names)
    for row in rows:
        lines += _row(f'``{row[name]}``' if row[name] else '' for name in names)
    return '\n'.join(lines)


def _row(cells):
    first, *others = cells
    return [f'   * - {first}'.rstrip(), *(f'     - {cell}'.rstrip() for cell in others)]


def setup(app):
    app.add_directive('renamed-names', RenamedNames)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
