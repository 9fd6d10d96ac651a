import io

import pytest

from astro_wgan.jobs.progress import ProgressLine, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_elsewhere_are_rare_but_the_last_is_always_written():
    stream = io.StringIO()
    with ProgressLine('working', stream=stream, every=3600) as line:
        for k in range(11):
            line.update(k / 10, f'{k} of 10')
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith('working   0%  0 of 10')
    assert lines[1].startswith('working 100%  10 of 10')


def test_terminal_line_is_rewritten_in_place():
    stream = Terminal()
    with ProgressLine('working', stream=stream) as line:
        line.update(0.0)
        line.update(1.0)
    assert stream.getvalue().count('\n') == 1
    assert stream.getvalue().startswith('\rworking   0%')
    assert stream.getvalue().endswith('\n')


@pytest.mark.parametrize('kind', [Terminal, io.StringIO])
def test_notes_stay_above_the_line(kind):
    stream = kind()
    with ProgressLine('working', stream=stream) as line:
        line.update(0.0)
        line.note('of what')
        line.update(1.0)
    lines = [part.rstrip() for part in stream.getvalue().replace('\r', '\n').split('\n')]
    shown = [part for part in lines if part]
    assert shown[0].startswith('working   0%')
    assert shown[1] == 'of what'
    assert shown[2].startswith('working 100%')


def test_quiet_writes_nothing():
    stream = Terminal()
    with ProgressLine('working', stream=stream, quiet=True) as line:
        line.update(0.5)
        line.note('of what')
    assert stream.getvalue() == ''


def test_time_left_counts_only_the_work_of_this_run(monkeypatch):
    now = iter([0.0, 0.0, 10.0])
    monkeypatch.setattr('astro_wgan.jobs.progress.time.monotonic', lambda: next(now))
    stream = io.StringIO()
    with ProgressLine('training', stream=stream, every=0) as line:
        line.update(0.5)
        line.update(0.75)
    # A quarter of the work took ten seconds; the last quarter will take as long.
    assert stream.getvalue().splitlines()[1] == 'training  75%  10 s  10 s left'


@pytest.mark.parametrize(
    ('seconds', 'text'), [(48.4, '48 s'), (200, '3 min 20 s'), (7500, '2 h 05 min')]
)
def test_duration(seconds, text):
    assert duration(seconds) == text
