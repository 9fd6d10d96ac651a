"""`ResumeFile`: rows of a long measurement, kept so that it can go on after a kill."""

import time
from pathlib import Path

import numpy as np

from astro_wgan.files.atomic import read_arrays, write_arrays

__all__ = ['ResumeFile']


class ResumeFile:
    """
    Columns that grow part by part, and the file that keeps them.

    As a context it writes what is not yet written when it ends, by an error too.

    Parameters
    ----------
    path : path-like or None
        Where to keep the rows; None keeps them in memory only. An existing file is gone on from.
    fingerprint : `~astro_wgan.jobs.Fingerprint` or None
        To which work the rows belong; None where there is no file.
    total : int, optional
        Rows that the whole work has.

    Raises
    ------
    ValueError
        If the file belongs to other work, is damaged, or is a folder.
    FileNotFoundError
        If the folder that it is to lie in is missing.
    """

    # Writing all rows anew takes longer the more there are: no more than this share of the time
    # goes into it.
    _share = 0.05

    def __init__(self, path, fingerprint, *, total=None):
        self._path = None if path is None else Path(path)
        self._parts = []
        if self._path is not None:
            self._mark = np.array(fingerprint.to_json())
            _check_place(self._path)
            if self._path.exists():
                self._parts.append(_read(self._path, fingerprint, total))
        self._rows = sum(_length(part) for part in self._parts)
        self._unwritten = False
        self._next_write = 0.0

    def __len__(self):
        return self._rows

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._unwritten:
            self._write()

    def append(self, part):
        """
        Add rows.

        Parameters
        ----------
        part : dict of `~numpy.ndarray`
            Columns of one length.

        Raises
        ------
        ValueError
            If the file has other columns.
        """
        if self._parts and self._parts[0].keys() != part.keys():
            raise ValueError(
                f'The file {self._path} is damaged: it has the columns '
                f'{", ".join(self._parts[0])}, and needed are {", ".join(part)}.'
            )
        self._parts.append(part)
        self._rows += _length(part)
        self._unwritten = self._path is not None
        if self._unwritten and time.monotonic() >= self._next_write:
            self._write()

    def columns(self):
        """All rows as a dictionary of arrays, or an empty one where there are none."""
        if len(self._parts) > 1:
            names = self._parts[0]
            self._parts = [
                {name: np.concatenate([part[name] for part in self._parts]) for name in names}
            ]
        return self._parts[0] if self._parts else {}

    def _write(self):
        begin = time.monotonic()
        write_arrays(self._path, fingerprint=self._mark, **self.columns())
        self._unwritten = False
        end = time.monotonic()
        self._next_write = end + (end - begin) / self._share


def _length(part):
    return len(next(iter(part.values())))


def _check_place(path):
    """Before hours of work, and not when its first rows are to be written."""
    if path.is_dir():
        raise ValueError(f'`output` must be a file; {path} is a folder.')
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f'`output` must lie in a folder that is there; there is no {path.parent}.'
        )


def _read(path, fingerprint, total):
    try:
        columns = read_arrays(path)
        known = str(columns.pop('fingerprint'))
        lengths = {len(column) for column in columns.values()}
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
    if len(lengths) != 1:
        raise ValueError(f'The file {path} is damaged: its columns differ in length.')
    if total is not None and max(lengths) > total:
        raise ValueError(
            f'The file {path} is damaged: it has {max(lengths)} rows, of a work of {total}.'
        )
    return columns
