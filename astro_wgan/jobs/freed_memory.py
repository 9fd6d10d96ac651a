"""Freed memory with glibc: `retain_freed_memory` for speed, `return_freed_memory` for others."""

import ctypes
import sys
from contextlib import contextmanager

__all__ = ['retain_freed_memory', 'return_freed_memory']

# From malloc.h: parameters of mallopt, and their defaults.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_DEFAULT_TRIM_THRESHOLD, _DEFAULT_MMAP_MAX = 128 * 1024, 65536
_NEVER = 2**31 - 1


@contextmanager
def retain_freed_memory():
    """
    Keep freed memory in the process until the end of the context.

    Each iteration of a training allocates and frees hundreds of megabytes. glibc returns large
    blocks, and those at the end of its heap, to the system, which clears the pages before they are
    used again: up to a third of the time of a training on a CPU. Without glibc this does nothing,
    nor for single blocks above 64 MB that are allocated by other threads than the main one.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.jobs.freed_memory import retain_freed_memory
    >>> with retain_freed_memory():
    ...     total = sum(np.ones(10**6).sum() for _ in range(10))
    >>> float(total)
    10000000.0
    """
    library = _c_library()
    if library is None:
        yield
        return
    library.mallopt(_TRIM_THRESHOLD, _NEVER)
    library.mallopt(_MMAP_MAX, 0)
    try:
        yield
    finally:
        library.mallopt(_TRIM_THRESHOLD, _DEFAULT_TRIM_THRESHOLD)
        library.mallopt(_MMAP_MAX, _DEFAULT_MMAP_MAX)
        return_freed_memory()


def return_freed_memory():
    """
    Return freed memory to the system.

    glibc keeps freed blocks between others that are in use. Between large pieces of work that are
    alike, such as the tiles of a survey, each of which leaves some such blocks in the heaps of
    several threads, they add up. Without glibc this does nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.jobs.freed_memory import return_freed_memory
    >>> total = np.ones(10**6).sum()
    >>> return_freed_memory()
    """
    library = _c_library()
    if library is not None:
        library.malloc_trim(0)


def _c_library():
    if not sys.platform.startswith('linux'):
        return None
    library = ctypes.CDLL(None)
    # Not in other C libraries of Linux, such as musl.
    has_both = hasattr(library, 'mallopt') and hasattr(library, 'malloc_trim')
    return library if has_both else None
