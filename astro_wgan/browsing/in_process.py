"""`ask`: a request to an application of Starlette without a server."""

import asyncio
from urllib.parse import unquote

__all__ = ['ask']


def ask(app, method, path, *, headers=None, body=b''):
    """
    Answer one request in this process, for a page that reaches Python on other ways than HTTP.

    Parameters
    ----------
    app : callable
        An ASGI application.
    method : str
        ``'GET'`` or ``'POST'``.
    path : str
        The address without its origin, such as ``'/api/results'``, with parameters.
    headers : dict of str, optional
    body : bytes, optional

    Returns
    -------
    status : int
    headers : dict of str
        By their names in lower case.
    content : bytes

    Examples
    --------
    >>> from astro_wgan.browsing.in_process import ask
    >>> async def app(scope, receive, send):
    ...     await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    ...     await send({'type': 'http.response.body', 'body': scope['query_string']})
    >>> ask(app, 'GET', '/api/order?by=random')
    (200, {}, b'by=random')
    """
    path, _, query = path.partition('?')
    scope = {
        'type': 'http',
        'asgi': {'version': '3.0'},
        'http_version': '1.1',
        'method': method,
        'scheme': 'http',
        'path': unquote(path),
        'raw_path': path.encode(),
        'query_string': query.encode(),
        'root_path': '',
        'headers': [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
        'client': None,
        'server': None,
    }
    started, parts = {}, []

    async def receive():
        return {'type': 'http.request', 'body': body, 'more_body': False}

    async def send(message):
        if message['type'] == 'http.response.start':
            started.update(message)
        else:
            parts.append(message.get('body', b''))

    asyncio.run(app(scope, receive, send))
    found = {name.decode('latin-1').lower(): v.decode('latin-1') for name, v in started['headers']}
    return started['status'], found, b''.join(parts)
