"""`make_widget`: the page of results in a cell of a notebook, which asks Python by messages."""

from concurrent.futures import ThreadPoolExecutor

from astro_wgan.browsing import in_process
from astro_wgan.browsing.page_files import PAGE_FILES
from astro_wgan.browsing.routes import make_app
from astro_wgan.optional import import_optional

__all__ = ['is_notebook', 'make_widget']

#: The module that anywidget runs; the others are sent to it.
_ENTRY = 'widget.js'

#: Requests that are answered at the same time.
_AT_ONCE = 4


def make_widget(view, *, height='80vh'):
    """
    The page of results as a widget.

    Parameters
    ----------
    view : `~astro_wgan.browsing.results_view.ResultsView`
    height : str, optional
        Height of the page, as in CSS.

    Returns
    -------
    `anywidget.AnyWidget`

    Raises
    ------
    ImportError
        If anywidget is not installed.

    Notes
    -----
    The page sends ``{request, method, path, headers, body}`` with a number of its own, and gets
    ``{request, status, headers}`` with the content as the only buffer: what a server would answer
    to the same request (`astro_wgan.browsing.routes`). Whoever can use the notebook can run Python
    anyway, so that there is no further access control.
    """
    anywidget = import_optional('anywidget', purpose='Pages in notebooks need')
    import traitlets

    class ResultsWidget(anywidget.AnyWidget):
        """A page of results."""

        _esm = _text(_ENTRY)
        files = traitlets.Dict().tag(sync=True)
        height = traitlets.Unicode().tag(sync=True)

    names = [name for name in PAGE_FILES if name != _ENTRY]
    widget = ResultsWidget(files={name: _text(name) for name in names}, height=height)
    app, threads = make_app(view), ThreadPoolExecutor(_AT_ONCE, thread_name_prefix='browsing')

    def answer(content):
        status, headers, body = in_process.ask(
            app,
            str(content['method']),
            str(content['path']),
            headers={str(name): str(value) for name, value in content['headers'].items()},
            body=(content['body'] or '').encode(),
        )
        widget.send(
            {'request': content['request'], 'status': status, 'headers': headers}, buffers=[body]
        )

    # In threads, so that cells can be run while pictures are made.
    widget.on_msg(lambda _, content, buffers: threads.submit(answer, content))
    return widget


def is_notebook():
    """
    Whether this process is the kernel of a notebook.

    Returns
    -------
    bool
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), 'kernel')


def _text(name):
    return PAGE_FILES[name][0].decode('utf-8')
