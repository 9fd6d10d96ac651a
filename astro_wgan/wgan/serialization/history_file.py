"""`read_history`: the history of a training from an ECSV file."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.files.former_names import current_names

__all__ = ['read_history']

#: Columns of integers; all others are floating-point numbers.
_INTEGER = ('iteration',)
#: Columns of every history.
_REQUIRED = {'iteration', 'time'}
_COMMENT = '#'


def read_history(content):
    r"""
    A table of numbers from a file in the ECSV format.

    Its header is YAML, which may describe arbitrary objects, and is not read. Columns of earlier
    versions have the names of today.

    Parameters
    ----------
    content : bytes
        Content of the file.

    Returns
    -------
    `~astropy.table.QTable`
        With ``time`` in seconds.

    Raises
    ------
    ValueError
        If it is not a table of numbers with the columns of a history.

    Examples
    --------
    >>> from astro_wgan.wgan.serialization.history_file import read_history
    >>> read_history(b'# %ECSV 1.0\niteration time\n25 1.5\n50 3.0')['time']
    <Quantity [1.5, 3. ] s>
    """
    lines = [line for line in content.decode().splitlines() if not line.startswith(_COMMENT)]
    if not lines:
        raise ValueError('it is empty')
    names, rows = lines[0].split(), [line.split() for line in lines[1:]]
    repeated = len(set(names)) < len(names)
    names = list(current_names(dict.fromkeys(names), 'history')) if not repeated else names
    if repeated or not (set(names) >= _REQUIRED and all(name.isidentifier() for name in names)):
        raise ValueError(f'its columns are {names!s:.100}')
    if any(len(row) != len(names) for row in rows):
        raise ValueError(f'its rows do not have {len(names)} columns')
    values = np.array(rows, dtype=str).reshape(len(rows), len(names))
    table = QTable(
        {
            name: values[:, k].astype(np.int64 if name in _INTEGER else float)
            for k, name in enumerate(names)
        }
    )
    table['time'].unit = u.s
    return table
