"""Labels on the page of results: by keys, by buttons, for many, and back again."""

from judges.browsing_pages import cards, errors, visit
from judges.chromium import MARKS, choose, find, wait
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

pytestmark = MARKS


def written(page):
    """Labels in the file by id."""
    page.server.view.labels.file.read_new()
    table = page.server.view.labels.file.table()
    return dict(zip(table['id'].tolist(), table['label'].tolist(), strict=True))


def test_a_key_labels_and_goes_on_and_reloading_keeps(page):
    browser, ids = page.browser, page.table['id']
    find(browser, '#cards').send_keys('1', '2', Keys.ARROW_RIGHT, '3')
    expected = {ids[0]: 'interesting', ids[1]: 'artifact', ids[3]: 'ordinary'}
    wait(browser, lambda: written(page) == expected)
    chips = ['interesting', 'artifact', '', 'ordinary']
    assert [card['chip'] for card in cards(browser)[:4]] == chips
    counts = [e.text.split('\n')[-1] for e in browser.find_elements('css selector', '.label')]
    assert counts == ['1', '1', '1']
    visit(browser, page.server)
    assert [card['chip'] for card in cards(browser)[:4]] == chips


def test_z_takes_labels_back_from_the_last_on(page):
    browser, ids = page.browser, page.table['id']
    grid = find(browser, '#cards')
    grid.send_keys('1', '2', 'z')
    wait(browser, lambda: written(page) == {ids[0]: 'interesting'})
    wait(browser, lambda: [card['chip'] for card in cards(browser)[:2]] == ['interesting', ''])
    grid.send_keys('z')
    wait(browser, lambda: written(page) == {})
    grid.send_keys('z')
    wait(browser, lambda: 'nothing' in find(browser, '#said').text)


def test_zero_takes_a_label_away(page):
    grid = find(page.browser, '#cards')
    grid.send_keys('1', Keys.ARROW_LEFT, '0')
    wait(page.browser, lambda: written(page) == {})
    wait(page.browser, lambda: cards(page.browser)[0]['chip'] == '')


def test_a_label_is_for_all_that_are_chosen(page):
    browser, ids = page.browser, page.table['id']
    grid = find(browser, '#cards')
    grid.send_keys(' ', Keys.ARROW_RIGHT)
    grid.send_keys(Keys.SHIFT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    grid.send_keys(Keys.NULL)
    assert find(browser, '#chosen').text == '4 chosen'
    grid.send_keys('2')
    wait(browser, lambda: written(page) == dict.fromkeys(ids[:4].tolist(), 'artifact'))
    assert find(browser, '#chosen').text == ''
    # One undo takes them all back.
    grid.send_keys('z')
    wait(browser, lambda: written(page) == {})


def test_the_pointer_chooses_a_range(page):
    browser = page.browser
    items = browser.find_elements('css selector', '.card header .rank')
    items[1].click()
    ActionChains(browser).key_down(Keys.SHIFT).click(items[4]).key_up(Keys.SHIFT).perform()
    assert find(browser, '#chosen').text == '4 chosen'
    find(browser, '#none').click()
    assert find(browser, '#chosen').text == ''


def test_own_labels_get_keys(page):
    browser, ids = page.browser, page.table['id']
    field = find(browser, '#new-label input')
    field.send_keys('  tidal tail ', Keys.ENTER)
    wait(browser, lambda: written(page) == {ids[0]: 'tidal tail'})
    find(browser, '#cards').send_keys('4')
    wait(browser, lambda: written(page) == {ids[0]: 'tidal tail', ids[1]: 'tidal tail'})
    visit(browser, page.server)
    names = [e.get_attribute('data-label') for e in browser.find_elements('css selector', '.label')]
    assert names == ['interesting', 'artifact', 'ordinary', 'tidal tail']


def test_keys_that_are_typed_into_a_field_label_nothing(page):
    find(page.browser, '#find').send_keys('1z')
    find(page.browser, '#least').send_keys('2')
    assert written(page) == {}


def test_a_large_source_is_labeled_too(page):
    browser, ids = page.browser, page.table['id']
    find(browser, '#cards').send_keys(Keys.ENTER)
    find(browser, '#detail').send_keys('1')
    wait(browser, lambda: written(page) == {ids[0]: 'interesting'})
    wait(browser, lambda: ids[1] in find(browser, '#detail-title').text)


def test_other_windows_are_heard(page):
    page.server.view.labels.add([2], 'ordinary')
    wait(page.browser, lambda: cards(page.browser)[2]['chip'] == 'ordinary')


def test_a_full_disk_is_told_and_the_label_is_taken_away(page, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(page.server.view.labels.file, 'add', full)
    find(page.browser, '#cards').send_keys('1')
    wait(page.browser, lambda: 'No space left' in find(page.browser, '#said').text)
    assert cards(page.browser)[0]['chip'] == ''
    assert all('507' in error for error in errors(page.browser))


def test_all_that_carry_a_label_are_a_page(page):
    browser, ids = page.browser, page.table['id']
    find(browser, '#cards').send_keys('1', Keys.ARROW_RIGHT, '1')
    wait(browser, lambda: len(written(page)) == 2)
    choose(browser, 'label', '=interesting')
    wait(browser, lambda: [card['id'] for card in cards(browser)] == ids[[0, 2]].tolist())
    assert find(browser, '#count').text == '2 of 300 sources'
    choose(browser, 'label', '=')
    wait(browser, lambda: find(browser, '#count').text == '298 of 300 sources')
