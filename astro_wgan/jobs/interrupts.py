"""`defer_interrupt`: Ctrl-C as an event, so that what has begun is completed first."""

import signal
import threading
from contextlib import contextmanager

__all__ = ['defer_interrupt']


@contextmanager
def defer_interrupt():
    """
    An event that Ctrl-C sets, so that the present step of some work is completed first.

    TensorFlow loses a KeyboardInterrupt that is raised while it traces. A second Ctrl-C raises one.

    Yields
    ------
    `threading.Event`
        Who waits for it raises the KeyboardInterrupt. It is never set in another thread than the
        main one, to which signals are delivered.

    Examples
    --------
    >>> from astro_wgan.jobs.interrupts import defer_interrupt
    >>> with defer_interrupt() as interrupted:
    ...     for step in range(3):
    ...         if interrupted.is_set():
    ...             raise KeyboardInterrupt
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    former = signal.getsignal(signal.SIGINT) or signal.default_int_handler

    def set_event(number, frame):
        signal.signal(signal.SIGINT, former)
        interrupted.set()

    signal.signal(signal.SIGINT, set_event)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, former)
