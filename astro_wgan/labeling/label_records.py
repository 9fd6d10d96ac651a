"""What a line of a file of labels says: a label of a source by a person, or one that is undone."""

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import isfinite
from numbers import Integral, Real

import numpy as np

from astro_wgan.files.json_text import load_json
from astro_wgan.validation.id_values import id_values
from astro_wgan.validation.masked import without_mask

__all__ = [
    'HEADER',
    'STANDARD_LABELS',
    'LabelRecord',
    'UndoRecord',
    'check_short_text',
    'parse_record',
    'plain_ids',
    'time_now',
]

#: Labels that everybody has.
STANDARD_LABELS = ('interesting', 'artifact', 'ordinary')

_FORMAT = 'astro_wgan labels 1'
#: First line of a file of labels.
HEADER = json.dumps({'format': _FORMAT}).encode() + b'\n'

_LONGEST_TEXT, _LONGEST_ID, _LONGEST_LINE = 100, 1000, 20_000
_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?', re.ASCII)


@dataclass(frozen=True)
class LabelRecord:
    """
    A label that a person gave a source.

    Attributes
    ----------
    id : int, float or str
        Of the source.
    label : str or None
        None where the label was removed.
    by : str
        Who gave it.
    time : str
        When, in UTC, as ``'2026-12-01T10:00:00.123'``.
    model : str
        Digest of the model whose scores were shown; empty where it is not known.
    add : str
        The same for all labels that were given at once.
    """

    id: int | float | str
    label: str | None
    by: str
    time: str
    model: str
    add: str

    def line(self):
        """The line of a file, with its end."""
        return json.dumps(asdict(self)).encode() + b'\n'


@dataclass(frozen=True)
class UndoRecord:
    """
    That a person took back labels that were given at once.

    Attributes
    ----------
    undo : str
        ``add`` of the labels.
    by, time : str
        As of a `LabelRecord`.
    """

    undo: str
    by: str
    time: str

    def line(self):
        """The line of a file, with its end."""
        return json.dumps(asdict(self)).encode() + b'\n'


def parse_record(line):
    """
    A record from a line of a file.

    Parameters
    ----------
    line : bytes
        Without its end.

    Returns
    -------
    LabelRecord, UndoRecord or None
        None for the first line of a file.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> from astro_wgan.labeling.label_records import parse_record
    >>> parse_record(b'{"undo": "1f", "by": "anna", "time": "2026-12-01T10:00:00.123"}').by
    'anna'
    """
    if len(line) > _LONGEST_LINE:
        raise ValueError(f'it has {len(line)} characters')
    values = load_json(line)
    if not isinstance(values, dict):
        raise ValueError('it is no dictionary')
    if 'format' in values:
        if values['format'] != _FORMAT:
            raise ValueError(f'its format is {values["format"]!r:.40}, not {_FORMAT!r}')
        return None
    kind = UndoRecord if 'undo' in values else LabelRecord
    if values.keys() != kind.__dataclass_fields__.keys():
        raise ValueError(f'it must have {", ".join(kind.__dataclass_fields__)}')
    record = kind(**values)
    for name in values.keys() - {'id', 'label', 'model'}:
        check_short_text(name, values[name])
    if not _TIME.fullmatch(record.time):
        raise ValueError(f'`time` is {record.time!r}')
    datetime.fromisoformat(record.time)
    if kind is LabelRecord:
        _check_id(record.id)
        if record.label is not None:
            check_short_text('label', record.label)
        if record.model != '':
            check_short_text('model', record.model)
    return record


def check_short_text(name, text):
    """
    Refuse what is not a short text of one line.

    Parameters
    ----------
    name : str
        Name of the argument.
    text : object

    Raises
    ------
    ValueError
        If it is no text, empty, begins or ends with a space, is longer than 100 characters, or has
        characters that cannot be printed.

    Examples
    --------
    >>> from astro_wgan.labeling.label_records import check_short_text
    >>> check_short_text('label', '')
    Traceback (most recent call last):
    ...
    ValueError: `label` must be a text of 1 to 100 characters in one line, ...; got ''.
    """
    is_short = isinstance(text, str) and 0 < len(text) <= _LONGEST_TEXT
    if not is_short or not text.isprintable() or text != text.strip():
        raise ValueError(
            f'`{name}` must be a text of 1 to {_LONGEST_TEXT} characters in one line, without '
            f'spaces at its ends; got {text!r:.120}.'
        )


def plain_ids(ids):
    """
    Ids as numbers and text of Python.

    Parameters
    ----------
    ids : array_like
        One id or several; numbers or text.

    Returns
    -------
    list

    Raises
    ------
    ValueError
        If there are none, or one is neither a finite number nor text.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.labeling.label_records import plain_ids
    >>> plain_ids(np.array([3, 5])), plain_ids('M 31')
    ([3, 5], ['M 31'])
    """
    if isinstance(ids, (list, tuple)):
        found = [each.item() if isinstance(each, np.generic) else each for each in ids]
    else:
        values, mask = without_mask(ids)
        if mask is not None:
            raise ValueError(f'`ids` must have values; {mask.sum()} are masked.')
        found = np.atleast_1d(id_values(values)).tolist()
    if not found:
        raise ValueError('`ids` must have at least one id; got none.')
    for each in found:
        _check_id(each)
    return found


def time_now():
    """The time in UTC as a record has it."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')


def _check_id(value):
    if isinstance(value, str):
        is_id = 0 < len(value) <= _LONGEST_ID
    else:
        is_number = isinstance(value, (Integral, Real)) and not isinstance(value, bool)
        # Columns hold no larger whole numbers.
        is_id = is_number and isfinite(value) and -(2**63) <= value < 2**64
    if not is_id:
        raise ValueError(
            f'`ids` must be finite numbers of 64 bits, or texts of 1 to {_LONGEST_ID} characters; '
            f'got {value!r:.40}.'
        )
