import csv
import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / 'docs' / 'development'
KINDS = {
    'argument',
    'attribute',
    'column',
    'command',
    'key',
    'module',
    'name',
    'position',
    'value',
}
PACKAGES = (
    'anomaly',
    'baselines',
    'datasets',
    'detection',
    'evaluate',
    'images',
    'mergers',
    'mocks',
    'morphology',
    'noise',
    'simulate',
    'sources',
    'stamps',
    'visualize',
    'wgan',
)


@pytest.fixture(scope='module')
def script():
    spec = importlib.util.spec_from_file_location('carry_over', FOLDER / 'carry_over.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def table(script, tmp_path_factory):
    """Names that are not those of the package, so that this test outlives its changes."""
    path = tmp_path_factory.mktemp('names') / 'renamed.csv'
    path.write_text(
        'kind,of,old,new\n'
        'name,,astro_wgan.a.Old,astro_wgan.b.New\n'
        'name,,astro_wgan.a.kept,astro_wgan.b.kept\n'
        'name,,astro_wgan.a.look,astro_wgan.a.find\n'
        'name,,astro_wgan.a.cut,astro_wgan.Set.from_image\n'
        'module,,astro_wgan.x.y,astro_wgan.z.w\n'
        'argument,look,into,output\n'
        'argument,Old.change,into,target\n'
        'argument,Old,gone,\n'
        'attribute,Old,scatter,rms\n'
        'attribute,Old,finestness,rms\n'
        'attribute,LatentSearch,start,init\n'
        'name,,astro_wgan.wgan.preset,astro_wgan.wgan.WGAN.preset\n'
        'attribute,Old,to_disk,"astro_wgan.Disk.write(path, self)"\n'
        'column,look,npix,area\n'
        'key,meta of look,npix,n_pixels\n'
        'key,meta of look: a.b,npix,n_below\n'
        'key,Old.facts_,npix,n_facts\n'
        'key,Old.facts_: a,npix,n_in_facts\n'
        'column,look,flux_error,flux_err\n'
        'column,history_,loss,total_loss\n'
        'value,Old.start,free,zero\n'
        'value,look.kind,bad,poor\n'
        'position,write,0,output\n'
        'position,write,1,classes\n'
        'command,hunt,--out,--output\n'
    )
    return script.read_table(path)


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('from astro_wgan.a import Old\nOld(1)\n', 'from astro_wgan.b import New\nNew(1)\n'),
        ('from astro_wgan.a import Old as O\nO(1)\n', 'from astro_wgan.b import New as O\nO(1)\n'),
        (
            'from astro_wgan.a import kept, other\n',
            'from astro_wgan.b import kept\nfrom astro_wgan.a import other\n',
        ),
        (
            'if True:\n    from astro_wgan.a import kept, other\n',
            'if True:\n    from astro_wgan.b import kept\n    from astro_wgan.a import other\n',
        ),
        (
            'from astro_wgan.a import cut, other\ncut(1)\n',
            'from astro_wgan import Set\nfrom astro_wgan.a import other\nSet.from_image(1)\n',
        ),
        (
            'from astro_wgan.a import Old\nOld.scatter(1)\n',
            'from astro_wgan.b import New\nNew.rms(1)\n',
        ),
        ('import astro_wgan.x.y as y\n', 'import astro_wgan.z.w as y\n'),
        (
            "h = model.history_\nprint(h['loss'], model.history_['loss'])\n",
            "h = model.history_\nprint(h['total_loss'], model.history_['total_loss'])\n",
        ),
        ('from astro_wgan.x import y\ny.f()\n', 'from astro_wgan.z import w\nw.f()\n'),
        (
            '"""Says."""\nimport astro_wgan as aw\naw.a.Old(1)\n',
            '"""Says."""\nimport astro_wgan.b\nimport astro_wgan as aw\nastro_wgan.b.New(1)\n',
        ),
        ('t = look(1, into="ä")\n', 't = look(1, output="ä")\n'),
        ('"é"; t = look(1, into=2)\n', '"é"; t = look(1, output=2)\n'),
        ('other(1, into=2)\n', 'other(1, into=2)\n'),
        ("t = look(1)\nt['npix'], t['x']\n", "t = look(1)\nt['area'], t['x']\n"),
        ("t = look(1)\nt['id', 'npix']\n", "t = look(1)\nt['id', 'area']\n"),
        ('t = look(1)\nf\'{t["npix"]}\'\n', 't = look(1)\nf\'{t["area"]}\'\n'),
        ("t = look(1)\n'npix' in t.colnames\n", "t = look(1)\n'area' in t.colnames\n"),
        ("r = look(1)\nt = r.table\nt['npix']\n", "r = look(1)\nt = r.table\nt['area']\n"),
        ("t = look(1).stamps\nt['npix']\n", "t = look(1).stamps\nt['area']\n"),
        ("t = look(1)\nt.meta['npix']\n", "t = look(1)\nt.meta['n_pixels']\n"),
        (
            "t = look(1)\nt.meta['a'], t.meta['a']['b'][0]['npix'], t.meta['b']['npix']\n",
            "t = look(1)\nt.meta['a'], t.meta['a']['b'][0]['n_below'], t.meta['b']['npix']\n",
        ),
        (
            "o = Old(1)\no.facts_['npix'], o.facts_['a']['npix']\n",
            "o = Old(1)\no.facts_['n_facts'], o.facts_['a']['n_in_facts']\n",
        ),
        ('text = str(1)\ntext.index(2)\n', 'text = str(1)\ntext.index(2)\n'),
        ('ax.scatter\n', 'ax.scatter\n'),
        ("t['flux_error']\n", "t['flux_err']\n"),
        (
            "QTable({'flux_error': 1, 'npix': 2, **t})\n",
            "QTable({'flux_err': 1, 'npix': 2, **t})\n",
        ),
        ("for r in look(1):\n    r['npix']\n", "for r in look(1):\n    r['area']\n"),
        # A name stands for what it was given last, in a function for what it is given there.
        (
            "t = look(1); t['npix']; t = mine(2); t['npix']\n",
            "t = look(1); t['area']; t = mine(2); t['npix']\n",
        ),
        (
            "def f():\n    t = look(1)\n    t['npix']\nt = mine(1)\nt['npix']\n",
            "def f():\n    t = look(1)\n    t['area']\nt = mine(1)\nt['npix']\n",
        ),
        (
            'with Old(1) as o, open(2):\n    o.scatter\no = 3\no.scatter\n',
            'with Old(1) as o, open(2):\n    o.rms\no = 3\no.scatter\n',
        ),
        (
            'def f():\n    global o\n    o = Old(1)\nf()\no.scatter\n',
            'def f():\n    global o\n    o = Old(1)\nf()\no.rms\n',
        ),
        # What a function of the script returns.
        (
            "def f():\n    t = look(1)\n    return t\nf()['npix']\n",
            "def f():\n    t = look(1)\n    return t\nf()['area']\n",
        ),
        ("f = lambda: look(1)\nf()['npix']\n", "f = lambda: look(1)\nf()['area']\n"),
        ("t = look(1)\n[r['npix'] for r in t]\n", "t = look(1)\n[r['area'] for r in t]\n"),
        ('detector.search.start, m.start\n', 'detector.search.init, m.start\n'),
        ('o = Old(1)\no.scatter\n', 'o = Old(1)\no.rms\n'),
        (
            'o = Old(1)\no = o.fit(2)\no.scatter\n',
            'o = Old(1)\no = o.fit(2)\no.rms\n',
        ),
        ('x = Old(1).fit(2)\nx.scatter\n', 'x = Old(1).fit(2)\nx.rms\n'),
        (
            "o.to_disk('a', b=1)\n",
            "from astro_wgan import Disk\nDisk.write('a', o, b=1)\n",
        ),
        (
            "code = '''\n    from astro_wgan.a import kept\n    kept(1)\n    '''\n",
            "code = '''\n    from astro_wgan.b import kept\n    kept(1)\n    '''\n",
        ),
        ("run(['astro-wgan', 'hunt', '--out'])\n", "run(['astro-wgan', 'hunt', '--output'])\n"),
        ("run(['other', '--out'])\n", "run(['other', '--out'])\n"),
        ("Old(start='free')\n", "Old(start='zero')\n"),
        # In a loop over names of columns.
        (
            "t = look(1)\n[t[c] - t[c] for c in ('npix', 'x')]\n",
            "t = look(1)\n[t[c] - t[c] for c in ('area', 'x')]\n",
        ),
        (
            "t = look(1)\nfor c in ['npix', 'x']:\n    t[c]\n['npix']\n",
            "t = look(1)\nfor c in ['area', 'x']:\n    t[c]\n['npix']\n",
        ),
        (
            "c = ('npix', 'x')\nt = look(1)\nt[c]\n",
            "c = ('area', 'x')\nt = look(1)\nt[c]\n",
        ),
        # In lists and dictionaries of tables, of which the keys are no columns.
        (
            "m = {'npix': look(1)}\nm['npix']['npix']\n",
            "m = {'npix': look(1)}\nm['npix']['area']\n",
        ),
        (
            "m = {k: look(k) for k in 'ab'}\nfor k, t in m.items():\n    t['npix']\n",
            "m = {k: look(k) for k in 'ab'}\nfor k, t in m.items():\n    t['area']\n",
        ),
        ("for t in [look(1), 2]:\n    t['npix']\n", "for t in [look(1), 2]:\n    t['area']\n"),
        # As arguments.
        ("t = look(1)\nt.sort('npix')\n", "t = look(1)\nt.sort('area')\n"),
        ("t = look(1)\nt.keep_columns(['npix'])\n", "t = look(1)\nt.keep_columns(['area'])\n"),
        ("t = look(1)\nother(t, 'npix')\n", "t = look(1)\nother(t, 'npix')\n"),
        (
            "from astro_wgan.a import plot\nt = look(1)\nplot(t, 'npix')\n",
            "from astro_wgan.a import plot\nt = look(1)\nplot(t, 'area')\n",
        ),
        (
            "from astro_wgan.a import look\nlook('bad')\n",
            "from astro_wgan.a import find\nfind('poor')\n",
        ),
        ('o = Old(1)\no.change(into=2)\n', 'o = Old(1)\no.change(target=2)\n'),
        ('o = look(1)\nreplace(o, into=2)\n', 'o = look(1)\nreplace(o, output=2)\n'),
        ("write('a', *b)\n", "write(output='a', *b)\n"),
        ("write('a', {'b': 1})\n", "write(output='a', classes={'b': 1})\n"),
        # Public names from the modules in which they are defined.
        ('from astro_wgan.a.c import Old\n', 'from astro_wgan.b import New\n'),
        ('from astro_wgan.x.y import z\n', 'from astro_wgan.z.w import z\n'),
        ("patch('astro_wgan.x.y.f')\n", "patch('astro_wgan.z.w.f')\n"),
        ("run('from astro_wgan.x import y')\n", "run('from astro_wgan.z import w')\n"),
        ("other(start='free')\n", "other(start='free')\n"),
    ],
)
def test_names_are_carried_over(script, table, old, new):
    found, notes = script.carried_over(old, table)
    assert found == new
    assert notes == []


@pytest.mark.parametrize(
    ('text', 'line', 'note'),
    [
        ("x = 1\nt['npix']\n", 2, "column 'npix' may have a new name: area"),
        ('x = 1\nx.finestness\n', 2, 'attribute `finestness` may have a new name: rms'),
        ('Old(gone=3)\n', 1, 'no `gone` any more'),
        ("s = StampStore.open(1)\ns.read_table(['npix'])\n", 2, "column 'npix' may have"),
        ("t = detector.score(1)\nt['npix']\n", 2, "column 'npix' may have a new name"),
        ("def f(t):\n    return t\nf(1)['npix']\n", 3, "column 'npix' may have a new name"),
        ("for c in ('bad',):\n    look(c)\n", 1, "value 'bad' may have a new name: poor"),
        ('import astro_wgan.stamps as s\ns.gone\n', 2, '`astro_wgan.stamps.gone` is not there'),
        ('from astro_wgan.stamps import gone\n', 1, '`astro_wgan.stamps.gone` is not there'),
    ],
)
def test_what_is_not_clear_is_left_and_named(script, table, text, line, note):
    found, notes = script.carried_over(text, table)
    assert found == text
    assert [n[0] for n in notes] == [line]
    assert note in notes[0][1]


def test_what_gives_something_else_is_named(script, table):
    found, notes = script.carried_over('from astro_wgan.wgan import preset\npreset(1)\n', table)
    assert found == 'from astro_wgan.wgan import WGAN\nWGAN.preset(1)\n'
    assert [n[0] for n in notes] == [1]
    assert 'whose `network` and `training`' in notes[0][1]


@pytest.mark.parametrize('maker', ["Table.read('mine.fits')", 'mine(1)'])
def test_columns_of_other_tables_stay(script, table, maker):
    text = f"from astropy.table import Table\nfrom my import mine\nt = {maker}\nt['npix']\n"
    assert script.carried_over(text, table) == (text, [])


def test_every_row_of_the_table_is_whole_and_in_its_place():
    with (FOLDER / 'renamed.csv').open(newline='') as file:
        head, *rows = csv.reader(file)
    assert head == ['kind', 'of', 'old', 'new']
    assert {len(row) for row in rows} == {4}
    assert [row[:3] for row in rows] == sorted({tuple(row[:3]): row[:3] for row in rows}.values())
    for kind, of, old, new in rows:
        assert kind in KINDS
        assert bool(of) == (kind not in ('module', 'name'))
        assert old != new
        if kind in ('argument', 'attribute', 'column'):
            assert re.fullmatch(r'\w+', old), old
            assert re.fullmatch(r'\w*|astro_wgan[.\w]+\([\w, ]+\)', new), new


def test_new_arguments_exist(script):
    """Those of functions and classes that a package exports under their new name."""
    table = script.read_table()
    callables = _public_callables() | {
        old.rpartition('.')[2]: _found(new) for old, new in table['name'][''].items()
    }
    checked = 0
    for of, arguments in table['argument'].items():
        if callable(callables.get(of)):
            names = set(inspect.signature(callables[of]).parameters)
            assert {new for new in arguments.values() if new} <= names, of
            checked += len(arguments)
    assert checked > 100


def test_methods_that_became_functions_have_their_arguments(script):
    for owners in script.read_table()['attribute'].values():
        for new in owners.values():
            assert not new.startswith('astro_wgan.') or 'self' in new, new


def test_new_names_exist_and_old_ones_do_not(script):
    table = script.read_table()
    for old, new in table['name'][''].items():
        assert _exists(new), new
        assert not _is_public(old), old
    for old, new in table['module'][''].items():
        assert importlib.util.find_spec(new) is not None, new
        assert not _is_module(old), old


def _exists(path):
    return _found(path) is not None


def _found(path):
    """What has a path: in a module, or as a method of a class."""
    module, _, name = path.rpartition('.')
    try:
        return getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError:
        return getattr(_of(module), name, None) if '.' in module else None


def _public_callables():
    """What the packages export, by name."""
    found = {}
    for package in ('astro_wgan', *(f'astro_wgan.{name}' for name in PACKAGES)):
        module = importlib.import_module(package)
        found |= {name: getattr(module, name) for name in module.__all__}
    return found


def _is_public(path):
    module, _, name = path.rpartition('.')
    try:
        return name in getattr(importlib.import_module(module), '__all__', ())
    except ModuleNotFoundError:
        return False


def _of(path):
    """A class, of which the last name of a path is a method."""
    module, _, name = path.rpartition('.')
    try:
        return getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError:
        return None


def _is_module(path):
    try:
        spec = importlib.util.find_spec(path)
    except ModuleNotFoundError:
        return False
    # A folder may have the name that a module had.
    return spec is not None and not spec.submodule_search_locations
