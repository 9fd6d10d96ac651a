"""`SourceLabels`: labels of the rows of some results by one person, kept in a file beside them."""

from threading import RLock

import numpy as np

from astro_wgan.labeling import LabelFile
from astro_wgan.labeling.label_columns import id_keys
from astro_wgan.labeling.label_file import person_name

__all__ = ['SourceLabels']


class SourceLabels:
    """
    Labels that one person gives the rows of some results.

    Parameters
    ----------
    path : path-like
        The file, which the first label makes.
    ids : array_like, shape (n,)
        Ids of the rows.
    by : str or None
        Who labels; None for the name of the user of the computer.
    model : str
        A short text that other models do not have.

    Attributes
    ----------
    file : `~astro_wgan.labeling.LabelFile`
    by : str

    Raises
    ------
    FileNotFoundError
        If the folder of the file does not exist.
    """

    def __init__(self, path, ids, *, by=None, model=''):
        self.file = LabelFile(path)
        folder = self.file.path.parent
        if not folder.is_dir():
            raise FileNotFoundError(f'There is no folder {folder} for the file of labels.')
        self.by, self._model = person_name(by), model or None
        self._ids = ids
        self._row_of = {key: row for row, key in enumerate(id_keys(ids))}
        self._lock, self._revision, self._labels = RLock(), 0, None

    def read(self):
        """
        What is labeled now, also in other windows and by other processes.

        Returns
        -------
        revision : int
            Another number after each change.
        labels : dict of str
            Labels by row, in the order in which they were given first.
        """
        with self._lock:
            changed = self.file.read_new()
            if changed or self._labels is None:
                self._refresh()
            return self._revision, self._labels

    def add(self, rows, label):
        """Give rows a label, or none with None; see `~astro_wgan.labeling.LabelFile.add`."""
        with self._lock:
            self.file.add(self._ids[np.asarray(rows)], label, by=self.by, model=self._model)
            self._refresh()

    def undo(self):
        """
        Take back what was labeled last.

        Returns
        -------
        list of int
            Rows whose label has changed, those that these results have.
        """
        with self._lock:
            taken = self.file.undo(by=self.by)
            self._refresh()
        rows = [self._row_of.get(key) for key in id_keys(taken['id'])]
        return [row for row in rows if row is not None]

    def _refresh(self):
        found = self.file.labels_of(self.by)
        self._labels = {self._row_of[key]: found[key] for key in found if key in self._row_of}
        self._revision += 1
