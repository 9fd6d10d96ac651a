"""Hidden names for files that are being written, and those that a killed writer has left."""

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

#: Also those of former versions, which had the number of the process only.
_NAME = re.compile(
    r'\.(?P<process>\d+)(?:\.(?P<where>[0-9a-f]{8})\.[0-9a-f]+)?-(?P<file>.+)', re.DOTALL
)

#: Seconds after which a file of a writer that cannot be asked, on another machine, is abandoned.
_LONG = 86_400

#: Of a folder with so many files that its list takes more seconds than these, a list is made so
#: seldom that it takes no more than this share of the time. There, many files are written.
_SLOW, _SHARE = 0.005, 0.01
_not_before = {}


def writer_name():
    """A name for one act of writing that no other has, in this or another process."""
    return f'{os.getpid()}.{_where()}.{secrets.token_hex(4)}'


def temporary_path(path, writer=None):
    """Where to write what is to become ``path``, with the same ending: some take a format by it."""
    path = Path(path)
    return path.with_name(f'.{writer or writer_name()}-{path.name}')


def remove_abandoned(path):
    """
    Remove what killed writers of a file have left beside it.

    Parameters
    ----------
    path : path-like
        The file. Files of writers that live are kept, and so are, for a day, those of other
        machines.
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
        # Another has removed it, or may not.
        return


def _lives(process):
    """Whether a process of this machine is there."""
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
    """What tells the processes that can be seen from here from those of other machines."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path('/proc/sys/kernel/random/boot_id').read_text())
    with suppress(OSError):
        parts.append(os.readlink('/proc/self/ns/pid'))
    return hashlib.sha256('\n'.join(parts).encode()).hexdigest()[:8]
