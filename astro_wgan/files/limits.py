"""How much a file may ask for: of memory, and of time."""

import os
import re
import stat
from functools import cache
from pathlib import Path

__all__ = ['check_file', 'check_size', 'check_unit_text', 'largest_size']

#: Part of the machine's memory that the content of one file may take, unless more is allowed.
_PART = 4

#: Memory that a machine is taken to have where neither it nor its control group says so.
_UNKNOWN_MEMORY = 8 * 2**30

#: Where control groups of Linux, as of containers, say how much memory they may use.
_CONTROL_GROUPS = (
    '/sys/fs/cgroup/memory.max',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes',
)

_KINDS = (
    (stat.S_ISDIR, 'a folder'),
    (stat.S_ISFIFO, 'a named pipe'),
    (stat.S_ISSOCK, 'a socket'),
    (stat.S_ISCHR, 'a device'),
    (stat.S_ISBLK, 'a device'),
)

#: The longest text of a unit: parsing, and looking for units that are called alike, take longer.
_LONGEST_UNIT = 256

#: A number to a power of four digits or more: astropy computes it with all of its digits.
_HUGE_POWER = re.compile(r'[\d.)]\s*(?:\*\*|\^|[+-])[\s(]*[+-]?\s*\d{4}')


def largest_size(max_size=None):
    """
    How many bytes the content of one file may take.

    Parameters
    ----------
    max_size : number, optional
        What the caller allows, in bytes; infinity is no limit.

    Returns
    -------
    number
        ``max_size``, or a quarter of the memory of the machine or of its control group.

    Raises
    ------
    TypeError
        If ``max_size`` is no number.
    ValueError
        If it is not above 0.

    Examples
    --------
    >>> from astro_wgan.files.limits import largest_size
    >>> largest_size(2e9)
    2000000000.0
    """
    if max_size is None:
        return _memory() // _PART
    if isinstance(max_size, (bool, str)) or not hasattr(max_size, '__float__'):
        raise TypeError(f'`max_size` must be a number of bytes; got {max_size!r}.')
    if not max_size > 0:
        raise ValueError(f'`max_size` must be above 0; got {max_size!r}.')
    return max_size


def check_size(needed, what, *, max_size=None, error=ValueError):
    """
    Refuse a file whose content would take too much memory, before it is read.

    Parameters
    ----------
    needed : int
        Bytes that it would take.
    what : str
        Begin of the sentence: the name of the file, or of a part of it.
    max_size : number, optional
        As for `largest_size`.
    error : type, optional
        Class of the error.

    Raises
    ------
    ValueError
        Or ``error``, if it needs more.

    Examples
    --------
    >>> from astro_wgan.files.limits import check_size
    >>> check_size(40 * 2**30, 'bomb.fits', max_size=2**30)
    Traceback (most recent call last):
    ...
    ValueError: bomb.fits would take 40.0 GiB of memory; allowed are 1.0 GiB (`max_size`).
    """
    allowed = largest_size(max_size)
    if needed > allowed:
        raise error(
            f'{what} would take {_in_words(needed)} of memory; allowed are {_in_words(allowed)} '
            '(`max_size`).'
        )


def check_file(path, *, error=ValueError):
    """
    Refuse what is no regular file: a folder, a pipe that nobody writes to, a device.

    Parameters
    ----------
    path : path-like
    error : type, optional
        Class of the error.

    Returns
    -------
    `os.stat_result`
        Of the file, which symbolic links may lead to.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it cannot be looked at.
    ValueError
        Or ``error``, if it is no regular file, or no file can have such a name.
    """
    try:
        found = os.stat(path)
    except ValueError as wrong:  # a name with a zero byte in it
        raise error(f'{os.fspath(path)!r} is no name of a file: {wrong}.') from wrong
    if not stat.S_ISREG(found.st_mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(found.st_mode)), 'no file')
        raise error(f'{os.fspath(path)} is {kind}, not a file.')
    return found


def check_unit_text(text, *, error=ValueError):
    """
    Refuse the text of a unit that would take astropy minutes to parse.

    Parameters
    ----------
    text : str
        As a header, a column or a description has it.
    error : type, optional
        Class of the error.

    Raises
    ------
    ValueError
        Or ``error``, if it is longer than any unit, or has a number to a power of four digits.

    Examples
    --------
    >>> from astro_wgan.files.limits import check_unit_text
    >>> check_unit_text('10**-17 erg / (s cm2 Angstrom)')
    >>> check_unit_text('10**9999999 m')
    Traceback (most recent call last):
    ...
    ValueError: '10**9999999 m' is no unit: a number to a power has at most three digits in it.
    """
    if len(text) > _LONGEST_UNIT:
        raise error(
            f'{text[:40]!r} and so on is no unit: a unit has at most {_LONGEST_UNIT} characters, '
            f'this text has {len(text)}.'
        )
    if _HUGE_POWER.search(text):
        raise error(f'{text!r} is no unit: a number to a power has at most three digits in it.')


def _memory():
    """Bytes of memory that this process may have at most."""
    return _measured_memory(tuple(_CONTROL_GROUPS))


@cache
def _measured_memory(control_groups):
    try:
        memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    except (AttributeError, OSError, ValueError):
        memory = _UNKNOWN_MEMORY
    for name in control_groups:
        try:
            memory = min(memory, int(Path(name).read_text()))
        except (OSError, ValueError):
            continue
    return memory


def _in_words(size):
    for unit, name in ((2**40, 'TiB'), (2**30, 'GiB'), (2**20, 'MiB')):
        if size >= unit:
            return f'{size / unit:,.1f} {name}'
    return f'{size:,.0f} bytes'
