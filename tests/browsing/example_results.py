"""Results of made-up sources, and requests about them."""

import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.utils.masked import Masked

from astro_wgan import StampSet
from astro_wgan.browsing import in_process
from astro_wgan.browsing.routes import make_app


def make_table(n=150, seed=1):
    """Scores of sources that are not in the order of their ranks."""
    rng = np.random.default_rng(seed)
    score = rng.permutation(n) / n
    flux = rng.normal(5, 2, n).astype(np.float32)
    return QTable(
        {
            'id': [f'source-{k}' for k in range(n)],
            'score': score,
            'rank': n - np.argsort(np.argsort(score)),
            'flux': Masked(flux, mask=flux < 3) * u.nJy,
            'anomalous_95': score > 0.95,
            'tile': np.where(rng.random(n) < 0.5, 'north', 'south'),
            'sky': SkyCoord(rng.uniform(0, 360, n), rng.uniform(-80, 80, n), unit='deg'),
        }
    )


def make_stamps(table, seed=2, shape=(16, 12)):
    """Noise, and one bright pixel, which is that of the row of the table."""
    n, (ny, nx) = len(table), shape
    pixels = np.random.default_rng(seed).normal(size=(n, ny, nx)).astype(np.float32)
    rows = np.arange(n) % (ny * nx)
    pixels[np.arange(n), rows // nx, rows % nx] = 1000
    return StampSet(pixels, table=QTable({'id': table['id']}), pixel_scale=0.06 * u.arcsec)


def row_shown(picture):
    """The row of the table whose stamp a picture shows, upside down as astronomers do."""
    y, x = np.unravel_index(picture[::-1].sum(axis=-1, dtype=int).argmax(), picture.shape[:2])
    return int(y * picture.shape[1] + x)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    content: bytes

    @property
    def json(self):
        return json.loads(self.content)


def arrays_of(content):
    """Header and arrays of a binary answer, read as a page does."""
    size = int.from_bytes(content[:4], 'little')
    header = json.loads(content[4 : 4 + size])
    arrays = {}
    for entry in header.pop('arrays'):
        first = 4 + size + entry['offset']
        part = content[first : first + entry['length']]
        assert first % 8 == 0
        is_text = entry['type'] == 'json'
        arrays[entry['name']] = json.loads(part) if is_text else np.frombuffer(part, entry['type'])
    return header, arrays


def asking(view):
    """A function that asks the application of a view, without a server and access control."""
    app = make_app(view)

    def ask(path, given=None, *, headers=None):
        method = 'GET' if given is None else 'POST'
        body = b'' if given is None else json.dumps(given).encode()
        return Answer(*in_process.ask(app, method, path, headers=headers, body=body))

    return ask


def until_done(ask, path, given=None, *, seconds=120):
    """The answer to a request, once there is one."""
    end = time.monotonic() + seconds
    while True:
        answer = ask(path, given)
        if answer.status != 202:
            return answer
        assert {*answer.json} == {'waiting', 'done'}
        assert time.monotonic() < end
        time.sleep(0.05)


class Client:
    """A browser, or what pretends to be one."""

    def __init__(self, server):
        self.server, self.cookie = server, None

    def enter(self):
        """Open the address of the page."""
        parts = urlsplit(self.server.url)
        answer = self.ask(f'{parts.path}?{parts.query}')
        self.cookie = answer.headers['set-cookie'].partition(';')[0]
        return answer

    def ask(self, path, method='GET', *, headers=(), body=None, host=None):
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        headers = {'Host': host or f'127.0.0.1:{self.server.port}', **dict(headers)}
        if self.cookie is not None:
            headers.setdefault('Cookie', self.cookie)
        if body is not None:
            headers.setdefault('Content-Length', str(len(body)))
        for name, value in headers.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        if body:
            connection.send(body)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, found, response.read())
        connection.close()
        return answer

    def write(self, path, given, *, headers=()):
        """A write as the page makes it."""
        own = {
            'Origin': f'http://127.0.0.1:{self.server.port}',
            'Content-Type': 'application/json',
        }
        return self.ask(
            path, 'POST', headers={**own, **dict(headers)}, body=json.dumps(given).encode()
        )
