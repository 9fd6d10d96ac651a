"""Limits of memory and parsing time for untrusted files."""

import os
import re
import stat
from functools import cache
from pathlib import Path

__all__ = ['check_file', 'check_memory', 'check_size', 'check_unit_text', 'largest_size']

#: By default the content of one file may take the inverse of this, a quarter, of the memory.
_PART = 4

#: Memory that is assumed if neither the machine nor its control group reports it.
_UNKNOWN_MEMORY = 8 * 2**30

#: Files in which Linux control groups, such as those of containers, report their memory limit.
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

#: Maximum length of a unit string: parsing longer ones, and suggesting similar units, takes long.
_LONGEST_UNIT = 256

#: A number to a power of four digits or more, which astropy would compute exactly.
_HUGE_POWER = re.compile(r'[\d.)]\s*(?:\*\*|\^|[+-])[\s(]*[+-]?\s*\d{4}')


def largest_size(max_size=None):
    """
    Maximum number of bytes that the content of one file may take.

    Parameters
    ----------
    max_size : number, optional
        Limit set by the caller, in bytes; infinity for no limit.

    Returns
    -------
    number
        ``max_size``, or a quarter of the memory of the machine or its control group.

    Raises
    ------
    TypeError
        If ``max_size`` is not a number.
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
    Raise an error if the content of a file would take too much memory.

    Parameters
    ----------
    needed : int
        Bytes that are needed.
    what : str
        Subject of the error message: the name of the file, or of a part of it.
    max_size : number, optional
        As in `largest_size`.
    error : type, optional
        Exception class.

    Raises
    ------
    ValueError
        Or ``error``, if more is needed than allowed.

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


def check_memory(needed, what, advice):
    """
    Raise an error for arrays that are larger than the memory.

    Parameters
    ----------
    needed : int
        Bytes that are needed.
    what, advice : str
        Subject of the error message, and its last sentence.

    Raises
    ------
    ValueError
        If the machine or its control group has less memory.

    Examples
    --------
    >>> from astro_wgan.files.limits import check_memory
    >>> check_memory(10**6, '1000 stamps', 'Use fewer.')
    """
    if needed > _memory():
        raise ValueError(
            f'{what} would take {_in_words(needed)}; the memory has {_in_words(_memory())}. '
            f'{advice}'
        )


def check_file(path, *, error=ValueError):
    """
    Raise an error if a path is not a regular file, but a folder, pipe, socket or device.

    Parameters
    ----------
    path : path-like
    error : type, optional
        Exception class.

    Returns
    -------
    `os.stat_result`
        Status of the file. Symbolic links are followed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file cannot be accessed.
    ValueError
        Or ``error``, if it is not a regular file, or the name is invalid.
    """
    try:
        found = os.stat(path)
    except ValueError as wrong:  # a name with a zero byte in it
        raise error(f'{os.fspath(path)!r} is not a valid file name: {wrong}.') from wrong
    if not stat.S_ISREG(found.st_mode):
        kind = next(
            (words for is_kind, words in _KINDS if is_kind(found.st_mode)), 'no regular file'
        )
        raise error(f'{os.fspath(path)} is {kind}, not a file.')
    return found


def check_unit_text(text, *, error=ValueError):
    """
    Raise an error for a unit string that would take astropy minutes to parse.

    Parameters
    ----------
    text : str
        Unit string of a header, column or description.
    error : type, optional
        Exception class.

    Raises
    ------
    ValueError
        Or ``error``, if it is too long, or has a number to a power of four or more digits.

    Examples
    --------
    >>> from astro_wgan.files.limits import check_unit_text
    >>> check_unit_text('10**-17 erg / (s cm2 Angstrom)')
    >>> check_unit_text('10**9999999 m')
    Traceback (most recent call last):
    ...
    ValueError: '10**9999999 m' is not a unit: powers of numbers have at most three digits.
    """
    if len(text) > _LONGEST_UNIT:
        raise error(
            f'{text[:40]!r}... is not a unit: a unit has at most {_LONGEST_UNIT} characters, '
            f'this text has {len(text)}.'
        )
    if _HUGE_POWER.search(text):
        raise error(f'{text!r} is not a unit: powers of numbers have at most three digits.')


def _memory():
    """Bytes of memory available to this process."""
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
