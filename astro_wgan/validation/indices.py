"""Rows of stamps from an index: an integer, a slice, row numbers or booleans."""

import numpy as np

from astro_wgan.validation.masked import without_mask

__all__ = ['normalize_index', 'stamp_index']


def normalize_index(rows, n):
    """
    Row numbers from an index.

    Parameters
    ----------
    rows : int, slice or array_like
        A row, a slice, row numbers, or booleans with an entry per stamp. Masked booleans, such as
        the result of a comparison with a masked column, are False.
    n : int
        Number of stamps.

    Returns
    -------
    `~numpy.ndarray` of int
        From 0 to n - 1.

    Raises
    ------
    IndexError
        If a row does not exist, or this is not an index along one axis.

    Examples
    --------
    >>> from astro_wgan.validation.indices import normalize_index
    >>> normalize_index([-1, 0], 5)
    array([4, 0])
    """
    index = stamp_index(rows, n)
    if isinstance(index, slice):
        return np.arange(n)[index]
    return np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64) % n


def stamp_index(rows, n):
    """
    An index of arrays from an index of stamps, by which slices share memory.

    Parameters
    ----------
    rows, n
        As in `normalize_index`.

    Returns
    -------
    slice or `~numpy.ndarray`
        A slice for a slice or an integer, otherwise an array of integers or booleans.

    Raises
    ------
    IndexError
        If a row does not exist, or this is not an index along one axis.

    Examples
    --------
    >>> from astro_wgan.validation.indices import stamp_index
    >>> stamp_index(-1, 5)
    slice(4, 5, None)
    """
    if isinstance(rows, slice):
        return rows
    if isinstance(rows, (int, np.integer)):
        if not -n <= rows < n:
            raise IndexError(f'Stamp {rows} does not exist: there are {n}.')
        return slice(rows % n, rows % n + 1)
    rows = _unmasked(rows)
    if rows.dtype == bool and rows.shape != (n,):
        raise IndexError(f'A boolean index of stamps must have length {n}; got shape {rows.shape}.')
    if rows.ndim != 1:
        raise IndexError(f'An index of stamps must have one axis; got shape {rows.shape}.')
    if rows.size == 0:
        return rows.astype(bool if rows.dtype == bool else np.int64)
    if rows.dtype.kind not in 'iub':
        raise IndexError(f'An index of stamps must be of integers; got dtype {rows.dtype}.')
    if rows.dtype != bool and ((rows < -n) | (rows >= n)).any():
        missing = rows[(rows < -n) | (rows >= n)][0]
        raise IndexError(f'Stamp {missing} does not exist: there are {n}.')
    return rows


def _unmasked(rows):
    rows, mask = without_mask(rows)
    rows = np.asarray(rows)
    if mask is None:
        return rows
    if rows.dtype != bool:
        raise IndexError(f'{np.count_nonzero(mask)} of the row numbers are masked.')
    return rows & ~mask
