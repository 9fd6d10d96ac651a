"""Messages of TensorFlow that are no errors, kept off the screen of commands and hunts."""

import logging
import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress

__all__ = ['is_error', 'without_messages']

#: Variable with the lowest level of messages that TensorFlow writes: 0 (all) to 3 (fatal errors).
LEVEL = 'TF_CPP_MIN_LOG_LEVEL'

#: Lines of TensorFlow, XLA and absl below the level of an error: ``I0000 00:00:17...`` or, of
#: former versions, ``2026-11-30 01:02:03.4: I tensorflow/...``, and those that belong to them.
_NO_ERROR = re.compile(
    rb'[IW]\d{4} \d\d:\d\d:[\d.]+ '
    rb'|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: [IW] '
    rb'|WARNING: All log messages before absl::InitializeLog\(\)'
    rb'|To enable the following instructions: .* rebuild TensorFlow'
    # Written at the level of an error where there is none: libraries that are registered twice, a
    # TensorFlow for GPUs on a machine without one, and graphs that stay as they are since one of
    # the optimizations of Grappler does not know them.
    rb'|.*Unable to register cu\w+ factory'
    rb'|.*failed call to cuInit.*(NO_DEVICE|UNKNOWN ERROR \(303\))'
    rb'|.*meta_optimizer\.cc:\d+\] \w+ failed: INVALID_ARGUMENT: Mutation::Apply error',
    re.IGNORECASE,
)

#: Seconds to wait for the last lines; a process that holds the pipe open may outlive the command.
_LAST_LINES = 2


def is_error(line):
    """
    Whether a line of standard error is more than a message of TensorFlow that is no error.

    Parameters
    ----------
    line : bytes

    Returns
    -------
    bool

    Examples
    --------
    >>> from astro_wgan.tensorflow_messages import is_error
    >>> is_error(b'I0000 00:00:1795997177.580833 11511 port.cc:153] oneDNN operations are on')
    False
    >>> is_error(b'E0000 00:00:1795997177.580833 11511 pool.cc:15] Out of memory')
    True
    """
    return _NO_ERROR.match(line) is None


@contextmanager
def without_messages(*, in_notebooks=False):
    """
    Keep messages of TensorFlow that are no errors off standard error.

    Parameters
    ----------
    in_notebooks : bool, optional
        Do so also where Python does not write to the standard error of the process, as in
        notebooks, which show both. What Python writes is left alone there.

    Notes
    -----
    Its libraries write to the file descriptor, some before they read any setting. Meanwhile that is
    a pipe to a process that passes on all other lines, so that those of a process that crashes are
    not lost. What Python writes goes to the screen directly. Where standard error is closed, or the
    user has set ``TF_CPP_MIN_LOG_LEVEL`` to 0, nothing is done.
    """
    is_python = _is_of_process(sys.stderr)
    if os.environ.get(LEVEL) == '0' or not (is_python or (in_notebooks and _is_open(2))):
        yield
        return
    os.environ.setdefault(LEVEL, '2')
    for name in ('tensorflow', 'absl'):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        # A session of its own: Ctrl-C ends the command, and not what shows its last words.
        filtering = subprocess.Popen(
            [sys.executable, '-I', '-S', __file__], stdin=subprocess.PIPE, start_new_session=True
        )
    except OSError:
        yield
        return
    formerly = sys.stderr
    descriptor = os.dup(2)
    if is_python:
        formerly.flush()
        like = {'encoding': formerly.encoding, 'errors': formerly.errors}
        sys.stderr = open(descriptor, 'w', buffering=1, closefd=False, **like)  # noqa: SIM115
    os.dup2(filtering.stdin.fileno(), 2)
    filtering.stdin.close()
    try:
        yield
    finally:
        if is_python:
            sys.stderr.flush()
            sys.stderr.close()
            sys.stderr = formerly
        os.dup2(descriptor, 2)
        os.close(descriptor)
        with suppress(subprocess.TimeoutExpired):
            filtering.wait(_LAST_LINES)


def _is_of_process(stream):
    """Whether a stream writes to the file descriptor of standard error."""
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False


def _is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def main():
    """Pass on those lines of the standard input that are errors."""
    for line in sys.stdin.buffer:
        if is_error(line):
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()


if __name__ == '__main__':
    main()
