"""Attacks on the server of a page: each is refused."""

import socket
from urllib.parse import parse_qs, urlsplit

import pytest

from astro_wgan.browsing.access import LARGEST_BODY
from astro_wgan.browsing.server import make_server

PATHS = ('/', '/page/index.html', '/api/results', '/api/sheet/0?picture=input', '/api/labels')


@pytest.mark.parametrize('path', PATHS)
def test_nothing_is_answered_without_the_cookie(path, stranger):
    answer = stranger.ask(path)
    assert answer.status == 403
    assert 'This page needs the address that the server has print' in answer.content.decode()


@pytest.mark.parametrize('path', PATHS)
def test_the_browser_that_opened_the_address_is_answered(path, client):
    assert client.ask(path).status == 200


def test_the_token_becomes_a_cookie_that_neither_scripts_nor_other_sites_have(stranger):
    attributes = stranger.enter().headers['set-cookie'].split('; ')
    assert {*attributes[1:]} == {'HttpOnly', 'SameSite=Strict', 'Path=/'}
    assert stranger.ask('/').status == 200


def test_a_token_is_valid_once(server, stranger):
    path = '/?' + urlsplit(server.url).query
    assert stranger.ask(path).status == 200
    again = stranger.ask(path)
    assert again.status == 403
    assert 'set-cookie' not in again.headers
    # A person reads this, and no page.
    assert again.headers['content-type'] == 'text/plain; charset=utf-8'
    assert again.content.startswith(b'This address has opened a page before')


def test_each_address_has_a_token_of_its_own(server):
    tokens = {parse_qs(urlsplit(server.url).query)['token'][0] for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 43  # 256 bits


@pytest.mark.parametrize('token', ['', 'x', 'A' * 43, '%00', '%E4', '%F0%9F%98%80'])
def test_guessed_tokens_are_refused(token, stranger):
    answer = stranger.ask(f'/?token={token}')
    assert answer.status == 403
    assert 'set-cookie' not in answer.headers


@pytest.mark.parametrize('cookie', ['', 'x', '%00', '"', 'ä', 'A' * 43])
def test_guessed_cookies_are_refused(cookie, server, stranger):
    headers = {'Cookie': f'astro_wgan_{server.port}={cookie}'.encode('latin-1')}
    assert stranger.ask('/api/results', headers=headers).status == 403


def test_the_cookie_of_another_server_is_refused(client, results, tmp_path):
    with make_server(results, labels=tmp_path / 'other.jsonl') as other:
        other.start()
        client.server = other
        assert client.ask('/api/results').status == 403


@pytest.mark.parametrize(
    'host',
    [
        'evil.example',
        'evil.example:{port}',
        '127.0.0.1.evil.example:{port}',
        'localhost.evil.example',
        'evil.example#127.0.0.1',
        '192.0.2.1:{port}',
        '[2001:db8::1]:{port}',
        '0.0.0.0:{port}',
        '2130706433:{port}',
        ':{port}',
    ],
)
def test_names_that_others_resolve_to_this_machine_are_refused(host, server, client):
    """Of DNS rebinding: the page of another site asks a name that it lets mean this machine."""
    answer = client.ask('/api/results', host=host.format(port=server.port))
    assert answer.status == 403
    assert b'is not known by the name' in answer.content


@pytest.mark.parametrize('host', ['localhost:{port}', '[::1]:{port}', 'LOCALHOST', '127.0.0.1:9'])
def test_names_of_this_machine_are_answered_also_at_a_port_that_is_forwarded(host, server, client):
    assert client.ask('/api/results', host=host.format(port=server.port)).status == 200


@pytest.mark.parametrize('method', ['GET', 'POST'])
@pytest.mark.parametrize(
    'origin',
    [
        'http://evil.example',
        'null',
        'file://',
        'http://127.0.0.1:{other}',
        'http://localhost:{port}',
        'http://127.0.0.1:{port}.evil.example',
    ],
)
def test_other_origins_are_refused(method, origin, server, client):
    origin = origin.format(port=server.port, other=server.port + 1)
    path = '/api/labels'
    body = b'{"rows": [0], "label": "artifact"}' if method == 'POST' else None
    headers = {'Origin': origin, 'Content-Type': 'application/json'}
    answer = client.ask(path, method, headers=headers, body=body)
    assert answer.status == 403
    assert client.ask(path).json['rows'] == []


@pytest.mark.parametrize('site', ['cross-site', 'same-site'])
def test_what_a_browser_says_is_of_another_site_is_refused(site, client):
    """As an image or script of another site, which has no header Origin."""
    headers = {'Sec-Fetch-Site': site, 'Sec-Fetch-Mode': 'no-cors'}
    assert client.ask('/api/sheet/0?picture=input', headers=headers).status == 403
    assert client.ask('/', headers=headers).status == 403


def test_a_link_in_a_notebook_opens_the_page(server, stranger):
    headers = {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate'}
    answer = stranger.ask('/?' + urlsplit(server.url).query, headers=headers)
    # A redirection by the status would be a request of the other site, without the cookie.
    assert (answer.status, b'http-equiv="refresh"' in answer.content) == (200, True)


def test_writes_have_one_type(server, client):
    own = f'127.0.0.1:{server.port}'
    head = [
        f'POST /api/undo HTTP/1.1\r\nHost: {own}\r\nOrigin: http://{own}',
        f'Cookie: {client.cookie}\r\nContent-Length: 2',
        'Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n{}',
    ]
    with socket.create_connection(('127.0.0.1', server.port), timeout=20) as connection:
        connection.sendall('\r\n'.join(head).encode())
        assert connection.recv(100).startswith(b'HTTP/1.1 403')


def test_writes_need_an_origin_and_the_type_of_the_page(client):
    given = {'rows': [0], 'label': 'artifact'}
    assert client.write('/api/labels', given, headers={'Origin': None}).status == 403
    for kind in ('text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; a=b', ''):
        # Those that a form of another site can have.
        assert client.write('/api/labels', given, headers={'Content-Type': kind}).status == 403
    assert client.ask('/api/labels').json['rows'] == []
    assert client.write('/api/labels', given).status == 200


@pytest.mark.parametrize('method', ['OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE'])
def test_no_answer_allows_other_sites_anything(method, client):
    headers = {'Origin': 'http://evil.example', 'Access-Control-Request-Method': 'POST'}
    for answer in (client.ask('/api/labels', method, headers=headers), client.ask('/api/results')):
        assert not [name for name in answer.headers if name.startswith('access-control-')]
    assert client.ask('/api/labels', method).status in (403, 405)


@pytest.mark.parametrize('path', ['/', '/api/results', '/api/no', '/?token=x'])
def test_each_answer_has_the_policy_that_keeps_out_other_scripts(path, client):
    headers = client.ask(path).headers
    policy = dict(part.split(' ', 1) for part in headers['content-security-policy'].split('; '))
    assert policy['default-src'] == "'none'"
    assert policy['script-src'] == policy['style-src'] == policy['connect-src'] == "'self'"
    assert policy['frame-ancestors'] == policy['base-uri'] == policy['form-action'] == "'none'"
    assert 'unsafe' not in headers['content-security-policy']
    assert headers['x-content-type-options'] == 'nosniff'
    assert headers['cross-origin-resource-policy'] == 'same-origin'
    assert headers['referrer-policy'] == 'no-referrer'
    assert 'server' not in headers


def test_bodies_beyond_the_limit_are_not_read(client):
    headers = {'Content-Length': str(LARGEST_BODY + 1)}
    answer = client.write('/api/labels', {}, headers=headers)
    assert (answer.status, str(LARGEST_BODY) in answer.json['error']) == (413, True)


def test_bodies_of_unknown_length_are_bounded(server, client):
    """A body in chunks has no length that could be refused at once."""
    lines = [
        'POST /api/labels HTTP/1.1',
        f'Host: 127.0.0.1:{server.port}',
        f'Origin: http://127.0.0.1:{server.port}',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
        f'Cookie: {client.cookie}',
        '',
        '',
    ]
    with socket.create_connection((server.host, server.port), timeout=20) as connection:
        connection.sendall('\r\n'.join(lines).encode())
        try:
            for _ in range(3 * LARGEST_BODY // 2**16):
                connection.sendall(b'10000\r\n' + b' ' * 2**16 + b'\r\n')
        except OSError:  # the server hangs up
            pass
        assert b' 413 ' in connection.recv(100)


@pytest.mark.parametrize(
    'name',
    [
        '../server.py',
        '..%2fserver.py',
        '%2e%2e%2fserver.py',
        '..%5cserver.py',
        '%2fetc%2fpasswd',
        '/etc/passwd',
        'index.html%00.js',
        'page/index.html',
        '.',
        '',
    ],
)
def test_no_path_of_a_browser_reaches_the_file_system(name, client):
    answer = client.ask(f'/page/{name}')
    assert answer.status == 404
    assert b'import' not in answer.content


@pytest.mark.parametrize(
    'path',
    [
        '/api/sheet/-1',
        '/api/sheet/1e9',
        '/api/sheet/..%2f0',
        '/api/sheet/99999999999999999999999999',
        '/api/sheet/0?picture=../../x',
        '/api/sheet/0?picture=features',
        '/api/cells?rows=',
        '/api/cells?rows=-1',
        '/api/cells?rows=150',
        '/api/cells?rows=1.5',
        '/api/cells?rows=²',
        '/api/cells?rows=' + ','.join(['1'] * 65),
        '/api/source/150',
        '/api/source/x',
        '/api/picture/0/other',
        '/api/order?by=',
        '/api/order?by=similar:x',
        '/api/order?by=column:__class__',
        '/api/order?filter=score:a:b',
        '/api/order?filter=score:nan:',
        '/api/order?filter=score',
        '/api/order?text=score:1',
        '/api/order?seed=-1',
        '/api/columns?name=latent',
        '/api/columns?name=',
        '/api/sheet/' + '0' * 5000,
        '/api/order?by=random&seed=' + '0' * 30 + '9' * 30,
        '/api/none',
        '/api/undo',
        '/none',
    ],
)
def test_wrong_parameters_are_refused_in_a_sentence(path, client):
    answer = client.ask(path.replace('²', '%C2%B2'))
    assert answer.status in (400, 404, 405)
    error = answer.json['error']
    assert error.endswith('.')
    assert 'Exceeds the limit' not in error
    assert len(error) < 500


def test_connections_of_other_protocols_are_not_taken(server, client):
    headers = {
        'Upgrade': 'websocket',
        'Connection': 'Upgrade',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version': '13',
    }
    assert client.ask('/', headers=headers).status != 101


def test_only_a_server_that_was_asked_to_listens_to_other_machines(results, tmp_path, stranger):
    assert stranger.server.host == '127.0.0.1'
    assert not stranger.server.is_open_to_others
    with make_server(results, labels=tmp_path / 'other.jsonl', host='0.0.0.0') as other:
        other.start()
        assert other.is_open_to_others
        stranger.server = other
        stranger.enter()
        # By its address in numbers or its own name, but by no other name.
        assert stranger.ask('/api/results', host=f'192.0.2.1:{other.port}').status == 200
        assert stranger.ask('/api/results', host=socket.gethostname()).status == 200
        assert stranger.ask('/api/results', host='evil.example').status == 403
