"""The page of results on a phone, without a pointer, in the dark, and read aloud."""

import pytest
from judges.browsing_pages import visit
from judges.chromium import MARKS, contrast, find, luminance, resize, wait
from judges.chromium import color as color_of
from selenium.webdriver.common.keys import Keys

pytestmark = MARKS


@pytest.mark.parametrize('width', [320, 390])
def test_a_phone_has_one_column_and_scrolls_in_one_direction(page, width):
    browser = page.browser
    resize(browser, width, 800)
    grid = find(browser, '#cards')
    wait(browser, lambda: grid.get_attribute('aria-colcount') == '1')
    scroll = 'return document.documentElement.scrollWidth'
    assert browser.execute_script(scroll) <= width
    assert find(browser, '.card').rect['width'] > 0.85 * width
    # Of the window most is left for the cards.
    assert grid.rect['y'] < 400
    find(browser, '#more').click()
    assert find(browser, '#order').is_displayed()
    assert browser.execute_script(scroll) <= width
    grid.send_keys(Keys.ENTER)
    wait(browser, lambda: 'flux' in find(browser, '#detail').text)
    box = find(browser, '#detail').rect
    assert box['x'] >= 0
    assert box['x'] + box['width'] <= width
    inside = 'const z = document.getElementById("detail"); return z.scrollWidth <= z.clientWidth'
    assert browser.execute_script(inside)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_text_is_legible_in_light_and_in_dark(browser, serve, table, scheme):
    features = [{'name': 'prefers-color-scheme', 'value': scheme}]
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': features})
    server = serve(table)
    for row, label in enumerate(('interesting', 'artifact', 'ordinary', *'abcdef')):
        server.view.labels.add([row], label)
    visit(browser, server)
    for selector in ('#summary', '.controls label', '#count', '.key', '#method'):
        assert contrast(browser, selector) >= 4.5, selector
    for selector in ('.card .score', '.card .id', '.card .quiet'):
        assert contrast(browser, selector, '.card:not(.here)') >= 4.5, selector
    for number in range(1, 10):
        assert contrast(browser, f'.label.label-{number}', '.label') >= 4.5, number
        assert contrast(browser, f'.card .label-{number}', '.card:not(.here)') >= 4.5, number
    page_is_dark = luminance(color_of(browser, '.app', 'background-color')) < 0.1
    assert page_is_dark == (scheme == 'dark')


def test_the_focus_is_seen(page):
    """As WCAG 2.1 asks in 1.4.11: a contrast of three to what is around."""
    browser = page.browser
    find(browser, '#order').send_keys(Keys.TAB)
    for selector in ('#cards', '#marks', '#undo'):
        browser.execute_script('document.querySelector(arguments[0]).focus()', selector)
        element = find(browser, selector)
        assert element.value_of_css_property('outline-style') == 'solid', selector
        assert contrast_of_outline(browser, selector) >= 3


def contrast_of_outline(browser, selector):
    one = luminance(color_of(browser, selector, 'outline-color'))
    other = luminance(color_of(browser, 'body', 'background-color'))
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_everything_is_reached_without_a_pointer(page):
    """By Tab alone: each control, the cards and the map, none of them twice, and no trap."""
    browser = page.browser
    browser.execute_script('document.activeElement.blur()')
    reached = []
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        element = browser.switch_to.active_element
        name = element.get_attribute('id') or element.get_attribute('class') or element.tag_name
        if name in reached and element.tag_name not in ('input', 'button'):
            break
        reached.append(name)
    wanted = {'order', 'label', 'find', 'least', 'column', 'most', 'add', 'size', 'reset', 'undo'}
    wanted |= {'rerank', 'cards', 'color', 'fit', 'in-view', 'marks', 'help', 'copy', 'download'}
    assert wanted <= {*reached}


def test_controls_have_names(page):
    """For a screen reader, from the tree that the browser gives it."""
    tree = page.browser.execute_cdp_cmd('Accessibility.getFullAXTree', {})['nodes']
    roles = {'button', 'combobox', 'textbox', 'searchbox', 'spinbutton', 'slider', 'radio', 'grid'}
    found = [node for node in tree if node.get('role', {}).get('value') in roles]
    assert len(found) > 30
    nameless = [node for node in found if not node.get('name', {}).get('value', '').strip()]
    assert nameless == []


def test_the_grid_tells_where_one_is(page):
    browser = page.browser
    grid = find(browser, '#cards')
    columns = int(grid.get_attribute('aria-colcount'))
    assert int(grid.get_attribute('aria-rowcount')) == -(-300 // columns)
    grid.send_keys(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, ' ')
    active = grid.get_attribute('aria-activedescendant')
    assert active == f'card-{columns + 1}'
    card = find(browser, f'#{active}')
    assert card.get_attribute('aria-selected') == 'true'
    assert card.get_attribute('aria-colindex') == '2'
    row = card.find_element('xpath', '..')
    assert (row.get_attribute('role'), row.get_attribute('aria-rowindex')) == ('row', '2')
