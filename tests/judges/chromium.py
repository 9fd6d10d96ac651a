"""Headless Chromium, which shows pages of the package to their tests and benchmarks."""

import shutil

import numpy as np
import pytest

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
CHROMEDRIVER = shutil.which('chromedriver')

#: Marks of tests in it.
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason='needs Chromium and chromedriver'),
]

ARGUMENTS = (
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)


def open_chromium(profile, *arguments):
    """A driver of a new browser with a profile in a folder; quit it in the end."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ARGUMENTS, *arguments, f'--user-data-dir={profile}'):
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(CHROMEDRIVER))


def as_new(browser):
    """Desktop size, no preferences of color or motion, and nothing in the logs."""
    resize(browser, 1400, 900)
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': []})
    for log in ('browser', 'performance'):
        browser.get_log(log)


def resize(browser, width, height):
    metrics = {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': width < 600}
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', metrics)


def find(browser, selector):
    return browser.find_element('css selector', selector)


def choose(browser, control, value):
    """Set a control of the page as a person would: the page hears of it."""
    browser.execute_script(
        """const control = document.getElementById(arguments[0]);
        control.value = arguments[1];
        for (const name of ['input', 'change']) {
          control.dispatchEvent(new Event(name, {bubbles: true}));
        }""",
        control,
        str(value),
    )


def wait(browser, condition, seconds=10):
    """What a condition returns once it is true."""
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.wait import WebDriverWait

    ignored = [StaleElementReferenceException]
    return WebDriverWait(browser, seconds, 0.05, ignored).until(lambda _: condition())


def contrast(browser, selector, behind='body'):
    """Contrast of a text to what is behind it, as in WCAG 2.1, section 1.4.3."""
    one = luminance(color(browser, selector, 'color'))
    other = luminance(color(browser, behind, 'background-color'))
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def color(browser, selector, name):
    """Red, green and blue of a color of an element, from 0 to 1."""
    text = find(browser, selector).value_of_css_property(name)
    return np.array([float(part) for part in text[text.index('(') + 1 : -1].split(',')[:3]]) / 255


def luminance(rgb):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
