"""Pages of results in headless Chromium, from servers of small results."""

from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from judges.browsing_pages import errors, visit
from judges.chromium import as_new

if find_spec('selenium') is None:
    collect_ignore_glob = ['test_*.py']

N = 300


@pytest.fixture
def browser(chromium):
    """A browser of desktop size that must not have met an error in the end."""
    as_new(chromium)
    yield chromium
    assert errors(chromium) == []


def make_table(n=N):
    """Ranked scores, from the strangest on, with features in two groups."""
    rng = np.random.default_rng(1)
    table = QTable({'id': [f'XDF {k:05d}' for k in rng.permutation(n)]})
    table['score'] = np.sort(rng.lognormal(size=n))[::-1]
    table['rank'] = 1 + np.arange(n)
    table['p_value'] = (1 + np.arange(n)) / (n + 1)
    table['flux'] = rng.lognormal(size=n) * u.nJy
    table['flux'][7] = np.nan * u.nJy
    table['score_injection'] = 0.75 * table['score']
    table['score_critic'] = 0.25 * table['score']
    table['trained_on'] = np.arange(n) % 2 == 0
    table['field'] = np.array(['north', 'south'])[np.arange(n) % 2]
    table['sky'] = SkyCoord(53.1 + rng.normal(size=n) / 100, -27.8 * np.ones(n), unit='deg')
    table['features'] = rng.normal(size=(n, 4)) + 8 * (np.arange(n) % 3 == 0)[:, np.newaxis]
    return table


def make_stamps(table):
    """Of row k all pixels are k, but for one that makes a range."""
    from astro_wgan import StampSet

    pixels = np.ones((len(table), 12, 12)) * np.arange(len(table))[:, np.newaxis, np.newaxis]
    pixels[:, 0, 0] += 1
    return StampSet(pixels, table={'id': table['id']}, pixel_scale=0.1 * u.arcsec)


@pytest.fixture
def table():
    return make_table()


@pytest.fixture
def serve(browser, monkeypatch, tmp_path):
    """A function that opens results at an address; all servers end with the test."""
    pytest.importorskip('starlette')
    pytest.importorskip('uvicorn')
    from astro_wgan.browsing import browse
    from astro_wgan.browsing.rows import feature_space

    servers = []
    # UMAP takes long to load.
    monkeypatch.setattr(
        feature_space,
        'embed_in_process',
        lambda features: (np.ascontiguousarray(features[:, :2], dtype=np.float32), 'two features'),
    )

    def started(table, **options):
        options = {'stamps': make_stamps(table), 'labels': tmp_path / 'labels.jsonl'} | options
        server = browse(table, by='ada', open_browser=False, **options)
        servers.append(server)
        return server

    yield started
    # Not a request that a server that has ended no longer answers.
    browser.get('about:blank')
    for server in servers:
        server.close()


@pytest.fixture
def page(browser, serve, table):
    """An open page: its browser, server and table."""
    server = serve(table)
    visit(browser, server)
    return SimpleNamespace(browser=browser, server=server, table=table)
