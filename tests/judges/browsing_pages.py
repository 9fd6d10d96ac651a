"""What a person does with a page of results, and sees on it."""

from judges.chromium import find, wait


def visit(browser, server):
    """Open the page, and wait until everything is there."""
    browser.get(server.url)
    wait(browser, lambda: find(browser, '#app').get_attribute('data-ready'))


def cards(browser):
    """Id, rank, score and label of the cards in view and near it, in their order."""
    return browser.execute_script(
        """const found = [...document.querySelectorAll('.card:not([hidden])')];
        found.sort((a, b) => a.dataset.place - b.dataset.place);
        return found.map((card) => Object.fromEntries(
          ['id', 'rank', 'score', 'chip'].map(
            (name) => [name, card.querySelector(`.${name}`).textContent])));"""
    )


def errors(browser):
    """What the console tells since the last time, but for warnings of a missing graphics card."""
    log = browser.get_log('browser')
    return [entry['message'] for entry in log if entry['source'] != 'rendering']
