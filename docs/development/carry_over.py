"""
Carry scripts that were written for astro_wgan 0.1.dev0 over to the names of 0.1.

    python docs/development/carry_over.py script.py ...            shows what would change
    python docs/development/carry_over.py --write script.py ...    changes it

Old and new names are those of ``renamed.csv``. Imports, names, keyword arguments, columns and
attributes are changed where the script shows whose they are; what could also belong to something
else is left, and named with its line.
"""

import argparse
import ast
import csv
import difflib
import sys
from collections import defaultdict
from pathlib import Path

TABLE = Path(__file__).with_name('renamed.csv')

#: Calls that return what another one writes the columns of.
_SAME_TABLE = {
    'from_image': 'cut_stamps',
    'measure': 'score',
    'concatenate': 'cut_stamps',
    'simulate_store': 'simulate',
    'load_benchmark': 'simulate',
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.strip().partition('\n')[0])
    parser.add_argument('scripts', nargs='+', type=Path)
    parser.add_argument('--write', action='store_true', help='change the files')
    options = parser.parse_args(arguments)
    table = read_table()
    for path in options.scripts:
        old = path.read_text()
        new, notes = carried_over(old, table)
        for line, note in notes:
            print(f'{path}:{line}: {note}', file=sys.stderr)
        if options.write:
            path.write_text(new)
        else:
            lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
            sys.stdout.writelines(difflib.unified_diff(*lines, str(path), str(path)))


def read_table(path=TABLE):
    """For each kind of name a dictionary: whose it is -> old -> new."""
    table = defaultdict(lambda: defaultdict(dict))
    with path.open(newline='') as file:
        for row in csv.DictReader(file):
            table[row['kind']][row['of']][row['old']] = row['new']
    return table


def carried_over(text, table):
    """
    The text of a script with the new names, and notes on what has to be looked at.

    Returns
    -------
    text : str
    notes : list of (int, str)
        Line and sentence.
    """
    script = _Script(text, table)
    script.read()
    return script.edited(), sorted(set(script.notes))


class _Script(ast.NodeVisitor):
    """Where the names of a script come from, and what replaces them."""

    def __init__(self, text, table):
        self.text, self.table = text, table
        self.paths = {**table['module'][''], **table['name']['']}
        self.notes, self._edits = [], []
        self._bound = {}  # local name -> full old path
        self._made_by = {}  # local name -> last name of the call that made it
        self._renamed = {}  # local name -> new local name
        self._imports = set()

    def read(self):
        tree = ast.parse(self.text)
        for node in ast.walk(tree):
            self._note_origin(node)
        self.visit(tree)

    def edited(self):
        lines = self.text.splitlines(keepends=True)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line.encode()))
        data = self.text.encode()
        for (line, column), (end_line, end_column), new in sorted(self._edits, reverse=True):
            first, last = starts[line - 1] + column, starts[end_line - 1] + end_column
            data = data[:first] + new.encode() + data[last:]
        text = data.decode()
        present = set(text.splitlines())
        missing = [line for line in sorted(self._imports) if line not in present]
        return _with_imports(text, missing) if missing else text

    # Where names come from

    def _note_origin(self, node):
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('astro_wgan'):
            for alias in node.names:
                self._bound[alias.asname or alias.name] = f'{node.module}.{alias.name}'
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith('astro_wgan'):
                    local = alias.asname or alias.name.partition('.')[0]
                    self._bound[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.Assign | ast.withitem | ast.NamedExpr):
            self._note_maker(node)

    def _note_maker(self, node):
        value = node.context_expr if isinstance(node, ast.withitem) else node.value
        call = _outermost_call(value)
        targets = {
            ast.Assign: lambda: node.targets,
            ast.withitem: lambda: [node.optional_vars],
            ast.NamedExpr: lambda: [node.target],
        }[type(node)]()
        for target in targets:
            if isinstance(target, ast.Name) and call is not None:
                name = _last_name(call.func)
                self._made_by[target.id] = _SAME_TABLE.get(name, name)

    # What replaces them

    def visit_ImportFrom(self, node):
        if not (node.module or '').startswith('astro_wgan'):
            return
        grouped = defaultdict(list)
        for alias in node.names:
            old = f'{node.module}.{alias.name}'
            module, _, name = self._new_path(old).rpartition('.')
            local = alias.asname
            if name != alias.name and local is None:
                self._renamed[alias.name] = name
            grouped[module].append(name if local in (None, name) else f'{name} as {local}')
        lines = [f'from {module} import {", ".join(names)}' for module, names in grouped.items()]
        separator = '\n' + ' ' * node.col_offset
        self._replace(node, separator.join(lines))

    def visit_Import(self, node):
        names = []
        for alias in node.names:
            new = self._new_path(alias.name)
            names.append(f'{new} as {alias.asname}' if alias.asname else new)
        self._replace(node, f'import {", ".join(names)}')

    def visit_Name(self, node):
        if node.id in self._renamed:
            self._replace(node, self._renamed[node.id])

    def visit_Attribute(self, node):
        path = self._path(node)
        if path is not None and self._new_path(path) != path:
            new = self._new_path(path)
            self._imports.add(f'import {new.rpartition(".")[0]}')
            self._replace(node, new)
            return
        self.generic_visit(node)
        owners = self._owners('attribute', node.attr)
        if not owners or path is not None:
            return
        maker = self._made_by.get(_root(node.value))
        new = owners.get(maker) or _only(owners)
        if new and (maker in owners or self._is_only_old(node.attr)):
            self._replace_end(node, node.attr, new)
        elif maker in owners or maker is None:
            self._note(node, f'the attribute `{node.attr}`', owners)

    def visit_Call(self, node):
        name = _last_name(node.func)
        arguments = self.table['argument'].get(name, {})
        for keyword in node.keywords:
            if keyword.arg in arguments:
                new = arguments[keyword.arg]
                if not new:
                    self.notes.append(
                        (keyword.lineno, f'`{name}` has no `{keyword.arg}` any more.')
                    )
                else:
                    first = keyword.lineno, keyword.col_offset
                    last = keyword.lineno, keyword.col_offset + len(keyword.arg)
                    self._edits.append((first, last, new))
            value = self.table['value'].get(f'{name}.{keyword.arg}', {})
            self._replace_text(keyword.value, value)
        self.generic_visit(node)

    def visit_Subscript(self, node):
        maker = self._made_by.get(_root(node.value))
        for child in _texts(node.slice):
            self._column(child, maker)
        self.visit(node.value)
        if not isinstance(node.slice, ast.Constant):
            self.visit(node.slice)

    def visit_Compare(self, node):
        if 'colnames' in ast.unparse(node):
            maker = self._made_by.get(next((_root(c) for c in node.comparators), None))
            for child in ast.walk(node):
                if isinstance(child, ast.Constant) and isinstance(child.value, str):
                    self._column(child, maker)
        else:
            self.generic_visit(node)

    def _column(self, node, maker):
        owners = self._owners('column', node.value)
        # Names of several words are the package's own, whoever made the table.
        if maker in owners or ('_' in node.value and _only(owners)):
            self._replace(node, repr(owners.get(maker) or _only(owners)))
        elif owners and maker is None:
            self._note(node, f'the column {node.value!r}', owners)

    def _replace_text(self, node, values):
        if isinstance(node, ast.Constant) and node.value in values:
            self._replace(node, repr(values[node.value]))

    # What is known

    def _new_path(self, path):
        """The new path of a name, or of the longest part of it that has moved."""
        for count in range(path.count('.') + 1):
            head, tail = _cut(path, count)
            if head in self.paths:
                return self.paths[head] + tail
        return path

    def _path(self, node):
        """The full old path of ``a.b.c`` where ``a`` is a module of the package."""
        names = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not (isinstance(node, ast.Name) and node.id in self._bound):
            return None
        path = '.'.join([self._bound[node.id], *reversed(names)])
        # Attributes of classes and functions are no paths.
        return path if self._new_path(path) in {path, *self.paths.values()} else None

    def _owners(self, kind, old):
        return {of: names[old] for of, names in self.table[kind].items() if old in names}

    def _is_only_old(self, name):
        new = {n for owned in self.table['attribute'].values() for n in owned.values()}
        return name not in new and len(name) > 4

    def _note(self, node, what, owners):
        ways = ', '.join(f'{new} ({of})' for of, new in sorted(owners.items()))
        self.notes.append((node.lineno, f'{what} may have a new name: {ways}.'))

    def _replace(self, node, new):
        first, last = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        self._edits.append((first, last, new))

    def _replace_end(self, node, old, new):
        last = node.end_lineno, node.end_col_offset
        self._edits.append(((last[0], last[1] - len(old)), last, new))


def _cut(path, count):
    """A path without its last parts, and these."""
    parts = path.split('.')
    keep = len(parts) - count
    return '.'.join(parts[:keep]), ''.join(f'.{part}' for part in parts[keep:])


def _outermost_call(node):
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node if isinstance(node, ast.Call) else None


def _last_name(node):
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ''


def _root(node):
    """The name that ``a.b['c'].d`` begins with, or that of the call that it begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _only(owners):
    names = set(owners.values())
    return names.pop() if len(names) == 1 else None


def _texts(node):
    nodes = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    return [n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def _with_imports(text, lines):
    """New imports go after the docstring and what imports from the future."""
    tree = ast.parse(text)
    after = 0
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or (isinstance(node, ast.ImportFrom) and node.module == '__future__'):
            after = node.end_lineno
        else:
            break
    parts = text.splitlines(keepends=True)
    return ''.join([*parts[:after], *(f'{line}\n' for line in lines), *parts[after:]])


if __name__ == '__main__':
    main()
