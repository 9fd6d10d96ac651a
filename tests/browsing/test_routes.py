import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from urllib.parse import urlencode

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.utils.masked import Masked
from PIL import Image

from astro_wgan import Band, StampSet, StampStore
from astro_wgan.browsing import Results
from astro_wgan.browsing.results_view import ResultsView
from tests.browsing.example_results import arrays_of, asking, make_stamps, row_shown


def rows_of(answer):
    assert answer.status == 200, answer.content
    return arrays_of(answer.content)[1]['rows'].tolist()


def picture_of(answer):
    assert (answer.status, answer.headers['content-type']) == (200, 'image/png')
    return np.asarray(Image.open(BytesIO(answer.content)))


def cells_of(answer, cell=(12, 16)):
    """The cells of a sheet, from the upper left corner on."""
    sheet, (width, height) = picture_of(answer), cell
    lines = len(sheet) // height
    assert sheet.shape == (lines * height, 8 * width, 3)
    cells = sheet.reshape(lines, height, 8, width, 3).swapaxes(1, 2)
    return cells.reshape(-1, height, width, 3)


def test_results_are_described(ask, view):
    found = ask('/api/results').json
    assert found['version'] == view.version
    assert (found['total'], found['withStamps'], found['model']) == (150, 150, None)
    assert (found['shape'], found['pixelScale'], found['by']) == ([16, 12], 0.06, 'anna')
    assert found['sprite'] == {
        'cell': [12, 16],
        'columns': 8,
        'perSheet': 64,
        'pictures': [{'name': 'input', 'label': 'input'}],
    }
    kinds = {column['name']: column['kind'] for column in found['columns']}
    assert kinds['flux'] == kinds['sky.ra'] == 'number'
    assert (kinds['tile'], kinds['anomalous_95']) == ('text', 'flag')
    assert found['labels']['standard'] == ['interesting', 'artifact', 'ordinary']


def test_columns_are_those_of_the_table_in_the_order_of_ranks(ask, results):
    table = results.table
    names = ['id', 'rank', 'score', 'flux', 'anomalous_95', 'tile', 'sky.dec']
    answer = ask(f'/api/columns?{urlencode({"name": names}, doseq=True)}')
    _, arrays = arrays_of(answer.content)
    assert arrays['id'] == table['id'].tolist()
    assert (arrays['rank'].dtype, arrays['score'].dtype) == (np.uint32, np.float64)
    np.testing.assert_array_equal(arrays['rank'], table['rank'])
    np.testing.assert_array_equal(arrays['score'], table['score'])
    assert arrays['flux'].dtype == np.float32
    mask = np.asarray(table['flux'].mask)
    np.testing.assert_array_equal(np.isnan(arrays['flux']), mask)
    np.testing.assert_array_equal(arrays['flux'][~mask], table['flux'].unmasked.value[~mask])
    np.testing.assert_array_equal(arrays['anomalous_95'], table['anomalous_95'])
    assert arrays['tile'] == table['tile'].tolist()
    np.testing.assert_array_equal(arrays['sky.dec'], table['sky'].dec.deg)


def test_columns_without_values_say_so(table):
    table['seen'] = np.ma.array(np.ones(150, bool), mask=np.arange(150) % 2 == 0)
    table['note'] = np.ma.array(['x'] * 150, mask=np.arange(150) % 3 == 0)
    table['count'] = np.ma.array(np.arange(150), mask=np.arange(150) % 5 == 0)
    results = Results.open(table, stamps=make_stamps(table))
    answer = asking(ResultsView(results))('/api/columns?name=seen&name=note&name=count')
    _, arrays = arrays_of(answer.content)
    mask = np.asarray(results.table['seen'].mask)
    np.testing.assert_array_equal(arrays['seen'], np.where(mask, 2, 1))
    assert [text is None for text in arrays['note']] == results.table['note'].mask.tolist()
    np.testing.assert_array_equal(np.isnan(arrays['count']), results.table['count'].mask)


def test_large_whole_numbers_keep_their_digits(table):
    table['object'] = np.arange(150) + 2**60
    results = Results.open(table, stamps=make_stamps(table))
    answer = asking(ResultsView(results))('/api/columns?name=object')
    assert arrays_of(answer.content)[1]['object'] == [str(k) for k in results.table['object']]


def test_names_of_columns_are_any_text(table):
    names = ['a,b', 'a:b', 'a', 'id=1&x', '<b>', '__proto__']
    for number, name in enumerate(names):
        table[name] = np.where(table['score'] > 0.5, f'yes {number}', 'no')
    ask = asking(ResultsView(Results.open(table, stamps=make_stamps(table))))
    _, arrays = arrays_of(ask(f'/api/columns?{urlencode({"name": names}, doseq=True)}').content)
    assert [arrays[name][0] for name in names] == [f'yes {k}' for k in range(len(names))]
    for number, name in enumerate(names):
        text = f'{name}:yes {number}'
        assert len(rows_of(ask(f'/api/order?{urlencode({"text": text})}'))) == 74


def test_numbers_of_more_digits_than_json_has_are_rounded(table):
    table['long'] = np.longdouble(1) / 3 + np.zeros(150, np.longdouble)
    ask = asking(ResultsView(Results.open(table, stamps=make_stamps(table))))
    values = {column['name']: column['value'] for column in ask('/api/source/4').json['columns']}
    assert values['long'] == 1 / 3


@pytest.mark.parametrize('masked', [False, True])
def test_sources_without_a_position_have_no_links(masked, table):
    ra = np.where(np.arange(150) == 0, np.nan, 10.0)
    if masked:
        ra = Masked(np.full(150, 10.0), mask=np.arange(150) == 0)
    table['sky'] = SkyCoord(ra * u.deg, np.full(150, -5.0) * u.deg)
    results = Results.open(table, stamps=make_stamps(table))
    ask, row = asking(ResultsView(results)), results.table['id'].tolist().index('source-0')
    for other in range(150):
        found = ask(f'/api/source/{other}').json
        assert (found['sky'] is None) == (found['links'] == []) == (other == row)


def test_catalogs_with_columns_of_degrees_have_links(table):
    table['ra'], table['dec'] = table['sky'].ra, table['sky'].dec
    del table['sky']
    results = Results.open(table, stamps=make_stamps(table))
    found = asking(ResultsView(results))('/api/source/4').json
    assert found['sky']['dec'] == pytest.approx(results.table['dec'][4].deg)
    assert [link['label'] for link in found['links']] == ['SIMBAD', 'Aladin Lite', 'ESASky']


def test_names_of_folders_need_not_be_utf_8(table, tmp_path):
    folder = tmp_path / os.fsdecode(b'\xff\xfe')
    try:
        folder.mkdir()
    except OSError:
        pytest.skip('this file system has names in UTF-8 only')
    table.write(folder / 'scores.ecsv')
    StampStore.from_stamps(folder / 'stamps.zarr', make_stamps(table)).close()
    ask = asking(ResultsView(Results.open(folder)))
    assert ask('/api/results').json['title'] == folder.name
    shutil.rmtree(folder / 'stamps.zarr')
    assert 'There is no store' in ask('/api/sheet/1').json['error']


def test_a_column_of_texts_is_no_relevance(table):
    table['relevance'] = 'high'
    ask = asking(ResultsView(Results.open(table, stamps=make_stamps(table))))
    assert ask('/api/order?by=least-sure').status == 409


def test_orders(ask, results):
    n, table = 150, results.table
    assert rows_of(ask('/api/order')) == list(range(n))
    shuffled = rows_of(ask('/api/order?by=random&seed=4'))
    assert sorted(shuffled) == list(range(n)) != shuffled
    assert rows_of(ask('/api/order?by=random&seed=4')) == shuffled
    assert rows_of(ask('/api/order?by=random&seed=5')) != shuffled
    ask('/api/labels', {'rows': [0, 7], 'label': 'ordinary'})
    assert rows_of(ask('/api/order?by=unlabeled'))[-2:] == [0, 7]
    flux = np.where(table['flux'].mask, np.nan, table['flux'].unmasked.value)
    known = np.flatnonzero(np.isfinite(flux))
    for way, sign in (('asc', 1), ('desc', -1), ('', -1)):
        rows = rows_of(ask('/api/order?by=column:flux' + f':{way}' * bool(way)))
        assert rows[: len(known)] == known[np.argsort(sign * flux[known], kind='stable')].tolist()
        assert {*rows[len(known) :]} == {*range(n)} - {*known.tolist()}
    tiles = table['tile'][rows_of(ask('/api/order?by=column:tile:asc'))].tolist()
    assert tiles == sorted(tiles)
    assert ask('/api/order?by=relevance').status == 409
    assert ask('/api/order?by=similar:3').status == 409


def test_filters_are_joined(ask, results):
    table, rows = results.table, np.arange(150)
    score, flux = table['score'], np.where(table['flux'].mask, np.nan, table['flux'].unmasked.value)
    north, ids = table['tile'] == 'north', np.array(table['id'])
    assert (
        rows_of(ask('/api/order?filter=score:0.2:0.6'))
        == rows[(score >= 0.2) & (score <= 0.6)].tolist()
    )
    assert rows_of(ask('/api/order?filter=flux::5')) == rows[flux <= 5].tolist()
    assert rows_of(ask('/api/order?filter=flux::')) == rows[np.isfinite(flux)].tolist()
    assert rows_of(ask('/api/order?filter=anomalous_95:1:1')) == rows[score > 0.95].tolist()
    found = rows_of(
        ask('/api/order?filter=score:0.3:&text=tile:NOR&id=source-1&by=column:score:asc')
    )
    expected = rows[(score >= 0.3) & north & np.char.startswith(ids, 'source-1')]
    assert found == expected[::-1].tolist()
    ask('/api/labels', {'rows': [2, 3], 'label': 'artifact'})
    ask('/api/labels', {'rows': [5], 'label': 'lens: maybe'})
    assert rows_of(ask('/api/order?label=artifact')) == [2, 3]
    assert rows_of(ask('/api/order?label=artifact&label=lens:%20maybe')) == [2, 3, 5]
    assert len(rows_of(ask('/api/order?label='))) == 147
    assert rows_of(ask('/api/order?label=none')) == []


def test_names_of_columns_may_have_colons(table):
    table['a:b:asc'] = np.arange(150.0)
    results = Results.open(table, stamps=make_stamps(table))
    ask = asking(ResultsView(results))
    values = results.table['a:b:asc']
    assert rows_of(ask('/api/order?by=column:a:b:asc'))[0] == values.argmax()
    assert rows_of(ask('/api/order?by=column:a:b:asc:asc'))[0] == values.argmin()
    assert len(rows_of(ask('/api/order?filter=a:b:asc:10:19'))) == 10


def test_sheets_show_the_rows_of_their_number(ask, table):
    shown = []
    for number in range(3):
        answer = ask(f'/api/sheet/{number}?picture=input')
        shown += [row_shown(cell) for cell in cells_of(answer)]
        assert 'immutable' in answer.headers['cache-control']
    assert shown[:150] == np.argsort(table['rank']).tolist()
    # The last sheet has two rows more than it has pictures of.
    assert (cells_of(ask('/api/sheet/2?picture=input'))[22:] == 128).all()
    assert ask('/api/sheet/3?picture=input').status == 404


def test_any_rows_are_shown_in_their_order(ask, table):
    rows = [149, 0, 77, 3, 3, 64, 65, 1, 9]
    cells = cells_of(ask('/api/cells?picture=input&rows=' + ','.join(map(str, rows))))
    expected = np.argsort(table['rank'])[rows].tolist()
    assert [row_shown(cell) for cell in cells[:9]] == expected
    assert len(cells) == 16


def test_rows_without_stamps_are_gray(table):
    results = Results.open(table, stamps=make_stamps(table)[np.arange(0, 150, 2)])
    ask = asking(ResultsView(results))
    gray = (cells_of(ask('/api/sheet/0?picture=input')) == 128).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(gray, ~results.stamps.known[:64])
    row = int(np.flatnonzero(~results.stamps.known)[0])
    assert ask(f'/api/picture/{row}/input').json == {'error': 'There is no stamp of this source.'}
    assert ask(f'/api/source/{row}').json['pictures'] == []
    flags = arrays_of(ask('/api/columns?name=has_stamp').content)[1]['has_stamp']
    np.testing.assert_array_equal(flags, results.stamps.known)


def test_large_pictures_have_all_pixels(table):
    results = Results.open(table, stamps=make_stamps(table, shape=(200, 120)))
    ask = asking(ResultsView(results, origin='upper'))
    assert ask('/api/results').json['sprite']['cell'] == [58, 96]
    assert picture_of(ask('/api/picture/9/input')).shape == (200, 120, 3)
    assert cells_of(ask('/api/sheet/0'), (58, 96)).shape[0] == 64


@pytest.mark.parametrize('origin', ['lower', 'upper'])
def test_the_first_row_is_at_the_chosen_end(origin, results, table):
    ask = asking(ResultsView(results, origin=origin))
    picture = picture_of(ask('/api/picture/0/input'))
    turned = picture if origin == 'lower' else picture[::-1]
    assert row_shown(turned) == np.argsort(table['rank'])[0]


def test_one_source_has_its_values_and_links(ask, results):
    found = ask('/api/source/4').json
    row = results.table[4]
    values = {column['name']: column['value'] for column in found['columns']}
    assert (found['id'], values['rank'], values['tile']) == (row['id'], 5, row['tile'])
    assert values['score'] == row['score']
    np.testing.assert_allclose(
        [found['sky']['ra'], found['sky']['dec']],
        [
            row['sky'].ra.deg,
            row['sky'].dec.deg,
        ],
    )
    links = {link['label']: link['url'] for link in found['links']}
    assert {*links} == {'SIMBAD', 'Aladin Lite', 'ESASky'}
    sign = '%2B' if row['sky'].dec.deg > 0 else '-'
    for url in links.values():
        assert url.startswith('https://')
        assert f'{row["sky"].ra.deg:.6f}%20{sign}{abs(row["sky"].dec.deg):.6f}' in url


def test_sources_without_positions_have_no_links(table):
    table.remove_column('sky')
    found = asking(ResultsView(Results.open(table, stamps=make_stamps(table))))('/api/source/0')
    assert (found.json['sky'], found.json['links']) == (None, [])


def test_texts_of_tables_are_data(table):
    """Markup in ids and names of columns is sent as it is, as JSON, which no browser runs."""
    table['id'] = [f'<script>alert({k})</script>' for k in range(150)]
    table['<img src=x onerror=alert(1)>'] = np.arange(150)
    ask = asking(ResultsView(Results.open(table, stamps=make_stamps(table))))
    answer = ask('/api/results')
    assert answer.headers['content-type'] == 'application/json'
    assert '<img src=x onerror=alert(1)>' in [c['name'] for c in answer.json['columns']]
    answer = ask('/api/columns?name=id')
    assert answer.headers['content-type'] == 'application/octet-stream'
    assert arrays_of(answer.content)[1]['id'][0].startswith('<script>')


def test_a_page_of_other_results_is_told_to_reload(ask, view):
    for path in ('/api/order', '/api/labels', '/api/columns?name=id', '/api/sheet/0'):
        assert ask(path, headers={'X-Results-Version': view.version}).status == 200
        stale = ask(path, headers={'X-Results-Version': 'other'})
        assert stale.status == 409
        assert stale.json['error'].endswith('reload it.')
    assert ask('/api/sheet/0?picture=input&version=other').status == 409
    stale = ask('/api/labels', {'rows': [1], 'label': 'x'}, headers={'X-Results-Version': 'no'})
    assert stale.status == 409
    assert ask('/api/labels').json['rows'] == []


@pytest.mark.parametrize(
    ('rgb', 'order'), [(None, (2, 1, 0)), (('g', 'i', 'r'), (0, 2, 1)), ((0, 1, 2), (0, 1, 2))]
)
def test_bands_are_colors(rgb, order):
    """Of three sources each has light in one band; by default red is the longest."""
    pixels = np.random.default_rng(1).normal(size=(3, 16, 16, 3)).astype(np.float32)
    for k in range(3):
        pixels[k, 6:10, 6:10, k] += 100
    lengths = {'g': 0.5, 'r': 0.6, 'i': 0.8}
    bands = [Band(name, wavelength=length * u.um) for name, length in lengths.items()]
    stamps = StampSet(pixels, table={'id': [0, 1, 2]}, bands=bands)
    results = Results.open({'id': [0, 1, 2], 'rank': [1, 2, 3]}, stamps=stamps)
    ask = asking(ResultsView(results, rgb=rgb))
    described = ask('/api/results').json
    assert described['bands'] == ['g', 'r', 'i']
    assert described['colors'] == [['gri'[k]] for k in order]
    cells = cells_of(ask('/api/cells?rows=0,1,2'), (16, 16))[:3]
    light = cells[:, 6:10, 6:10].mean(axis=(1, 2))
    assert light.argmax(axis=1).tolist() == [order.index(k) for k in range(3)]
    assert (np.sort(light)[:, 2] > np.sort(light)[:, 1] + 100).all()


def test_bands_that_are_not_there_are_refused_at_once(results):
    with pytest.raises(ValueError, match='`rgb` must be three bands'):
        ResultsView(results, rgb=('i', 'r', 'g'))


def test_many_requests_at_once_are_answered_as_one_by_one(client, ask):
    """As by several windows."""
    client.write('/api/labels', {'rows': [4], 'label': 'ordinary'})
    paths = [f'/api/sheet/{k}?picture=input' for k in range(3)]
    paths += ['/api/cells?rows=1,5,140', '/api/columns?name=id&name=score', '/api/order?label=']
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(client.ask, 5 * paths))
    for path, answer in zip(5 * paths, answers, strict=True):
        assert answer.content == ask(path).content
