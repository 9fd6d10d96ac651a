"""Cards of results: what a person sees first, in which order, and as far as they scroll."""

import json

import numpy as np
import pytest
from astropy.table import QTable
from judges.browsing_pages import cards, errors, visit
from judges.chromium import MARKS, find, resize, wait

from astro_wgan import StampSet

pytestmark = MARKS


def picture_levels(browser, place):
    """Red of two pixels of the first picture of a card: the corner that differs, and another."""
    return browser.execute_script(
        """const card = document.getElementById(`card-${arguments[0]}`);
        const canvas = card?.querySelector('canvas');
        if (card?.dataset.pictures !== 'drawn') return null;
        const context = canvas.getContext('2d');
        const bottom = canvas.height - 1;
        return [context.getImageData(0, bottom, 1, 1).data[0],
                context.getImageData(5, 5, 1, 1).data[0]];""",
        place,
    )


def test_the_strangest_come_first_with_their_scores_and_pictures(page):
    browser, table = page.browser, page.table
    shown = cards(browser)
    assert [card['id'] for card in shown] == table['id'][: len(shown)].tolist()
    assert [card['rank'] for card in shown] == [str(1 + k) for k in range(len(shown))]
    assert float(shown[2]['score']) == pytest.approx(table['score'][2], rel=1e-3)
    # Black but for the corner, which is at the bottom, as astronomers have it.
    assert wait(browser, lambda: picture_levels(browser, 0)) == [255, 0]
    assert find(browser, '#count').text == '300 sources'
    assert 'ada' in find(browser, '#summary').text


def test_only_cards_near_the_view_are_elements(page):
    browser = page.browser
    elements = 'return document.querySelectorAll(".card").length'
    before = browser.execute_script(elements)
    browser.execute_script('document.getElementById("cards").scrollTop = 1e7')
    wait(browser, lambda: cards(browser)[-1]['id'] == page.table['id'][-1])
    assert wait(browser, lambda: picture_levels(browser, 299)) == [255, 0]
    assert browser.execute_script(elements) <= before + 8 < 100


def test_rows_beyond_the_height_that_browsers_draw(browser, serve):
    """A million rows have more pixels than an element may: the end and the middle are reached."""
    n = 200_000
    table = QTable({'id': np.arange(n), 'score': np.linspace(1, 0, n), 'rank': 1 + np.arange(n)})
    table['features'] = np.zeros((n, 2))
    visit(browser, serve(table, stamps=StampSet(np.ones((1, 8, 8)), table={'id': [0]})))
    # One column of tall cards.
    resize(browser, 390, 800)
    browser.execute_script('document.getElementById("cards").focus()')
    grid = find(browser, '#cards')
    height = browser.execute_script('return document.querySelector("#cards .space").clientHeight')
    assert height == 12_000_000
    wait(browser, lambda: int(grid.get_attribute('aria-colcount')) == 1)
    grid.send_keys('\ue010')  # End
    wait(browser, lambda: cards(browser)[-1]['id'] == str(n - 1))
    # The bar in the middle is the middle of the rows.
    browser.execute_script('arguments[0].scrollTop = 6e6', grid)
    wait(browser, lambda: abs(int(cards(browser)[0]['id']) - n / 2) < 50)
    before = int(cards(browser)[0]['id'])
    row = int(
        browser.execute_script('return arguments[0].style.getPropertyValue("--row")', grid)[:-2]
    )
    browser.execute_script('arguments[0].scrollTop += arguments[1]', grid, 3 * (row + 12))
    wait(browser, lambda: int(cards(browser)[0]['id']) == before + 3)


def test_a_large_source_is_turned_over_by_keys_and_tells_all_columns(page):
    browser, table = page.browser, page.table
    find(browser, '#cards').send_keys('\ue007')  # Enter
    dialog = find(browser, '#detail')
    assert dialog.is_displayed()
    assert find(browser, '#detail-title').text == f'1. {table["id"][0]}'
    wait(browser, lambda: 'flux' in dialog.text)
    terms = [e.text for e in browser.find_elements('css selector', '#detail dt')]
    facts = [e.text for e in browser.find_elements('css selector', '#detail dd')]
    facts = dict(zip(terms, facts, strict=True))
    assert facts['flux'] == f'{table["flux"][0].value:.5g} nJy'
    assert facts['trained_on'] == 'yes'
    links = {e.text: e.get_attribute('href') for e in dialog.find_elements('css selector', 'a')}
    assert {*links} == {'SIMBAD', 'Aladin Lite', 'ESASky'}
    assert all(url.startswith('https://') for url in links.values())
    assert f'{table["sky"][0].ra.deg:.6f}' in find(dialog, '.position').text
    # Stamps of 12 pixels of 0.1 arcsec.
    bar = find(dialog, '.scale-bar')
    angle = float(bar.text.removesuffix('″'))
    part = bar.rect['width'] / find(dialog, '.frame').rect['width']
    assert part == pytest.approx(angle / 1.2, rel=0.02)
    dialog.send_keys('\ue014')  # right
    wait(browser, lambda: find(browser, '#detail-title').text == f'2. {table["id"][1]}')
    dialog.send_keys('\ue00c')  # Escape
    assert not dialog.is_displayed()
    assert browser.switch_to.active_element.get_attribute('id') == 'cards'
    assert find(browser, '.card.here .id').text == table['id'][1]


def test_pictures_that_failed_are_asked_for_again(browser, serve, table, monkeypatch):
    server = serve(table)
    made = server.view.sheets.numbered

    def fails(number, kind):
        raise OSError('The store is away.')

    monkeypatch.setattr(server.view.sheets, 'numbered', fails)
    visit(browser, server)
    first = find(browser, '.card')
    wait(browser, lambda: first.get_attribute('data-pictures') == 'failed', 20)
    assert 'The store is away' in find(browser, '#said').text
    monkeypatch.setattr(server.view.sheets, 'numbered', made)
    wait(browser, lambda: first.get_attribute('data-pictures') == 'drawn', 20)
    assert all('503' in error for error in errors(browser))


def test_hostile_text_stays_text(browser, serve, table):
    evil = '<img src=x onerror="window.hurt = 1"><script>window.hurt = 1</script>'
    table = table[:3].copy()
    table['id'] = [evil, '"\'><svg onload=hurt=1>', '\u202eevil']
    table['remark'] = [evil] * 3
    table[evil] = 1.0
    server = serve(table)
    server.view.labels.add([0], evil[:60])
    visit(browser, server)
    assert [card['id'] for card in cards(browser)] == table['id'].tolist()
    assert cards(browser)[0]['chip'] == evil[:60]
    find(browser, '#cards').send_keys('\ue007')
    wait(browser, lambda: evil in [e.text for e in browser.find_elements('css selector', 'dd')])
    assert browser.execute_script('return window.hurt') is None


def test_a_server_that_has_ended_is_told_in_a_sentence(page):
    page.server.close()
    page.browser.execute_script('document.getElementById("cards").scrollTop = 1e7')
    find(page.browser, '#cards').send_keys('1')
    said = wait(page.browser, lambda: 'does not answer' in find(page.browser, '#said').text)
    assert said
    # The label that could not be written is not shown.
    wait(page.browser, lambda: not page.browser.find_elements('css selector', '.card .label-1'))
    assert all('REFUSED' in error for error in errors(page.browser))


def test_a_page_of_other_results_says_so(page, monkeypatch):
    monkeypatch.setattr(page.server.view, 'version', 'another')
    find(page.browser, '#cards').send_keys('1')
    wait(page.browser, lambda: 'reload' in find(page.browser, '#said').text)
    assert all('409' in error for error in errors(page.browser))


def test_pages_load_nothing_from_elsewhere(page):
    find(page.browser, '#cards').send_keys('\ue007')
    log = [json.loads(entry['message'])['message'] for entry in page.browser.get_log('performance')]
    urls = [
        r['params']['request']['url'] for r in log if r['method'] == 'Network.requestWillBeSent'
    ]
    own = f'http://127.0.0.1:{page.server.port}/'
    assert any(url.startswith(own) for url in urls)
    assert all(url.startswith((own, 'data:', 'about:')) for url in urls)


def test_sources_without_stamps_have_cards_without_pictures(browser, serve, table):
    server = serve(table, stamps=None)
    visit(browser, server)
    assert cards(browser)[0]['id'] == table['id'][0]
    assert 'pixels' not in find(browser, 'header').text
