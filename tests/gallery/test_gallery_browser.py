"""The gallery page in a real browser: what a person sees, clicks and types."""

import csv
import json
import time

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable, Table

from astro_wgan.gallery import write_gallery

webdriver = pytest.importorskip('selenium.webdriver')
from judges.chromium import (  # noqa: E402
    MARKS,
    as_new,
    choose,
    color,
    contrast,
    find,
    luminance,
    resize,
    wait,
)
from selenium.webdriver.common.keys import Keys  # noqa: E402

pytestmark = MARKS

N = 120


def scores():
    """A score table with all columns; stamp 7 is fully masked, stamp 3 partly."""
    rng = np.random.default_rng(1)
    table = QTable({'id': [f'XDF {k:03d}' for k in range(N)]})
    table['x'], table['y'] = rng.uniform(0, 1000, size=(2, N))
    table['sky'] = SkyCoord(53.1 + table['x'] / 1e4, -27.8 + table['y'] / 1e4, unit='deg')
    table['flux'] = rng.lognormal(size=N) * u.nJy
    table['residual_loss'], table['feature_loss'] = rng.lognormal(size=(2, N))
    table['score'] = 0.7 * table['residual_loss'] + 0.3 * table['feature_loss']
    table['critic_value'] = rng.normal(size=N)
    table['valid_fraction'] = 1.0
    table['valid_fraction'][3] = 0.8
    for name in ('score', 'residual_loss', 'feature_loss', 'critic_value'):
        table[name][7] = np.nan
    table['valid_fraction'][7] = 0
    order = np.argsort(np.nan_to_num(-table['score'], nan=np.inf))
    table['p_value'] = 0.0
    table['p_value'][order] = (1 + np.arange(N)) / (N + 1)
    table['p_value'][7] = np.nan
    table['rank'] = 0
    table['rank'][order] = 1 + np.arange(N)
    thresholds = {}
    for level in (85, 90, 95):
        threshold = np.nanpercentile(table['score'], level)
        thresholds[str(level)] = float(threshold)
        table[f'anomalous_{level}'] = table['score'] > threshold
    table['trained_on'] = np.arange(N) % 2 == 0
    table.meta = {
        'thresholds': {'held-out': thresholds},
        'search': {'gamma': 0.7},
        'provenance': {'date': '2026-05-12T10:00:00+00:00'},
    }
    return table


def write(path, table, **options):
    """A gallery of all stamps of a table, with images of noise."""
    rows = np.argsort(table['rank'])
    inputs = np.random.default_rng(2).normal(size=(len(table), 16, 16)).astype(np.float32)
    closest = np.zeros_like(inputs)
    return write_gallery(
        path, table, rows=rows, inputs=inputs, closest_images=closest, residuals=inputs, **options
    )


@pytest.fixture(scope='module')
def table():
    return scores()


@pytest.fixture(scope='module')
def page(table, tmp_path_factory):
    return write(tmp_path_factory.mktemp('gallery') / 'strange.html', table)


@pytest.fixture
def browser(chromium):
    """A browser of desktop size that must not have met an error in the end."""
    as_new(chromium)
    yield chromium
    assert chromium.get_log('browser') == []


def visit(browser, path):
    browser.get(path.as_uri())


def ids(browser):
    """Of the cards, in the order of the page."""
    return browser.execute_script(
        'return [...document.querySelectorAll(".card .id")].map((id) => id.textContent)'
    )


def wait_for_file(browser, path):
    # Chromium creates a file before it writes it.
    wait(browser, lambda: path.exists() and path.stat().st_size)


def test_there_is_a_card_for_each_stamp_in_the_order_of_the_ranks(browser, page, table):
    visit(browser, page)
    assert ids(browser) == table['id'][np.argsort(table['rank'])].tolist()
    first = find(browser, '.card')
    row = table[table['rank'] == 1]
    assert find(first, '.rank').text == '1'
    assert float(find(first, '.score').text) == pytest.approx(row['score'][0], rel=1e-3)
    assert float(find(first, '.p').text.removeprefix('p = ')) == pytest.approx(1 / 121, rel=0.02)
    assert find(first, '.chip').text == '> 95 %'
    assert find(browser, '#count').text == f'{N} stamps'


def test_images_are_decoded_only_near_the_viewport(browser, page):
    visit(browser, page)
    widths = 'return [...arguments[0].querySelectorAll("img")].map((image) => image.naturalWidth)'
    cards = browser.find_elements('css selector', '.card')
    wait(browser, lambda: browser.execute_script(widths, cards[0]) == [16, 16, 16])
    assert browser.execute_script(widths, cards[-1]) == [0, 0, 0]
    browser.execute_script('arguments[0].scrollIntoView()', cards[-1])
    wait(browser, lambda: browser.execute_script(widths, cards[-1]) == [16, 16, 16])


def test_a_fully_masked_stamp_comes_last_and_says_so(browser, page):
    visit(browser, page)
    last = browser.find_elements('css selector', '.card')[-1]
    browser.execute_script('arguments[0].scrollIntoView()', last)
    assert find(last, '.id').text == 'XDF 007'
    assert find(last, '.score').text == 'no score'
    assert '0 % valid' in last.text


@pytest.mark.parametrize(
    'name', ['score', 'p_value', 'residual_loss', 'feature_loss', 'critic_value', 'flux']
)
def test_cards_are_sorted_by_any_number_in_both_directions(browser, page, table, name):
    visit(browser, page)
    choose(browser, 'sort', name)
    values = np.asarray(getattr(table[name], 'value', table[name]))
    signs = (1, -1) if name == 'p_value' else (-1, 1)
    for sign in signs:
        key = np.where(np.isnan(values), np.inf, sign * values)
        assert ids(browser) == table['id'][np.argsort(key)].tolist()
        find(browser, '#order').click()


@pytest.mark.parametrize(
    ('control', 'value', 'expected'),
    [
        ('flag', '+anomalous_90', lambda table: table['anomalous_90']),
        ('flag', '-anomalous_85', lambda table: ~table['anomalous_85']),
        ('flag', '+trained_on', lambda table: table['trained_on']),
        ('text', ' xdf 01', lambda table: np.char.startswith(table['id'], 'XDF 01')),
        ('score', 1.5, lambda table: table['score'] >= 1.5),
        ('valid', 70, lambda table: table['valid_fraction'] >= 0.7),
        ('valid', 81, lambda table: table['valid_fraction'] >= 0.81),
    ],
)
def test_cards_are_filtered(browser, page, table, control, value, expected):
    visit(browser, page)
    choose(browser, control, value)
    found = expected(table)
    assert 0 < np.count_nonzero(found) < N
    assert sorted(ids(browser)) == table['id'][found].tolist()
    assert find(browser, '#count').text == f'{np.count_nonzero(found)} of {N} stamps'
    find(browser, '#reset').click()
    wait(browser, lambda: len(ids(browser)) == N)


def test_filters_work_together_and_say_when_nothing_is_left(browser, page, table):
    visit(browser, page)
    choose(browser, 'flag', '+trained_on')
    choose(browser, 'score', 1.5)
    expected = table['id'][table['trained_on'] & (table['score'] >= 1.5)]
    assert sorted(ids(browser)) == expected.tolist()
    choose(browser, 'text', 'no such id')
    assert ids(browser) == []
    assert find(browser, '#none').is_displayed()
    assert not find(browser, '#download').is_enabled()


def test_the_enlargement_is_used_by_keyboard(browser, page):
    visit(browser, page)
    order = ids(browser)
    dialog = find(browser, '#zoom')
    find(browser, '.card .pictures').send_keys(Keys.ENTER)
    assert dialog.is_displayed()
    assert order[0] in find(browser, '#zoom-title').text
    assert find(dialog, 'img').value_of_css_property('image-rendering') == 'pixelated'
    for key, card in ((Keys.ARROW_RIGHT, 1), (Keys.ARROW_RIGHT, 2), (Keys.ARROW_LEFT, 1)):
        browser.switch_to.active_element.send_keys(key)
        assert order[card] in find(browser, '#zoom-title').text
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()
    # Back where one has come to, once the browser has told the page that the dialog is closed.
    wait(
        browser,
        lambda: order[1] in (browser.switch_to.active_element.get_attribute('aria-label') or ''),
    )


def test_the_enlargement_tells_all_that_is_known(browser, page, table):
    visit(browser, page)
    find(browser, '.card .pictures').click()
    row = table[table['rank'] == 1]
    terms = [e.text for e in browser.find_elements('css selector', '#zoom dt')]
    facts = [e.text for e in browser.find_elements('css selector', '#zoom dd')]
    facts = dict(zip(terms, facts, strict=True))
    assert facts['flux'] == f'{row["flux"][0].value:.5g} nJy'
    assert facts['above the 95 % threshold'] == 'yes'
    find(browser, '#close').click()
    assert not find(browser, '#zoom').is_displayed()


def test_a_card_says_why_its_stamp_is_strange(browser, table, tmp_path):
    table = table.copy()
    shares = {'injection': 0.62, 'rotation_residual': 0.3, 'critic': 0.08, 'peak_residual': -0.5}
    for name, share in shares.items():
        table[f'score_{name}'] = share * table['score']
    table['score_smoothed_residual'] = 0.0
    table['score_injection'][table['rank'] == 2] = -1.0
    visit(browser, write(tmp_path / 'shares.html', table))
    first, second = browser.find_elements('css selector', '.card .terms')[:2]
    named = [e.text for e in first.find_elements('css selector', '.share')]
    assert named == ['62 % injection', '30 % rotation residual']
    bar = find(first, '.bar')
    assert bar.get_attribute('title') == '62 % injection, 30 % rotation residual, 8 % critic'
    widths = [e.size['width'] / bar.size['width'] for e in bar.find_elements('css selector', 'i')]
    assert widths == pytest.approx([0.62, 0.3, 0.08], abs=0.02)
    assert [e.text for e in second.find_elements('css selector', '.share')] == [
        '79 % rotation residual',
        '21 % critic',
    ]
    # No share of a stamp without a score.
    assert not browser.find_elements('css selector', '.card .terms')[-1].is_displayed()
    assert contrast(browser, '.card .share', '.card') >= 4.5


@pytest.mark.parametrize('width', [320, 360, 390])
def test_a_phone_needs_no_sideways_scrolling(browser, page, width):
    resize(browser, width, 800)
    visit(browser, page)
    scroll = 'return document.documentElement.scrollWidth'
    assert browser.execute_script(scroll) <= width
    find(browser, '.provenance summary').click()
    assert browser.execute_script(scroll) <= width
    find(browser, '.card .pictures').click()
    box = browser.execute_script('return document.getElementById("zoom").getBoundingClientRect()')
    assert box['left'] >= 0
    assert box['right'] <= width
    inside = 'const z = document.getElementById("zoom"); return z.scrollWidth <= z.clientWidth'
    assert browser.execute_script(inside)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_text_is_legible_in_light_and_in_dark(browser, page, scheme):
    features = [{'name': 'prefers-color-scheme', 'value': scheme}]
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': features})
    visit(browser, page)
    chips = [f'.card .percentile-{level}' for level in (85, 90, 95)]
    for selector in ('.summary', '.card .score', '.card .id', '.card .terms', *chips):
        behind = '.card' if selector.startswith('.card') else 'body'
        assert contrast(browser, selector, behind) >= 4.5, selector
    page_is_dark = luminance(color(browser, 'body', 'background-color')) < 0.1
    assert page_is_dark == (scheme == 'dark')


def test_the_shown_cards_are_taken_away_as_csv(browser, page, table, tmp_path):
    behavior = {'behavior': 'allow', 'downloadPath': str(tmp_path)}
    browser.execute_cdp_cmd('Browser.setDownloadBehavior', behavior)
    visit(browser, page)
    choose(browser, 'sort', 'flux')
    choose(browser, 'flag', '+anomalous_85')
    find(browser, '#download').click()
    path = tmp_path / 'Most-anomalous-stamps.csv'
    wait_for_file(browser, path)
    expected = table[table['anomalous_85']]
    expected = expected[np.argsort(expected['flux'])[::-1]]
    found = Table.read(path, format='ascii.csv')
    assert found['id'].tolist() == expected['id'].tolist()
    np.testing.assert_allclose(found['score'], expected['score'], rtol=1e-9)
    np.testing.assert_allclose(found['sky.ra'], expected['sky'].ra.deg, rtol=1e-9)


#: What a spreadsheet would compute, and what it may take for a number.
FORMULAS = [
    '=1+1',
    '+1+1',
    '-2+3',
    '@SUM(1)',
    '\t=1',
    '\r=2',
    '  =3',
    '"=4"',
    "'=5",
    '\u200b=6',
    '\u202e=7',
    '\uff1d8',
    '\n9',
    '=HYPERLINK("http://127.0.0.1","x")',
    "=cmd|' /C calc'!A0",
    '-1.5e3-cmd',
]
HARMLESS = ['-1.5', '-1e-7', 'M 31', 'a=b', '3-4', '', 'NGC 7027, "blue"', '\u22122']


def test_no_cell_of_the_csv_is_a_formula(browser, tmp_path):
    texts = [*FORMULAS, *HARMLESS]
    table = QTable({'id': texts, 'score': np.linspace(2, -1, len(texts))})
    table['rank'] = np.arange(len(texts)) + 1
    table['=name'] = texts[::-1]
    table['offset'] = np.linspace(-3, -1, len(texts))
    page = write(tmp_path / 'page.html', table, title='formulas')
    behavior = {'behavior': 'allow', 'downloadPath': str(tmp_path)}
    browser.execute_cdp_cmd('Browser.setDownloadBehavior', behavior)
    visit(browser, page)
    find(browser, '#download').click()
    path = tmp_path / 'formulas.csv'
    wait_for_file(browser, path)
    with open(path, newline='', encoding='utf-8') as file:
        head, *rows = csv.reader(file)
    assert head[0] == 'id'
    assert "'=name" in head
    # A carriage return is no character that a page shows.
    expected = [f"'{text}" for text in FORMULAS] + HARMLESS
    expected = [text.replace('\r', '\ufffd') for text in expected]
    assert [row[0] for row in rows] == expected
    assert [row[head.index("'=name")] for row in rows] == expected[::-1]
    # Numbers stay numbers.
    offset, score = ([float(row[head.index(name)]) for row in rows] for name in ('offset', 'score'))
    np.testing.assert_allclose(offset, table['offset'])
    np.testing.assert_allclose(score, table['score'], atol=1e-9)


HOSTILE = [
    '<script>window.ran = 1</script>',
    '</script><script>window.ran = 2</script>',
    '<img src=x onerror="window.ran = 3">',
    '"><svg onload=window.ran=4>',
    "' onmouseover='window.ran = 5",
    'javascript:window.ran=6',
    '<!--<script>',
    '\u2028window.ran=7\u2029',
    '$data $script ${x}',
    '\\u003cscript\\u003e',
    '<iframe src="http://127.0.0.1:9">',
    '<link rel=stylesheet href="http://127.0.0.1:9">',
    '<base href="http://127.0.0.1/">',
    '<style>body { display: none }</style>',
    '</pre></details></noscript></title></template><script>window.ran = 8</script>',
    '\u202egnp.live',
    '\u2066\u2067\u200f',
    'a\x00b',
]


def test_no_text_of_a_table_acts(browser, tmp_path):
    """As id, note, title, column, unit and meta, in cards and enlarged: text is all that it is."""
    n = len(HOSTILE)
    table = QTable({'id': HOSTILE, 'score': np.linspace(2, 1, n), 'rank': np.arange(n) + 1})
    table['note'] = HOSTILE[::-1]
    for name in HOSTILE[:5]:
        table[name] = np.arange(n) * u.def_unit('<img_src=x_onerror=window.ran=9>')
    table['anomalous_"><b>'] = np.arange(n) < 3
    table.meta = {text: {'x': HOSTILE} for text in HOSTILE}
    table.meta['provenance'] = {'date': HOSTILE[1]}
    visit(browser, write(tmp_path / 'page.html', table, title=HOSTILE[1], notes=HOSTILE))
    cards = browser.find_elements('css selector', '.card')
    assert len(cards) == n
    find(browser, '.pictures').click()
    for _ in range(n):
        browser.find_element('id', 'next').click()
    find(browser, '#close').click()
    shown = browser.execute_script(
        """
        const all = [...document.querySelectorAll('*')];
        const others = 'iframe,object,embed,base,link:not([rel=icon]),meta[http-equiv=refresh]';
        return {
            ran: window.ran ?? null,
            scripts: document.scripts.length,
            styles: document.querySelectorAll('style').length,
            foreign: document.querySelectorAll(others).length,
            handlers: all.flatMap((e) => e.getAttributeNames()).filter((a) => /^on/.test(a)).length,
            ids: [...document.querySelectorAll('.card .id')].map((e) => e.textContent),
            isolated: all.filter((e) => e.matches('.card .id')).every(
                (e) => getComputedStyle(e).unicodeBidi === 'isolate'),
        };
        """
    )
    assert shown['ids'] == [text.replace('\x00', '\ufffd') for text in HOSTILE]
    assert (shown['ran'], shown['scripts'], shown['styles']) == (None, 2, 1)
    assert (shown['foreign'], shown['handlers'], shown['isolated']) == (0, 0, True)
    messages = [json.loads(entry['message'])['message'] for entry in browser.get_log('performance')]
    asked = [
        message['params']['request']['url']
        for message in messages
        if message['method'] == 'Network.requestWillBeSent'
    ]
    assert not [url for url in asked if '127.0.0.1' in url or url.startswith('javascript')]


def test_text_where_numbers_are_expected_is_shown(browser, tmp_path):
    """Sorted, filtered and enlarged, with no error in the browser."""
    names = (
        'x',
        'y',
        'valid_fraction',
        'p_value',
        'residual_loss',
        'feature_loss',
        'rank',
        'sky.ra',
    )
    table = QTable({'id': ['a', 'b'], 'score': [2.0, 1.0], **{n: ['left', 'right'] for n in names}})
    table['anomalous_90'], table['flag'] = [True, False], [True, False]
    images = np.random.default_rng(1).normal(size=(2, 16, 16))
    page = write_gallery(
        tmp_path / 'p.html',
        table,
        rows=[0, 1],
        inputs=images,
        closest_images=images,
        residuals=images,
    )
    visit(browser, page)
    assert len(browser.find_elements('css selector', '.card')) == 2
    find(browser, '.pictures').click()
    assert 'left' in find(browser, '.facts').text
    find(browser, '#close').click()
    choose(browser, 'flag', '+flag')
    assert len(browser.find_elements('css selector', '.card')) == 1


def test_ids_and_positions_are_copied(browser, page, table):
    visit(browser, page)
    permissions = ['clipboardReadWrite', 'clipboardSanitizedWrite']
    browser.execute_cdp_cmd('Browser.grantPermissions', {'permissions': permissions})
    choose(browser, 'score', 3)
    find(browser, '#copy').click()
    strange = table[table['score'] >= 3]
    wait(browser, lambda: find(browser, '#said').text == f'{len(strange)} ids copied')
    assert clipboard(browser).split('\n') == strange['id'][np.argsort(strange['rank'])].tolist()
    find(browser, '.card .copy').click()
    wait(browser, lambda: find(browser, '#said').text == 'Position copied')
    sky = table['sky'][table['rank'] == 1][0]
    ra, dec = clipboard(browser).split()
    assert (float(ra), float(dec)) == pytest.approx((sky.ra.deg, sky.dec.deg), abs=1e-6)


def clipboard(browser):
    return browser.execute_async_script('navigator.clipboard.readText().then(arguments[0])')


def test_the_histogram_shows_the_card_and_sets_the_score(browser, page, table):
    visit(browser, page)
    marker = find(browser, '#marker')
    assert marker.value_of_css_property('visibility') == 'hidden'
    webdriver.ActionChains(browser).move_to_element(find(browser, '.card')).perform()
    assert marker.value_of_css_property('visibility') == 'visible'
    find(browser, '#histogram').click()
    low, high = (
        float(find(browser, '#histogram').get_attribute(f'data-{end}')) for end in ('low', 'high')
    )
    least = float(find(browser, '#score').get_attribute('value'))
    assert least == pytest.approx((low + high) / 2, rel=0.02)
    assert sorted(ids(browser)) == table['id'][table['score'] >= least].tolist()


def test_hostile_text_stays_text(browser, table, tmp_path):
    table = table[:3].copy()
    evil = '<img src=x onerror="window.hurt = 1"><script>window.hurt = 1</script>'
    table['id'] = [evil, '</script><script>window.hurt = 1</script>', '"\'><svg onload=hurt=1>']
    table['rank'] = [1, 2, 3]
    table['remark'] = [evil] * 3
    visit(browser, write(tmp_path / 'page.html', table, title=evil, notes=evil))
    assert ids(browser) == table['id'].tolist()
    find(browser, '.card .pictures').click()
    assert evil in find(browser, '#zoom-title').text
    assert evil in [e.text for e in browser.find_elements('css selector', '#zoom dd')]
    assert browser.execute_script('return window.hurt') is None


def test_the_page_asks_the_network_for_nothing(browser, page):
    visit(browser, page)
    find(browser, '.card .pictures').click()
    time.sleep(0.5)
    requests = [json.loads(entry['message'])['message'] for entry in browser.get_log('performance')]
    urls = [
        r['params']['request']['url']
        for r in requests
        if r['method'] == 'Network.requestWillBeSent'
    ]
    assert page.as_uri() in urls
    assert {url.split(':')[0] for url in urls} <= {'file', 'data'}


def test_the_page_could_not_even_if_it_tried(browser, page):
    visit(browser, page)
    outcome = browser.execute_async_script(
        """document.addEventListener('securitypolicyviolation',
            (event) => arguments[0](event.violatedDirective));
        fetch('http://127.0.0.1:9/').catch(() => {});"""
    )
    assert outcome == 'connect-src'
    assert all(
        'Security Policy' in entry['message'] or 'fetch' in entry['message'].lower()
        for entry in browser.get_log('browser')
    )


def test_without_scripts_there_is_a_table(browser, page, table):
    browser.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': True})
    try:
        visit(browser, page)
        rows = browser.find_elements('css selector', '.ranking tbody th')
        assert [row.text for row in rows] == table['id'][np.argsort(table['rank'])][:25].tolist()
        assert not find(browser, '#controls').is_displayed()
    finally:
        browser.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': False})


def test_an_empty_page_says_so(browser, table, tmp_path):
    visit(browser, write(tmp_path / 'page.html', table[:0]))
    assert find(browser, '.summary').text == 'No stamps were scored: there is nothing to show.'
    assert not find(browser, '#controls').is_displayed()
    assert not find(browser, '#none').is_displayed()
