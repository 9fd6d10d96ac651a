"""`ResumeFile`: results of a long measurement, written as it goes on and read after a kill."""

import time
from pathlib import Path

import numpy as np

from astro_wgan.files.atomic import read_arrays, write_arrays

__all__ = ['ResumeFile']


class ResumeFile:
    """
    A table that grows part by part, with tables of other lengths beside it, and its file.

    As a context manager it writes what has not been written yet when it exits, also after an
    error.

    Parameters
    ----------
    path : path-like or None
        File with the results; an existing file is continued. None keeps the results in memory
        only.
    fingerprint : `~astro_wgan.jobs.Fingerprint` or None
        Identifies the work to which the results belong; None without a file.
    total : int, optional
        Number of rows of the complete table.

    Raises
    ------
    ValueError
        If the file belongs to other work, is damaged, or is a folder.
    FileNotFoundError
        If the parent folder does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.jobs.resume import ResumeFile
    >>> with ResumeFile(None, None) as kept:
    ...     for stamp in range(3):
    ...         kept.append({'stamp': np.array([stamp])}, sources={'x': np.arange(stamp)})
    >>> len(kept), kept.columns('sources')['x']
    (3, array([0, 0, 1]))
    """

    # All rows are written anew each time, which takes longer the more there are. This fraction of
    # the time is spent on it at most.
    _write_fraction = 0.05

    def __init__(self, path, fingerprint, *, total=None):
        self._path = None if path is None else Path(path)
        self._parts = []
        if self._path is not None:
            self._fingerprint = np.array(fingerprint.to_json())
            _check_location(self._path)
            if self._path.exists():
                self._parts.append(_read(self._path, fingerprint, total))
        self._rows = sum(_row_count(part) for part in self._parts)
        self._unwritten = False
        self._next_write = 0.0

    def __len__(self):
        return self._rows

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._unwritten:
            self._write()

    def append(self, columns, **tables):
        """
        Add rows.

        Parameters
        ----------
        columns : dict of `~numpy.ndarray`
            Columns of the table, all of the same length.
        **tables : dict of `~numpy.ndarray`
            Columns of other tables, by the name of the table.

        Raises
        ------
        ValueError
            If the columns differ from those of the file.
        """
        part = dict(columns)
        for table, values in tables.items():
            part |= {f'{table}/{name}': column for name, column in values.items()}
        if self._parts and self._parts[0].keys() != part.keys():
            raise ValueError(
                f'The file at `output`, {self._path}, was written by another version of '
                f'astro_wgan: it has the columns {", ".join(self._parts[0])}; this version '
                f'measures {", ".join(part)}. Name another file, or remove this one to start anew.'
            )
        self._parts.append(part)
        self._rows += _row_count(part)
        self._unwritten = self._path is not None
        if self._unwritten and time.monotonic() >= self._next_write:
            self._write()

    def columns(self, table=None):
        """
        All rows.

        Parameters
        ----------
        table : str, optional
            Which of the other tables.

        Returns
        -------
        dict of `~numpy.ndarray`
            Empty if nothing has been appended.
        """
        prefix = '' if table is None else f'{table}/'
        return {
            name.removeprefix(prefix): column
            for name, column in self._joined().items()
            if name.startswith(prefix) and '/' not in name.removeprefix(prefix)
        }

    def _joined(self):
        if len(self._parts) > 1:
            names = self._parts[0]
            self._parts = [
                {name: np.concatenate([part[name] for part in self._parts]) for name in names}
            ]
        return self._parts[0] if self._parts else {}

    def _write(self):
        begin = time.monotonic()
        write_arrays(self._path, fingerprint=self._fingerprint, **self._joined())
        self._unwritten = False
        end = time.monotonic()
        self._next_write = end + (end - begin) / self._write_fraction


def _row_count(part):
    return len(next(column for name, column in part.items() if '/' not in name))


def _check_location(path):
    """Before hours of work, and not when the first rows are to be written."""
    if path.is_dir():
        raise ValueError(f'`output` must be a file; {path} is a folder.')
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f'`output` must be in an existing folder; there is no {path.parent}.'
        )


def _read(path, fingerprint, total):
    try:
        columns = read_arrays(path)
        known = str(columns.pop('fingerprint'))
        lengths = {}
        for name, column in columns.items():
            lengths.setdefault(name.rpartition('/')[0], set()).add(len(column))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'The file {path} does not hold measurements, or it is damaged ({error}).'
        ) from error
    other = fingerprint.mismatch(known)
    if other:
        raise ValueError(
            f'The file at `output`, {path}, {other}. Name another file, or remove this one to '
            'start anew.'
        )
    if '' not in lengths or any(len(found) > 1 for found in lengths.values()):
        raise ValueError(f'The file {path} is damaged: its columns differ in length.')
    if total is not None and max(lengths['']) > total:
        raise ValueError(
            f'The file {path} is damaged: it has {max(lengths[""])} rows instead of at most '
            f'{total}.'
        )
    return columns
