"""Columns of ids and labels: arrays of ids, and text that is masked where there is none."""

import numpy as np
from astropy.table import MaskedColumn

from astro_wgan.validation.id_values import id_values
from astro_wgan.validation.masked import without_mask

__all__ = ['id_array', 'id_keys', 'masked_text', 'rows_of_ids', 'texts_or_none']


def id_array(ids):
    """
    Ids as an array: of numbers, or of text if one of them is text.

    Parameters
    ----------
    ids : list of int, float or str

    Returns
    -------
    `~numpy.ndarray`

    Examples
    --------
    >>> from astro_wgan.labeling.label_columns import id_array
    >>> id_array([1, 'M 31']).tolist()
    ['1', 'M 31']
    """
    if any(isinstance(each, str) for each in ids):
        return np.array([str(each) for each in ids])
    if any(isinstance(each, float) for each in ids):
        return np.array(ids, dtype=float)
    # NumPy would make floats of numbers beyond 63 bits, which lose digits.
    is_large = max(ids, default=0) >= 2**63
    if is_large and min(ids) < 0:
        return np.array([str(each) for each in ids])
    return np.array(ids, dtype=np.uint64 if is_large else np.int64)


def id_keys(ids):
    """
    Text that ids share if they are the same, whether a file has them as numbers or as text.

    Parameters
    ----------
    ids : array_like, shape (n,)

    Returns
    -------
    list of str

    Examples
    --------
    >>> from astro_wgan.labeling.label_columns import id_keys
    >>> id_keys([17, 18]) == id_keys(['17', '18'])
    True
    """
    return [str(each) for each in id_values(ids).tolist()]


def rows_of_ids(sought, ids, *, name='to'):
    """
    Rows of sources by their ids.

    Parameters
    ----------
    sought : array_like
        Ids that are sought, as numbers or text.
    ids : array_like, shape (n,)
        Ids of all rows.
    name : str, optional
        What errors call ``sought``.

    Returns
    -------
    list of int
        In the order of the rows.

    Raises
    ------
    ValueError
        If an id is masked, or not among them.

    Examples
    --------
    >>> from astro_wgan.labeling.label_columns import rows_of_ids
    >>> rows_of_ids(['18', '16'], [16, 17, 18])
    [0, 2]
    """
    values, mask = without_mask(sought)
    if mask is not None:
        raise ValueError(f'`{name}` must have ids without a mask; {mask.sum()} are masked.')
    wanted = {*id_keys(np.atleast_1d(values))}
    known = id_keys(ids)
    missing = sorted(wanted - {*known})
    if missing:
        raise ValueError(
            f'`{name}` must have ids of the stamps; {len(missing)} of {len(wanted)} are not among '
            f'them, the first is {missing[0]!r}.'
        )
    return [row for row, key in enumerate(known) if key in wanted]


def masked_text(values):
    """
    A column of text, masked where there is none.

    Parameters
    ----------
    values : sequence of str or None

    Returns
    -------
    `~astropy.table.MaskedColumn`
    """
    mask = [value is None for value in values]
    return MaskedColumn(['' if value is None else value for value in values], mask=mask, dtype=str)


def texts_or_none(column):
    """
    Texts of a column or sequence, None where it is masked or has none.

    Parameters
    ----------
    column : array_like, shape (n,)

    Returns
    -------
    list of str or None
    """
    if not isinstance(column, np.ndarray):
        return [None if each is None else str(each) for each in column]
    values, mask = without_mask(column)
    values = [None if each is None else str(each) for each in id_values(values).tolist()]
    if mask is None:
        return values
    return [None if hidden else value for value, hidden in zip(values, mask, strict=True)]
