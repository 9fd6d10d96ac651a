"""The page in a cell of a notebook, whose messages a small server stands for."""

import json
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from judges.chromium import MARKS, wait

pytestmark = MARKS

#: As a notebook does: it runs the module, and passes messages on.
NOTEBOOK = """<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">
<div id="cell"></div>
<script type="module">
import widget from './widget.js';
const traits = await (await fetch('/traits')).json();
const heard = [];
const model = {
  get: (name) => traits[name],
  on: (name, hear) => heard.push(hear),
  off: () => heard.splice(0),
  send: async (message) => {
    const answer = await fetch('/message', { method: 'POST', body: JSON.stringify(message) });
    const { content, buffer } = await answer.json();
    const bytes = Uint8Array.from(atob(buffer), (letter) => letter.charCodeAt(0));
    for (const hear of heard) hear(content, [new DataView(bytes.buffer)]);
  },
};
window.end = widget.render({ model, el: document.getElementById('cell') });
</script>"""


@contextmanager
def notebook(widget):
    """The address of a page that shows a widget as a notebook does."""
    sent = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content, kind = {
                '/': (NOTEBOOK, 'text/html'),
                '/widget.js': (widget._esm, 'text/javascript'),
                '/traits': (
                    json.dumps({'files': widget.files, 'height': widget.height}),
                    'application/json',
                ),
            }[self.path]
            self.answer(content, kind)

        def do_POST(self):
            message = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
            widget._handle_custom_msg(message, [])
            wait(None, lambda: message['request'] in sent)
            content, buffer = sent.pop(message['request'])
            answer = {'content': content, 'buffer': b64encode(buffer).decode()}
            self.answer(json.dumps(answer), 'application/json')

        def answer(self, content, kind):
            content = content.encode()
            self.send_response(200)
            self.send_header('Content-Type', kind)
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *about):
            pass

    def send(self, content, buffers):
        sent[content['request']] = content, buffers[0]

    type(widget).send = send
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/'
    server.shutdown()
    server.server_close()


def in_page(browser, script):
    return browser.execute_script(
        f"const root = document.getElementById('cell').shadowRoot; return {script};"
    )


def test_a_cell_of_a_notebook_shows_and_labels_sources(browser, serve, table):
    pytest.importorskip('anywidget')
    from astro_wgan.browsing.notebook_widget import make_widget

    view = serve(table).view
    with notebook(make_widget(view, height='700px')) as address:
        browser.get(address)
        wait(browser, lambda: in_page(browser, "root.getElementById('app')?.dataset.ready"))
        ids = in_page(browser, "[...root.querySelectorAll('.card .id')].map((e) => e.textContent)")
        assert table['id'][0] in ids
        # It is as high as the cell, and has its colors.
        app = "getComputedStyle(root.getElementById('app'))"
        assert in_page(browser, f'{app}.height') == '700px'
        assert in_page(browser, f"{app}.getPropertyValue('--page')")
        # Keys label as in a window of its own.
        in_page(browser, "root.getElementById('cards').focus()")
        for key in ('ArrowRight', '1'):
            in_page(
                browser,
                "root.getElementById('cards').dispatchEvent("
                f"new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))",
            )
        wait(browser, lambda: view.labels.read()[1])
        assert [*view.labels.read()[1].values()] == ['interesting']
        browser.get('about:blank')
