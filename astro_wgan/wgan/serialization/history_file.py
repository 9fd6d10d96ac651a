"""The history of a training as it stands in a file: columns of numbers, and nothing else."""

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.wgan.serialization.former_names import renamed

__all__ = ['read_history']

#: Columns of whole numbers; all others are not.
_WHOLE = ('iteration',)
#: Columns of every history.
_ALWAYS = {'iteration', 'time'}
_COMMENT = '#'


def read_history(content):
    r"""
    The table of a file that astropy wrote in its format ECSV.

    Its header, which is YAML and can ask for objects of any size, is not read.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    `~astropy.table.QTable`
        With ``time`` in seconds.

    Raises
    ------
    ValueError
        If it is no table of numbers.

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
    names = list(renamed(dict.fromkeys(names), 'history')) if not repeated else names
    if repeated or not (set(names) >= _ALWAYS and all(name.isidentifier() for name in names)):
        raise ValueError(f'its columns are called {names!s:.100}')
    if any(len(row) != len(names) for row in rows):
        raise ValueError(f'its rows are not of {len(names)} columns')
    values = np.array(rows, dtype=str).reshape(len(rows), len(names))
    table = QTable(
        {
            name: values[:, k].astype(np.int64 if name in _WHOLE else float)
            for k, name in enumerate(names)
        }
    )
    table['time'].unit = u.s
    return table
