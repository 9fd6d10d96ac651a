"""
``.. benchmark-table:: NAME``: tables from what a benchmark wrote into ``results/data/NAME.json``.

Without options, all its sentences and tables. Options are

``:table:``     name of one table, or of several with commas between
``:columns:``   of which columns, with semicolons between; one may be renamed, ``name = head``
``:rows:``      of which rows, and in which order: on a line for each column, ``name = cell; cell``,
                which goes on in the next line after a semicolon
``:caption:``   in place of the table's own
``:notes:``     its sentences, too; without ``:table:`` they are there
``:meanings:``  also list what the columns are
``:bare:``      without the line that tells command, machine, versions and date

``:benchmark-cell:`NAME; TABLE; COLUMN; column = cell```: one number of it within a sentence, from
the row that has the cells (several with semicolons between), without its error.
"""

import runpy
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective, SphinxRole

# By its path, since benchmarks are not installed, and what is should not be hidden by this folder.
_RESULTS = runpy.run_path(str(Path(__file__).parents[2] / 'benchmarks' / 'results.py'))


class BenchmarkTable(SphinxDirective):
    """The directive; see the head of the module."""

    required_arguments = 1
    option_spec: ClassVar = {
        'table': directives.unchanged_required,
        'columns': directives.unchanged_required,
        'rows': directives.unchanged_required,
        'caption': directives.unchanged,
        'notes': directives.flag,
        'meanings': directives.flag,
        'bare': directives.flag,
    }

    def run(self):
        try:
            result = _read(self.env, self.arguments[0])
            text = self._text_of(result)
        except (OSError, ValueError, KeyError) as error:
            raise self.error(f'benchmark-table {self.arguments[0]}: {error}') from error
        return self.parse_text_to_nodes(text)

    def _text_of(self, result):
        """All that is shown, in reStructuredText."""
        tables, parts = result.tables, []
        if 'table' in self.options:
            tables = [result.table(name.strip()) for name in self.options['table'].split(',')]
        if 'notes' in self.options or 'table' not in self.options:
            parts += result.notes
        parts += map(self._table_text, tables)
        if 'bare' not in self.options:
            parts.append(_source(result))
        return '\n\n'.join(parts)

    def _table_text(self, table):
        columns = {column.name: column for column in table.columns}
        heads = {name: str(column) for name, column in columns.items()}
        if 'columns' in self.options:
            heads = _chosen(self.options['columns'], heads)
        lines = [f'.. list-table:: {self.options.get("caption", table.caption)}']
        lines += ['   :header-rows: 1', '   :widths: auto', '']
        lines += _row_lines(heads.values())
        rows = table.rows
        if 'rows' in self.options:
            rows = _chosen_rows(self.options['rows'], table.rows, columns)
        for row in rows:
            cells = [_RESULTS['text_of'](row.get(name), columns[name].format) for name in heads]
            lines += _row_lines(cells)
        if 'meanings' in self.options:
            lines += ['', *(f'* *{head}*: {columns[name].meaning}' for name, head in heads.items())]
        return '\n'.join(lines)


class BenchmarkCell(SphinxRole):
    """The role; see the head of the module."""

    def run(self):
        name, table, column, *conditions = (part.strip() for part in self.text.split(';'))
        try:
            text = self._cell(_read(self.env, name).table(table), column, '\n'.join(conditions))
        except (OSError, ValueError, KeyError) as error:
            message = f'benchmark-cell {name}: {error}'
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        return [nodes.inline(text, text)], []

    @staticmethod
    def _cell(table, name, conditions):
        columns = {column.name: column for column in table.columns}
        _chosen(name, columns)
        rows = _chosen_rows(conditions, table.rows, columns)
        if len(rows) != 1:
            raise ValueError(f'{conditions!r} must be true of one row; it is of {len(rows)}')
        cell = rows[0].get(name)
        cell = cell['value'] if isinstance(cell, dict) else cell
        return _RESULTS['text_of'](cell, columns[name].format)


def _read(env, name):
    """What a benchmark wrote; the page is made anew where that changes."""
    path = Path(env.srcdir, 'results', 'data', f'{name}.json')
    env.note_dependency(str(path))
    return _RESULTS['read_result'](path)


def _chosen(text, heads):
    """Heads of the columns that the option names, in its order."""
    chosen = {}
    for part in text.split(';'):
        name, _, head = (word.strip() for word in part.partition('='))
        if name not in heads:
            raise ValueError(f'no column {name!r}; there are {", ".join(heads)}')
        chosen[name] = head or heads[name]
    return chosen


def _chosen_rows(text, rows, columns):
    """Rows whose cells the option names, in its order; that of the first column counts first."""
    lines = text.replace(';\n', '; ').splitlines()
    for line in reversed(lines):
        name, _, cells = (word.strip() for word in line.partition('='))
        if name not in columns:
            raise ValueError(f'no column {name!r}; there are {", ".join(columns)}')
        wanted = [cell.strip() for cell in cells.split(';')]
        found = [_RESULTS['text_of'](row.get(name), columns[name].format) for row in rows]
        missing = [cell for cell in wanted if cell not in found]
        if missing:
            raise ValueError(
                f'no row with {name!r} {missing[0]!r}; there are {", ".join(dict.fromkeys(found))}'
            )
        kept = [
            (wanted.index(cell), row)
            for cell, row in zip(found, rows, strict=True)
            if cell in wanted
        ]
        rows = [row for _, row in sorted(kept, key=lambda pair: pair[0])]
    return rows


def _row_lines(cells):
    marks = ['   * - ', *(len(heads := [*cells]) - 1) * ['     - ']]
    return [f'{mark}{cell}'.rstrip() for mark, cell in zip(marks, heads, strict=True)]


def _source(result):
    parts = [f'By ``{result.command}``', _RESULTS['provenance_text'](result)]
    return f'.. rst-class:: benchmark-source\n\n{"; ".join(filter(None, parts))}.'


def setup(app):
    app.add_directive('benchmark-table', BenchmarkTable)
    app.add_role('benchmark-cell', BenchmarkCell())
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
