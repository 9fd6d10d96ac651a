"""Hidden names of temporary files, and removal of those that killed writers left behind."""

import hashlib
import os
import re
import secrets
import socket
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

__all__ = ['remove_abandoned', 'temporary_path', 'writer_name']

#: Also matches names of former versions, which had the process id only.
_NAME = re.compile(
    r'\.(?P<process>\d+)(?:\.(?P<where>[0-9a-f]{8})\.[0-9a-f]+)?-(?P<file>.+)', re.DOTALL
)

#: Seconds after which a temporary file of another machine counts as abandoned.
_LONG = 86_400

#: Listing a folder with very many files is slow. If it takes longer than this (in seconds), it is
#: repeated so rarely that it takes at most this fraction of the time.
_SLOW, _SHARE = 0.005, 0.01
_not_before = {}


def writer_name():
    """A unique name for one write, across processes and machines."""
    return f'{os.getpid()}.{_where()}.{secrets.token_hex(4)}'


def temporary_path(path, writer=None):
    """Temporary path for ``path``, with the same suffix, which may determine the format."""
    path = Path(path)
    return path.with_name(f'.{writer or writer_name()}-{path.name}')


def remove_abandoned(path):
    """
    Remove temporary files that killed writers of a file left behind.

    Parameters
    ----------
    path : path-like
        The file. Temporary files of running processes are kept, and those of other machines for
        a day.
    """
    path = Path(path)
    if time.monotonic() < _not_before.get(path.parent, 0.0):
        return
    begin = time.thread_time()
    try:
        beside = os.listdir(path.parent)
    except OSError:
        return
    taken = time.thread_time() - begin
    if taken > _SLOW:
        _not_before[path.parent] = time.monotonic() + taken / _SHARE
    for name in beside:
        found = _NAME.fullmatch(name) if name.endswith(path.name) else None
        if found and found['file'] == path.name:
            _remove_if_abandoned(path.with_name(name), found)


def _remove_if_abandoned(path, name):
    try:
        if name['where'] == _where():
            abandoned = not _lives(int(name['process']))
        else:
            abandoned = time.time() - path.lstat().st_mtime > _LONG
        if abandoned:
            path.unlink()
    except OSError:
        # Another process has removed it, or it may not be removed.
        return


def _lives(process):
    """Whether a process of this machine exists."""
    if os.name != 'posix':
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@cache
def _where():
    """Identifier of this machine, boot and process namespace."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path('/proc/sys/kernel/random/boot_id').read_text())
    with suppress(OSError):
        parts.append(os.readlink('/proc/self/ns/pid'))
    return hashlib.sha256('\n'.join(parts).encode()).hexdigest()[:8]
