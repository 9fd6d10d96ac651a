"""Pieces of work here are expressions, since other processes cannot import this file."""

import os

import pytest

from astro_wgan.parallel import ordered_map

#: Who works on it, after some time.
WORKER = "__import__('time').sleep(0.02) or __import__('os').getpid()"


@pytest.mark.parametrize('processes', [1, 2, 3])
def test_results_come_in_order(processes):
    pieces = map(str, range(200))
    assert list(ordered_map(eval, pieces, processes=processes)) == list(range(200))


def test_this_process_and_another_work():
    workers = set()
    # The other one must start first.
    for worker in ordered_map(eval, [WORKER] * 1000, processes=2):
        workers.add(worker)
        if len(workers) == 2:
            break
    assert len(workers) == 2
    assert os.getpid() in workers


@pytest.mark.parametrize('processes', [1, 2])
# In the second case this process works on it, in the others another one.
@pytest.mark.parametrize('before', [0, 2, 50])
def test_an_error_comes_after_the_results_before_it(processes, before):
    pieces = [*map(str, range(before)), '1 / 0', '1']
    results = ordered_map(eval, pieces, processes=processes)
    assert [next(results) for _ in range(before)] == list(range(before))
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize('processes', [1, 2])
def test_pieces_are_taken_as_they_are_needed(processes):
    pieces = map(str, range(10_000))
    results = ordered_map(eval, pieces, processes=processes)
    assert next(results) == 0
    results.close()
    assert next(pieces, None) is not None


def test_no_pieces_give_no_results():
    assert list(ordered_map(eval, [], processes=2)) == []


def test_processes_must_be_at_least_one():
    with pytest.raises(ValueError, match='`processes` must be at least 1; got 0'):
        list(ordered_map(eval, ['1'], processes=0))
