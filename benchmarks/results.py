"""
What benchmarks write and the tables of the documentation are rendered from: one JSON file each.

A file is an object with

============== ================================================================================
``format``     the number of this format, 1
``benchmark``  which module of `benchmarks`, such as ``'speed.cutting'``
``question``   the first sentence of its docstring
``command``    that was run, with each option that was not the default
``date``       of the run, ``'2026-11-29'``; or null where it is not known
``commit``     of the repository, with a ``+`` where files had been changed; or null
``machine``    ``processor``, number of ``cores``, and ``accelerator`` or null
``versions``   of Python and of the packages in play
``recorded``   only where figures were not written by the benchmark: where they were taken from
``notes``      list of sentences, in reStructuredText
``tables``     list of objects with a ``name``, a ``caption``, ``columns`` and ``rows``
============== ================================================================================

A column has a ``name``, a ``meaning``, a ``unit`` and a ``format`` of Python, the latter two
perhaps empty. A row is an object of cells by column; a cell that is missing is null. A cell is a
number, a text in reStructuredText, null, or an object: ``value`` with its ``error``, or with
``low`` and ``high``, the ends of its interval; ``best`` is true for the best of its column.

Only the standard library is needed, since the documentation is built without the benchmarks.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = [
    'Column',
    'Result',
    'Table',
    'estimate',
    'interval',
    'provenance_text',
    'read_result',
    'table_text',
    'text_of',
    'write_result',
]

_FORMAT = 1


@dataclass(frozen=True)
class Column:
    """
    What a column holds.

    Attributes
    ----------
    name : str
        Its head, and its key in each row.
    meaning : str
        In a few words.
    unit : str
        As astropy writes it; empty for pure numbers and for text.
    format : str
        Format specification of numbers, as in `format`.
    """

    name: str
    meaning: str
    unit: str = ''
    format: str = ''

    def __str__(self):
        return f'{self.name} ({self.unit})' if self.unit else self.name


@dataclass(frozen=True)
class Table:
    """A table: its name within the result, a caption, columns, and rows as dicts of cells."""

    name: str
    caption: str
    columns: tuple
    rows: tuple

    def __post_init__(self):
        known = {column.name for column in self.columns}
        for row in self.rows:
            if not row.keys() <= known:
                raise ValueError(
                    f'Rows of the table {self.name!r} have cells {sorted(row.keys() - known)}, '
                    f'which are no columns; its columns are {sorted(known)}.'
                )

    def texts(self):
        """Cells as text, row by row."""
        return [[text_of(row.get(c.name), c.format) for c in self.columns] for row in self.rows]


@dataclass(frozen=True)
class Result:
    """All that a benchmark found, with what tells where and when; see the head of the module."""

    benchmark: str
    question: str
    command: str
    date: str | None
    machine: dict
    versions: dict
    commit: str | None = None
    recorded: str | None = None
    notes: tuple = ()
    tables: tuple = field(default_factory=tuple)

    def table(self, name):
        """
        A table by its name.

        Raises
        ------
        KeyError
            If there is none of this name.
        """
        for table in self.tables:
            if table.name == name:
                return table
        names = ', '.join(table.name for table in self.tables)
        raise KeyError(f'{self.benchmark} has no table {name!r}; it has {names}')


def estimate(value, error, *, best=False):
    """A cell: a measured number with its standard error."""
    cell = {'value': float(value), 'error': float(error)}
    return cell | {'best': True} if best else cell


def interval(value, low, high):
    """A cell: a number and the ends of its interval."""
    return {'value': float(value), 'low': float(low), 'high': float(high)}


def text_of(cell, form=''):
    """
    A cell as text.

    >>> text_of({'value': 0.123, 'error': 0.0456}, '.2f')
    '0.12 ± 0.05'
    """
    if cell is None:
        return ''
    if isinstance(cell, dict):
        value = format(cell['value'], form)
        if cell.get('error') is not None:
            value += f' ± {cell["error"]:{form}}'
        if 'low' in cell:
            value += f' ({cell["low"]:{form}}-{cell["high"]:{form}})'
        return f'**{value}**' if cell.get('best') else value
    return cell if isinstance(cell, str) else format(cell, form)


def table_text(table):
    """A table for the terminal: text to the left, numbers to the right."""
    lines = [[str(column) for column in table.columns], *table.texts()]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    left = [any(isinstance(row.get(c.name), str) for row in table.rows) for c in table.columns]
    lines.insert(1, ['-' * width for width in widths])
    return '\n'.join(
        '  '.join(
            cell.ljust(width) if to_left else cell.rjust(width)
            for cell, width, to_left in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in lines
    )


def provenance_text(result):
    """One line: the command, the machine, the versions and the date."""
    machine = result.machine
    parts = [f'{machine["processor"]}, {machine["cores"]} cores' if machine['processor'] else '']
    parts.append(machine.get('accelerator') or '')
    parts.append(', '.join(f'{name} {number}' for name, number in result.versions.items()))
    return '; '.join(part for part in [*parts, result.date] if part)


def write_result(result, path):
    """
    Write a result as JSON, a row to a line.

    Parameters
    ----------
    result : `Result`
    path : path-like
        Replaced where it exists; folders are made.
    """
    content = {'format': _FORMAT, **asdict(result)}
    if result.recorded is None:
        del content['recorded']
    tables = content.pop('tables')
    text = json.dumps(content, indent=2, ensure_ascii=False)
    text = f'{text[:-2]},\n  "tables": [{",".join(map(_json_of_table, tables))}]\n}}\n'
    json.loads(text, parse_constant=_refuse)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')


def read_result(path):
    """
    Read a result.

    Raises
    ------
    ValueError
        If the file is of another format.
    """
    content = json.loads(Path(path).read_text(encoding='utf-8'))
    if content.pop('format', None) != _FORMAT:
        raise ValueError(f'{path} must be a result of a benchmark, of format {_FORMAT}.')
    tables = tuple(
        Table(t['name'], t['caption'], tuple(Column(**c) for c in t['columns']), tuple(t['rows']))
        for t in content.pop('tables')
    )
    return Result(tables=tables, notes=tuple(content.pop('notes')), **content)


def _json_of_table(table):
    head = {'name': table['name'], 'caption': table['caption']}
    text = json.dumps(head, ensure_ascii=False)[:-1]
    for name in ('columns', 'rows'):
        lines = ',\n'.join(f'      {json.dumps(each, ensure_ascii=False)}' for each in table[name])
        text += f', "{name}": [\n{lines}\n    ]'
    return f'\n    {text}}}'


def _refuse(constant):
    raise ValueError(f'A cell must not be {constant}, which JSON does not have; leave it out.')
