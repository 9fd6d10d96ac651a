"""`merge_labels` and `cohens_kappa`: labels of several people, and how well they agree."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
from astropy.table import MaskedColumn, QTable

from astro_wgan.catalogs.columns import rename_conflicting_columns
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.labeling.label_columns import id_array, id_keys, masked_text, texts_or_none
from astro_wgan.labeling.label_reader import LabelReader
from astro_wgan.validation.id_values import id_values

__all__ = ['cohens_kappa', 'join_labels', 'label_table', 'merge_labels', 'row_labels']

#: Columns of merged labels, and what they hold.
_MERGED = {
    'label': 'label of the majority',
    'n_labels': 'number of people who gave a label',
    'agreement': 'share of these who gave the label of the majority',
}


def merge_labels(*given):
    """
    One row for each source with the labels of all people.

    Parameters
    ----------
    *given : `~astropy.table.Table`, path-like or `~astro_wgan.labeling.LabelFile`
        Files of labels, or their tables, with ``id``, ``label``, ``by`` and ``time``. The last
        label counts of a person who is in several.

    Returns
    -------
    `~astropy.table.QTable`
        ``id``, ``label``, that of the majority, masked where two labels have as many votes;
        ``n_labels``, ``agreement``, the share of people who gave the label of the majority, and
        for each person a column ``by_NAME`` with the label, masked where there is none.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If nothing is given, or a table lacks a column.

    Examples
    --------
    >>> from astropy.table import QTable
    >>> from astro_wgan.labeling import merge_labels
    >>> anna = QTable({'id': [1, 2], 'label': ['interesting', 'artifact'], 'by': ['anna'] * 2})
    >>> ben = QTable({'id': [2, 3], 'label': ['artifact', 'ordinary'], 'by': ['ben'] * 2})
    >>> merge_labels(anna, ben)['id', 'label', 'n_labels', 'by_ben'].pprint()
     id    label    n_labels  by_ben
    --- ----------- -------- --------
      1 interesting        1       --
      2    artifact        2 artifact
      3    ordinary        1 ordinary
    """
    if not given:
        raise ValueError('`merge_labels` needs at least one file or table of labels; got none.')
    ids, votes, times = {}, {}, {}
    for table in (label_table(each) for each in given):
        _check_columns(table, 'id', 'label', 'by')
        columns = (
            id_values(table['id']).tolist(),
            texts_or_none(table['label']),
            texts_or_none(table['by']),
        )
        moments = _moments(table)
        for each, label, by, moment in zip(*columns, moments, strict=True):
            key = str(each)
            ids.setdefault(key, each)
            if label is not None and moment >= times.get((key, by), moment):
                votes.setdefault(key, {})[by] = label
                times[key, by] = moment
    keys = [key for key in ids if key in votes]
    people = sorted({by for key in keys for by in votes[key]})
    counted = [Counter(votes[key].values()).most_common() for key in keys]
    majority = [None if _is_tied(counts) else counts[0][0] for counts in counted]
    numbers = np.array([sum(votes for _, votes in counts) for counts in counted], dtype=np.int64)
    most = np.array([counts[0][1] for counts in counted], dtype=float)
    columns = {
        'id': id_array([ids[key] for key in keys]),
        'label': masked_text(majority),
        'n_labels': numbers,
        'agreement': most / numbers,
    }
    columns |= {f'by_{by}': masked_text([votes[key].get(by) for key in keys]) for by in people}
    merged = QTable(columns)
    for name, description in _MERGED.items():
        merged[name].info.description = description
    return merged


def cohens_kappa(a, b):
    """
    Agreement of two people beyond what is expected by chance.

    Parameters
    ----------
    a, b : `~astropy.table.Table`, path-like, `~astro_wgan.labeling.LabelFile` or array_like
        Labels of one person each: tables or files with ``id`` and ``label``, of which the ids
        that both labeled count; or two sequences of equal length, such as the columns ``by_NAME``
        of `merge_labels`, of which the rows count where both have a label.

    Returns
    -------
    float
        1 if all labels are the same, 0 if as many are as by chance. NaN if nothing was labeled by
        both, or both always gave one and the same label.

    Raises
    ------
    ValueError
        If a table has labels of several people, or sequences have different lengths.

    Notes
    -----
    Cohen 1960, Educ. Psychol. Meas. 20, 37.

    Examples
    --------
    >>> from astro_wgan.labeling import cohens_kappa
    >>> cohens_kappa(['artifact', 'ordinary', None], ['artifact', 'ordinary', 'ordinary'])
    1.0
    """
    pairs = np.array(_common_labels(a, b)).reshape(-1, 2)
    if not len(pairs):
        return float('nan')
    found = np.unique(pairs)
    shares = [np.mean(column[:, np.newaxis] == found, axis=0) for column in pairs.T]
    expected = shares[0] @ shares[1]
    if expected == 1:
        return float('nan')
    return float((np.mean(pairs[:, 0] == pairs[:, 1]) - expected) / (1 - expected))


def join_labels(table, merged):
    """
    A copy of a table with the merged labels of its sources.

    Parameters
    ----------
    table : `~astropy.table.Table`
        With the column ``id``.
    merged : `~astropy.table.QTable`
        From `merge_labels`.

    Returns
    -------
    `~astropy.table.QTable`
        With ``label``, ``n_labels`` and ``agreement``.
    """
    table = as_qtable(table)
    _check_columns(table, 'id')
    for name, description in _MERGED.items():
        if name in table.colnames and table[name].info.description == description:
            table.remove_column(name)
    rename_conflicting_columns(table, [*_MERGED])
    rows = {key: row for row, key in enumerate(id_keys(merged['id']))}
    found = [rows.get(key, -1) for key in id_keys(table['id'])]
    known = np.array(found, dtype=int) >= 0
    found = np.array(found, dtype=int)[known]
    label = np.full(len(table), None, dtype=object)
    label[known] = np.array([*texts_or_none(merged['label']), None], dtype=object)[found]
    numbers = np.zeros(len(table), dtype=np.int64)
    numbers[known] = merged['n_labels'][found]
    agreement = np.full(len(table), np.nan)
    agreement[known] = merged['agreement'][found]
    table['label'] = masked_text(label)
    table['n_labels'] = numbers
    table['agreement'] = MaskedColumn(agreement, mask=~known)
    for name, description in _MERGED.items():
        table[name].info.description = description
    return table


def row_labels(labels, ids):
    """
    The label of each row, None where there is none.

    Parameters
    ----------
    labels : path-like, `~astro_wgan.labeling.LabelFile`, `~astropy.table.Table` or sequence
        A file, or a table with ``id`` and ``label``; labels of several people are merged. Or a
        label or None for each row.
    ids : array_like, shape (n,)
        Ids of the rows.

    Returns
    -------
    list of str or None
    """
    if not _has_ids(labels):
        found = texts_or_none(labels)
        if len(found) != len(ids):
            raise ValueError(
                f'`labels` must be a file, a table, or one for each of {len(ids)} rows; got '
                f'{len(found)}.'
            )
        return found
    table = label_table(labels)
    if 'by' in table.colnames:
        table = merge_labels(table)
    _check_columns(table, 'id', 'label')
    known = dict(zip(id_keys(table['id']), texts_or_none(table['label']), strict=True))
    return [known.get(key) for key in id_keys(ids)]


def label_table(labels):
    """
    The table of a file of labels, or the one that is given.

    Parameters
    ----------
    labels : path-like, `~astro_wgan.labeling.LabelFile` or `~astropy.table.Table`

    Returns
    -------
    `~astropy.table.QTable`
    """
    if isinstance(labels, (str, os.PathLike)):
        if not Path(labels).exists():
            raise FileNotFoundError(
                f'There is no file of labels {labels}. The page of `astro-wgan browse` makes one.'
            )
        labels = LabelReader(labels)
    if isinstance(labels, LabelReader):
        labels.read_new()
        labels = labels.table()
    return as_qtable(labels, name='`labels`')


def _common_labels(a, b):
    """Pairs of labels of the sources that both have labeled."""
    if not _has_ids(a) and not _has_ids(b):
        a, b = texts_or_none(a), texts_or_none(b)
        if len(a) != len(b):
            raise ValueError(
                f'`a` and `b` must be tables or have equal lengths; got {len(a)} and {len(b)}.'
            )
        return [pair for pair in zip(a, b, strict=True) if None not in pair]
    found = []
    for name, labels in (('a', a), ('b', b)):
        table = label_table(labels)
        _check_columns(table, 'id', 'label')
        people = {*texts_or_none(table['by'])} if 'by' in table.colnames else set()
        if len(people) > 1:
            raise ValueError(
                f'`{name}` must have the labels of one person; got those of '
                f'{", ".join(sorted(people))}: choose rows by the column `by`.'
            )
        pairs = zip(id_keys(table['id']), texts_or_none(table['label']), strict=True)
        found.append({key: label for key, label in pairs if label is not None})
    return [(label, found[1][key]) for key, label in found[0].items() if key in found[1]]


def _has_ids(labels):
    """Whether these are a file or a table, and not one label for each row."""
    is_file = isinstance(labels, (str, os.PathLike, LabelReader))
    return is_file or hasattr(labels, 'colnames') or hasattr(labels, 'columns')


def _is_tied(counts):
    return len(counts) > 1 and counts[0][1] == counts[1][1]


def _moments(table):
    """When labels were given, as text that can be compared; the order of rows without times."""
    if 'time' not in table.colnames:
        return [''] * len(table)
    time = table['time']
    return time.isot.tolist() if hasattr(time, 'isot') else [str(each) for each in time]


def _check_columns(table, *names):
    missing = [name for name in names if name not in table.colnames]
    if missing:
        raise ValueError(
            f'`labels` must have the columns {", ".join(names)}; {missing[0]!r} is missing from '
            f'{", ".join(table.colnames)}.'
        )
