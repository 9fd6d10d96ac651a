import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.parse import urlencode

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan import StampSet
from astro_wgan.browsing import Results, browse
from astro_wgan.browsing.results_view import ResultsView
from astro_wgan.browsing.server import make_server
from tests.browsing.example_results import arrays_of, asking, make_stamps


def test_results_are_browsed_from_python(table, tmp_path):
    server = browse(
        table, stamps=make_stamps(table), labels=tmp_path / 'labels.jsonl', open_browser=False
    )
    with urllib.request.urlopen(server.url, timeout=20) as answer:
        assert answer.status == 200
    assert repr(server) == f'<BrowsingServer: 150 sources at 127.0.0.1, port {server.port}>'
    server.close()
    with pytest.raises(OSError, match='refused'):
        socket.create_connection(('127.0.0.1', server.port), timeout=5)


def test_the_browser_is_opened_with_an_address_of_its_own(table, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr('webbrowser.open', opened.append)
    options = {'stamps': make_stamps(table), 'labels': tmp_path / 'labels.jsonl'}
    with browse(table, **options) as server:
        assert len(opened) == 1
        assert opened[0].startswith(f'http://127.0.0.1:{server.port}/?token=')


def test_a_server_is_started_once_and_not_after_its_end(results, tmp_path):
    server = make_server(results, labels=tmp_path / 'labels.jsonl')
    server.start()
    server.start()
    server.close()
    server.close()
    for begin in (server.start, server.run):
        with pytest.raises(RuntimeError, match='has been closed'):
            begin()


def test_results_that_are_open_have_their_own_stamps_and_model(results, tmp_path):
    for given in ({'stamps': tmp_path}, {'model': tmp_path}):
        with pytest.raises(ValueError, match='`results` has its own'):
            browse(results, open_browser=False, **given)


def test_a_port_that_is_taken_is_told(results, tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f'cannot listen at 127.0.0.1, port {port}'):
            make_server(results, labels=tmp_path / 'labels.jsonl', port=port)
    with pytest.raises(OSError, match=r'cannot listen at 192\.0\.2\.1'):
        make_server(results, labels=tmp_path / 'labels.jsonl', host='192.0.2.1')


def test_options_are_refused_before_the_server_starts(results, tmp_path):
    labels = tmp_path / 'labels.jsonl'
    with pytest.raises(ValueError, match="`origin` must be 'lower' or 'upper'; got 'left'"):
        make_server(results, labels=labels, origin='left')
    with pytest.raises(ValueError, match='`by`'):
        make_server(results, labels=labels, by='')
    with pytest.raises(ValueError, match='`host` must be a text'):
        make_server(results, labels=labels, host=None)
    for port in (-1, 70_000, 80.5):
        with pytest.raises(ValueError, match=f'`port` must be .*; got {port}'):
            make_server(results, labels=labels, port=port)
    labels.write_text('something else\n')
    with pytest.raises(ValueError, match='holds no labels of this package'):
        make_server(results, labels=labels)


def command(folder, *options):
    return subprocess.Popen(
        [sys.executable, '-m', 'astro_wgan.cli', 'browse', str(folder), '--no-browser', *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


@pytest.fixture
def folder(table, tmp_path):
    from astro_wgan import StampStore

    table.write(tmp_path / 'scores.ecsv')
    StampStore.from_stamps(tmp_path / 'stamps.zarr', make_stamps(table)).close()
    return tmp_path


def test_the_command_ends_with_ctrl_c(folder):
    process = command(folder)
    lines = [process.stdout.readline() for _ in range(3)]
    assert lines[0] == f'150 sources; labels are kept in {folder / "labels.jsonl"}.\n'
    # It listens before it answers.
    assert re.fullmatch(r'http://127\.0\.0\.1:\d+/\?token=\S+\n', lines[1])
    assert lines[2].endswith('Ctrl-C ends the server.\n')
    with urllib.request.urlopen(lines[1].strip(), timeout=30) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (0, '', '')


def test_the_command_says_what_listening_to_others_means(folder):
    process = command(folder, '--host', '0.0.0.0')
    process.stdout.readline()
    assert process.stdout.readline().startswith('Other machines can reach this server, and its')
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


@pytest.mark.parametrize('path', ['none', 'labels.txt'])
def test_the_command_refuses_what_holds_no_results(path, tmp_path):
    (tmp_path / 'labels.txt').write_text('')
    process = command(tmp_path / path)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, '')
    assert errors.startswith('astro-wgan: ')
    assert len(errors.splitlines()) == 1


def test_a_hundred_thousand_rows_are_opened_in_seconds(tmp_path):
    n = 100_000
    rng = np.random.default_rng(1)
    table = QTable({'id': np.arange(n) + 10**12, 'score': rng.normal(size=n)})
    for k in range(20):
        table[f'column_{k}'] = rng.normal(size=n)
    pixels = np.zeros((n, 4, 4), dtype=np.float32)
    stamps = StampSet(pixels, table=QTable({'id': table['id']}))
    # Of this process alone: others may be at work on the machine.
    begin = time.process_time()
    ask = asking(ResultsView(Results.open(table, stamps=stamps), labels=tmp_path / 'labels.jsonl'))
    names = ['id', *(column['name'] for column in ask('/api/results').json['columns'])]
    _, arrays = arrays_of(ask(f'/api/columns?{urlencode({"name": names}, doseq=True)}').content)
    _, order = arrays_of(ask('/api/order?by=column:column_7&filter=column_3:0:').content)
    assert time.process_time() - begin < 3
    assert len(arrays['id']) == len(arrays['column_7']) == n
    assert (arrays['column_3'][order['rows']] >= 0).all()
