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
import re
import sys
import textwrap
from collections import defaultdict
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name('renamed.csv')
PACKAGE = Path(__file__).parents[2] / 'astro_wgan'

#: For functions and methods what they return, and whose columns that has.
_RETURNS = {
    'autocorrelation': ('Autocorrelation',),
    'concatenate': ('StampSet', 'cut_stamps'),
    'cut_stamps': ('StampSet',),
    'describe': ('BundledImage',),
    'detect': ('Detected',),
    'find_instrument': ('Instrument',),
    'find_recipe': ('Recipe',),
    'find_sky': ('Sky',),
    'from_image': ('StampSet', 'cut_stamps'),
    'hunt': ('HuntResult', 'score'),
    'load_benchmark': ('StampSet', 'simulate'),
    'load_model': ('AnomalyDetector',),
    'measure': ('score',),
    'measure_sources': ('Photometry',),
    'observe': ('StampSet', 'mock_stamps'),
    'power_spectrum': ('PowerSpectrum',),
    'read_light_map': ('LightMap',),
    'read_particles': ('Particles',),
    'read_snapshot': ('Particles',),
    'simulate': ('StampSet',),
    'simulate_store': ('StampStore', 'simulate'),
}

#: Attributes that are a configuration, of which class.
_CONFIGURATIONS = {
    'detection': 'Detection',
    'network': 'NetworkConfig',
    'scoring': 'Scoring',
    'search': 'LatentSearch',
    'training': 'TrainingConfig',
}

#: What a new name gives that the old one did not.
_REMARKS = {
    'astro_wgan.wgan.preset': 'It gives a WGAN, whose `network` and `training` are what it gave.',
}

#: Methods of a table that take names of its columns.
_TABLE_METHODS = {
    'argsort',
    'group_by',
    'index_column',
    'keep_columns',
    'remove_column',
    'remove_columns',
    'rename_column',
    'replace_column',
    'sort',
}


@cache
def attributes_in_use():
    """Attributes that objects of the package and of others have today."""
    found = {*dir(str), *dir(list), *dir(dict)}
    for path in PACKAGE.rglob('*.py'):
        found.update(re.findall(r'\.([a-z]\w*)', path.read_text(encoding='utf-8')))
    return found


@cache
def own_names():
    """Names of functions, methods and classes of the package, today and formerly."""
    table = read_table()
    found = {old.rpartition('.')[2] for old in table['name']['']}
    for names in table['attribute'].values():
        found.update(names)
    for path in PACKAGE.rglob('*.py'):
        text = path.read_text(encoding='utf-8')
        found.update(re.findall(r'^ *(?:def|class) ([A-Za-z]\w*)', text, re.MULTILINE))
    return found


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
        # Local name -> places where it is assigned, and names of the calls that made it.
        self._made_by = {}
        self._renamed = {}  # local name -> new local name
        self._imports = set()
        self._functions = {}  # functions of the script -> names of what made what they return
        self._foreign = set()  # local names that other packages have
        self._containers = set()  # local names of lists and dictionaries
        self._texts_of = {}  # local name -> the texts that it takes in a loop

    def read(self):
        tree = ast.parse(self.text)
        for _ in range(2):  # once more, with what functions of the script return
            self._made_by = {}
            self._note_origins(tree)
        self.visit(tree)
        self._note_values(tree)

    def edited(self):
        lines = self.text.splitlines(keepends=True)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line.encode()))
        data = self.text.encode()
        edits = sorted(dict.fromkeys(self._edits), reverse=True)
        for (line, column), (end_line, end_column), new in edits:
            first, last = starts[line - 1] + column, starts[end_line - 1] + end_column
            data = data[:first] + new.encode() + data[last:]
        text = data.decode()
        present = set(text.splitlines())
        missing = [line for line in sorted(self._imports) if line not in present]
        return _with_imports(text, missing) if missing else text

    # Where names come from

    def _note_origins(self, tree):
        nodes = sorted(ast.walk(tree), key=_line)
        functions = [n for n in nodes if isinstance(n, ast.FunctionDef) and n is not tree]
        inside = {id(n) for function in functions for n in ast.walk(function)}
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom) or id(node) not in inside:
                self._note_origin(node)
        for function in functions:
            before = self._enter(function)
            returned = [n.value for n in ast.walk(function) if isinstance(n, ast.Return)]
            makers = [maker for value in returned if value for maker in self._makers(value)]
            self._functions[function.name] = makers
            made = {
                name: self._made_by[name]
                for n in ast.walk(function)
                if isinstance(n, ast.Global)
                for name in n.names
                if name in self._made_by
            }
            self._made_by = before | made

    def _enter(self, function):
        """Names have their own meaning in a function; return that of before."""
        before = self._made_by
        names = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
        if not isinstance(function, ast.Lambda):
            stored = (n for n in ast.walk(function) if _is_name(n) and isinstance(n.ctx, ast.Store))
            names.update(n.id for n in stored)
        self._made_by = {name: made for name, made in before.items() if name not in names}
        for node in sorted(ast.walk(function), key=_line):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                self._note_origin(node)
        return before

    def _note_origin(self, node):
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith('astro_wgan'):
            for alias in node.names:
                self._bound[alias.asname or alias.name] = f'{node.module}.{alias.name}'
        elif isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition('.')[0]
                if alias.name.startswith('astro_wgan'):
                    self._bound[local] = alias.name if alias.asname else local
                else:
                    self._foreign.add(local)
        elif isinstance(node, ast.ImportFrom):
            self._foreign.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.withitem | ast.NamedExpr):
            self._note_maker(node)
        elif isinstance(node, ast.For | ast.comprehension):
            self._note_maker_of_elements(node)

    def _note_maker(self, node):
        value = node.context_expr if isinstance(node, ast.withitem) else node.value
        names = self._makers(value)
        targets = {
            ast.Assign: lambda: node.targets,
            ast.withitem: lambda: [node.optional_vars],
            ast.NamedExpr: lambda: [node.target],
        }[type(node)]()
        for name in (target.id for target in targets if isinstance(target, ast.Name)):
            self._made_by.setdefault(name, []).append((_end(node), names))
            if isinstance(value, ast.Lambda):
                self._functions[name] = self._makers(value.body)
            if isinstance(value, ast.List | ast.Tuple):
                self._texts_of[name] = _texts(value)
            if isinstance(value, _CONTAINERS):
                self._containers.add(name)

    def _note_maker_of_elements(self, node):
        """What goes through a list, or through the values of a dictionary, has their makers."""
        source, target = node.iter, node.target
        if isinstance(source, ast.Call) and _last_name(source.func) in ('items', 'values'):
            source = source.func.value
            if isinstance(target, ast.Tuple):
                target = target.elts[-1]
        if isinstance(target, ast.Name):
            self._made_by.setdefault(target.id, []).append((_end(node), self._makers(source)))

    def _makers_of_name(self, name, node):
        """Of what a name stands for at a place."""
        made = self._made_by.get(name, [])
        so_far = [names for place, names in made if place <= (node.lineno, node.col_offset)]
        return so_far[-1] if so_far else made[0][1] if made else ()

    def _note_values(self, tree):
        """Texts that a function may get through a variable."""
        changed = {first for first, _, _ in self._edits}
        called = {_last_name(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for text in (node for node in ast.walk(tree) if isinstance(node, ast.Constant)):
            owners = {
                of: new
                for of, new in self._owners('value', text.value).items()
                if of.partition('.')[0] in called
            }
            if owners and (text.lineno, text.col_offset) not in changed:
                self._note(text, f'the value {text.value!r}', owners)

    # What replaces them

    def visit_ImportFrom(self, node):
        if not (node.module or '').startswith('astro_wgan'):
            return
        grouped = defaultdict(list)
        for alias in node.names:
            old = f'{node.module}.{alias.name}'
            new = self._new_path(old)
            module, _, name = new.rpartition('.')
            local = alias.asname
            self._note_change(node, old)
            if _is_class(module):
                module, _, owner = module.rpartition('.')
                self._renamed[local or alias.name] = f'{owner}.{name}'
                if owner not in grouped[module]:
                    grouped[module].append(owner)
                continue
            if name != alias.name and local is None:
                self._renamed[alias.name] = name
            grouped[module].append(name if local in (None, name) else f'{name} as {local}')
        lines = [f'from {module} import {", ".join(names)}' for module, names in grouped.items()]
        separator = '\n' + ' ' * node.col_offset
        self._replace(node, separator.join(lines))

    def _note_change(self, node, old):
        new = self._new_path(old)
        if old in _REMARKS:
            self.notes.append((node.lineno, f'`{old}` is now `{new}`. {_REMARKS[old]}'))
        if new not in self.paths.values() and _is_there(new) is False:
            self.notes.append((node.lineno, f'`{old}` is not there any more.'))

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
            module = new.rpartition('.')[0]
            if _is_class(module):
                module = module.rpartition('.')[0]
            self._imports.add(f'import {module}')
            self._replace(node, new)
            return
        if _is_name(node.value) and node.value.id in self._bound.keys() - self._made_by.keys():
            self._note_change(node, f'{self._bound[node.value.id]}.{node.attr}')
        self.generic_visit(node)
        owners = self._owners('attribute', node.attr)
        of_class = _last_part(self._bound.get(node.value.id)) if _is_name(node.value) else None
        if of_class in owners:
            # A method of the class itself, such as a constructor.
            if '(' not in owners[of_class]:
                self._replace_end(node, node.attr, owners[of_class])
        elif path is None and owners:
            makers = self._makers(node.value)
            if node.attr in attributes_in_use() and not owners.keys() & {*makers}:
                return
            new, is_unknown = self._choice(node.attr, owners, makers)
            if new and '(' not in new:
                self._replace_end(node, node.attr, new)
            elif not new and is_unknown:
                self._note(node, f'the attribute `{node.attr}`', owners)

    def visit_Call(self, node):
        name = _last_name(node.func)
        arguments = dict(self.table['argument'].get(name, {}))
        if isinstance(node.func, ast.Attribute):
            self._method(node)
            for maker in self._makers(node.func.value):
                arguments |= self.table['argument'].get(f'{maker}.{name}', {})
        if name == 'replace' and node.args:
            # Of dataclasses: it takes the arguments of the class.
            for maker in self._makers(node.args[0]):
                arguments |= self.table['argument'].get(maker, {})
        self._columns_in_arguments(node, name)
        if name in ('Table', 'QTable') and node.args and isinstance(node.args[0], ast.Dict):
            self._columns_of_new_table(node.args[0])
        self._positions(node, name)
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

    def _columns_in_arguments(self, node, name):
        """Names of columns that a function of the package or a method of a table is given."""
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        root = _root(node.func)
        if root in self._bound:
            objects = given
        elif isinstance(node.func, ast.Attribute) and (
            name in _TABLE_METHODS
            or not own_names().isdisjoint(self._makers_of_name(root, node.func))
        ):
            objects = [node.func.value]
        else:
            return
        makers = [maker for each in objects for maker in self._makers(each)]
        values = {}
        for of, names in self.table['value'].items():
            if of.partition('.')[0] == name:
                values |= names
        for child in (text for argument in given for text in _texts(argument)):
            if child.value in values:
                if child in node.args:
                    self._replace_text(child, values)
            elif makers:
                self._column(child, makers)

    def _columns_of_new_table(self, node):
        """Columns that the package reads, such as those of merger trees."""
        for key in node.keys:
            new = _only(self._owners('column', key.value)) if key and _texts(key) else None
            if new and '_' in key.value:
                self._replace_string(key, new)

    def _positions(self, node, name):
        """Arguments that were given by position and have another place now."""
        places = self.table['position'].get(name, {})
        for place, argument in enumerate(node.args):
            if isinstance(argument, ast.Starred):
                break
            if str(place) in places:
                first = argument.lineno, argument.col_offset
                self._insert(first, f'{places[str(place)]}=')

    def _method(self, node):
        """A method that has become a function, which takes the object as an argument."""
        new = _only(self._owners('attribute', node.func.attr)) or ''
        path, _, arguments = new.rstrip(')').partition('(')
        if not arguments:
            return
        module, _, owner = path.rpartition('.')[0].rpartition('.')
        self._imports.add(f'from {module} import {owner}')
        given = ast.get_source_segment(self.text, node.func.value)
        self._replace(node.func, path[len(module) + 1 :])
        place = arguments.split(', ').index('self')
        if place < len(node.args):
            before = node.args[place]
            self._insert((before.lineno, before.col_offset), f'{given}, ')
        elif node.args:
            self._insert((node.args[-1].end_lineno, node.args[-1].end_col_offset), f', {given}')

    def visit_Constant(self, node):
        """Options of the command, and code in a text for another process."""
        if isinstance(node.value, str) and re.fullmatch(r'astro_wgan(\.\w+)+', node.value):
            if (new := self._new_path(node.value)) != node.value:
                self._replace_string(node, new)
            return
        if isinstance(node.value, str) and node.value.startswith('--'):
            new = _only(self._owners('command', node.value))
            if new and 'astro-wgan' in self.text:
                self._replace_string(node, new)
            return
        if not (isinstance(node.value, str) and 'astro_wgan' in node.value):
            return
        code = textwrap.dedent(node.value)
        source = ast.get_source_segment(self.text, node)
        if node.value not in source or not _is_code(code):
            return
        new, notes = carried_over(code, self.table)
        self.notes += [(node.lineno + line - 1, note) for line, note in notes]
        margin = _margin(node.value)
        new = ''.join(
            line if line.isspace() else margin + line for line in new.splitlines(keepends=True)
        )
        if new.rstrip() != node.value.rstrip():
            tail = node.value[len(node.value.rstrip()) :]
            self._replace(node, source.replace(node.value, new.rstrip() + tail))

    def visit_FunctionDef(self, node):
        before = self._enter(node)
        self.generic_visit(node)
        self._made_by = before

    visit_Lambda = visit_FunctionDef  # noqa: N815

    def visit_For(self, node):
        self._in_turn([node], node)

    def visit_ListComp(self, node):
        self._in_turn(node.generators, node)

    visit_DictComp = visit_GeneratorExp = visit_SetComp = visit_ListComp  # noqa: N815

    def _in_turn(self, loops, node):
        """Visit a loop, in which a name may stand for columns."""
        before, made_by = self._texts_of, self._made_by
        self._texts_of, self._made_by = dict(before), dict(made_by)
        for loop in loops:
            if isinstance(loop.target, ast.Name):
                texts = _texts(loop.iter) if isinstance(loop.iter, ast.List | ast.Tuple) else []
                self._texts_of[loop.target.id] = texts or before.get(_root(loop.iter), [])
            if isinstance(loop, ast.comprehension):
                # Before its elements, which are written before it.
                names = [n.id for n in ast.walk(loop.target) if _is_name(n)]
                self._made_by |= {name: [] for name in names}
                self._note_maker_of_elements(loop)
                for name in names:
                    made = self._made_by[name]
                    self._made_by[name] = [((0, 0), makers) for _, makers in made]
        self.generic_visit(node)
        self._texts_of, self._made_by = before, made_by

    def visit_Subscript(self, node):
        owners = self._owners_of_keys(node.value)
        texts = [*_texts(node.slice)]
        if _is_name(node.slice):
            texts += self._texts_of.get(node.slice.id, [])
        if _is_name(node.value) and node.value.id in self._containers:
            texts = []  # keys of the dictionary
        for child in texts:
            if owners:
                self._key(child, owners)
            else:
                self._column(child, self._makers(node.value))
        self.visit(node.value)
        if not isinstance(node.slice, ast.Constant):
            self.visit(node.slice)

    def visit_Compare(self, node):
        if 'colnames' in ast.unparse(node):
            makers = next((self._makers(c) for c in node.comparators), ())
            for child in ast.walk(node):
                if isinstance(child, ast.Constant) and isinstance(child.value, str):
                    self._column(child, makers)
        else:
            self.generic_visit(node)

    def _column(self, node, makers):
        owners = self._owners('column', node.value)
        if not owners:
            return
        new, is_unknown = self._choice(node.value, owners, makers)
        if new:
            self._replace_string(node, new)
        elif is_unknown:
            self._note(node, f'the column {node.value!r}', owners)

    def _owners_of_keys(self, node):
        """Whose keys the dictionary ``a.meta['b']['c']`` may have, in the words of the table."""
        path = []
        while isinstance(node, ast.Subscript):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                path.insert(0, node.slice.value)
            node = node.value
        if not isinstance(node, ast.Attribute):
            return []
        if node.attr == 'meta':
            owners = [f'meta of {maker}' for maker in self._makers(node)]
        else:
            owners = [of for of in self.table['key'] if node.attr in of.split(' ')[0].split('.')]
        end = f': {".".join(path)}' if path else ''
        return [f'{owner.partition(":")[0]}{end}' for owner in owners]

    def _key(self, node, owners):
        keys = self.table['key']
        new = next((keys[of][node.value] for of in owners if node.value in keys.get(of, ())), None)
        if new:
            self._replace_string(node, new)

    def _choice(self, old, owners, makers):
        """The new name of what one of the makers has, and whether it is unknown who made it."""
        for maker in makers:
            if maker in owners:
                return owners[maker], False
        # Names of several words are the package's own, whoever made it.
        is_unknown = not makers or any(m in self._functions or m in own_names() for m in makers)
        return (_only(owners) if '_' in old else None), is_unknown

    def _makers(self, node):
        """What is known of the origin of the object that ``a.b['c']`` begins with."""
        inside = _elements(node)
        if inside:
            return tuple(maker for element in inside for maker in self._makers(element))
        made_by = self._makers_of_name(_root(node), node)
        if not made_by:
            # A method may return the object itself, as `fit` does.
            made_by = (*_names_of_calls(node), *self._makers_of_name(_root_of_calls(node), node))
        if _root_of_calls(node) in self._foreign:
            made_by = tuple(f'not of the package: {name}' for name in made_by)
        made_by = (*made_by, *(m for name in made_by for m in self._functions.get(name, ())))
        # Tables that a fit leaves, such as ``history_``, are owners by their own name.
        last = node.attr if isinstance(node, ast.Attribute) else ''
        kind = [_CONFIGURATIONS[last]] if last in _CONFIGURATIONS else []
        return tuple(dict.fromkeys((*_learned_attributes(node), *kind, *made_by)))

    def _replace_text(self, node, values):
        if isinstance(node, ast.Constant) and node.value in values:
            self._replace_string(node, values[node.value])

    def _replace_string(self, node, new):
        # In its own quotes: inside an f-string the others may be taken.
        quote = (ast.get_source_segment(self.text, node) or "'")[0]
        self._replace(node, f'{quote}{new}{quote}' if quote in '"\'' else repr(new))

    # What is known

    def _new_path(self, path):
        """The new path of a name, or of the longest part of it that has moved."""
        public = self._public_path(path)
        new = public or path
        for count in range(path.count('.') + 1):
            head, tail = _cut(path, count)
            if head in self.paths:
                new = self.paths[head] if not tail else public or self.paths[head] + tail
                break
        if new in self.paths.values() or _is_there(new) is not False:
            return new
        return _where_it_is_public(path) or new

    def _public_path(self, path):
        """The new path of a public name that was imported from the module that defined it."""
        for public in _public_paths(path):
            if public in self.table['name']['']:
                return self.table['name'][''][public]
        return None

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

    def _note(self, node, what, owners):
        ways = ', '.join(f'{new} ({of})' for of, new in sorted(owners.items()))
        self.notes.append((node.lineno, f'{what} may have a new name: {ways}.'))

    def _replace(self, node, new):
        first, last = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        self._edits.append((first, last, new))

    def _insert(self, place, text):
        self._edits.append((place, place, text))

    def _replace_end(self, node, old, new):
        last = node.end_lineno, node.end_col_offset
        self._edits.append(((last[0], last[1] - len(old)), last, new))


def _public_paths(path):
    """Where a name may be public that a module defines: in the packages above it."""
    *packages, name = path.split('.')
    module = packages.pop() if packages else ''
    if module[:1].isupper():
        return []
    return ['.'.join([*packages[:count], name]) for count in range(len(packages), 0, -1)]


def _where_it_is_public(path):
    return next((public for public in _public_paths(path) if _is_there(public) is True), None)


@cache
def _is_there(path):
    """Whether today's package has a name; None if it has not even its module."""
    module, _, name = path.rpartition('.')
    folder = PACKAGE.parent.joinpath(*module.split('.'))
    if (folder / name).is_dir() or (folder / f'{name}.py').is_file():
        return True
    for file in (folder / '__init__.py', folder.with_suffix('.py')):
        if file.is_file():
            return re.search(rf'\b{name}\b', file.read_text(encoding='utf-8')) is not None
    return _is_there(module) if _is_class(module) else None


def _placed(node):
    """A node that has a place, if this one has none."""
    if isinstance(node, ast.comprehension):
        return node.target
    return node.context_expr if isinstance(node, ast.withitem) else node


def _line(node):
    return getattr(_placed(node), 'lineno', 0)


def _end(node):
    node = node.target if isinstance(node, ast.For | ast.comprehension) else _placed(node)
    return node.end_lineno, node.end_col_offset


def _is_code(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return 'import' in text


def _margin(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0][: len(lines[0]) - len(lines[0].lstrip())]


def _is_name(node):
    return isinstance(node, ast.Name)


def _last_part(path):
    return (path or '').rpartition('.')[2]


def _is_class(path):
    return path.rpartition('.')[2][:1].isupper()


def _cut(path, count):
    """A path without its last parts, and these."""
    parts = path.split('.')
    keep = len(parts) - count
    return '.'.join(parts[:keep]), ''.join(f'.{part}' for part in parts[keep:])


def _names_of_calls(node):
    """Last names of the calls in ``a(...).b(...)['c']``, the last first, and what they return."""
    names = []
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Call):
        if isinstance(node, ast.Call):
            name = _last_name(node.func)
            names += [name, *_RETURNS.get(name, ())]
            node = node.func
        else:
            node = node.value
    return tuple(names)


_CONTAINERS = ast.List | ast.Tuple | ast.Dict | ast.ListComp | ast.DictComp | ast.GeneratorExp


def _elements(node):
    """What a list or a dictionary is made of."""
    match node:
        case ast.List() | ast.Tuple():
            return node.elts
        case ast.Dict():
            return node.values
        case ast.DictComp():
            return [node.value]
        case ast.ListComp() | ast.GeneratorExp():
            return [node.elt]
    return []


def _root_of_calls(node):
    """The name that ``a.b(...)['c'].d`` begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _learned_attributes(node):
    """Attributes in ``a.b_['c']`` that end in an underscore, the last first."""
    chain = (n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute))
    return tuple(name for name in chain if name.endswith('_'))


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
