"""`PartFolder`: results of batches on disk, so that long work can go on after a kill."""

from pathlib import Path

import numpy as np

from astro_wgan.files.atomic import read_arrays, write_arrays
from astro_wgan.sources.engine import BatchResult

__all__ = ['PartFolder']

#: Of the columns of a part; another number where there are other columns, or other values in them.
#: Parts of former versions have none: their sources have no pixel scale.
_FORMAT = 3


class PartFolder:
    """
    A folder with one file per batch that has been measured.

    Parameters
    ----------
    path : path-like or None
        The folder; it is made when it is needed. None keeps nothing.
    fingerprint : `~astro_wgan.jobs.Fingerprint` or None
        To which work the parts belong; None where there is no folder.

    Raises
    ------
    ValueError
        If a part that is there belongs to other work, is of a former version, or is damaged; or if
        ``path`` is a file.
    """

    def __init__(self, path, fingerprint):
        self._path = None if path is None else Path(path)
        if self._path is not None:
            self._mark = np.array(fingerprint.to_json())
            if self._path.exists() and not self._path.is_dir():
                raise ValueError(f'`output` must be a folder; {self._path} is a file.')
            # Before anything is measured.
            for part in sorted(self._path.glob('part-*.npz')):
                self._check(part, fingerprint)

    def holds(self, number):
        """Whether the result of a batch is there."""
        return self._path is not None and self._file(number).exists()

    def read(self, number):
        """
        The result of a batch.

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        tables = ({}, {})
        for name, column in _read(self._file(number)).items():
            if name not in ('fingerprint', 'format'):
                table, _, name = name.partition('/')
                if table not in ('0', '1'):
                    raise ValueError(f'The file {self._file(number)} is damaged.')
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
        marks = {'fingerprint': self._mark, 'format': np.array(_FORMAT)}
        write_arrays(self._file(number), **marks, **columns)

    def _check(self, path, fingerprint):
        other = fingerprint.mismatch(_read(path, ['fingerprint'])['fingerprint'])
        if not other and not _is_of_this_version(path):
            other = 'was written by another version of astro_wgan, which measured other columns'
        if other:
            raise ValueError(
                f'The folder at `output`, {self._path}, {other}. Name another folder, or remove '
                'this one to start anew.'
            )

    def _file(self, number):
        return self._path / f'part-{number:06d}.npz'


def _is_of_this_version(path):
    try:
        return bool(np.all(read_arrays(path, ['format'])['format'] == _FORMAT))
    except KeyError:
        return False


def _read(path, names=None):
    try:
        arrays = read_arrays(path, names)
        arrays['fingerprint']  # without it, it is another file
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f'The file {path} does not hold measurements, or it is damaged ({error}). '
            'Remove it to measure its stamps again.'
        ) from error
    return arrays
