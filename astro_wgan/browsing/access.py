"""`AccessControl`: who may ask the server of a page: the browser that was given its address."""

import ipaddress
import json
import secrets
import socket
from http.cookies import CookieError, SimpleCookie
from threading import Lock
from urllib.parse import parse_qs

__all__ = ['LARGEST_BODY', 'AccessControl', 'is_loopback']

#: Bytes of the body of a request: the numbers of 10^5 rows and more.
LARGEST_BODY = 2**21

#: Tokens that have not been used, at most; the oldest are given up.
_MOST_TOKENS = 16

_LOOPBACK = ('localhost', '127.0.0.1', '::1')

#: The page may load what this server sends, and nothing else; no text in a table can act as script.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b'content-security-policy', _POLICY.encode()),
    (b'cross-origin-opener-policy', b'same-origin'),
    (b'cross-origin-resource-policy', b'same-origin'),
    (b'referrer-policy', b'no-referrer'),
    (b'x-content-type-options', b'nosniff'),
    (b'x-frame-options', b'DENY'),
)


#: A redirection by the answer to a link on another site would be a request of that site still, with
#: which a browser sends no cookie.
_TO_THE_PAGE = b"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/">
<title>Results</title><link rel="icon" href="data:,"></head>
<body><p><a href="/">Results</a></p></body></html>
"""


class AccessControl:
    """
    Let one browser in with a token that is valid once, and refuse all others.

    Parameters
    ----------
    app : callable
        The ASGI application that answers whoever may ask.
    host : str
        Address that the server listens at.
    port : int
        Its port, by which cookies of several servers on one machine are told apart.

    Notes
    -----
    A token in the address of the page becomes a cookie that scripts cannot read and that other
    sites do not send (``HttpOnly; SameSite=Strict``), and is then spent.

    The header ``Host`` must be a name of this machine or an address in numbers, so that a name that
    another site resolves to this machine (DNS rebinding) is refused. ``Origin``, which browsers
    send with each write, and ``Sec-Fetch-Site`` must be those of this server. No answer allows
    other sites to read it (CORS).
    """

    def __init__(self, app, *, host, port):
        self._app, self._port = app, port
        self._names = {*_LOOPBACK, host.lower()}
        self._loopback = is_loopback(host)
        if not self._loopback:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._cookie = f'astro_wgan_{port}'
        self._session = secrets.token_urlsafe(32)
        self._tokens, self._lock = [], Lock()

    def new_token(self):
        """A token that lets one browser in."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens = [*self._tokens[1 - _MOST_TOKENS :], token]
        return token

    async def __call__(self, scope, receive, send):
        """Answer a request, or refuse it."""
        if scope['type'] != 'http':
            # Neither WebSocket connections nor events of the life of the server.
            return
        send = _with_headers(send)
        headers = _headers(scope)
        why = self._refusal(scope, headers)
        if why:
            await _refuse(scope, send, 403, why)
            return
        token = _token(scope)
        if token is not None:
            await self._exchange(token, scope, headers, send)
            return
        if not self._has_cookie(headers):
            await _refuse(
                scope,
                send,
                403,
                'This page needs the address that the server has printed, which opens it in one '
                'browser: print another one, or start the server again.',
            )
            return
        body, why = await _bounded_body(headers, receive)
        if why:
            await _refuse(scope, send, 413, why)
            return
        await self._app(scope, _replayed(body, receive), send)

    def _refusal(self, scope, headers):
        """Why a request is not one of the page of this server; empty if it may be."""
        hosts = headers.get('host', [])
        if len(hosts) != 1 or not self._is_own_name(hosts[0]):
            return f'This server is not known by the name {"".join(hosts)!r:.80}.'
        if scope['method'] not in ('GET', 'HEAD', 'POST'):
            return 'Only GET, HEAD and POST are answered.'
        own = {f'{scheme}://{hosts[0]}'.lower() for scheme in ('http', 'https')}
        origins = headers.get('origin', [])
        if any(origin.lower() not in own for origin in origins):
            return 'Other sites may not ask this server.'
        if scope['method'] == 'POST':
            if len(origins) != 1:
                return 'A write needs the header Origin of the page of this server.'
            kinds = headers.get('content-type', [])
            if len(kinds) != 1 or kinds[0].partition(';')[0].strip().lower() != 'application/json':
                return 'A write needs a body of the type application/json.'
        site = headers.get('sec-fetch-site', ['same-origin'])[0]
        if site not in ('same-origin', 'none'):
            # A link on another page may lead here, once the token shows that it was meant to.
            is_link = headers.get('sec-fetch-mode', [''])[0] == 'navigate' and scope['path'] == '/'
            if not is_link:
                return 'Other sites may not ask this server.'
        return ''

    def _is_own_name(self, host):
        name, _, port = host.lower().rpartition(':')
        if not port.isdecimal() or host.endswith(']'):
            name = host.lower()
        name = name.removeprefix('[').removesuffix(']')
        if name in self._names:
            return True
        # A server that others may reach is asked by one of the addresses of its machine.
        return not self._loopback and _is_address(name)

    async def _exchange(self, token, scope, headers, send):
        """Answer the address with a token: with a cookie, the first time."""
        with self._lock:
            spent = [known for known in self._tokens if _same(known, token)]
            self._tokens = [known for known in self._tokens if known not in spent]
        if not spent and not self._has_cookie(headers):
            await _refuse(
                scope,
                send,
                403,
                'This address has opened a page before, or belongs to a server that has ended: '
                'print another address, or start the server again.',
            )
            return
        cookie = f'{self._cookie}={self._session}; HttpOnly; SameSite=Strict; Path=/'
        further = [(b'set-cookie', cookie.encode())] if spent else []
        await _answer(send, 200, b'text/html; charset=utf-8', _TO_THE_PAGE, further)

    def _has_cookie(self, headers):
        for text in headers.get('cookie', []):
            try:
                found = SimpleCookie(text).get(self._cookie)
            except CookieError:
                continue
            if found is not None and _same(self._session, found.value):
                return True
        return False


def is_loopback(host):
    """
    Whether only programs of this machine reach an address.

    Examples
    --------
    >>> from astro_wgan.browsing.access import is_loopback
    >>> is_loopback('localhost'), is_loopback('127.0.0.1'), is_loopback('0.0.0.0')
    (True, True, False)
    """
    if host.lower() in _LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(name):
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(secret, given):
    return secrets.compare_digest(secret.encode(), given.encode('utf-8', 'replace'))


def _headers(scope):
    found = {}
    for name, value in scope['headers']:
        found.setdefault(name.decode('latin-1').lower(), []).append(value.decode('latin-1'))
    return found


def _token(scope):
    if scope['path'] != '/' or scope['method'] != 'GET':
        return None
    try:
        query = parse_qs(scope.get('query_string', b'').decode('latin-1'), max_num_fields=10)
    except ValueError:
        return None
    return query['token'][0] if 'token' in query else None


async def _bounded_body(headers, receive):
    """The body of a request, or why it is not read."""
    why = f'A request may hold at most {LARGEST_BODY} bytes.'
    for length in headers.get('content-length', []):
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return b'', why
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message['type'] != 'http.request':
            break
        body += message.get('body', b'')
        more = message.get('more_body', False)
        if len(body) > LARGEST_BODY:
            return b'', why
    return bytes(body), ''


def _replayed(body, receive):
    """A body that has been read, for the application."""
    messages = [{'type': 'http.request', 'body': body, 'more_body': False}]

    async def again():
        return messages.pop() if messages else await receive()

    return again


def _with_headers(send):
    async def with_headers(message):
        if message['type'] == 'http.response.start':
            message = {**message, 'headers': [*message.get('headers', []), *_HEADERS]}
        await send(message)

    return with_headers


async def _refuse(scope, send, status, why):
    if scope['path'] == '/':  # read by a person
        await _answer(send, status, b'text/plain; charset=utf-8', f'{why}\n'.encode())
        return
    await _answer(send, status, b'application/json', json.dumps({'error': why}).encode())


async def _answer(send, status, kind, content, further=()):
    headers = [
        (b'content-type', kind),
        (b'cache-control', b'no-store'),
        (b'content-length', str(len(content)).encode()),
        *further,
    ]
    await send({'type': 'http.response.start', 'status': status, 'headers': headers})
    await send({'type': 'http.response.body', 'body': content})
