import threading
import time

import pytest

from astro_wgan.jobs.staged import staged_map


def slowly(value):
    time.sleep(0.02)
    return value


def added(prepared, computed):
    return prepared + computed


@pytest.mark.parametrize('threads', [1, 3])
@pytest.mark.parametrize('number', [0, 1, 2, 50])
def test_results_come_in_order(threads, number):
    def prepare(piece):
        time.sleep(0.002 * (piece % 3))
        return piece

    found = staged_map(prepare, lambda x: 10 * x, added, range(number), threads=threads)
    assert list(found) == [11 * piece for piece in range(number)]


def test_one_thread_computes_while_another_prepares_and_finishes():
    computing, others, overlaps = set(), set(), []
    busy = threading.Event()

    def compute(piece):
        computing.add(threading.get_ident())
        busy.set()
        time.sleep(0.02)
        busy.clear()
        return piece

    def beside(*arguments):
        others.add(threading.get_ident())
        time.sleep(0.005)
        overlaps.append(busy.is_set())
        return arguments[0]

    assert list(staged_map(beside, compute, beside, range(10))) == list(range(10))
    assert computing == {threading.get_ident()}
    assert len(others) == 1
    assert not computing & others
    assert sum(overlaps) > 5


def test_few_pieces_are_in_memory():
    taken = []

    def pieces():
        for piece in range(100):
            taken.append(piece)
            yield piece

    for finished in staged_map(slowly, slowly, added, pieces(), threads=2):
        assert len(taken) - finished / 2 <= 7


@pytest.mark.parametrize('error', [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize('step', ['prepare', 'compute', 'finish'])
def test_an_error_comes_after_the_results_before_it(error, step):
    def failing(value, *others):
        if value == 7:
            raise error
        return slowly(value)

    steps = {'prepare': slowly, 'compute': slowly, 'finish': lambda one, other: one}
    steps[step] = failing
    before = threading.active_count()
    results = staged_map(*steps.values(), range(20))
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(error):
        next(results)
    assert threading.active_count() == before


def test_it_ends_with_the_loop():
    before = threading.active_count()
    for _ in staged_map(slowly, slowly, added, iter(int, 1)):
        break
    assert threading.active_count() == before
