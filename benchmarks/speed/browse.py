"""
How fast a page of many results opens and scrolls in a real browser, and in how much memory.

Simulated galaxies, scored by the shipped model, stand for all sources: each of these is one of them
with a score, latent vector and features of its own. The command ``astro-wgan browse`` opens a table
in Parquet and a store, and headless Chromium the page. Frames while the cards scroll are those of
the browser's own trace; memory is the proportional set size of all its processes (Linux).

Needs starlette, uvicorn, pyarrow, selenium, and Debian's chromium and chromium-driver::

    python -m benchmarks.speed.browse                    # some minutes, most of them for the map
    python -m benchmarks.speed.browse --sources 10000
"""

import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import numpy as np

from astro_wgan import StampSet, StampStore, datasets
from astro_wgan.simulate import simulate
from astro_wgan.surveying.part_tables import write_part
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.judges import load_judge
from benchmarks.results import Column

chromium = load_judge('judges/chromium.py')

#: Stamps that are simulated.
PATTERNS = 500

#: Stamps that are written to the store at a time.
_AT_ONCE = 5000

#: Pixels of the window.
WINDOW = 1400, 900

#: Event of a trace for each frame that is drawn, and the categories of the trace.
DRAWN = 'DirectRenderer::DrawFrame'
CATEGORIES = ['viz']

OPENING = (
    Column('what', 'is there'),
    Column('time', 'since the page was asked for; for the server: since the command', 's', '.2f'),
)
SCROLLING = (
    Column('order', 'of the cards'),
    Column('speed', 'of the scrolling', 'pixel / s', ',.0f'),
    Column('frames per second', 'that the browser drew', '1 / s', '.1f'),
    Column('late frames', 'that took more than one and a half times 1/60 s', '%', '.1f'),
)
MEMORY = (
    Column('when', 'it was measured'),
    Column('JavaScript', 'heap of the page', 'MiB', '.0f'),
    Column('page', 'its process', 'MiB', '.0f'),
    Column('browser', 'all processes, of which an empty one needs the first row', 'MiB', '.0f'),
)
SHEETS = (
    Column('picture', 'of the cards'),
    Column('time', 'from request to answer of a sheet of 64, median', 's', '.3f'),
    Column('sheets', 'that were asked for'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'sources': 300, 'rows': 20, 'turns': 1}, work='browse')
    parser.add_argument('--sources', type=int, default=100_000)
    parser.add_argument('--rows', type=int, default=300, help='of cards to scroll in each order')
    parser.add_argument('--turns', type=int, default=4, help='of scrolling in each order')
    options = parser.parse_args()
    if not (chromium.CHROMIUM and chromium.CHROMEDRIVER):
        skip('Chromium and chromedriver are not installed.')
    report = Report(options, 'starlette', 'uvicorn', 'selenium')
    folder = prepared(options.work / f'{options.sources}-{options.seed}', options)
    with serving(folder) as (address, seconds), open_browser(options.work) as browser:
        memory = [{'when': 'empty page', **memory_of(browser)}]
        opening = [{'what': 'server', 'time': seconds}, *opened(browser, address)]
        report.table('opening', 'What is there when.', OPENING, opening)
        memory.append({'when': 'page with its map', **memory_of(browser)})
        orders = ('strangest', 'random')
        scrolling = [scrolled(browser, by, options.rows, options.turns) for by in orders]
        caption = 'Cards that scroll: the smoothest time of each order.'
        report.table('scrolling', caption, SCROLLING, scrolling)
        memory.append({'when': 'after scrolling', **memory_of(browser)})
        report.table('memory', 'Memory of the browser.', MEMORY, memory)
        report.table('sheets', 'Sheets of pictures.', SHEETS, sheets_of(browser))
    report.write()


# Results


def prepared(folder, options):
    """A folder with a table and a store, made once."""
    if (folder / 'ranking.parquet').exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    patterns = simulate('normal', min(PATTERNS, options.sources), seed=options.seed, progress=False)
    scores = datasets.load_model().score(patterns, progress=False)
    rng = np.random.default_rng(options.seed)
    chosen = rng.integers(len(patterns), size=options.sources)
    table = scores[chosen]
    table['id'] = np.arange(len(table))
    table['score'] = table['score'] + rng.normal(0, 0.1, len(table))
    table['rank'] = len(table) - np.argsort(np.argsort(table['score'], kind='stable'))
    table['latent'] = (table['latent'] + rng.normal(0, 0.1, table['latent'].shape)).astype('f4')
    table['features'] = table['latent']

    def parts():
        for first in range(0, len(table), _AT_ONCE):
            rows = slice(first, first + _AT_ONCE)
            yield StampSet(
                patterns.pixels[chosen[rows]],
                table={'id': table['id'][rows]},
                unit=patterns.unit,
                pixel_scale=patterns.pixel_scale,
            )

    like = next(parts())
    with StampStore.create(folder / 'stamps.zarr', like=like, overwrite=True) as store:
        store.extend(parts())
    write_part(folder / 'ranking.parquet', table)
    return folder


@contextmanager
def serving(folder):
    """The address of a page of the results, and seconds until the command told it."""
    # Pictures that were made before are none to measure.
    shutil.rmtree(folder / '.browsing', ignore_errors=True)
    command = [sys.executable, '-m', 'astro_wgan.cli', 'browse', folder / 'ranking.parquet']
    command += ['--stamps', folder / 'stamps.zarr', '--labels', folder / 'labels.jsonl']
    command += ['--model', datasets.model_path('simulated_f160w'), '--no-browser']
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = next(line for line in process.stdout if line.startswith('http')).strip()
            yield address, time.perf_counter() - start
        finally:
            process.terminate()


# Browser


@contextmanager
def open_browser(folder):
    with TemporaryDirectory(dir=folder) as profile:
        browser = chromium.open_chromium(profile, '--enable-precise-memory-info')
        try:
            chromium.resize(browser, *WINDOW)
            yield browser
        finally:
            browser.quit()


def opened(browser, address):
    """Rows of the table of what is there when."""
    start = time.perf_counter()
    browser.get(address)
    conditions = {
        'first card with its text': 'document.querySelector(".card .score")?.textContent',
        'first picture': 'firstPixel()',
        'all pictures of all cards in view, of the model too': """
            document.querySelector('.card') &&
            !document.querySelector('.card:not([hidden]):not([data-pictures="drawn"])')""",
        'map': 'document.querySelector("#app[data-ready]")',
    }
    rows = []
    for what, condition in conditions.items():
        script = f'{FIRST_PIXEL} return Boolean({condition})'
        chromium.wait(browser, lambda script=script: browser.execute_script(script), 3600)
        rows.append({'what': what, 'time': time.perf_counter() - start})
    return rows


FIRST_PIXEL = """function firstPixel() {
  const canvas = document.querySelector('.card canvas');
  return canvas && canvas.getContext('2d').getImageData(1, 1, 1, 1).data[3] > 0;
}"""


def scrolled(browser, by, rows, turns):
    """A row of the table of frames; each time, other cards come into view."""
    chromium.choose(browser, 'order', by)
    chromium.wait(browser, lambda: browser.execute_script(LOADED), 600)
    box = chromium.find(browser, '#cards').rect
    speed = 2000
    gesture = {
        'x': box['x'] + box['width'] / 2,
        'y': box['y'] + box['height'] / 2,
        'yDistance': -rows * browser.execute_script(ROW_HEIGHT),
        'speed': speed,
        'gestureSourceType': 'mouse',
    }
    runs = []
    for _ in range(turns):
        with traced(browser) as events:
            browser.execute_cdp_cmd('Input.synthesizeScrollGesture', gesture)
        drawn = sorted(event['ts'] / 1e6 for event in events if event['name'] == DRAWN)
        runs.append(np.diff(drawn))
    times = min(runs, key=np.mean)
    return {
        'order': by,
        'speed': speed,
        'frames per second': 1 / times.mean(),
        'late frames': 100 * np.mean(times > 1.5 / 60),
    }


ROW_HEIGHT = """
const [one, other] = [...document.querySelectorAll('#cards .row')]
  .map((row) => row.getBoundingClientRect().top)
  .sort((a, b) => a - b);
return other - one;"""
LOADED = """
return !document.querySelector('.card:not([hidden]):not([data-pictures="drawn"])')"""


@contextmanager
def traced(browser):
    """A list that holds the events of the browser's trace once the context has ended."""
    import websocket

    address = browser.capabilities['goog:chromeOptions']['debuggerAddress']
    with urlopen(f'http://{address}/json/version') as answer:
        url = json.load(answer)['webSocketDebuggerUrl']
    connection = websocket.create_connection(url, suppress_origin=True)

    def ask(method, **parameters):
        connection.send(json.dumps({'id': 1, 'method': method, 'params': parameters}))

    def answers():
        while True:
            yield json.loads(connection.recv())

    events = []
    try:
        ask('Tracing.start', traceConfig={'includedCategories': CATEGORIES})
        next(answers())
        yield events
        ask('Tracing.end')
        for answer in answers():
            if answer.get('method') == 'Tracing.dataCollected':
                events += answer['params']['value']
            elif answer.get('method') == 'Tracing.tracingComplete':
                break
    finally:
        connection.close()


def sheets_of(browser):
    """Rows of the table of sheets, from what the page has asked for."""
    entries = browser.execute_script(
        """return performance.getEntriesByType('resource')
          .filter(({name}) => /\\/api\\/(sheet|cells)/.test(name))
          .map(({name, duration}) => [new URL(name).searchParams.get('picture'), duration]);"""
    )
    return [
        {
            'picture': picture,
            'time': np.median([seconds for name, seconds in entries if name == picture]) / 1e3,
            'sheets': sum(name == picture for name, _ in entries),
        }
        for picture in dict.fromkeys(name for name, _ in entries)
    ]


def memory_of(browser):
    """Cells of the table of memory."""
    browser.execute_cdp_cmd('HeapProfiler.collectGarbage', {})
    heap = browser.execute_script('return performance.memory.usedJSHeapSize')
    sizes = proportional_sizes(browser.service.process.pid)
    pages = [size for kind, size in sizes if kind == 'renderer']
    return {
        'JavaScript': heap / 2**20,
        'page': max(pages, default=np.nan),
        'browser': sum(size for _, size in sizes),
    }


def proportional_sizes(driver):
    """Kind and MiB of each process of the browser that a driver has started."""
    children = {}
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            parent = int(path.read_text().rpartition(')')[2].split()[1])
        except OSError:
            continue  # it has ended
        children.setdefault(parent, []).append(int(path.parent.name))
    found, waiting = [], list(children.get(driver, []))
    while waiting:
        number = waiting.pop()
        waiting += children.get(number, [])
        try:
            command = Path(f'/proc/{number}/cmdline').read_bytes().decode(errors='replace')
            lines = Path(f'/proc/{number}/smaps_rollup').read_text().splitlines()
        except OSError:
            continue
        size = next(int(line.split()[1]) for line in lines if line.startswith('Pss:')) / 1024
        kind = command.partition('--type=')[2].split('\0')[0].split(' ')[0]
        found.append((kind, size))
    return found


if __name__ == '__main__':
    main()
