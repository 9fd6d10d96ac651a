import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import harness
from benchmarks.harness import (
    BenchmarkParser,
    Report,
    Timing,
    find_machine,
    in_fresh_process,
    peak_memory,
    skip,
    time_in_turns,
    time_once,
)
from benchmarks.results import Column, estimate, read_result

DOC = """
How fast stamps are cut, beside
a loop.

More of it.
"""


@pytest.fixture
def parser(monkeypatch):
    """A parser as that of a program."""
    main = SimpleNamespace(__spec__=SimpleNamespace(name='benchmarks.speed.cutting'))
    monkeypatch.setitem(sys.modules, '__main__', main)
    parser = BenchmarkParser(DOC, smoke={'stamps': 3, 'names': ['a b']}, work='cutting')
    parser.add_argument('--stamps', type=int, default=1000)
    parser.add_argument('--names', nargs='+', default=['c'])
    parser.add_argument('--fast', action='store_true')
    return parser


# Options


def test_options_that_all_have(parser):
    options = parser.parse_args(['--work', 'somewhere/that/is/not', '--seed', '7'][2:])
    assert (options.seed, options.stamps, options.output, options.smoke) == (7, 1000, None, False)
    assert options.question == 'How fast stamps are cut, beside a loop.'
    assert options.benchmark == 'speed.cutting'


@pytest.fixture(autouse=True)
def _work_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, '_ROOT', tmp_path)


def test_work_is_kept_beside_the_benchmarks(parser, tmp_path):
    assert parser.parse_args([]).work == tmp_path / 'benchmarks' / 'work' / 'cutting'
    assert (tmp_path / 'benchmarks' / 'work' / 'cutting').is_dir()


def test_smoke_makes_everything_small_but_what_is_given(parser, tmp_path):
    options = parser.parse_args(['--smoke', '--stamps', '5'])
    assert (options.stamps, options.names) == (5, ['a b'])
    assert tmp_path not in options.work.parents
    assert parser.parse_args(['--smoke']).stamps == 3


def test_smoke_names_options(parser):
    parser._smoke['galaxies'] = 2
    with pytest.raises(ValueError, match=r'must hold values of options; .*galaxies.* are none'):
        parser.parse_args(['--smoke'])


def test_the_command_has_no_defaults_and_no_paths(parser):
    told = 'python -m benchmarks.speed.cutting'
    assert parser.parse_args([]).command == told
    given = ['--fast', '--names', 'x', 'y z', '--output', 'there.json', '--stamps', '1000']
    assert parser.parse_args(given).command == f'{told} --names x "y z" --fast'


def test_what_cannot_run_says_why(capsys):
    with pytest.raises(SystemExit) as told:
        skip('it needs the network')
    assert told.value.code == harness.SKIPPED
    assert 'Skipped: it needs the network' in capsys.readouterr().err


# Time and memory


def test_contenders_take_turns():
    calls = []
    contenders = {name: lambda name=name: calls.append(name) for name in 'ab'}
    timings = time_in_turns(contenders, turns=3)
    assert calls == list('ababab')
    assert [len(timing.seconds) for timing in timings.values()] == [3, 3]


def test_a_turn_lasts_and_begins_without_the_clock():
    calls = []

    def work():
        calls.append(time.perf_counter())
        time.sleep(0.002)

    timing = time_in_turns({'work': work}, turns=1, least=0.02, warm_up=True)['work']
    assert len(calls) == len(timing.seconds) + 1
    assert len(calls) > 2
    assert 0.002 <= timing.shortest <= timing.median


def test_what_is_returned_is_checked_outside_of_the_time():
    seen = []

    def check(name, found):
        time.sleep(0.05)
        seen.append((name, found))

    timing = time_in_turns({'one': lambda: 1}, turns=2, check=check)['one']
    assert seen == [('one', 1)] * 2
    assert timing.shortest < 0.04


def test_time_of_the_processors_is_not_that_of_the_clock():
    _, slept = time_once(time.sleep, 0.05)
    assert slept.processor_shortest < 0.04 < slept.shortest
    found, worked = time_once(sum, range(3_000_000))
    assert found == 4_499_998_500_000
    assert worked.processor_shortest > 0.01


def test_shortest_and_median():
    timing = Timing((3.0, 1.0, 2.0), (0.3, 0.2, 0.1))
    assert (timing.shortest, timing.median, timing.processor_shortest) == (1.0, 2.0, 0.1)


def test_peak_memory_is_in_mebibytes():
    before = peak_memory()
    part = np.ones(2**20 * max(16, int(before)) // 4)
    grown = peak_memory()
    del part
    assert 1.2 * before < grown < 10 * before + 200
    # What is given back is not forgotten.
    assert peak_memory() > 0.98 * grown


def test_a_fresh_process_holds_nothing_of_this_one(monkeypatch):
    # The process has this one's path, on which the benchmarks are where they are run from.
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    part = np.ones(2**25)
    assert in_fresh_process(peak_memory) < peak_memory() - 50
    assert part.size == 2**25


def test_machine():
    machine = find_machine()
    assert machine.keys() == {'processor', 'cores', 'accelerator'}
    assert machine['cores'] >= 1


# Report


def test_a_report_is_shown_and_written(parser, tmp_path, capsys):
    path = tmp_path / 'cutting.json'
    report = Report(parser.parse_args(['--smoke', '--output', str(path)]), 'scipy')
    columns = Column('program', 'that cuts'), Column('auc', 'area', '', '.2f')
    rows = [
        {'program': 'ours', 'auc': estimate(np.float32(0.5), np.float64(0.25))},
        {'program': 'loop', 'auc': np.nan},
    ]
    report.table('speed', 'Shortest of three.', columns, rows)
    report.note('Loops were scaled.')
    report.write()
    shown = capsys.readouterr().out
    assert '0.50 ± 0.25' in shown
    assert 'Loops were scaled.' in shown
    result = read_result(path)
    assert result.table('speed').rows == (
        {'program': 'ours', 'auc': {'value': 0.5, 'error': 0.25}},
        {'program': 'loop', 'auc': None},
    )
    assert result.command == 'python -m benchmarks.speed.cutting --smoke'
    assert 'scipy' in result.versions
    assert json.loads(path.read_text())['notes'] == ['Loops were scaled.']


def test_nothing_is_written_unless_asked_for(parser, tmp_path):
    Report(parser.parse_args([])).write()
    assert not list(tmp_path.glob('*.json'))
