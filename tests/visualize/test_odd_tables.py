"""Tables written by others: each gives a page, or a sentence that names the argument."""

import json
import re

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import AltAz, Galactic, SkyCoord
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked

from astro_wgan.gallery import write_gallery
from astro_wgan.gallery.page_text import meta_text

IMAGES = np.random.default_rng(1).normal(size=(2, 8, 8))


def loop():
    meta = {}
    meta['itself'] = [meta]
    return meta


def many():
    few = ['x'] * 10
    for _ in range(6):
        few = [few] * 10
    return few


class Silent:
    def __str__(self):
        raise RuntimeError('says nothing')


def text_columns(*names):
    return {name: ['a', 'b'] for name in names}


PAGES = {
    'masked columns': {'flux': MaskedColumn([1.0, 2.0], mask=[True, False])},
    'masked ids': {'id': MaskedColumn([1, 2], mask=[True, False])},
    'masked scores': {'score': MaskedColumn([1.0, 2.0], mask=[True, False])},
    'masked quantity': {'flux': Masked([1.0, 2.0] * u.nJy, mask=[True, False])},
    'masked flags': {'anomalous_90': MaskedColumn([True, True], mask=[True, False])},
    'vectors': {'spectrum': np.ones((2, 5))},
    'objects': {'thing': np.array([{}, object()], dtype=object)},
    'objects that say nothing': {'thing': np.array([1.5, None], dtype=object)},
    'objects as scores': {'score': np.array([1, None], dtype=object)},
    'objects as ids': {'id': np.array([None, 'a'], dtype=object)},
    'mixed ids': {'id': np.array([7, 'a'], dtype=object)},
    'bytes': {'id': np.array([b'COS-1', b'COS-2']), 'name': np.array([b'\xff\xfe', b'b'])},
    'times': {'date': Time([60000.0, 60001.0], format='mjd')},
    'positions': {'sky': SkyCoord([1, 2], [3, 4], unit='deg', frame=Galactic)},
    'positions without a number': {'sky': SkyCoord([1, np.nan], [3, 4], unit='deg')},
    'positions of no known sky': {'sky': SkyCoord([1, 2], [3, 4], unit='deg', frame=AltAz)},
    'positions twice in a row': {'sky': SkyCoord([[1], [2]], [[3], [4]], unit='deg')},
    'text as sky': text_columns('sky'),
    'text as numbers': text_columns(
        'x', 'y', 'valid_fraction', 'p_value', 'residual_loss', 'feature_loss', 'peak_residual'
    ),
    'flags as numbers': {
        'x': [True, False],
        'valid_fraction': [True, False],
        'rank': [True, False],
    },
    'text as ranks': text_columns('rank'),
    'text as flags': text_columns('anomalous_90'),
    'numbers as flags': {'anomalous_90': [0.5, np.nan]},
    'ranks without a number': {'rank': [1.0, np.nan]},
    'names like others': {'Score': [1, 2], 'score ': [1, 2], 'mean_intensity': [1, 2], '': [1, 2]},
    'names of JavaScript': {'__proto__': [1, 2], 'constructor': [1, 2], 'toString': [1, 2]},
    'names of levels': {f'anomalous_{x}': [True, False] for x in ('\u00b2', '\u0663', '090', '')},
    'levels beyond all': {'anomalous_100': [True, False], 'anomalous_99999': [True, False]},
    'complex numbers': {'z': [1j, 2j]},
    'long numbers': {'big': np.array([2**63 - 1, -(2**63)]), 'rank': np.array([2**62, 2**63 - 1])},
    'long double': {'flux': np.array([1, 2], dtype=np.longdouble)},
    'half precision': {'score': np.array([1, np.inf], dtype=np.float16)},
    'structured': {'s': np.zeros(2, dtype=[('a', float), ('b', int)])},
    'structured quantity': {'s': u.Quantity([(1, 2), (3, 4)], 'm, s', dtype='f8, f8')},
    'long texts': {'id': ['x' * 50_000, 'y'], 'note': ['<b>' * 50_000, '']},
    'half a character': {'id': ['a\ud800', 'b'], 'n\udfff': ['\udcff', 'b']},
    'control characters': {'id': ['a\x00\x07\x1b[31m', 'b\x9b']},
    'infinite scores': {'score': [np.inf, -np.inf]},
    'no scores': {'score': [np.nan, np.nan]},
    'huge scores': {'score': [1e308, -1e308], 'x': [1.7976931348623157e308, 1]},
    'tiny scores': {'score': [5e-324, 0.0]},
    'scores next to each other': {'score': [1e17, np.nextafter(1e17, np.inf)]},
    'scores with a unit': {'score': [1, 2] * u.nJy},
    'whole scores': {'score': np.array([1, 2], dtype=np.uint8)},
    'unknown units': {'flux': Column([1.0, 2.0], unit=u.Unit('<b>', parse_strict='silent'))},
    'magnitudes': {'mag': [20, 21] * u.ABmag},
}

METAS = {
    'no mapping as thresholds': {'thresholds': 5},
    'text as threshold': {'thresholds': {'held-out': {'90': '<b>'}}},
    'no number as threshold': {
        'thresholds': {'held-out': {'90': np.nan}, 'training': {'90': None}}
    },
    'thresholds of text': {'thresholds': {'held-out': 'none'}},
    'no number as gamma': {'search': {'gamma': np.nan}},
    'quantity as gamma': {'search': {'gamma': 5 * u.m}},
    'text as search': {'search': 'none'},
    'dates': {'provenance': {'date': Time(60000, format='mjd')}},
    'no provenance': {'provenance': ['a']},
    'itself': loop(),
    'keys that are no text': {(1, 2): 3, None: 4, b'b': 5, '\ud800': 6},
    'lists of lists': {'comments': many(), 'a': [[[]]], 'set': {1, 2}},
    'arrays': {'a': np.arange(100_000), 'b': np.float32(3), 'c': Table({'d': [1]})},
    'objects that say nothing': {'a': Silent()},
    'numbers without end': {'a': 10**6000, 'b': np.inf},
}


def write(tmp_path, odd=None, meta=None, kind=QTable, **options):
    table = kind({'id': [1, 2], 'score': [1.0, 0.0], 'rank': [1, 2], 'anomalous_85': [True, False]})
    for name, values in (odd or {}).items():
        table[name] = values
    table.meta.update(meta or {})
    images = {'inputs': IMAGES, 'closest_images': IMAGES, 'residuals': IMAGES}
    return write_gallery(
        tmp_path / 'page.html', table, **{'rows': [0, 1], **images, **options}
    ).read_text(encoding='utf-8')


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])


@pytest.mark.parametrize('kind', [QTable, Table])
@pytest.mark.parametrize('name', PAGES)
def test_an_odd_column_gives_a_page(tmp_path, name, kind):
    page = write(tmp_path, PAGES[name], kind=kind)
    assert len(data_of(page)['ids']) == 2
    assert len(page) < 1_000_000


@pytest.mark.parametrize('name', METAS)
def test_odd_meta_gives_a_page(tmp_path, name):
    page = write(tmp_path, {'anomalous_90': [True, False]}, METAS[name])
    assert len(data_of(page)['ids']) == 2
    assert len(page) < 2_000_000


@pytest.mark.parametrize(
    ('columns', 'says'),
    [
        (text_columns('score'), "column 'score' of `table` must hold one real number per row"),
        ({'score': [1j, 2j]}, "column 'score' of `table` must hold one real number per row"),
        ({'score': np.ones((2, 2))}, "column 'score' of `table` must hold one real number per row"),
        (
            {'score': Time([1.0, 2.0], format='mjd')},
            "column 'score' of `table` must hold one real number per row; got Time",
        ),
        ({'id': np.ones((2, 2))}, "column 'id' of `table` must hold one number or text per row"),
        (
            {'id': SkyCoord([1, 2], [3, 4], unit='deg')},
            "column 'id' of `table` must hold one number or text per row; got SkyCoord",
        ),
    ],
)
def test_columns_that_a_page_needs_are_named(tmp_path, columns, says):
    with pytest.raises(ValueError, match=says):
        write(tmp_path, columns)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        ({'title': 5}, '`title` must be text; got 5'),
        ({'title': None}, '`title` must be text; got None'),
        ({'notes': 5}, '`notes` must be text'),
        ({'notes': [5]}, r'`notes` must be text, or a list of texts; got \[5\]'),
        ({'notes': None}, '`notes` must be text'),
        ({'columns': 'flux'}, "`columns` must be a list of names of columns; got 'flux'"),
        ({'columns': 5}, '`columns` must be a list of names'),
        ({'rgb': 5}, '`rgb` must be three bands'),
        ({'rows': [[0], [0, 1]]}, '`rows` must be a list of row numbers'),
        ({'rows': None}, '`rows` must be a list of row numbers'),
        ({'rows': [True, False]}, '`rows` must be a list of row numbers'),
        ({'inputs': [['a']]}, '`inputs` must be images of real numbers'),
        ({'inputs': [[1], [1, 2]]}, '`inputs` must be images of real numbers'),
        (
            {'closest_images': IMAGES * 1j},
            '`closest_images` must be .* real numbers; got dtype complex',
        ),
        ({'residuals': None}, '`residuals` must be images of real numbers'),
    ],
)
def test_odd_arguments_are_named(tmp_path, options, says):
    with pytest.raises(ValueError, match=says):
        write(tmp_path, **options)


@pytest.mark.parametrize('table', [None, {'id': [1]}, np.zeros(3), 'scores.ecsv'])
def test_what_is_no_table_is_refused(tmp_path, table):
    with pytest.raises(TypeError, match='`table` must be a table of astropy; got '):
        write_gallery(
            tmp_path / 'p.html', table, rows=[], inputs=[], closest_images=[], residuals=[]
        )  # fmt: skip


def test_an_empty_table_with_every_kind_of_column_gives_a_page(tmp_path):
    none = np.zeros((0, 8, 8))
    for name, columns in PAGES.items():
        table = QTable({'id': [1, 2], 'score': [1.0, 0.0], 'rank': [1, 2], **columns})[:0]
        path = write_gallery(
            tmp_path / 'p.html', table, rows=[], inputs=none, closest_images=none, residuals=none
        )
        assert 'No stamps were scored' in path.read_text(encoding='utf-8'), name


def test_what_cannot_be_shown_has_a_sign_in_its_place(tmp_path):
    columns = {'id': ['a\ud800b', 'c\x00\x1b\x9bd'], 'n\udfff': ['\x07', 'ok']}
    data = data_of(write(tmp_path, columns, title='t\udcff', notes='\x0cn'))
    assert data['ids'] == ['a\ufffdb', 'c\ufffd\ufffd\ufffdd']
    assert data['title'] == 't\ufffd'
    found = {column['name']: column['values'] for column in data['columns']}
    assert found['n\ufffd'] == ['\ufffd', 'ok']


def test_ids_of_bytes_and_missing_ones_are_text(tmp_path):
    masked = MaskedColumn(np.array([b'COS-1', b'COS-2']), mask=[False, True])
    assert data_of(write(tmp_path, {'id': masked}))['ids'] == ['COS-1', '']


@pytest.mark.parametrize('value', [0.1, -1.7976931348623157e308, 5e-324, 123456.789])
def test_numbers_of_any_size_are_those_of_the_table(tmp_path, value):
    data = data_of(write(tmp_path, {'flux': [value, 1.0]}))
    flux = next(column for column in data['columns'] if column['name'] == 'flux')
    assert flux['values'][0] == pytest.approx(value, rel=1e-9)


def test_meta_is_cut_off_where_it_does_not_end():
    text = meta_text(loop())
    assert json.loads(text) == {'itself': ['…']}
    assert json.loads(meta_text({'a': [1, {'b': None}], (1, 2): []})) == {
        'a': [1, {'b': None}],
        '(1, 2)': [],
    }
    assert len(meta_text({'a': many()})) < 2**20 + 10
    assert meta_text({'a': many()}).endswith('\n…')
