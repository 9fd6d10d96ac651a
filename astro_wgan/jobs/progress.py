"""`ProgressLine`: progress, elapsed and remaining time on one line."""

import sys
import time

__all__ = ['ProgressLine', 'duration']


class ProgressLine:
    """
    A progress line, rewritten in place on a terminal, and printed at intervals elsewhere.

    Parameters
    ----------
    what : str
        Name of the task, with which the line starts.
    stream : file-like, optional
        Stream to write to; standard error by default.
    quiet : bool, optional
        Write nothing.
    every : float, optional
        Seconds between lines if the stream is not a terminal.

    Examples
    --------
    >>> import sys
    >>> from astro_wgan.jobs.progress import ProgressLine
    >>> with ProgressLine('scoring', stream=sys.stdout) as line:
    ...     line.update(1.0, '20 of 20 stamps')
    scoring 100%  20 of 20 stamps  0 s
    """

    def __init__(self, what, *, stream=None, quiet=False, every=10.0):
        self.what = what
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._terminal = getattr(self._stream, 'isatty', lambda: False)()
        self._every = 0.2 if self._terminal else every
        self._start = time.monotonic()
        self._written = -float('inf')
        self._last = None
        self._begin = None

    def update(self, done, text=''):
        """
        Update the progress.

        Parameters
        ----------
        done : float
            Fraction of the work done, 0 to 1.
        text : str, optional
            Additional text, such as counts or losses.
        """
        now = time.monotonic()
        if self._begin is None:
            # Resumed work starts at a fraction above zero.
            self._begin = (done, now)
        self._last = self._line(done, text, now)
        if now - self._written >= self._every:
            self._write(self._last)
            self._written = now
            self._last = None

    def note(self, text):
        """
        Print a line above the progress line.

        Parameters
        ----------
        text : str
            The line.
        """
        if self._quiet:
            return
        # Overwrites the progress line, which is printed again below.
        self._stream.write(f'\r{text:<79}\n' if self._terminal else f'{text}\n')
        self._stream.flush()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._last is not None:
            self._write(self._last)
        if self._terminal and not self._quiet:
            self._stream.write('\n')
            self._stream.flush()

    def _line(self, done, text, now):
        parts = [f'{self.what} {100 * done:3.0f}%']
        if text:
            parts.append(text)
        parts.append(duration(now - self._start))
        begin, since = self._begin
        if begin < done < 1:
            parts.append(f'{duration((now - since) * (1 - done) / (done - begin))} left')
        return '  '.join(parts)

    def _write(self, line):
        if self._quiet:
            return
        self._stream.write(f'\r{line:<79}' if self._terminal else line + '\n')
        self._stream.flush()


def duration(seconds):
    """Format a duration in seconds as text: 48 s, 3 min 20 s, 2 h 05 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f'{seconds} s'
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f'{minutes} min {seconds:02d} s'
    hours, minutes = divmod(minutes, 60)
    return f'{hours} h {minutes:02d} min'
