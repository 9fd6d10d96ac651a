"""`BackgroundTask`: work that a page waits for while it is used for other things."""

from contextlib import contextmanager
from threading import Condition, Lock, Thread

from astro_wgan.files.error_text import one_line

__all__ = ['BackgroundTask', 'NotReadyError', 'TaskFailedError', 'Turns', 'UnavailableError']


class NotReadyError(Exception):
    """
    A result is not there yet.

    Parameters
    ----------
    what : str
        What is done.
    done : float or None
        Fraction that is done, where it is known.
    """

    def __init__(self, what, done=None):
        super().__init__(what)
        self.what, self.done = what, done


class UnavailableError(ValueError):
    """What is asked for needs something that is not there, such as a model or labels."""


class TaskFailedError(RuntimeError):
    """Work in the background ended in an error, which this says in a sentence."""


class BackgroundTask:
    """
    One computation in a thread, which begins when its result is first asked for.

    Parameters
    ----------
    what : str
        What is done, for the reader of a page.
    work : callable
        Gets a callable for the fraction that is done, and returns the result.

    Examples
    --------
    >>> import time
    >>> from astro_wgan.browsing.background_tasks import BackgroundTask, NotReadyError
    >>> task = BackgroundTask('adding numbers', lambda report: sum(range(10)))
    >>> while True:
    ...     try:
    ...         print(task.result())
    ...         break
    ...     except NotReadyError:
    ...         time.sleep(0.01)
    45
    """

    def __init__(self, what, work):
        self._what, self._work = what, work
        self._lock, self._thread = Lock(), None
        self._done = self._result = self._why = None
        self._has_result = False

    @property
    def is_done(self):
        """Whether there is a result."""
        return self._has_result

    def result(self):
        """
        The result.

        Raises
        ------
        NotReadyError
            If it is not there yet.
        TaskFailedError
            If there was an error. The next call begins anew.
        """
        with self._lock:
            if self._has_result:
                return self._result
            if self._why is not None:
                why, self._why, self._thread = self._why, None, None
                raise TaskFailedError(why)
            if self._thread is None:
                self._thread = Thread(target=self._run, name=self._what, daemon=True)
                self._thread.start()
            raise NotReadyError(self._what, self._done)

    def wait(self):
        """The result, once it is there; the errors are those of `result`."""
        while True:
            try:
                return self.result()
            except NotReadyError:
                thread = self._thread
                if thread is not None:
                    thread.join()

    def _run(self):
        try:
            result = self._work(self._report)
        except BaseException as error:  # told to whoever asks
            with self._lock:
                self._done, self._why = None, f'Failed at {self._what}: {one_line(error)}'
            return
        with self._lock:
            self._result, self._has_result = result, True

    def _report(self, done):
        self._done = float(done)


class Turns:
    """
    One thread at a time, of which those that somebody waits for come before those that go on long.

    Examples
    --------
    >>> from astro_wgan.browsing.background_tasks import Turns
    >>> turns = Turns()
    >>> with turns.urgent():
    ...     print('a picture')
    a picture
    """

    def __init__(self):
        self._changed = Condition()
        self._is_taken, self._n_urgent = False, 0

    @contextmanager
    def urgent(self):
        """A turn before all patient ones."""
        with self._changed:
            self._n_urgent += 1
            self._changed.wait_for(lambda: not self._is_taken)
            self._n_urgent -= 1
            self._is_taken = True
        yield from self._turn()

    @contextmanager
    def patient(self):
        """A turn once no urgent one is waited for."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken and not self._n_urgent)
            self._is_taken = True
        yield from self._turn()

    def _turn(self):
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()
