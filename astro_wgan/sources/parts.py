"""`PartFolder`: results of batches on disk, so that long work can go on after a kill."""

from pathlib import Path

import numpy as np

from astro_wgan.files import read_arrays, write_arrays
from astro_wgan.sources.engine import BatchResult

__all__ = ['PartFolder']


class PartFolder:
    """
    A folder with one file per batch that has been measured.

    Parameters
    ----------
    path : path-like or None
        The folder; it is made when it is needed. None keeps nothing.
    fingerprint : str
        Says to which work the parts belong.
    """

    def __init__(self, path, fingerprint):
        self._path = None if path is None else Path(path)
        self._fingerprint = fingerprint

    def holds(self, number):
        """Whether the result of a batch is there."""
        return self._path is not None and self._file(number).exists()

    def read(self, number):
        """
        The result of a batch.

        Raises
        ------
        ValueError
            If the file belongs to other work, or is damaged.
        """
        path = self._file(number)
        try:
            columns = read_arrays(path)
            known = str(columns.pop('fingerprint'))
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(
                f'The file {path} does not hold measurements, or it is damaged ({error}). '
                'Remove it to measure its stamps again.'
            ) from error
        if known != self._fingerprint:
            raise ValueError(
                f'The measurements in {self._path} belong to other stamps or other settings. '
                'Name another folder, or remove this one to start anew.'
            )
        tables = ({}, {})
        for name, column in columns.items():
            table, name = name.split('/')
            tables[int(table)][name] = column
        return BatchResult(*tables)

    def write(self, number, result):
        """Keep the result of a batch."""
        if self._path is None:
            return
        self._path.mkdir(parents=True, exist_ok=True)
        columns = {
            f'{k}/{name}': column
            for k, table in enumerate(result)
            for name, column in table.items()
        }
        write_arrays(self._file(number), fingerprint=np.array(self._fingerprint), **columns)

    def _file(self, number):
        return self._path / f'part-{number:06d}.npz'
