"""`LabelFile`: labels of sources by several people, in a file to which lines are only added."""

import getpass
import os
import secrets

from astropy.table import QTable

from astro_wgan.exceptions import DamagedFileError
from astro_wgan.files.atomic import errors_name_file, flush_folder
from astro_wgan.files.brief_locks import briefly_locked
from astro_wgan.files.limits import check_file
from astro_wgan.labeling.label_columns import id_array, masked_text
from astro_wgan.labeling.label_merging import join_labels, merge_labels
from astro_wgan.labeling.label_reader import LabelReader
from astro_wgan.labeling.label_records import (
    HEADER,
    STANDARD_LABELS,
    LabelRecord,
    UndoRecord,
    check_short_text,
    plain_ids,
    time_now,
)

__all__ = ['LabelFile', 'person_name']


class LabelFile(LabelReader):
    """
    Labels that people gave sources, in a file of JSON lines to which lines are only added.

    Each person has one label for each source, the last that was given; `undo` takes labels back.
    When `add` returns, the labels are on disk: they survive a process that is killed and a machine
    that stops. Several processes may add labels to one file.

    Parameters
    ----------
    path : path-like
        The file, such as ``labels.jsonl`` beside the results. It is made by the first `add`.

    Attributes
    ----------
    path : `~pathlib.Path`
    standard : tuple of str
        ``'interesting'``, ``'artifact'`` and ``'ordinary'``. Any other short text is a label, too.

    Raises
    ------
    DamagedFileError
        If there is a file that holds something else than labels.

    Notes
    -----
    The first line names the format. Each further one is a label, with its source, who gave it,
    when, and with the scores of which model, or says that labels were taken back. A line that a
    killed process left incomplete is ignored; what follows is not.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from astro_wgan.labeling import LabelFile
    >>> labels = LabelFile(Path(mkdtemp()) / 'labels.jsonl')
    >>> labels.add([3, 5], 'interesting', by='anna')
    >>> labels.add(5, 'artifact', by='ben')
    >>> labels.table()['id', 'label', 'by'].pprint()
     id    label     by
    --- ----------- ----
      3 interesting anna
      5 interesting anna
      5    artifact  ben
    >>> labels.undo(by='anna')['id'].tolist()
    [3, 5]
    >>> len(labels.table())
    1
    """

    standard = STANDARD_LABELS

    def add(self, ids, label, *, by=None, model=None):
        """
        Give sources a label.

        Parameters
        ----------
        ids : array_like
            Ids of the sources: numbers or text.
        label : str or None
            One of `standard` or any other text of at most 100 characters; None removes the label
            that this person gave.
        by : str, optional
            Who gives it; by default the name of the user of the computer.
        model : str, optional
            Digest or name of the model whose scores were shown.

        Raises
        ------
        ValueError
            If an id is neither a finite number nor text, or a text is empty or too long.
        OSError
            If the file cannot be written, as on a full disk. None of the labels is then kept.
        """
        ids, by = plain_ids(ids), person_name(by)
        if label is not None:
            check_short_text('label', label)
        if model is not None:
            check_short_text('model', model)
        about = {'by': by, 'time': time_now(), 'model': model or '', 'add': secrets.token_hex(8)}
        content = b''.join(LabelRecord(id=each, label=label, **about).line() for each in ids)
        self._append(lambda: content)

    def undo(self, *, by=None):
        """
        Take back what a person gave or removed last, in any process.

        Parameters
        ----------
        by : str, optional
            Who; by default the name of the user of the computer.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``label``, which was taken back (masked where a removal was), and ``present``,
            the label of this person now (masked where there is none). Empty if there was nothing
            to take back.

        Raises
        ------
        OSError
            If the file cannot be written. Nothing is then taken back.
        """
        by, taken = person_name(by), []

        def line():
            if not self._adds.get(by):
                return b''
            add, keys = self._adds[by][-1]
            taken.extend(self._given[key][-1] for key in keys)
            return UndoRecord(undo=add, by=by, time=time_now()).line()

        with self._lock:
            if self.path.exists():
                self._append(line)
            present = [self._present(record.id, by) for record in taken]
        labels = [record.label for record in taken]
        return QTable(
            {
                'id': id_array([record.id for record in taken]),
                'label': masked_text(labels),
                'present': masked_text(present),
            }
        )

    def join(self, table):
        """
        A table with what people said of its sources.

        Parameters
        ----------
        table : `~astropy.table.QTable`
            With the column ``id``, such as a table of scores.

        Returns
        -------
        `~astropy.table.QTable`
            A copy with the columns ``label``, that of the majority (masked where there is none, or
            none has more than others), ``n_labels``, and ``agreement``, the share of people who
            gave that label; see `~astro_wgan.labeling.merge_labels`. Columns of these names are
            replaced if an earlier join made them, and otherwise renamed, as ``label_input``.
        """
        return join_labels(table, merge_labels(self.table()))

    def _append(self, make_lines):
        """Add lines, which are made when no other process can add any."""
        with self._lock, errors_name_file(self.path):
            is_new = not self.path.exists()
            if not is_new:
                # A named pipe would have this wait for a reader.
                check_file(self.path, error=DamagedFileError)
            with (
                open(self.path, 'ab', buffering=0) as file,
                briefly_locked(self.path),
            ):
                self._read()
                content = make_lines()
                if not content:
                    return
                size = os.fstat(file.fileno()).st_size
                if not size:
                    content = HEADER + content
                elif size > self._end:
                    # The last line is that of a process that was killed.
                    content = b'\n' + content
                try:
                    _write_all(file, content)
                    os.fsync(file.fileno())
                except BaseException:
                    # Half of what was to be added would be taken for labels.
                    file.truncate(size)
                    raise
                self._read()
            if is_new:
                flush_folder(self.path.parent)


def person_name(by):
    """
    Who labels.

    Parameters
    ----------
    by : str or None
        None for the name of the user of the computer.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it is empty or too long.
    """
    if by is None:
        try:
            by = getpass.getuser()
        except (OSError, KeyError, ImportError):  # a container may have no name for its user
            by = 'unknown'
    check_short_text('by', by)
    return by


def _write_all(file, content):
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
