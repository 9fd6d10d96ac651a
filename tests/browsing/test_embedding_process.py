"""The process that makes maps."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from astro_wgan.browsing.rows.feature_space import embed_in_process

_SERVER = """
import sys
from pathlib import Path
import numpy as np
from astro_wgan.browsing.rows import feature_space
feature_space._SCRIPT = Path(sys.argv[1])
feature_space.embed_in_process(np.zeros((4, 2), np.float32))
"""
#: Does nothing for a minute, once it has said which process it is.
_SLOW = """
import os, sys, time
from pathlib import Path
from threading import Thread
from astro_wgan.browsing.rows.embedding_process import _end_with_server
Thread(target=_end_with_server, daemon=True).start()
Path(sys.argv[0] + '.pid').write_text(str(os.getpid()) + ' ')
time.sleep(60)
"""


def test_places_come_from_a_process_of_their_own():
    features = np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32)
    places, method = embed_in_process(features)
    assert (places.shape, method) == ((12, 2), 'principal components')


@pytest.mark.skipif(not hasattr(signal, 'SIGKILL'), reason='Windows has no such signal')
def test_the_process_ends_with_a_server_that_is_killed(tmp_path):
    script = tmp_path / 'slow.py'
    script.write_text(_SLOW)
    pid = tmp_path / 'slow.py.pid'
    with subprocess.Popen([sys.executable, '-c', _SERVER, str(script)]) as server:
        until(lambda: pid.exists() and pid.read_text().endswith(' '))
        number = int(pid.read_text())
        assert is_alive(number)
        server.kill()
    until(lambda: not is_alive(number))


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    status = Path(f'/proc/{number}/stat')
    # One that has ended, and that nobody has asked about, still has its number.
    return not status.exists() or status.read_text().rpartition(')')[2].split()[0] != 'Z'
