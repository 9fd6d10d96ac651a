"""`browse`: a server on this machine with a page of results, in the foreground or a thread."""

import socket
import webbrowser
from html import escape
from threading import Thread

from astro_wgan.browsing.access import AccessControl, is_loopback
from astro_wgan.browsing.notebook_widget import is_notebook, make_widget
from astro_wgan.browsing.results import Results
from astro_wgan.browsing.results_view import ResultsView
from astro_wgan.browsing.routes import make_app
from astro_wgan.optional import import_optional
from astro_wgan.validation.config_numbers import check_whole_number

__all__ = ['BrowsingServer', 'browse', 'check_packages', 'make_server']

_LARGEST_PORT = 65_535

_LOOPBACK = '127.0.0.1'

#: Seconds to wait for the end of a server.
_PATIENCE = 10


def browse(
    results,
    *,
    stamps=None,
    model=None,
    labels=None,
    by=None,
    origin='lower',
    rgb=None,
    host=_LOOPBACK,
    port=0,
    open_browser=None,
):
    """
    Look through results in a browser, and label them.

    Parameters
    ----------
    results : path-like, table or `~astro_wgan.browsing.Results`
        As for `~astro_wgan.browsing.Results.open`.
    stamps, model : optional
        As for `~astro_wgan.browsing.Results.open`.
    labels : path-like, optional
        File of labels; by default ``labels.jsonl`` in the folder of the results, or in the present
        folder for results in memory.
    by : str, optional
        Who labels; by default the name of the user of the computer.
    origin : {'lower', 'upper'}, optional
        Whether the first row of an image is shown at the bottom, or at the top as in pictures.
    rgb : tuple of str or int, optional
        The bands to show in red, green and blue: see `~astro_wgan.gallery.write_gallery`.
    host : str, optional
        Address to listen at. By default only programs of this machine reach it.
    port : int, optional
        Its port; by default one that is free.
    open_browser : bool, optional
        Open the page; by default, unless this is a notebook, which shows it in the cell.

    Returns
    -------
    BrowsingServer
        Its ``url`` is the address; ``close()`` ends it, as does the end of Python. As the result of
        a cell of a notebook it is the page itself if anywidget is installed, and otherwise a link.

    Raises
    ------
    MissingPackageError
        If Starlette or uvicorn is not installed.
    OSError
        If the port is taken.
    FileNotFoundError, ValueError
        As by `~astro_wgan.browsing.Results.open`.

    Examples
    --------
    >>> from astro_wgan.browsing import browse
    >>> server = browse('xdf')  # doctest: +SKIP
    >>> server.close()  # doctest: +SKIP
    """
    check_packages()
    if isinstance(results, Results):
        if stamps is not None or model is not None:
            raise ValueError('`stamps` and `model` are for `Results.open`: `results` has its own.')
    else:
        results = Results.open(results, stamps=stamps, model=model)
    server = make_server(
        results, labels=labels, by=by, origin=origin, rgb=rgb, host=host, port=port
    )
    server.start()
    if not is_notebook() if open_browser is None else open_browser:
        webbrowser.open(server.url)
    return server


def make_server(results, *, host=_LOOPBACK, port=0, **options):
    """
    A server of results that listens, and answers once it is started or runs.

    Parameters
    ----------
    results : `~astro_wgan.browsing.Results`
    host, port
        As for `browse`.
    **options
        ``labels``, ``by``, ``origin`` and ``rgb``, as for `browse`.

    Returns
    -------
    BrowsingServer
    """
    check_packages()
    return BrowsingServer(ResultsView(results, **options), host=host, port=port)


def check_packages():
    """Raise a MissingPackageError if a package that a server needs is not installed."""
    for name in ('starlette', 'uvicorn'):
        import_optional(name, purpose='Browsing results needs')


class BrowsingServer:
    """
    A server of one page of results.

    Parameters
    ----------
    view : `~astro_wgan.browsing.results_view.ResultsView`
    host : str
        Address to listen at.
    port : int
        0 for one that is free.

    Attributes
    ----------
    host, port
        Where it listens.

    Raises
    ------
    ValueError
        If ``host`` is no text, or ``port`` no whole number from 0 to 65535.
    OSError
        If the address is not one of this machine, or the port is taken.
    """

    def __init__(self, view, *, host=_LOOPBACK, port=0):
        import uvicorn

        self.view, self.host = view, host
        if not isinstance(host, str):
            raise ValueError(f'`host` must be a text, such as {_LOOPBACK!r}; got {host!r}.')
        check_whole_number('port', port, 0)
        if port > _LARGEST_PORT:
            raise ValueError(f'`port` must be at most {_LARGEST_PORT}; got {port}.')
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family)
        except OSError as error:
            raise OSError(f'The server cannot listen at {host}, port {port}: {error}.') from error
        self.port = self._socket.getsockname()[1]
        self._access = AccessControl(make_app(view), host=host, port=self.port)
        config = uvicorn.Config(
            self._access,
            # Requests that are none are refused, and no concern of whoever reads the terminal.
            log_level='error',
            lifespan='off',
            ws='none',
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server, self._thread = uvicorn.Server(config), None
        self._widget = None

    @property
    def url(self):
        """The address of the page, which opens it in one browser; each time another one."""
        name = {'0.0.0.0': _LOOPBACK, '': _LOOPBACK, '::': '::1'}.get(self.host, self.host)
        name = f'[{name}]' if ':' in name else name
        return f'http://{name}:{self.port}/?token={self._access.new_token()}'

    @property
    def is_open_to_others(self):
        """Whether other machines may reach it."""
        return not is_loopback(self.host)

    def run(self):
        """Answer requests until Ctrl-C; RuntimeError if it has been closed."""
        self._check_open()
        self._serve()

    def start(self):
        """Answer requests in a thread; RuntimeError if it has been closed."""
        self._check_open()
        if self._thread is not None:
            return
        self._thread = Thread(target=self._serve, name='astro_wgan browsing', daemon=True)
        self._thread.start()

    def close(self):
        """End the server."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_PATIENCE)
        self._socket.close()

    def _serve(self):
        try:
            self._server.run(sockets=[self._socket])
        except KeyboardInterrupt:
            pass
        finally:
            self._socket.close()

    def _check_open(self):
        if self._socket.fileno() < 0:
            raise RuntimeError('This server has been closed: make another one with `browse`.')

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _repr_mimebundle_(self, **options):
        """What a notebook shows: the page, or its address."""
        try:
            import anywidget  # noqa: F401
        except ImportError:
            address = escape(self.url)
            link = f'<a href="{address}" target="_blank" rel="noopener">{address}</a>'
            return {'text/plain': repr(self), 'text/html': link}
        if self._widget is None:
            self._widget = make_widget(self.view)
        return self._widget._repr_mimebundle_(**options)

    def __repr__(self):
        return (
            f'<BrowsingServer: {len(self.view.results)} sources at {self.host}, port {self.port}>'
        )
