import time
from threading import Event, Thread

import pytest

from astro_wgan.browsing.background_tasks import (
    BackgroundTask,
    NotReadyError,
    TaskFailedError,
    Turns,
)


def test_results_are_told_once_they_are_there():
    begun, go_on = Event(), Event()

    def work(report):
        report(0.25)
        begun.set()
        assert go_on.wait(20)
        return 42

    task = BackgroundTask('counting', work)
    with pytest.raises(NotReadyError) as first:
        task.result()
    assert first.value.what == 'counting'
    assert begun.wait(20)
    with pytest.raises(NotReadyError) as second:
        task.result()
    assert second.value.done == 0.25
    assert not task.is_done
    go_on.set()
    assert task.wait() == task.result() == 42
    assert task.is_done


def test_failures_are_told_once_and_the_work_is_repeated():
    tries = []

    def work(report):
        tries.append(len(tries))
        if len(tries) == 1:
            raise OSError('The disk is\nfull.')
        return 'done'

    task = BackgroundTask('writing', work)
    with pytest.raises(TaskFailedError, match=r'^Failed at writing: The disk is full\.$'):
        task.wait()
    assert task.wait() == 'done'
    assert tries == [0, 1]


def test_urgent_turns_come_before_patient_ones():
    """A plain lock would be taken again at once by the thread that has just released it."""
    turns, order, ended = Turns(), [], Event()

    def long():
        while not ended.is_set():
            with turns.patient():
                order.append('long')
                time.sleep(0.02)

    thread = Thread(target=long)
    thread.start()
    try:
        for _ in range(5):
            time.sleep(0.03)
            waited_from = len(order)
            with turns.urgent():
                # No turn of the other one has begun since this one was waited for.
                assert len(order) <= waited_from + 1
    finally:
        ended.set()
        thread.join()
    assert len(order) >= 5


def test_turns_end_with_errors():
    turns = Turns()
    for turn in (turns.urgent, turns.patient):
        with pytest.raises(ValueError, match='no'), turn():
            raise ValueError('no')
    with turns.patient():
        pass
