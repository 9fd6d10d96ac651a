import signal
import threading

import pytest

from astro_wgan.jobs.interrupts import defer_interrupt


@pytest.fixture(autouse=True)
def handler():
    """That of a terminal: shells start what is in the background with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_interrupt_is_told_and_the_second_raised():
    before = signal.getsignal(signal.SIGINT)
    with defer_interrupt() as interrupted:
        assert not interrupted.is_set()
        signal.raise_signal(signal.SIGINT)
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_former_handler_is_there_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with defer_interrupt():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone():
    before, found = signal.getsignal(signal.SIGINT), []

    def work():
        with defer_interrupt() as interrupted:
            found.append((interrupted.is_set(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(False, before)]
