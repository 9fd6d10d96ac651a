"""Orders and filters on the page of results, the table, and taking ids and tables away."""

import numpy as np
import pytest
from astropy.table import Table
from judges.browsing_pages import cards, errors, visit
from judges.chromium import MARKS, choose, find, wait
from selenium.webdriver.common.keys import Keys

pytestmark = MARKS


def first_ids(browser, n=3):
    return [card['id'] for card in cards(browser)[:n]]


def filters(browser):
    return browser.find_elements('css selector', '#filters button')


def filter_by(browser, column, least='', most=''):
    choose(browser, 'column', column)
    find(browser, '#least').send_keys(str(least))
    find(browser, '#most').send_keys(str(most))
    find(browser, '#add').click()


def test_sources_are_ordered_by_a_column_in_both_directions(page):
    browser, table = page.browser, page.table
    choose(browser, 'order', 'column:flux:desc')
    flux = table['flux'].value
    down = table['id'][np.argsort(np.where(np.isnan(flux), np.inf, -flux), kind='stable')]
    wait(browser, lambda: first_ids(browser) == down[:3].tolist())
    find(browser, '#direction').click()
    up = table['id'][np.argsort(flux, kind='stable')]
    wait(browser, lambda: first_ids(browser) == up[:3].tolist())
    # Without a value it is the last one either way.
    find(browser, '#cards').send_keys(Keys.END)
    wait(browser, lambda: cards(browser)[-1]['id'] == table['id'][7])


def test_unlabeled_first_and_random(page):
    browser, ids = page.browser, page.table['id']
    # Also those that are just being written are labeled.
    find(browser, '#cards').send_keys('1', '2')
    choose(browser, 'order', 'unlabeled')
    wait(browser, lambda: first_ids(browser) == ids[2:5].tolist())
    choose(browser, 'order', 'random')
    wait(browser, lambda: first_ids(browser) not in (ids[:3].tolist(), ids[2:5].tolist()))
    # Pictures are those of the rows, wherever these are: all of them are loaded.
    wait(browser, lambda: find(browser, '.card.here').get_attribute('data-pictures') == 'drawn')


def test_filters_of_columns_work_together_and_are_removed(page):
    browser, table = page.browser, page.table
    filter_by(browser, 'score', least=1)
    inside = table['score'] >= 1
    wait(browser, lambda: f'{np.count_nonzero(inside)} of' in find(browser, '#count').text)
    filter_by(browser, 'flux', least=0.5, most=2)
    flux = table['flux'].value
    inside &= (flux >= 0.5) & (flux <= 2)
    wait(browser, lambda: f'{np.count_nonzero(inside)} of' in find(browser, '#count').text)
    assert first_ids(browser) == table['id'][inside][:3].tolist()
    wait(browser, lambda: len(filters(browser)) == 2)
    for left in (1, 0):
        find(browser, '#filters button').click()
        wait(browser, lambda left=left: len(filters(browser)) == left)
    wait(browser, lambda: find(browser, '#count').text == '300 sources')


def test_texts_are_filtered_by_a_part(page):
    browser, table = page.browser, page.table
    choose(browser, 'column', 'field')
    assert not find(browser, '#least').is_displayed()
    find(browser, '#part').send_keys('OUT', Keys.ENTER)
    south = table['id'][table['field'] == 'south']
    wait(browser, lambda: first_ids(browser) == south[:3].tolist())
    assert 'field contains OUT' in filters(browser)[0].text
    choose(browser, 'column', 'score')
    assert find(browser, '#least').is_displayed()


def test_a_filter_without_bounds_is_told(page):
    find(page.browser, '#add').click()
    assert 'smallest or a largest' in find(page.browser, '#said').text


def test_ids_are_found_by_a_part_from_the_keyboard(page):
    browser, ids = page.browser, page.table['id']
    find(browser, '#cards').send_keys('/')
    assert browser.switch_to.active_element.get_attribute('id') == 'find'
    browser.switch_to.active_element.send_keys('xdf 0012')
    expected = [text for text in ids.tolist() if text.startswith('XDF 0012')]
    wait(browser, lambda: first_ids(browser, 99) == expected)
    browser.switch_to.active_element.send_keys('9999')
    wait(browser, lambda: find(browser, '#empty').is_displayed())
    find(browser, '#reset').click()
    wait(browser, lambda: find(browser, '#count').text == '300 sources')
    assert find(browser, '#find').get_attribute('value') == ''


def test_more_like_this_brings_the_nearest(page):
    browser, table = page.browser, page.table
    find(browser, '#cards').send_keys(Keys.ARROW_RIGHT, 'm')
    features = np.asarray(table['features'], dtype=np.float32)
    wait(browser, lambda: first_ids(browser, 1) == [table['id'][1]])
    found = first_ids(browser, 6)
    row_of = {text: k for k, text in enumerate(table['id'].tolist())}
    # Of the same group in feature space, as is a third of all rows.
    in_group = features.min(axis=1) > 4
    assert {bool(in_group[row_of[text]]) for text in found} == {bool(in_group[1])}
    order = find(browser, '#order').get_attribute('value')
    assert order == 'similar:1'


def test_labels_rank_again(page):
    browser, table = page.browser, page.table
    group = np.asarray(table['features']).min(axis=1) > 4
    rows = [*np.flatnonzero(group)[:6], *np.flatnonzero(~group)[:6]]
    for row in rows:
        page.server.view.labels.add([int(row)], 'interesting' if group[row] else 'ordinary')
    find(browser, '#rerank').click()
    wait(browser, lambda: find(browser, '#order').get_attribute('value') == 'relevance', 60)
    assert '±' in find(browser, '.card.here .relevance').text
    # The order is that of the relevance which the server tells.
    arrays, _ = page.server.view.rerank()
    order = np.argsort(-arrays['relevance'], kind='stable')
    assert first_ids(browser) == table['id'][order[:3]].tolist()


def test_an_order_that_there_is_not_yet_changes_nothing(page):
    browser, ids = page.browser, page.table['id']
    choose(browser, 'order', 'relevance')
    wait(browser, lambda: 'needs labels' in find(browser, '#said').text)
    assert find(browser, '#order').get_attribute('value') == 'strangest'
    assert first_ids(browser) == ids[:3].tolist()
    assert all('409' in error for error in errors(browser))


def test_sources_that_are_no_longer_shown_are_not_chosen(page):
    browser = page.browser
    find(browser, '#cards').send_keys(' ')
    wait(browser, lambda: find(browser, '#chosen').text == '1 chosen')
    filter_by(browser, 'score', most=1)
    wait(browser, lambda: find(browser, '#chosen').text == '')


def test_too_few_labels_are_told(page):
    find(page.browser, '#rerank').click()
    wait(page.browser, lambda: 'label' in find(page.browser, '#said').text and not pending(page))
    assert all('409' in error for error in errors(page.browser))


def pending(page):
    return 'Learning' in find(page.browser, '#said').text


def test_the_table_has_all_columns_and_its_heads_sort(page):
    browser, table = page.browser, page.table
    find(browser, 'input[value=table]').click()
    wait(browser, lambda: table_rows(browser)[0][1] == table['id'][0])
    heads = [e.text for e in browser.find_elements('css selector', '.heads > *')]
    assert heads[:2] == ['label', 'id']
    assert 'flux (nJy)' in heads
    at = heads.index('flux (nJy)')
    wait(browser, lambda: float(table_rows(browser)[0][at]) > 0)
    assert float(table_rows(browser)[0][at]) == pytest.approx(table['flux'][0].value, rel=1e-4)
    find(browser, '#table').send_keys('2')
    wait(browser, lambda: table_rows(browser)[0][0] == 'artifact')
    browser.find_elements('css selector', '.heads button')[at - 2].click()
    brightest = table['id'][np.nanargmax(table['flux'].value)]
    wait(browser, lambda: table_rows(browser)[0][1] == brightest)
    head = browser.find_elements('css selector', '.heads > *')[at]
    assert head.get_attribute('aria-sort') == 'descending'
    find(browser, '#table').send_keys(Keys.END)
    wait(browser, lambda: table_rows(browser)[-1][1] == table['id'][7])


def test_positions_and_catalog_numbers_have_all_their_digits(browser, serve, table):
    table['ra'], table['dec'] = table['sky'].ra, table['sky'].dec
    table['catalog'] = 123_456_789 + np.arange(len(table))
    visit(browser, serve(table))
    find(browser, 'input[value=table]').click()
    wait(browser, lambda: table_rows(browser)[0][1] == table['id'][0])
    heads = [e.text for e in browser.find_elements('css selector', '.heads > *')]
    row = dict(zip(heads, table_rows(browser)[0], strict=True))
    assert row['catalog'] == '123456789'
    assert float(row['ra (deg)']) == pytest.approx(table['ra'][0].deg, abs=2e-7)
    assert float(row['dec (deg)'].replace('−', '-')) == pytest.approx(-27.8, abs=2e-7)


def table_rows(browser):
    """Texts of the cells of the rows in view."""
    return browser.execute_script(
        """return [...document.querySelectorAll('#table .row:not(.heads)')]
          .sort((a, b) => a.dataset.place - b.dataset.place)
          .map((row) => [...row.children].map((cell) => cell.textContent));"""
    )


def test_labels_are_taken_away_as_csv(page, tmp_path):
    browser, ids = page.browser, page.table['id']
    behavior = {'behavior': 'allow', 'downloadPath': str(tmp_path)}
    browser.execute_cdp_cmd('Browser.setDownloadBehavior', behavior)
    page.server.view.labels.add([4], 'ordinary')
    find(browser, '#label-file').click()
    path = tmp_path / 'Sources-labels.csv'
    wait(browser, lambda: path.exists() and path.stat().st_size)
    found = Table.read(path, format='ascii.csv')
    assert found['id', 'label', 'by'].as_array().tolist() == [(ids[4], 'ordinary', 'ada')]


def test_what_is_shown_is_taken_away_as_csv(page, tmp_path):
    browser, table = page.browser, page.table
    behavior = {'behavior': 'allow', 'downloadPath': str(tmp_path)}
    browser.execute_cdp_cmd('Browser.setDownloadBehavior', behavior)
    find(browser, '#cards').send_keys('2')
    filter_by(browser, 'score', least=2)
    inside = table['score'] >= 2
    wait(browser, lambda: f'{np.count_nonzero(inside)} of' in find(browser, '#count').text)
    find(browser, '#download').click()
    path = tmp_path / 'Sources.csv'
    wait(browser, lambda: path.exists() and path.stat().st_size)
    found = Table.read(path, format='ascii.csv')
    assert found['id'].tolist() == table['id'][inside].tolist()
    np.testing.assert_allclose(found['flux'].filled(np.nan), table['flux'][inside].value, rtol=1e-6)
    assert found['label'][0] == 'artifact'
