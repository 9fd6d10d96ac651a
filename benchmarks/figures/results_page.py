"""
Figures of the page of results for the documentation: cards by their labels, a map, and a source.

Simulated galaxies, scored by the shipped model, are opened in headless Chromium; the strangest are
labeled by their class, which the page is not told, and all are ranked by these labels. Needs
starlette, uvicorn, selenium, scikit-learn, and Debian's chromium and chromium-driver:

    python -m benchmarks.figures.results_page --images docs/images
"""

from pathlib import Path

import numpy as np
from PIL import Image

from astro_wgan import datasets
from astro_wgan.browsing import browse
from astro_wgan.simulate import simulate
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.judges import load_judge
from benchmarks.results import Column

chromium = load_judge('judges/chromium.py')

CLASSES = ('pair', 'disturbed', 'ring', 'lens', 'artifact')

#: What only the simulation knows.
TRUTH = ('class', 'stage', 'artifact', 'merger_time', 'companion_direction', 'n_neighbors')

#: Keys of labels by class; of all others that of interesting ones.
KEYS = {'normal': '3', 'artifact': '2'}
INTERESTING = '1'

#: Pixels of the window.
WINDOW = 1400, 900

COLUMNS = (Column('label', 'that was given'), Column('n', 'how many sources carry it'))


def main():
    smoke = {'normals': 40, 'others': 4, 'labels': 6}
    parser = BenchmarkParser(__doc__, smoke=smoke, work='browse_figures')
    parser.add_argument('--normals', type=int, default=1500)
    parser.add_argument('--others', type=int, default=30, help='of each other class')
    parser.add_argument('--labels', type=int, default=40, help='that are given')
    parser.add_argument('--images', type=Path, help='where to put browse.png and browse_source.png')
    options = parser.parse_args()
    if options.images is None and not options.smoke:
        parser.error('--images is needed')
    if not (chromium.CHROMIUM and chromium.CHROMEDRIVER):
        skip('Chromium and chromedriver are not installed.')
    report = Report(options, 'starlette', 'uvicorn', 'selenium')
    counts = {'normal': options.normals, **dict.fromkeys(CLASSES, options.others)}
    stamps = simulate(counts, seed=options.seed, progress=False)
    detector = datasets.load_model()
    # Ids that do not tell the class.
    order = np.random.default_rng(options.seed).permutation(len(stamps))
    stamps.table['id'] = [f'simulated-{number:04d}' for number in order]
    table = detector.score(stamps, progress=False)
    class_of = dict(zip(table['id'].tolist(), table['class'].tolist(), strict=True))
    table.remove_columns([name for name in TRUTH if name in table.colnames])
    path = options.work / 'labels.jsonl'
    path.unlink(missing_ok=True)
    opened = {'stamps': stamps, 'model': detector, 'labels': path, 'by': 'ada'}
    with browse(table, **opened, open_browser=False) as server:
        draw(server, class_of, options.labels, options.images or options.work, options.work)
        _, labels = server.view.labels.read()
    rows = [{'label': label, 'n': [*labels.values()].count(label)} for label in {*labels.values()}]
    report.table('labels', 'Labels in the figures.', COLUMNS, rows)
    report.write()


def draw(server, class_of, n_labels, images, work):
    browser = chromium.open_chromium(work / 'profile')
    try:
        chromium.resize(browser, *WINDOW)
        browser.get(server.url)
        shown = '.card:not([hidden]):not([data-pictures="drawn"])'
        chromium.wait(browser, lambda: chromium.find(browser, '#app[data-ready]'), 900)
        chromium.choose(browser, 'size', 68)
        cards = chromium.find(browser, '#cards')
        for _ in range(n_labels):
            name = class_of[chromium.find(browser, '.card.here .id').text]
            cards.send_keys(KEYS.get(name, INTERESTING))
        chromium.find(browser, '#rerank').click()
        order = chromium.find(browser, '#order')
        chromium.wait(browser, lambda: order.get_attribute('value') == 'relevance', 900)
        chromium.choose(browser, 'color', ' labels')
        browser.execute_script('document.getElementById("cards").scrollTop = 0')
        chromium.wait(browser, lambda: not browser.find_elements('css selector', shown), 900)
        chromium.wait(browser, lambda: not chromium.find(browser, '#said').text)
        save(browser, images / 'browse.png')
        cards.send_keys(*'\ue011', '\ue007')  # Home, Enter
        drawn = 'figure:not([data-picture="drawn"])'
        chromium.wait(browser, lambda: not browser.find_elements('css selector', drawn), 60)
        chromium.wait(browser, lambda: browser.find_elements('css selector', '.facts dt'), 60)
        save(browser, images / 'browse_source.png')
    finally:
        browser.quit()


def save(browser, path):
    """What is in the window."""
    browser.save_screenshot(str(path))
    Image.open(path).convert('RGB').save(path, optimize=True)


if __name__ == '__main__':
    main()
