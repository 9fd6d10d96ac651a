"""The map on the page of results: a lasso shows cards, and a card shows its point."""

import numpy as np
import pytest
from judges.browsing_pages import cards, visit
from judges.chromium import MARKS, choose, find, open_chromium, resize, wait
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

pytestmark = MARKS


def group(table):
    """Which rows are those of the group that lies in the upper right corner of the map."""
    return np.asarray(table['features'][:, :2]).min(axis=1) > 4


def lasso(browser, left, top, right, bottom):
    """Draw a rectangle by pointer, as parts of the width and height of the map."""
    box = find(browser, '#marks').rect
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    moves = [((x - 0.5) * box['width'], (y - 0.5) * box['height']) for x, y in corners]
    actions = ActionChains(browser, duration=20)
    element = find(browser, '#marks')
    actions.move_to_element_with_offset(element, *map(int, moves[0])).click_and_hold()
    for move in moves[1:]:
        actions.move_to_element_with_offset(element, *map(int, move))
    actions.release().perform()


def count(browser):
    return int(find(browser, '#count').text.split()[0].replace(',', ''))


def test_a_lasso_shows_cards_of_its_points(page):
    browser, table = page.browser, page.table
    lasso(browser, 0.5, 0.02, 0.99, 0.5)
    inside = table['id'][group(table)].tolist()
    wait(browser, lambda: count(browser) == len(inside))
    assert [card['id'] for card in cards(browser)] == inside[: len(cards(browser))]
    find(browser, '#everywhere').click()
    wait(browser, lambda: count(browser) == len(table))
    assert not find(browser, '#everywhere').is_displayed()
    # What is like a source is looked for everywhere.
    lasso(browser, 0.5, 0.02, 0.99, 0.5)
    wait(browser, lambda: count(browser) == len(inside))
    find(browser, '#similar').click()
    wait(browser, lambda: count(browser) == len(table))
    assert not find(browser, '#everywhere').is_displayed()


def test_a_lasso_and_a_filter_work_together(page):
    browser, table = page.browser, page.table
    lasso(browser, 0.5, 0.02, 0.99, 0.5)
    find(browser, '#least').send_keys('1.5')
    choose(browser, 'column', 'score')
    find(browser, '#add').click()
    expected = np.count_nonzero(group(table) & (table['score'] >= 1.5))
    wait(browser, lambda: count(browser) == expected)


def test_keys_zoom_and_show_what_is_in_view(page):
    browser, table = page.browser, page.table
    marks = find(browser, '#marks')
    marks.send_keys(Keys.ENTER)
    wait(browser, lambda: find(browser, '#everywhere').is_displayed())
    assert count(browser) == len(table)
    marks.send_keys('+++++', *[Keys.ARROW_RIGHT] * 12, *[Keys.ARROW_UP] * 12, Keys.ENTER)
    wait(browser, lambda: 0 < count(browser) < len(table))
    inside = {*table['id'][group(table)]}
    assert {card['id'] for card in cards(browser)} <= inside
    marks.send_keys(Keys.ESCAPE, '0')
    wait(browser, lambda: count(browser) == len(table))


def test_a_click_on_a_point_goes_to_its_card_and_a_card_marks_its_point(page):
    browser, table = page.browser, page.table
    highest = int(np.argmax(np.where(group(table), table['features'][:, 1], -99)))
    grid = find(browser, '#cards')
    # Where the ring is around the point of a card, a click leads back to it.
    grid.send_keys(*[Keys.ARROW_RIGHT] * highest)
    wait(browser, lambda: find(browser, '.card.here .id').text == table['id'][highest])
    at = ring(browser)
    grid.send_keys(Keys.HOME)
    wait(browser, lambda: find(browser, '.card.here .id').text == table['id'][0])
    assert ring(browser) != at
    box = find(browser, '#marks').rect
    move = [round(at[0] - box['width'] / 2), round(at[1] - box['height'] / 2)]
    marks = find(browser, '#marks')
    ActionChains(browser).move_to_element_with_offset(marks, *move).click().perform()
    wait(browser, lambda: find(browser, '.card.here .id').text == table['id'][highest])


def ring(browser):
    """The middle of what is drawn above the points, in pixels of the page."""
    return browser.execute_async_script(
        """const done = arguments[0];
        requestAnimationFrame(() => requestAnimationFrame(() => {
          const canvas = document.getElementById('marks');
          const {data, width, height} =
            canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          let [x, y, n] = [0, 0, 0];
          for (let k = 0; k < width * height; k += 1) {
            if (data[4 * k + 3] < 128) continue;
            x += k % width; y += Math.floor(k / width); n += 1;
          }
          done([x / n, y / n]);
        }));"""
    )


def test_points_are_colored_by_numbers_groups_and_labels(page):
    browser = page.browser
    find(browser, '#cards').send_keys('1', '2')
    choose(browser, 'color', 'flux')
    wait(browser, lambda: browser.find_elements('css selector', '#key .ramp'))
    choose(browser, 'color', 'field')
    wait(browser, lambda: find(browser, '#key').text.split() == ['north', 'south'])
    choose(browser, 'color', 'trained_on')
    wait(browser, lambda: find(browser, '#key').text.split() == ['no', 'yes'])
    choose(browser, 'color', ' labels')
    wait(browser, lambda: find(browser, '#key').text.split() == ['artifact', 'interesting'])
    # In the colors that the labels have elsewhere.
    patches = browser.find_elements('css selector', '#key .patch')
    for patch, number in zip(patches, (2, 1), strict=True):
        chip = find(browser, f'.card .label-{number}').value_of_css_property('color')
        assert patch.value_of_css_property('background-color') == chip


COLORED = """
const canvas = document.getElementById('points');
const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
copy.drawImage(canvas, 0, 0);
const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);
let [upper, lower] = [0, 0];
for (let k = 3; k < data.length; k += 4) {
  if (data[k] > 100) k < data.length / 2 ? (upper += 1) : (lower += 1);
}
return [upper, lower, Boolean(canvas.getContext('webgl'))];
"""


@pytest.mark.parametrize('arguments', [['--enable-unsafe-swiftshader'], ['--disable-3d-apis']])
def test_points_are_drawn_with_webgl_and_without(serve, table, tmp_path, arguments):
    own = open_chromium(tmp_path / 'profile', *arguments)
    try:
        resize(own, 1400, 900)
        visit(own, serve(table))
        upper, lower, with_webgl = wait(own, lambda: own.execute_script(COLORED))
        assert with_webgl == ('--disable-3d-apis' not in arguments)
        # A third of the points lie above, each some pixels wide.
        assert 10 < upper / np.count_nonzero(group(table)) < 50
        assert 10 < lower / np.count_nonzero(~group(table)) < 50
    finally:
        own.quit()


def test_without_features_there_is_no_map(browser, serve, table):
    table.remove_column('features')
    visit(browser, serve(table))
    assert not find(browser, '#map').is_displayed()
    assert not find(browser, '#rerank').is_enabled()
    assert find(browser, '#cards').rect['width'] > 1300
