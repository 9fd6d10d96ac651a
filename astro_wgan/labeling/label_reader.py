"""`LabelReader`: the present labels of a file to which several processes may add lines."""

import os
import threading
import warnings
from pathlib import Path

import numpy as np
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import DamagedFileError
from astro_wgan.files.brief_locks import briefly_locked
from astro_wgan.files.limits import check_file, check_size
from astro_wgan.labeling.label_columns import id_array
from astro_wgan.labeling.label_records import HEADER, UndoRecord, parse_record

__all__ = ['LabelReader']

#: Memory for reading, relative to the bytes that are read.
_IN_MEMORY = 20


class LabelReader:
    """
    The present labels of a file, of which only new lines are read again.

    Parameters
    ----------
    path : path-like
        A file of labels, or where one will be.

    Raises
    ------
    DamagedFileError
        If there is a file that holds something else than labels.
    """

    def __init__(self, path):
        self.path = Path(path)
        # Threads of a server share an object; other processes have their own.
        self._lock = threading.RLock()
        self._forget()
        self.read_new()

    def __repr__(self):
        table = self.table()
        people = len({*table['by'].tolist()})
        return f'<{type(self).__name__} {self.path.name}: {len(table)} labels by {people} people>'

    def table(self):
        """
        The present label of each source and person.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``label``, ``by``, ``time`` (`~astropy.time.Time`) and ``model``, in the order
            in which the sources got their first label by this person.
        """
        with self._lock:
            found = [given[-1] for given in self._given.values() if given]
        found = [record for record in found if record.label is not None]
        columns = {'id': id_array([record.id for record in found])}
        for name in ('label', 'by', 'time', 'model'):
            columns[name] = np.array([getattr(record, name) for record in found], dtype=str)
        moments = columns['time'].astype('datetime64[ms]')
        columns['time'] = Time(moments, format='datetime64', scale='utc')
        columns['time'].format = 'isot'
        return QTable(columns)

    def labels_of(self, by):
        """
        The present labels that one person gave, without making a table.

        Parameters
        ----------
        by : str

        Returns
        -------
        dict of str
            Labels by the text of the id, in the order in which the sources got their first one.
        """
        with self._lock:
            found = {
                key: given[-1] for (key, who), given in self._given.items() if who == by and given
            }
        return {key: record.label for key, record in found.items() if record.label is not None}

    def read_new(self):
        """
        Read what other processes have added.

        Returns
        -------
        bool
            Whether there was anything. It takes some microseconds if not.

        Raises
        ------
        DamagedFileError
            If the file has been replaced by one that holds no labels.

        Warns
        -----
        `~astropy.utils.exceptions.AstropyUserWarning`
            If lines are damaged otherwise than by a process that was killed; they are ignored.
        """
        with self._lock:
            try:
                status = os.stat(self.path)
            except FileNotFoundError:
                had_some = self._file is not None
                self._forget()
                return had_some
            if (status.st_dev, status.st_ino) == self._file and status.st_size == self._end:
                return False
            check_file(self.path, error=DamagedFileError)
            # A writer that fails takes its lines back before it releases its lock.
            with briefly_locked(self.path, shared=True):
                return self._read()

    def _read(self):
        """Read the lines that are complete and have not been read; whether anything has changed."""
        with open(self.path, 'rb') as file:
            status = os.fstat(file.fileno())
            known = (status.st_dev, status.st_ino)
            is_other = known != self._file or status.st_size < self._end
            if is_other:
                self._forget()
                self._file = known
            new = status.st_size - self._end
            check_size(_IN_MEMORY * new, f'The file {self.path}', error=DamagedFileError)
            file.seek(self._end)
            content = file.read(new)
        if not self._end and not _holds_labels(content):
            raise DamagedFileError(
                f'The file {self.path} holds no labels of this package: name another file.'
            )
        whole = content[: content.rfind(b'\n') + 1]
        self._end += len(whole)
        damaged = 0
        for line in whole.split(b'\n')[:-1]:
            try:
                record = parse_record(line)
            except (ValueError, TypeError):
                # That of a process that was killed has no closing bracket.
                damaged += line.endswith(b'}')
                continue
            if record is not None:
                self._apply(record)
        if damaged:
            lines = 'a line that says' if damaged == 1 else f'{damaged} lines that say'
            warnings.warn(
                f'The file {self.path} has {lines} nothing about labels; ignored.',
                AstropyUserWarning,
                stacklevel=4,
            )
        return is_other or bool(whole)

    def _apply(self, record):
        adds = self._adds.setdefault(record.by, [])
        if isinstance(record, UndoRecord):
            if adds and adds[-1][0] == record.undo:
                for key in adds.pop()[1]:
                    self._given[key].pop()
            return
        key = (str(record.id), record.by)
        if not adds or adds[-1][0] != record.add:
            adds.append((record.add, []))
        adds[-1][1].append(key)
        self._given.setdefault(key, []).append(record)

    def _present(self, name, by):
        """The label that a person gave a source, or None."""
        given = self._given.get((str(name), by))
        return given[-1].label if given else None

    def _forget(self):
        #: By source and person the labels that were given, the last is the present one.
        self._given = {}
        #: By person what was given at once: its name, and the keys of `_given`.
        self._adds = {}
        #: Device and number of the file, and the end of the last line that was read.
        self._file, self._end = None, 0


def _holds_labels(content):
    """Whether this is the content of a file of labels, perhaps one that a kill left incomplete."""
    first, _, rest = content.partition(b'\n')
    first = first.removesuffix(b'\r')  # what was copied by some other programs
    if first + b'\n' == HEADER:
        return True
    # Any JSON may begin as the first line of a process that was killed: what follows decides.
    further = rest.split(b'\n')[:-1]
    return HEADER.startswith(first) and (not further or any(map(_is_record, further)))


def _is_record(line):
    try:
        return parse_record(line) is not None
    except (ValueError, TypeError):
        return False
