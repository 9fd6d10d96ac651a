import json
import subprocess
import sys
import time

import pytest

from astro_wgan.browsing.notebook_widget import is_notebook, make_widget
from astro_wgan.browsing.server import make_server
from tests.browsing.example_results import asking

pytest.importorskip('anywidget')


@pytest.fixture
def asked(view, monkeypatch):
    """A function that asks as the page in a cell does."""
    widget, sent = make_widget(view), []
    monkeypatch.setattr(
        type(widget), 'send', lambda self, content, buffers: sent.append((content, buffers))
    )

    def ask(path, given=None):
        number = len(sent) + 1
        message = {
            'request': number,
            'method': 'GET' if given is None else 'POST',
            'path': path,
            'headers': {'X-Results-Version': view.version},
            'body': None if given is None else json.dumps(given),
        }
        widget._handle_custom_msg(message, [])
        end = time.monotonic() + 60
        while len(sent) < number:
            assert time.monotonic() < end
            time.sleep(0.01)
        content, (body,) = sent[-1]
        assert content['request'] == number
        return content['status'], content['headers'], body

    return ask


def test_messages_are_answered_as_requests_are(asked, view):
    ask = asking(view)
    for path in ('/api/results', '/api/columns?name=id&name=score', '/api/sheet/0?picture=input'):
        status, headers, body = asked(path)
        answer = ask(path)
        assert (status, body) == (200, answer.content)
        assert headers['content-type'] == answer.headers['content-type']
    assert asked('/api/labels', {'rows': [2], 'label': 'artifact'})[0] == 200
    assert ask('/api/labels').json['rows'] == [2]
    assert asked('/api/order?by=none')[0] == 400


def test_all_files_that_the_page_needs_are_in_the_message(view):
    widget = make_widget(view, height='500px')
    assert 'index.html' in widget.files
    assert 'widget.js' not in widget.files
    assert 'export default' in widget._esm
    assert widget.height == '500px'


def test_a_notebook_shows_the_page_or_its_address(results, tmp_path, monkeypatch):
    with make_server(results, labels=tmp_path / 'labels.jsonl') as server:
        data, _ = server._repr_mimebundle_()
        assert 'application/vnd.jupyter.widget-view+json' in data
        monkeypatch.setitem(sys.modules, 'anywidget', None)
        bundle = server._repr_mimebundle_()
        assert f'href="http://127.0.0.1:{server.port}/?token=' in bundle['text/html']


def test_this_is_no_notebook():
    assert not is_notebook()
    code = (
        'from IPython.core.interactiveshell import InteractiveShell;'
        'InteractiveShell.instance();'
        'from astro_wgan.browsing.notebook_widget import is_notebook; print(is_notebook())'
    )
    # Nor is IPython in a terminal.
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == 'False'
