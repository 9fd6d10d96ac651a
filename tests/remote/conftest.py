"""A server of HTTP with ranges, which fails as it is told, and counts what it sends."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest

from astro_wgan.remote import copies, range_files


class FileServer(ThreadingHTTPServer):
    """
    Files of a dictionary by path, on loopback.

    ``failures`` are those of the next answers to GET: a status, 'cut' in the middle of the content
    or 'silent' for a connection that is closed at once; ``always`` is that of all of them. Of
    ranges also 'shifted' by a byte, 'unnamed' without Content-Range, 'long' and 'short' by a byte,
    the same as 'long, unmeasured' and 'short, unmeasured' without Content-Length, and 'replaced'
    by another file that is as long as the range.
    ``ranges`` is True, 'ignored' or 'refused'.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        self.files, self.failures, self.always, self.ranges = {}, [], None, True
        self.asked, self.sent, self.lock = [], 0, threading.Lock()
        super().__init__(('127.0.0.1', 0), _Handler)

    def uri(self, path, user='', query=''):
        return f'http://{user}127.0.0.1:{self.server_address[1]}{path}{query}'

    def handle_error(self, request, client_address):
        """Clients may go away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1

    def log_message(self, *_):
        """Nothing is written."""

    def do_HEAD(self):
        self._answer(has_content=False)

    def do_GET(self):
        self._answer(has_content=True)

    def _answer(self, *, has_content):
        server, path = self.server, unquote(urlsplit(self.path).path)
        server.asked.append((self.command, path, self.headers.get('Range')))
        failure = server.always
        if has_content and failure is None and server.failures:
            failure = server.failures.pop(0)
        content = server.files.get(path)
        if isinstance(failure, int) or content is None:
            self._send(failure if isinstance(failure, int) else 404, b'sorry', has_content)
            return
        if failure == 'silent':
            self.close_connection = True
            return
        status, headers = 200, {'Last-Modified': 'Sat, 28 Nov 2026 12:00:00 GMT'}
        if server.ranges == 'refused':
            headers['Accept-Ranges'] = 'none'
        is_measured = True
        wanted = re.fullmatch(r'bytes=(\d+)-(\d+)', self.headers.get('Range') or '')
        if wanted and server.ranges is True:
            kind, _, unmeasured = str(failure).partition(', ')
            first = int(wanted[1]) + (kind == 'shifted')
            last = min(int(wanted[2]) + (kind == 'shifted'), len(content) - 1)
            if kind != 'unnamed':
                headers['Content-Range'] = f'bytes {first}-{last}/{len(content)}'
            status, content = 206, content[first : last + 1 - (kind == 'short')]
            content += b'x' if kind == 'long' else b''
            is_measured = not unmeasured
            if kind == 'replaced':
                status, content = 200, b'?' * len(content)
                del headers['Content-Range']
        self._send(status, content, has_content, headers, failure == 'cut', is_measured)

    def _send(self, status, content, has_content, headers=None, is_cut=False, is_measured=True):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if is_measured:
            self.send_header('Content-Length', str(len(content)))
        else:
            self.close_connection = True
        self.end_headers()
        if not has_content:
            return
        if is_cut:
            content = content[: len(content) // 2]
            self.close_connection = True
        # Before the client has it, and may ask how much was sent.
        with self.server.lock:
            self.server.sent += len(content)
        self.wfile.write(content)


@pytest.fixture(scope='session')
def _server():
    pytest.importorskip('aiohttp')
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server(_server):
    """An HTTP server without files, and without failures."""
    _server.files, _server.failures, _server.always, _server.ranges = {}, [], None, True
    _server.asked, _server.sent = [], 0
    return _server


@pytest.fixture(autouse=True)
def nothing_is_kept():
    """Blocks and copies of other tests are forgotten."""
    range_files._BLOCKS.__init__()
    copies._COPIES.__init__()


@pytest.fixture
def waits(monkeypatch):
    """Waits before repetitions, which take no time."""
    seconds = []
    monkeypatch.setattr('astro_wgan.remote.retries.sleep', seconds.append)
    return seconds
