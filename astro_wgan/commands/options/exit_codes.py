"""`ExitCode`: how a command ended, for scripts."""

import errno
from enum import IntEnum

from astro_wgan.exceptions import MissingPackageError, NoSourceError, RemoteFileError

__all__ = ['ExitCode', 'exit_code_of']


class ExitCode(IntEnum):
    """Exit codes of the commands; ``docs/reference/cli.rst`` lists them."""

    #: All is done.
    DONE = 0
    #: Some of the work is done; the rest failed, and the same command tries it again.
    PARTLY_DONE = 1
    #: The options, the configuration or the files cannot be used.
    INVALID_INPUT = 2
    #: There is nothing to work on, such as an image without a source.
    NOTHING_FOUND = 3
    #: A package is not installed.
    MISSING_PACKAGE = 4
    #: The disk or the memory is full.
    NO_SPACE = 5
    #: A server cannot be reached or has failed: later, the same command may succeed.
    UNREACHABLE = 6
    #: An error that nobody thought of.
    UNEXPECTED = 70
    #: Ctrl-C.
    INTERRUPTED = 130
    #: What reads the output ended before all was written, as `head` does.
    BROKEN_PIPE = 141


#: Numbers of errors of a full disk.
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, 'EDQUOT', None)}


def exit_code_of(error):
    """
    The exit code for an error.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    ExitCode

    Examples
    --------
    >>> from astro_wgan.commands.options.exit_codes import exit_code_of
    >>> exit_code_of(ValueError('`seed` must not be negative; got -1.'))
    <ExitCode.INVALID_INPUT: 2>
    >>> exit_code_of(MemoryError())
    <ExitCode.NO_SPACE: 5>
    """
    from astropy.units import UnitsError

    if isinstance(error, MissingPackageError):
        return ExitCode.MISSING_PACKAGE
    if isinstance(error, NoSourceError):
        return ExitCode.NOTHING_FOUND
    if isinstance(error, MemoryError) or getattr(error, 'errno', None) in _FULL:
        return ExitCode.NO_SPACE
    if isinstance(error, RemoteFileError | ConnectionError | TimeoutError):
        return ExitCode.UNREACHABLE
    # In astropy 8 a UnitsError is not a ValueError.
    expected = OSError, TypeError, ValueError, UnitsError
    # An error without a sentence is one that nobody wrote.
    if isinstance(error, expected) and str(error).strip():
        return ExitCode.INVALID_INPUT
    return ExitCode.UNEXPECTED
