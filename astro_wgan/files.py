"""Files that appear whole or not at all."""

import os
from contextlib import contextmanager
from pathlib import Path

__all__ = ['replaced']


@contextmanager
def replaced(path):
    """
    A temporary path beside ``path`` that takes its place when the block ends without an error.

    A kill at any moment leaves either the former file or the new one.

    Parameters
    ----------
    path : path-like
        File to write or to replace.

    Yields
    ------
    `~pathlib.Path`
        Where to write.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from astro_wgan.files import replaced
    >>> path = Path(mkdtemp()) / 'answer.txt'
    >>> with replaced(path) as temporary:
    ...     _ = temporary.write_text('42')
    >>> path.read_text()
    '42'
    """
    path = Path(path)
    # The ending is kept: some writers choose the format by it.
    temporary = path.with_name(f'.{os.getpid()}-{path.name}')
    try:
        yield temporary
        with open(temporary, 'rb+') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
